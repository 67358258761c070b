// How the viewer takes pictures: a drop, a paste, a choice of files, a camera, an address. Files go
// to the server as uploads; the event "picked" names them, or the address.
const ACCEPTED = "image/*,.pdf,.heic,.heif,.hif,.tif,.tiff,.avif";
const MOST_MB = 25; // what the server takes

showcase.dropZone = (view, upload) => {
  const { root } = view;
  view.takes = root.dataset.takes;
  if (view.takes === "none") return;
  view.pick = makePick(view, upload);
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("over");
  });
  root.addEventListener("dragleave", () => root.classList.remove("over"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("over");
    const { files } = event.dataTransfer;
    view.pick(files.length ? { files } : { url: event.dataTransfer.getData("text/uri-list") });
  });
  document.addEventListener("paste", (event) => {
    const typing = event.target.closest?.("input, textarea, [contenteditable]");
    if (typing || !root.checkVisibility()) return;
    const { files } = event.clipboardData,
      words = event.clipboardData.getData("text").trim();
    if (files.length) view.pick({ files });
    else if (/^(https?:|data:image\/)/.test(words)) view.pick({ url: words });
  });
};

function makePick(view, upload) {
  let newest = 0;
  return async ({ files, url }) => {
    const turn = ++newest;
    const say = (words, kind = "") => turn === newest && showcase.saidOf(view, words, kind);
    if (!files?.length) return url && (say("Fetching…", "busy"), view.trigger.picked({ url }));
    const given = view.takes === "several" ? [...files] : [files[0]];
    const large = given.find(({ size }) => size > MOST_MB * 1e6);
    if (large)
      return say(`${large.name} is larger than ${MOST_MB} MB. Give a smaller picture.`, "bad");
    say("Uploading…", "busy");
    try {
      const sent = await Promise.all(given.map(upload));
      if (turn !== newest) return;
      const left = files.length - given.length;
      view.trigger.picked({ paths: sent.map(({ path }) => path), left });
    } catch {
      say("The upload failed. Look at your connection, and try again.", "bad");
    }
  };
}

// Show what is said about a picture that was given, where the person looks.
showcase.saidOf = (view, words, kind = "") => {
  view.saying?.remove();
  if (!words) return;
  const role = kind === "bad" ? "alert" : "status";
  view.saying = showcase.make("p", { class: `saying ${kind}`, role }, words);
  view.root.append(view.saying);
};

// The controls that ask for a picture; `compact` once there is one.
showcase.pickers = (view) => {
  const { make } = showcase;
  const choice = (title, attributes) => {
    const input = make("input", {
      type: "file",
      accept: ACCEPTED,
      "aria-label": title,
      ...attributes,
      onchange: ({ target }) => {
        view.pick({ files: [...target.files] });
        target.value = "";
      },
    });
    return make("label", { class: "button" }, input, title);
  };
  const file = choice("Choose a picture", { multiple: view.takes === "several" });
  const camera = choice("Camera", { capture: "environment", accept: "image/*" });
  camera.classList.add("camera");
  const address = make("input", {
    type: "url",
    placeholder: "or paste an address",
    "aria-label": "Address of a picture",
    onkeydown: (event) => {
      if (event.key !== "Enter" || !event.target.value.trim()) return;
      event.preventDefault();
      view.pick({ url: event.target.value.trim() });
    },
  });
  return make("div", { class: "pickers" }, file, camera, showcase.camera(view), address);
};

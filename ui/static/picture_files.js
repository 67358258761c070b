// Gradio's picture field takes what the browser calls "image/…". A PDF is no image to it, and many
// systems do not know HEIC: here such files are offered for choice, and handed over under a name
// that the field takes. The server looks into a file, not at what it is called.
const FIELD = ".picture-field";
const OURS = /\.(pdf|heic|heif|hif|tiff?|avif)$/i;
const ACCEPTED = "image/*,.pdf,.heic,.heif,.hif,.tif,.tiff,.avif";

const isHidden = (file) => OURS.test(file.name) && !file.type.startsWith("image/");

function relabelled(files) {
  const taken = new DataTransfer();
  for (const file of files) {
    const type = { type: "image/x-unknown" };
    taken.items.add(isHidden(file) ? new File([file], file.name, type) : file);
  }
  return taken.files;
}

function listen(event, act) {
  document.addEventListener(event, (happened) => {
    if (happened.target.closest?.(FIELD)) act(happened);
  }, true); // before Gradio's own
}

listen("click", ({ target }) => {
  for (const input of target.closest(FIELD).querySelectorAll("input[type=file]")) {
    input.accept = ACCEPTED;
  }
});

listen("change", ({ target }) => {
  if ([...(target.files ?? [])].some(isHidden)) target.files = relabelled(target.files);
});

listen("drop", (event) => {
  const input = event.target.closest(FIELD).querySelector("input[type=file]");
  const { files } = event.dataTransfer;
  if (!input || ![...files].some(isHidden)) return;
  event.preventDefault();
  event.stopPropagation();
  input.files = relabelled(files);
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

// The answer's words beside the picture, linked with its regions.
showcase.words = (view) => {
  const { make } = showcase,
    { scene } = view,
    place = showcase.beside(view, ".linked-words");
  view.marks = [];
  place?.replaceChildren();
  if (!place || !scene) return;
  const runs = view.tab.querySelector(".tasks"),
    untouched = runs && !scene.asked && !scene.draw && !scene.note;
  const said = untouched ? "Press Run to ask this about the picture." : scene.note;
  const note = said ? [make("p", { class: untouched ? "note invites" : "note" }, said)] : [];
  if (!scene.parts.length) return place.append(...note);
  const text = make("div", { class: "text" });
  for (const [words, regions] of scene.parts) {
    if (!regions.length) {
      text.append(words);
      continue;
    }
    const mark = make(
      "span",
      {
        role: "button",
        class: "mark",
        "data-i": regions.join(" "),
        style: `--ink:${scene.regions[regions[0]].colour}`,
      },
      words,
    );
    view.marks.push(mark);
    text.append(mark);
  }
  showcase.rove(text, view.marks);
  const words = make("div", { class: "words" }, header(view, text), text);
  if (scene.folded?.length) {
    const [title, folded] = scene.folded;
    words.append(make("details", {}, make("summary", {}, title), make("p", {}, folded)));
  }
  words.append(...note);
  place.append(words);
};

function header(view, text) {
  const { make } = showcase,
    said = make("span", { class: "said", role: "status" });
  const copy = make(
    "button",
    {
      type: "button",
      onclick: async () => {
        const words = view.scene.parts.map(([part]) => part).join("");
        try {
          await navigator.clipboard.writeText(words);
          said.textContent = "Copied.";
        } catch {
          getSelection().selectAllChildren(text);
          said.textContent = "Press Ctrl+C to copy.";
        }
      },
    },
    "Copy",
  );
  const bar = make("div", { class: "bar" }, copy);
  if (view.marks.length > 3) {
    bar.append(
      make("input", {
        type: "search",
        placeholder: "Find in these words",
        "aria-label": "Find in these words",
        oninput: (event) => {
          said.textContent = seek(view, event.target.value.trim().toLowerCase());
        },
      }),
    );
  }
  bar.append(said);
  return bar;
}

function seek(view, wanted) {
  view.sought = wanted
    ? new Set(
        view.marks
          .filter((mark) => mark.textContent.toLowerCase().includes(wanted))
          .flatMap((mark) => mark.dataset.i.split(" ").map(Number)),
      )
    : null;
  showcase.refresh(view);
  return wanted ? `${view.sought.size} found` : "";
}

// ?present=1: large type, no settings, and the arrow keys step through chosen examples.
const TYPED_IN = "input, textarea, [contenteditable], [role=button], [role=tab], .stage";
const wanted = new URLSearchParams(location.search).get("present");
if (wanted && wanted !== "0") {
  document.documentElement.classList.add("present");
  showcase.whenThere("[role=tablist]", start);
}

function start() {
  const { make, button, show } = showcase,
    says = make("span", { role: "status" });
  let at = -1;
  const step = (by) => {
    at = Math.min(show.length - 1, Math.max(0, at + by));
    const { model, example, title } = show[at];
    says.textContent = `${at + 1} / ${show.length} · ${title}`;
    showcase.play(model, example);
  };
  document.body.append(
    make(
      "nav",
      { class: "presenter", "aria-label": "Presentation" },
      button("← Back", () => step(-1)),
      says,
      button("Next →", () => step(1)),
    ),
  );
  says.textContent = "Press → to begin";
  addEventListener("keydown", (event) => {
    if (event.target.closest?.(TYPED_IN)) return;
    if (event.key === "Escape") return location.assign(location.pathname);
    const by = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      step(by);
    }
  });
}

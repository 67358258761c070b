// The tools below the picture: zoom, what is shown, another picture, full screen.
const STEP = 1.25;

showcase.tools = (view) => {
  const { make, button } = showcase,
    { scene, kept } = view;
  const bar = make("div", { class: "tools", role: "group", "aria-label": "The picture" });
  const toggle = (title, on, act) =>
    button(
      title,
      ({ currentTarget }) => {
        const now = currentTarget.getAttribute("aria-pressed") !== "true";
        currentTarget.setAttribute("aria-pressed", String(now));
        act(now);
        showcase.refresh(view);
      },
      { "aria-pressed": String(on) },
    );
  bar.append(
    button("−", () => showcase.zoomBy(view, 1 / STEP), { "aria-label": "Zoom out" }),
    button("+", () => showcase.zoomBy(view, STEP), { "aria-label": "Zoom in" }),
    button("Fit", () => showcase.fit(view)),
  );
  if (scene.regions.length) {
    bar.append(
      toggle("Names", view.named, (on) => (view.named = kept.names = on)),
      toggle("Plain", kept.plain, (on) => (kept.plain = on)),
    );
    if (scene.regions.some(({ solid }) => solid)) bar.append(opacity(view));
  }
  const draws = (on) => view.stage.classList.toggle("drawing", on);
  if (view.drawable && !scene.draw) bar.append(toggle("Draw a box", false, draws));
  if (document.fullscreenEnabled) bar.append(fullScreen(view));
  const summary = make("summary", {}, "New picture");
  if (view.takes !== "none")
    bar.append(make("details", { class: "other" }, summary, showcase.pickers(view)));
  view.root.append(showcase.lanes(view), make("div", { class: "bars" }, bar, view.actions));
};

function fullScreen({ root }) {
  const isFull = () => document.fullscreenElement === root;
  const turn = () => (isFull() ? document.exitFullscreen() : root.requestFullscreen());
  const title = () => (isFull() ? "Leave full screen" : "Full screen");
  const shown = showcase.button(title(), turn);
  root.onfullscreenchange = () => (shown.textContent = title());
  return shown;
}

function opacity(view) {
  const { make } = showcase;
  const slider = make("input", {
    type: "range",
    min: 0,
    max: 100,
    value: view.kept.opacity,
    oninput: ({ target }) => {
      view.kept.opacity = target.value;
      showcase.refresh(view);
    },
  });
  return make("label", {}, "Mask ", slider);
}

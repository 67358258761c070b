// Draw a box with mouse, finger or keys.
// Its corners, in 0..1 of the picture, go to the server as "region".
showcase.drawing = (view) => {
  const { make } = showcase,
    { stage, scene } = view;
  view.own = make("rect", { class: "own" });
  view.svg.append(view.own);
  view.drawable = Boolean(scene.actions.length);
  view.actions = make("div", { class: "actions" });
  view.root.append(view.actions);
  if (!view.drawable) return;
  stage.setAttribute("role", "group");
  stage.setAttribute(
    "aria-label",
    "The picture. Drag a box, or press B and move it with the arrow keys, Shift resizes.",
  );
  stage.setAttribute("tabindex", "0");
  stage.addEventListener("pointerdown", (event) => press(view, event));
  stage.addEventListener("pointermove", (event) => drag(view, event));
  stage.addEventListener("pointerup", (event) => release(view, event));
  stage.addEventListener("pointercancel", () => {
    view.start = null;
    showcase.refresh(view);
  });
  stage.addEventListener("keydown", (event) => moveByKeys(view, event));
  if (scene.draw) stage.classList.add("drawing");
};

const MIN_DRAG = 0.01; // of the picture's side: a shorter drag is a click
const POINT = 0.004; // of the picture's side, each way: a region so small is a point
const takesPoints = () => Boolean(document.querySelector("#click-hint")?.checkVisibility());
const isPoint = ([x0, y0, x1, y1]) => Math.max(x1 - x0, y1 - y0) <= 2.5 * POINT;

function place(view, event) {
  const { left, top, width, height } = view.stage.getBoundingClientRect();
  const within = (value) => Math.min(1, Math.max(0, value));
  return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
}

function press(view, event) {
  const touched = event.pointerType === "touch" && !view.stage.classList.contains("drawing");
  if (event.button || touched) return; // a finger scrolls, unless drawing is on
  view.start = place(view, event);
  event.preventDefault();
  view.stage.focus({ preventScroll: true });
}

function drag(view, event) {
  if (!event.buttons) view.start = null; // the button was released outside of the page
  if (!view.start) return;
  const [x, y] = place(view, event),
    [a, b] = view.start;
  if (!view.dragged && Math.max(Math.abs(x - a), Math.abs(y - b)) < MIN_DRAG) return;
  if (!view.dragged) view.stage.setPointerCapture(event.pointerId);
  view.dragged = true;
  view.chosen = null;
  view.box = [Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)];
  showcase.showBox(view);
}

function release(view, event) {
  if (!view.start) return;
  const [x, y] = view.start;
  view.start = null;
  if (!view.dragged) {
    // a click on a bare part of the picture is a point, where the hint says so; a box stays
    const drawn = view.chosen === null && view.box && !isPoint(view.box);
    if (drawn || !takesPoints() || event.target.closest("[data-i]")) return;
    view.chosen = null;
    const sides = [x - POINT, y - POINT, x + POINT, y + POINT];
    view.box = sides.map((at) => Math.min(1, Math.max(0, at)));
  }
  showcase.refresh(view);
  view.trigger.region({ box: view.box });
}

function moveByKeys(view, event) {
  if (event.target !== view.stage) return;
  const step = {
    ArrowRight: [0.02, 0],
    ArrowLeft: [-0.02, 0],
    ArrowDown: [0, 0.02],
    ArrowUp: [0, -0.02],
  }[event.key];
  if (event.key.toLowerCase() === "b" && !event.ctrlKey && !event.metaKey)
    view.box = [0.25, 0.25, 0.75, 0.75];
  else if (!step || !view.box) return;
  else {
    const [x0, y0, x1, y1] = view.box,
      [dx, dy] = step,
      within = (value, low, high) => Math.min(high, Math.max(low, value));
    if (event.shiftKey)
      view.box = [x0, y0, within(x1 + dx, x0 + 0.02, 1), within(y1 + dy, y0 + 0.02, 1)];
    else {
      const mx = within(dx, -x0, 1 - x1),
        my = within(dy, -y0, 1 - y1);
      view.box = [x0 + mx, y0 + my, x1 + mx, y1 + my];
    }
  }
  event.preventDefault();
  view.chosen = null;
  showcase.refresh(view);
  clearTimeout(view.report);
  view.report = setTimeout(() => view.trigger.region({ box: view.box }), 250);
}

// Show the box, and the actions for it.
showcase.showBox = (view) => {
  const { make } = showcase,
    { scene, box } = view;
  view.own.style.display = box && view.chosen === null ? "" : "none";
  if (box) {
    const [x0, y0, x1, y1] = box;
    const place = {
      x: x0 * scene.width,
      y: y0 * scene.height,
      width: (x1 - x0) * scene.width,
      height: (y1 - y0) * scene.height,
    };
    for (const [name, value] of Object.entries(place)) view.own.setAttribute(name, value);
  }
  const name =
    view.chosen === null
      ? box && isPoint(box)
        ? "this point"
        : "your box"
      : `“${scene.regions[view.chosen].label || "this region"}”`;
  const button = (action, boxes) =>
    make(
      "button",
      { type: "button", onclick: () => view.trigger.act({ action: action.name, boxes }) },
      action.title,
    );
  const visible = scene.regions.filter(
    ({ solid }, i) => !solid && !view.shapes[i].classList.contains("off"),
  );
  const rows = [];
  const fitting = scene.actions.filter(({ points }) => points || name !== "this point");
  if (box && fitting.length)
    rows.push(make("p", {}, `With ${name}: `, ...fitting.map((action) => button(action, [box]))));
  if (visible.length > 1 && scene.actions.length) {
    const boxes = visible.map(({ points }) => showcase.bounds(points));
    rows.push(
      make(
        "p",
        {},
        `With all ${visible.length}: `,
        ...scene.actions.map((action) => button(action, boxes)),
      ),
    );
  }
  if (scene.further.length)
    rows.push(make("p", {}, ...scene.further.map((action) => button(action, []))));
  view.actions.replaceChildren(...rows);
};

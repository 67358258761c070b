// Draw a box with mouse, finger or keys; move it, or one of its sides, by what it is held at.
// Its corners, in 0..1 of the picture, go to the server as "region".
const MIN_DRAG = 0.01; // of the picture's side: a shorter drag is a click
const POINT = 0.004; // of the picture's side, each way: a region so small is a point
const GRIPS = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const isPoint = ([x0, y0, x1, y1]) => Math.max(x1 - x0, y1 - y0) <= 2.5 * POINT;
const within = (value, low, high) => Math.min(high, Math.max(low, value));

showcase.drawing = (view) => {
  const { make } = showcase,
    { stage, scene } = view;
  const grips = GRIPS.map((grip) => make("i", { "data-grip": grip }));
  view.own = make("div", { class: "own" }, ...grips);
  stage.append(view.own);
  view.drawable = Boolean(scene.actions.length);
  view.actions = make("div", { class: "actions" });
  if (!view.drawable) return;
  stage.setAttribute("role", "group");
  stage.setAttribute(
    "aria-label",
    "The picture. Drag a box, or press B and move it with the arrow keys, Shift resizes. " +
      "Plus and minus zoom, 0 shows all.",
  );
  stage.setAttribute("tabindex", "0");
  stage.addEventListener("pointerdown", (event) => press(view, event));
  stage.addEventListener("pointermove", (event) => drag(view, event));
  stage.addEventListener("pointerup", (event) => release(view, event));
  stage.addEventListener("pointercancel", () => {
    view.start = null;
    showcase.refresh(view);
  });
  stage.addEventListener("keydown", (event) => byKeys(view, event));
  if (scene.draw) stage.classList.add("drawing");
};

function place(view, event) {
  const { left, top, width, height } = view.stage.getBoundingClientRect();
  return [
    within((event.clientX - left) / width, 0, 1),
    within((event.clientY - top) / height, 0, 1),
  ];
}

function press(view, event) {
  const grip = event.target.dataset?.grip ?? (event.target === view.own ? "all" : "");
  const scrolls = event.pointerType === "touch" && !view.stage.classList.contains("drawing");
  if (event.button || (scrolls && !grip)) return; // a finger moves the picture
  view.start = place(view, event);
  view.grip = grip && { grip, box: view.box };
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
  view.box = view.grip
    ? held(view.grip, x - a, y - b)
    : [Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)];
  showcase.showBox(view);
}

// Return the box after what it is held at was moved by dx and dy.
function held({ grip, box }, dx, dy) {
  let [x0, y0, x1, y1] = box;
  if (grip === "all") {
    const mx = within(dx, -x0, 1 - x1),
      my = within(dy, -y0, 1 - y1);
    return [x0 + mx, y0 + my, x1 + mx, y1 + my];
  }
  if (grip.includes("w")) x0 = within(x0 + dx, 0, x1 - MIN_DRAG);
  if (grip.includes("e")) x1 = within(x1 + dx, x0 + MIN_DRAG, 1);
  if (grip.includes("n")) y0 = within(y0 + dy, 0, y1 - MIN_DRAG);
  if (grip.includes("s")) y1 = within(y1 + dy, y0 + MIN_DRAG, 1);
  return [x0, y0, x1, y1];
}

function release(view, event) {
  if (!view.start) return;
  const [x, y] = view.start;
  view.start = null;
  if (!view.dragged) {
    // a click on a bare part of the picture is a point, where the task takes one; a box stays
    const drawn = view.chosen === null && view.box && !isPoint(view.box);
    if (drawn || !view.scene.points || event.target.closest("[data-i], .own")) return;
    view.chosen = null;
    view.box = [x - POINT, y - POINT, x + POINT, y + POINT].map((at) => within(at, 0, 1));
  }
  showcase.refresh(view);
  view.trigger.region({ box: view.box });
}

const STEPS = {
  ArrowRight: [0.02, 0],
  ArrowLeft: [-0.02, 0],
  ArrowDown: [0, 0.02],
  ArrowUp: [0, -0.02],
};

function byKeys(view, event) {
  if (event.target !== view.stage || event.ctrlKey || event.metaKey) return;
  const step = STEPS[event.key];
  if (showcase.zoomKey(view, event)) return event.preventDefault();
  if (event.key.toLowerCase() === "b") view.box = [0.25, 0.25, 0.75, 0.75];
  else if (!step || !view.box) return;
  else view.box = held({ grip: event.shiftKey ? "se" : "all", box: view.box }, ...step);
  event.preventDefault();
  view.chosen = null;
  showcase.refresh(view);
  clearTimeout(view.report);
  view.report = setTimeout(() => view.trigger.region({ box: view.box }), 250);
}

// A field that makes the box one of the regions, under the name that is typed.
const naming = (view) =>
  showcase.make("input", {
    type: "text",
    maxlength: 100,
    placeholder: "Add it as a region: name, Enter",
    "aria-label": "Name of a new region",
    onkeydown: (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" || !event.target.value.trim()) return;
      event.preventDefault();
      view.trigger.edit({ op: "add", box: view.box, label: event.target.value });
    },
  });

// Show the box, and over the foot of the picture what can be asked about it.
showcase.showBox = (view) => {
  const { make, button } = showcase,
    { scene, box } = view;
  view.own.hidden = !box || view.chosen !== null;
  if (box) {
    const [x0, y0, x1, y1] = box.map((side) => `${100 * side}%`);
    Object.assign(view.own.style, {
      left: x0,
      top: y0,
      width: `calc(${x1} - ${x0})`,
      height: `calc(${y1} - ${y0})`,
    });
  }
  if (view.start && view.dragged) return; // other rows below would move the picture under the hand
  const point = view.chosen === null && box && isPoint(box);
  view.own.classList.toggle("point", Boolean(point));
  const name =
    view.chosen === null
      ? point
        ? "this point"
        : "your box"
      : `“${scene.regions[view.chosen].label || "this region"}”`;
  const act = (action, boxes) =>
    button(action.title, () => view.trigger.act({ action: action.name, boxes }));
  const visible = scene.regions.filter(
    ({ solid }, i) => !solid && !view.shapes[i].classList.contains("off"),
  );
  const about = (regions) =>
    scene.actions.filter(({ solid }) => !(regions && scene.print && solid));
  const fitting = about(view.chosen !== null).filter(({ points }) => points || !point);
  const rows = [];
  const own = box && !point && view.chosen === null;
  const whole = own && !scene.draw ? [make("small", {}, "Run asks about the whole picture.")] : [];
  if (box && fitting.length)
    rows.push(
      make("p", {}, `With ${name}: `, ...fitting.map((action) => act(action, [box])), ...whole),
    );
  const clicks = scene.points ? ", or click a thing" : "";
  const drawing = view.stage.classList.contains("drawing");
  if (drawing && !box) rows.push(make("p", {}, `Drag a box in the picture${clicks}.`));
  if (own && scene.editable) rows.push(make("p", {}, naming(view)));
  else if (!box && visible.length > 1 && about(true).length) {
    const boxes = visible.map(({ points }) => showcase.bounds(points));
    const buttons = about(true).map((action) => act(action, boxes));
    rows.push(make("p", {}, `All ${visible.length} regions: `, ...buttons));
  }
  if (scene.further.length)
    rows.push(make("p", {}, ...scene.further.map((action) => act(action, []))));
  view.actions.replaceChildren(...rows);
};

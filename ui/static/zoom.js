// Zoom and pan: the stage gets a size and a place in its frame. Names and lines keep their size.
const MOST = 16, // times the size at which the picture fits
  STEP = 1.25,
  LONG = 3; // times as high as wide: such a picture begins nearly as wide as its frame

showcase.zoomable = (view) => {
  view.zoom = { k: 1, x: 0, y: 0, by: null };
  const { frame } = view;
  frame.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (event.shiftKey) return showcase.pan(view, -event.deltaY, 0);
      showcase.zoomBy(view, Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event);
    },
    { passive: false },
  );
  const fingers = new Map();
  frame.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    const bare = !view.drawable || event.button === 1;
    if (event.pointerType !== "touch" && !bare && !view.moving) return;
    if (event.pointerType === "touch" && view.stage.classList.contains("drawing")) return;
    view.zoom.by = event;
  });
  frame.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const others = [...fingers.values()].filter((each) => each.pointerId !== event.pointerId);
    fingers.set(event.pointerId, event);
    if (others.length === 1) return pinch(view, before, event, others[0]);
    if (!view.zoom.by || !event.buttons) return;
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (Math.abs(dx) + Math.abs(dy) > 1) view.dragged = true;
    showcase.pan(view, dx, dy);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    frame.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) view.zoom.by = null;
    });
  }
};

function pinch(view, before, now, other) {
  const apart = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  view.start = null; // a box that the first finger began
  view.dragged = true;
  const middle = {
    clientX: (now.clientX + other.clientX) / 2,
    clientY: (now.clientY + other.clientY) / 2,
  };
  showcase.zoomBy(view, apart(now, other) / (apart(before, other) || 1), middle);
}

// Zoom by a factor; what is under the pointer stays there.
showcase.zoomBy = (view, factor, at) => {
  const { zoom, frame } = view,
    box = frame.getBoundingClientRect();
  const px = at ? at.clientX - box.left : box.width / 2,
    py = at ? at.clientY - box.top : box.height / 2;
  const k = Math.min(MOST, Math.max(1, zoom.k * factor)),
    change = k / zoom.k;
  Object.assign(zoom, { k, x: px - (px - zoom.x) * change, y: py - (py - zoom.y) * change });
  showcase.layOut(view);
};

showcase.pan = (view, dx, dy) => {
  view.zoom.x += dx;
  view.zoom.y += dy;
  showcase.layOut(view);
};

// Show all of the picture; a long one nearly as wide as the frame, from its top, unless `whole`.
showcase.fit = (view, whole = true) => {
  const [w, h, wide] = fitting(view);
  const narrow = h > LONG * w && w < wide && !whole;
  Object.assign(view.zoom, { k: narrow ? Math.min(MOST, (0.9 * wide) / w) : 1, x: Infinity, y: 0 });
  if (!narrow) view.zoom.y = Infinity;
  showcase.layOut(view);
};

function fitting({ frame, scene }) {
  const wide = frame.clientWidth,
    high = frame.clientHeight;
  const scale = Math.min(wide / scene.width, high / scene.height);
  return [scene.width * scale, scene.height * scale, wide, high];
}

// Place the stage: in the middle where it is smaller than its frame, else without a gap.
showcase.layOut = (view) => {
  const { zoom, stage } = view,
    [w, h, wide, high] = fitting(view);
  const held = (at, size, room) => {
    const middle = (room - size) / 2;
    if (size <= room || at === Infinity) return middle;
    return Math.min(0, Math.max(room - size, at));
  };
  zoom.x = held(zoom.x, w * zoom.k, wide);
  zoom.y = held(zoom.y, h * zoom.k, high);
  Object.assign(stage.style, {
    width: `${w * zoom.k}px`,
    height: `${h * zoom.k}px`,
    transform: `translate(${zoom.x}px, ${zoom.y}px)`,
  });
};

// Move the picture to its first region where none can be seen.
showcase.reveal = (view) => {
  const { zoom, scene } = view,
    [w, h, wide, high] = fitting(view);
  const boxes = scene.regions.map(({ points }) => showcase.bounds(points));
  const seen = ([x0, y0, x1, y1]) =>
    x0 * w * zoom.k + zoom.x < wide &&
    x1 * w * zoom.k + zoom.x > 0 &&
    y0 * h * zoom.k + zoom.y < high &&
    y1 * h * zoom.k + zoom.y > 0;
  const key = String(boxes);
  if (key === view.revealed) return; // the reader has moved the picture since
  if (wide && high) view.revealed = key;
  if (!boxes.length || boxes.some(seen)) return;
  const [x0, y0, x1, y1] = boxes[0];
  zoom.x = (wide - (x0 + x1) * w * zoom.k) / 2;
  zoom.y = (high - (y0 + y1) * h * zoom.k) / 2;
  showcase.layOut(view);
};

// The keys of the picture: + - 0; true when the key was one of them.
showcase.zoomKey = (view, { key }) => {
  if (key === "+" || key === "=") showcase.zoomBy(view, STEP);
  else if (key === "-") showcase.zoomBy(view, 1 / STEP);
  else if (key === "0") showcase.fit(view);
  else return false;
  return true;
};

// The viewer in the browser: it takes a picture, and shows a scene (see ui/components/viewer.py):
// the picture with its regions and names; their list and the words that name them stand beside it.
// Its events tell the server what was done: "picked", "region", "act" and "edit".
window.showcase = window.showcase || {};

showcase.make = (tag, attributes = {}, ...children) => {
  const node = /^(svg|g|polygon|rect|title)$/.test(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
};

showcase.button = (title, onclick, attributes = {}) =>
  showcase.make("button", { type: "button", onclick, ...attributes }, title);

showcase.bounds = (points) => {
  const xs = points.map(([x]) => x),
    ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
};

showcase.address = (path) => {
  const file = path.split("/").map(encodeURIComponent).join("/");
  return `${window.gradio_config?.root ?? ""}/gradio_api/file=${file}`;
};

// Call `then` with what the selector finds, once it is in the page.
showcase.whenThere = (selector, then, tries = 100) => {
  const node = document.querySelector(selector);
  if (node) then(node);
  else if (tries) setTimeout(showcase.whenThere, 100, selector, then, tries - 1);
};

// Make many items one tab stop: the arrow keys move between them.
showcase.rove = (container, items) => {
  items.forEach((item, i) => item.setAttribute("tabindex", i ? "-1" : "0"));
  container.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = items.indexOf(event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = items[(at + step + items.length) % items.length];
    items.forEach((item) => item.setAttribute("tabindex", item === next ? "0" : "-1"));
    next.focus();
  });
};

showcase.viewer = (element, props, watch, trigger, upload) => {
  const view = {
    root: element.querySelector(".viewer"),
    tab: element.closest(".tabitem"),
    trigger,
    kept: { names: null, plain: false, opacity: 38 },
  };
  const show = () => {
    const value = props.value ?? {};
    const same = view.scene?.path === value.path && view.zoom;
    view.scene = value.path ? value : null;
    showcase.render(view, same);
    showcase.saidOf(view, value.said, "bad");
    showcase.carry(view);
    showcase.earlier(view.tab, value.asked ?? "");
  };
  link(view, view.root);
  showcase.dropZone(view, upload);
  watch("value", show);
  show();
};

// The part of the tab that shows something of this picture beside it, once it is there.
showcase.beside = (view, selector) => {
  const part = view.tab?.querySelector(selector);
  if (part && !part.viewed) {
    part.viewed = true;
    link(view, part);
  }
  return part;
};

showcase.render = (view, zoom) => {
  const { root, scene } = view,
    { make } = showcase;
  view.watcher?.disconnect();
  root.replaceChildren();
  root.classList.toggle("blank", !scene);
  view.shapes = view.plates = view.marks = [];
  showcase.words(view);
  showcase.regionList(view);
  if (!scene) return root.append(blank(view));
  Object.assign(view, {
    hidden: new Set(),
    chosen: null,
    box: scene.box,
    sought: null,
    named: view.kept.names ?? scene.names,
  });
  const src = showcase.address(scene.path);
  view.picture = make("img", { src, alt: scene.alt, draggable: "false" });
  view.svg = make("svg", {
    viewBox: `0 0 ${scene.width} ${scene.height}`,
    preserveAspectRatio: "none",
    role: "group",
    "aria-label": `${scene.regions.length} regions in the picture`,
  });
  view.names = make("div", { class: "names", "aria-hidden": "true" });
  view.stage = make("div", { class: "stage" }, view.picture, view.svg, view.names);
  view.frame = make("div", { class: "frame" }, view.stage);
  root.append(showcase.pictures(view), view.frame);
  drawRegions(view);
  showcase.drawing(view);
  showcase.zoomable(view);
  showcase.tools(view);
  if (zoom) view.zoom = zoom;
  else showcase.fit(view, scene.draw);
  view.watcher = new ResizeObserver(() => {
    showcase.layOut(view);
    placeNames(view);
  });
  view.watcher.observe(view.frame);
  showcase.layOut(view);
  showcase.reveal(view);
  showcase.refresh(view);
};

function blank(view) {
  const { make } = showcase;
  if (view.takes === "none") return make("p", { class: "hint" }, "What they found is shown here.");
  return make(
    "div",
    { class: "hint" },
    make("p", {}, make("b", {}, "Drop a picture here"), ", or paste one"),
    showcase.pickers(view),
  );
}

// Draw large regions below small ones, so that each can be pointed at.
function drawRegions(view) {
  const { make, bounds } = showcase,
    { scene } = view;
  const size = ({ points }) => {
    const [x0, y0, x1, y1] = bounds(points);
    return (x1 - x0) * (y1 - y0);
  };
  view.shapes = scene.regions.map((region, i) =>
    make(
      "polygon",
      {
        points: region.points.map(([x, y]) => `${x * scene.width},${y * scene.height}`).join(" "),
        role: "button",
        class: region.solid ? "solid" : "",
        style: `--ink:${region.colour}`,
        "data-i": i,
        "aria-pressed": "false",
        "aria-label": region.label || `region ${i + 1}`,
      },
      make("title", {}, region.label),
    ),
  );
  view.svg.append(
    ...[...view.shapes].sort(
      (a, b) => size(scene.regions[b.dataset.i]) - size(scene.regions[a.dataset.i]),
    ),
  );
  view.plates = scene.regions.map((region, i) =>
    make("span", { "data-i": i, style: `--ink:${region.colour};--on:${region.on}` }, region.label),
  );
  view.names.append(...view.plates);
  showcase.rove(view.svg, view.shapes);
}

// Highlight a region, its name, its line and its words together when one is pointed at.
// A click chooses the region.
function link(view, part) {
  const at = (event) => event.target.closest?.("[data-i]")?.dataset.i.split(" ").map(Number) ?? [];
  const on = (names, act) =>
    names.forEach((name) => part.addEventListener(name, (event) => view.scene && act(event)));
  on(["pointerover", "focusin"], (event) => highlight(view, at(event)));
  on(["pointerleave", "focusout"], () => highlight(view, []));
  part.addEventListener("pointerdown", () => (view.dragged = false), true); // before `press`
  on(["click"], (event) => {
    const [i] = at(event);
    if (i !== undefined && !view.dragged && !getSelection().toString())
      showcase.choose(view, view.chosen === i ? null : i);
  });
  on(["keydown"], (event) => {
    const [i] = at(event);
    if (i !== undefined && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      showcase.choose(view, i);
    }
    if (event.key === "Escape") showcase.choose(view, null);
  });
}

const linked = (view) => [...view.shapes, ...view.plates, ...view.marks, ...(view.lines ?? [])];
const indices = (node) => node.dataset.i.split(" ").map(Number);

function highlight(view, lit) {
  for (const node of linked(view))
    node.classList.toggle("lit", indices(node).some((i) => lit.includes(i)));
  view.root.classList.toggle("pointing", lit.length > 0);
  if (lit.length && view.names.classList.contains("crowd")) placeNames(view);
}

showcase.choose = (view, i) => {
  view.chosen = i;
  view.box = i === null ? null : showcase.bounds(view.scene.regions[i].points);
  showcase.refresh(view);
};

// Show on the drawing what is hidden, chosen and searched for.
showcase.refresh = (view) => {
  const { scene, root } = view;
  if (!scene) return;
  const off = (i) =>
    view.hidden.has(scene.regions[i].group) || Boolean(view.sought && !view.sought.has(i));
  for (const node of linked(view)) {
    const all = indices(node);
    node.classList.toggle("off", all.every(off));
    node.classList.toggle("chosen", all.includes(view.chosen));
  }
  view.shapes.forEach((shape, i) => shape.setAttribute("aria-pressed", view.chosen === i));
  root.classList.toggle("spotlight", view.chosen !== null);
  root.classList.toggle("plain", view.kept.plain);
  root.classList.toggle("unnamed", !view.named);
  root.style.setProperty("--fill", view.kept.opacity / 100);
  showcase.showBox(view);
  placeNames(view);
};

const CROWD = 60; // more names than this cannot be read at once

// Place each name where it covers other names least.
// Where there are too many, show only those pointed at or chosen.
function placeNames(view) {
  const wide = view.stage.clientWidth,
    high = view.stage.clientHeight,
    of = (i) => view.plates[i].classList;
  let shown = view.plates.map((_, i) => i).filter((i) => !of(i).contains("off"));
  const crowd = view.names.classList.toggle("crowd", shown.length > CROWD);
  if (crowd) shown = shown.filter((i) => of(i).contains("lit") || of(i).contains("chosen"));
  if (!wide) return;
  const sizes = shown.map((i) => [view.plates[i].offsetWidth, view.plates[i].offsetHeight]),
    taken = [];
  shown.forEach((i, n) => {
    const [x0, y0, x1, y1] = showcase.bounds(view.scene.regions[i].points),
      [w, h] = sizes[n];
    const spots = [
      [x0 * wide, y0 * high - h],
      [x0 * wide, y1 * high],
      [x1 * wide - w, y0 * high - h],
      [x0 * wide, y0 * high],
      [x1 * wide, ((y0 + y1) / 2) * high - h / 2],
      [x0 * wide - w, ((y0 + y1) / 2) * high - h / 2],
    ].map(([x, y]) => [Math.max(0, Math.min(x, wide - w)), Math.max(0, Math.min(y, high - h))]);
    const cost = ([x, y]) =>
      taken.reduce(
        (sum, [a, b, c, d]) =>
          sum +
          Math.max(0, Math.min(x + w, a + c) - Math.max(x, a)) *
            Math.max(0, Math.min(y + h, b + d) - Math.max(y, b)),
        0,
      );
    const best = spots.reduce((a, b) => (cost(b) < cost(a) ? b : a));
    taken.push([...best, w, h]);
    view.plates[i].style.transform = `translate(${best[0]}px, ${best[1]}px)`;
  });
}

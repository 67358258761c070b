// The tools below the picture, and the answer's words, which are linked with its regions.
showcase.tools = (view) => {
  const { make } = showcase,
    { scene, kept } = view,
    bar = make("div", { class: "tools", role: "group", "aria-label": "What is shown" });
  const toggle = (title, on, act) =>
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(on),
        onclick: (event) => {
          const now = event.currentTarget.getAttribute("aria-pressed") !== "true";
          event.currentTarget.setAttribute("aria-pressed", String(now));
          act(now);
          showcase.refresh(view);
        },
      },
      title,
    );
  const groups = new Map(),
    chips = make("div", { class: "chips", role: "group", "aria-label": "Shown by name" });
  for (const { group, colour } of scene.regions)
    groups.set(group, { colour, count: (groups.get(group)?.count ?? 0) + 1 });
  // Otherwise each chip would repeat one region's name.
  const telling = groups.size <= 6 || groups.size < scene.regions.length;
  if (scene.names && telling && groups.size > 1 && groups.size <= 30) {
    for (const [group, { colour, count }] of groups) {
      const chip = toggle(`${group || "unnamed"}${count > 1 ? ` × ${count}` : ""}`, true, (on) =>
        view.hidden[on ? "delete" : "add"](group),
      );
      chip.classList.add("chip");
      chip.style.setProperty("--ink", colour);
      chips.append(chip);
    }
  }
  if (scene.regions.length) {
    bar.append(
      toggle("Names", view.named, (on) => {
        view.named = kept.names = on;
      }),
      toggle("Plain background", kept.plain, (on) => {
        kept.plain = on;
      }),
    );
    if (scene.regions.some(({ solid }) => solid)) {
      bar.append(
        make(
          "label",
          {},
          "Mask ",
          make("input", {
            type: "range",
            min: 0,
            max: 100,
            value: kept.opacity,
            oninput: (event) => {
              kept.opacity = event.target.value;
              showcase.refresh(view);
            },
          }),
        ),
      );
    }
  }
  if (scene.actions.length) {
    bar.append(
      toggle("Draw a box", scene.draw, (on) => view.stage.classList.toggle("drawing", on)),
    );
  }
  bar.append(
    make(
      "button",
      { type: "button", onclick: () => view.root.requestFullscreen?.() },
      "Full screen",
    ),
  );
  view.root.append(bar);
  if (chips.children.length) view.root.append(chips);
};

showcase.words = (view) => {
  const { make } = showcase,
    { scene } = view;
  view.marks = [];
  if (!scene.parts.length) return;
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
  view.root.append(words);
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

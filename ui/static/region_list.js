// The regions as a list: each is chosen by a click, and can be renamed or removed; what was changed
// can be taken back. The server keeps the changes: the exports follow.
const MOST = 300; // lines; more cannot be read, and are slow

showcase.regionList = (view) => {
  const list = showcase.beside(view, ".region-list"),
    { scene } = view;
  view.lines = [];
  list?.replaceChildren();
  if (!list || !scene) return;
  const { make, button } = showcase;
  const chips = groupChips(view);
  if (chips) list.append(chips);
  view.lines = scene.regions.slice(0, MOST).map((region, i) => line(view, region, i));
  const rows = make("ol", {}, ...view.lines.map((each) => each.parentElement));
  list.append(rows);
  showcase.rove(rows, view.lines);
  const left = scene.regions.length - MOST;
  if (left > 0) list.append(make("p", { class: "said" }, `${left} more are in the exports.`));
  const undo = () => view.trigger.edit({ op: "undo" });
  if (scene.undo) list.append(button("Undo the last change", undo));
};

function line(view, region, i) {
  const { make, button } = showcase;
  const name = make(
    "span",
    { class: "line", role: "button", "data-i": i, style: `--ink:${region.colour}` },
    region.label || `region ${i + 1}`,
  );
  if (!view.scene.editable) make("li", {}, name);
  else
    make(
      "li",
      {},
      name,
      button("Rename", () => rename(view, name, i), { "aria-label": `Rename ${region.name}` }),
      button("Remove", () => view.trigger.edit({ op: "remove", index: i }), {
        "aria-label": `Remove ${region.name}`,
      }),
    );
  return name;
}

function rename(view, name, i) {
  const field = showcase.make("input", {
    type: "text",
    value: view.scene.regions[i].name,
    maxlength: 100,
    "aria-label": "New name",
    onkeydown: (event) => {
      event.stopPropagation();
      if (event.key === "Escape") field.replaceWith(name);
      if (event.key !== "Enter") return;
      event.preventDefault();
      view.trigger.edit({ op: "rename", index: i, label: field.value });
    },
    onblur: () => field.isConnected && field.replaceWith(name),
  });
  name.replaceWith(field);
  field.focus();
  field.select();
}

// A switch for each group of regions, where there are a few of several.
function groupChips(view) {
  const { make, button } = showcase,
    { scene } = view,
    groups = new Map();
  for (const { group, colour } of scene.regions)
    groups.set(group, { colour, count: (groups.get(group)?.count ?? 0) + 1 });
  // Otherwise each chip would repeat one region's name.
  const telling = groups.size <= 6 || groups.size < scene.regions.length;
  if (!(scene.names && telling && groups.size > 1 && groups.size <= 30)) return null;
  const chips = make("div", { class: "chips", role: "group", "aria-label": "Shown by name" });
  for (const [group, { colour, count }] of groups) {
    const title = `${group || "unnamed"}${count > 1 ? ` × ${count}` : ""}`;
    const flip = ({ currentTarget }) => {
      const on = view.hidden.has(group);
      view.hidden[on ? "delete" : "add"](group);
      currentTarget.setAttribute("aria-pressed", String(on));
      showcase.refresh(view);
    };
    const look = { class: "chip", "aria-pressed": "true", style: `--ink:${colour}` };
    chips.append(button(title, flip, look));
  }
  return chips;
}

// The address follows what is shown: the tab, its task, its sample and its engine. A link opens
// that, and runs its sample; Back and Forward go through tabs and tasks, and ask nothing again.
const query = () => new URLSearchParams(location.search);
const MAKES = { task: ["example"], example: [] }; // what a change of each makes void

// Note a change in the address; what is the same makes no entry in the history.
showcase.remember = (name, value) => {
  const now = query();
  if ((now.get(name) ?? "") === value) return;
  if (name === "model") for (const other of ["task", "example", "engine"]) now.delete(other);
  for (const other of MAKES[name] ?? []) now.delete(other);
  if (value) now.set(name, value);
  else now.delete(name);
  history.pushState(null, "", `${location.pathname}?${now}`);
};

function choose(selector) {
  const node = document.querySelector(selector);
  if (node && !node.checked) node.click();
}

function open(running) {
  const now = query(),
    model = now.get("model") ?? (running ? "" : first);
  if (!/^[\w.-]+$/.test(model)) return;
  showcase.whenThere(`[id="tab-${model}-button"]`, (tab) => {
    if (tab.getAttribute("aria-selected") !== "true") tab.click();
    const example = Number(now.get("example"));
    const task = now.get("task") ?? "";
    if (running && example) return showcase.play(model, example - 1);
    if (/^\w+$/.test(task))
      showcase.whenThere(`#tasks input[value="<${task}>"]`, () =>
        choose(`#tasks input[value="<${task}>"]`),
      );
  });
}

let first = ""; // the tab of an address that names none
let arrived = false; // the tab that the address names, or the first one, is open
showcase.onTab((tab) => {
  if (arrived) return showcase.remember("model", tab);
  const named = query().get("model");
  first ||= tab;
  arrived = !named || named === tab;
});
addEventListener("popstate", () => open(false));
open(performance.getEntriesByType("navigation")[0]?.type !== "reload");

// The address follows what is shown: the tab, its task, its sample and its engine. A link opens
// that, and runs its sample; Back and Forward go through tabs and tasks, and ask nothing again.
const query = () => new URLSearchParams(location.search);
const VOIDS = { model: ["task", "example", "engine"], task: ["example"] }; // by a change of each

// Note what was chosen in the address; what is the same makes no entry in the history.
showcase.remember = (chosen) => {
  const now = query(),
    changes = Object.keys(chosen).filter((name) => (now.get(name) ?? "") !== chosen[name]);
  if (!changes.length) return;
  for (const name of ["shared", ...changes.flatMap((name) => VOIDS[name] ?? [])]) now.delete(name);
  for (const [name, value] of Object.entries(chosen))
    if (value) now.set(name, value);
    else now.delete(name);
  const sameSample = chosen.example && !changes.includes("example"); // the link left out its task
  history[sameSample ? "replaceState" : "pushState"](null, "", `${location.pathname}?${now}`);
};

function choose(selector, running) {
  const node = document.querySelector(selector);
  if (!node || node.checked) return;
  if (running) node.dataset.linked = "true";
  node.click();
}

function sayShared(facts) {
  const { make } = showcase,
    words = "A link carries no picture: this is a sample.";
  const note = make("p", { class: "saying", role: "status" }, words);
  const say = () => facts.closest(".tabitem").querySelector(".viewer").append(note);
  setTimeout(say, 1000); // the viewer shows the answer by then
}

function open(running) {
  const now = query(),
    model = now.get("model") ?? (running ? "" : first);
  if (!/^[\w.-]+$/.test(model)) return;
  showcase.whenThere(`[id="tab-${model}-button"]`, (tab) => {
    if (tab.getAttribute("aria-selected") !== "true") tab.click();
    const example = Number(now.get("example"));
    const task = now.get("task") ?? "";
    if (running && now.has("shared") && showcase.isNew && !showcase.own())
      showcase.whenThere(`[id="tab-${model}"] .facts`, sayShared);
    if (running && example) return showcase.play(model, example - 1);
    if (/^\w+$/.test(task))
      showcase.whenThere(`#tasks input[value="<${task}>"]`, () =>
        choose(`#tasks input[value="<${task}>"]`, running),
      );
  });
}

let first = ""; // the tab of an address that names none
let arrived = false; // the tab that the address names, or the first one, is open
showcase.onTab((tab) => {
  const button = document.getElementById(`tab-${tab}-button`);
  button?.scrollIntoView({ block: "nearest", inline: "center" }); // the tabs are one long line
  if (arrived) return showcase.remember({ model: tab });
  const named = query().get("model");
  first ||= tab;
  arrived = !named || named === tab;
});
addEventListener("popstate", () => open(false));
open(performance.getEntriesByType("navigation")[0]?.type !== "reload");

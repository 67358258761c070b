// Compare: the places of several answers on one picture, all at once or one answer after the other.
const PACE = 1000; // milliseconds for each answer

showcase.lanes = (view) => {
  const { make, button } = showcase,
    { scene } = view;
  view.root.onkeydown = null;
  const colours = new Map(scene.regions.map(({ group, colour }) => [group, colour]));
  if (!scene.lanes || colours.size < 2) return "";
  const names = [...colours.keys()],
    still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let at = -1, // all
    timer;
  const show = (i) => {
    at = i;
    view.hidden = new Set(names.filter((_, n) => i >= 0 && n !== i));
    chips.forEach((chip, n) => chip.setAttribute("aria-pressed", String(n - 1 === i)));
    showcase.refresh(view);
  };
  const next = () => {
    if (!toggle.isConnected) clearInterval(timer);
    else if (toggle.checkVisibility()) show((at + 1) % names.length);
  };
  const blinks = (on) => {
    clearInterval(timer);
    toggle.setAttribute("aria-pressed", String(on));
    if (on) timer = setInterval(next, PACE);
  };
  const choose = (i) => () => {
    blinks(false);
    show(i);
  };
  const chips = ["All", ...names].map((title, n) => {
    const look = { title, class: "lane", style: n && `--ink:${colours.get(title)}` };
    return button(title, choose(n - 1), { ...look, "aria-pressed": String(!n) });
  });
  const blink = () => {
    const on = !still && toggle.getAttribute("aria-pressed") !== "true";
    blinks(on);
    if (on || still) next();
  };
  const toggle = button(still ? "Next" : "Blink", blink, {
    class: "blink",
    title: "Key: K",
    "aria-keyshortcuts": "k",
    "aria-pressed": "false",
  });
  view.root.onkeydown = (event) => {
    const bare = !(event.ctrlKey || event.metaKey || event.altKey);
    if (bare && event.key.toLowerCase() === "k" && event.target.tagName !== "INPUT") blink();
  };
  const look = { class: "lanes", role: "group", "aria-label": "Whose places" };
  return make("div", look, toggle, ...chips);
};

// Bring the answers into sight when they begin, where the question fills a phone.
document.addEventListener("click", ({ target }) => {
  const asks = "#run-compare, #tab-compare .sample:not(.own-picture)";
  if (innerWidth > 700 || !target.closest?.(asks)) return;
  showcase.whenThere("#compare-answers .compared", (first) =>
    first.parentElement.scrollIntoView({ block: "start" }),
  );
});

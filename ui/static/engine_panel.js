// The header and the panel that it opens: who answers on the open tab, and who else could.
const panel = () => document.getElementById("engine-panel");
const who = () => document.getElementById("who");

// The name of the open tab, such as "florence-2".
showcase.tab = () =>
  document.querySelector("#models > .tabitem:not([style*='none'])")?.id.replace(/^tab-/, "") ?? "";

// Call `act` now, and after each change of the open tab.
showcase.onTab = (act) => {
  let last = null;
  const look = () => {
    const now = showcase.tab();
    if (now !== last) act((last = now));
  };
  showcase.whenThere("#models", (tabs) => {
    new MutationObserver(look).observe(tabs, { attributeFilter: ["style"], subtree: true });
    look();
  });
};

showcase.openPanel = (focused) => {
  panel().classList.add("open");
  who().setAttribute("aria-expanded", "true");
  (panel().querySelector(focused) ?? panel()).focus();
};

function closePanel() {
  if (!panel()?.classList.contains("open")) return;
  panel().classList.remove("open");
  who().setAttribute("aria-expanded", "false");
  if (panel().contains(document.activeElement)) who().focus();
}

showcase.header = (element) => {
  element.querySelector("#who").addEventListener("click", () => {
    if (panel().classList.contains("open")) closePanel();
    else showcase.openPanel(".engines input:checked");
  });
  element
    .querySelector("#add-key")
    .addEventListener("click", () => showcase.openPanel("#key input"));
  element.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    const question = [".composer textarea", ".composer button.primary", ".composer button"];
    const fields = question.flatMap((each) => [...document.querySelectorAll(each)]);
    fields.find((field) => !field.disabled && field.checkVisibility())?.focus();
  });
};

const MENUS = "details:is(.menu, .other, .line > details)[open]";
const closeMenus = (kept) =>
  document.querySelectorAll(MENUS).forEach((menu) => {
    if (!menu.contains(kept)) menu.open = false;
  });
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  closePanel();
  closeMenus(null);
});
document.addEventListener("pointerdown", ({ target }) => {
  if (!target.closest("#engine-panel, #who, #add-key")) closePanel();
  closeMenus(target);
});
document.addEventListener("click", ({ target }) => {
  if (target.closest(`${MENUS} :is(a, button)`)) closeMenus(null);
});

showcase.engines = (element, props, watch, choose) => {
  const { make } = showcase,
    root = element.querySelector(".engines");
  const show = (tab) => {
    const { tabs, fault } = props.value ?? {},
      options = tabs?.[tab] ?? [];
    const chosen = options.find((option) => option.chosen);
    who().textContent = fault ? "No engine" : chosen ? summary(chosen) : "Answers: as chosen below";
    root.replaceChildren(
      fault ? make("p", { class: "fault" }, fault) : row(make, tab, options, choose),
    );
  };
  watch("value", () => show(showcase.tab()));
  showcase.onTab(show);
};

const summary = ({ name, cost, privacy }) => `${name} · ${cost} · ${privacy}`;

function row(make, tab, options, choose) {
  const group = make("div", { role: "radiogroup", "aria-label": "Who answers on this tab" });
  for (const { name, about, state, cost, privacy, ready, chosen } of options) {
    const radio = make("input", {
      type: "radio",
      name: "engine",
      checked: chosen,
      onchange: () => {
        showcase.remember("engine", name);
        choose({ tab, engine: name });
      },
    });
    const facts = make("small", {}, `${about} Here: ${state} · ${cost} · ${privacy}`);
    group.append(make("label", { class: ready ? "ready" : "" }, radio, make("b", {}, name), facts));
  }
  return group;
}

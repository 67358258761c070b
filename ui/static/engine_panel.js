// The header and the panel that it opens: who answers on the open tab, and who else could.
const panel = () => document.getElementById("engine-panel");
const who = () => document.getElementById("who");
// Gradio opens its own pages by the buttons of its footer, which is hidden. An address with `view`
// it takes for a page that is open already, so that `view` is removed before Gradio reads it.
const GRADIO = { api: "footer .show-api", settings: "footer .settings" };
const address = new URL(location);
const wanted = GRADIO[address.searchParams.get("view")];
if (wanted) {
  address.searchParams.delete("view");
  history.replaceState(null, "", address);
}

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
  for (const [view, opener] of Object.entries(GRADIO))
    element.querySelector(`[href="?view=${view}"]`).addEventListener("click", (event) => {
      event.preventDefault();
      closeMenus(null);
      document.querySelector(opener)?.click();
    });
  if (wanted) showcase.whenThere(wanted, (button) => button.click());
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
document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest(`${MENUS} :is(a, button)`)) closeMenus(null);
  if (!target.closest?.('a[href="#engine-panel"]')) return;
  event.preventDefault(); // the link of an answer; see ui/state/conversation.py
  showcase.openPanel("#key input");
});

showcase.engines = (element, props, watch, choose) => {
  const { make } = showcase,
    root = element.querySelector(".engines");
  element.querySelector(".panel-head button").addEventListener("click", closePanel);
  const show = (tab) => {
    const { tabs, fault } = props.value ?? {},
      options = tabs?.[tab] ?? [];
    const chosen = options.find((option) => option.chosen);
    who().replaceChildren(...(fault ? ["No engine"] : said(chosen)));
    root.replaceChildren(
      fault ? make("p", { class: "fault" }, fault) : row(make, tab, options, choose),
    );
  };
  watch("value", () => show(showcase.tab()));
  showcase.onTab(show);
};

function said(chosen) {
  if (!chosen) return ["Chosen below"];
  const { name, cost, privacy } = chosen;
  return [name, showcase.make("span", {}, ` · ${cost} · ${privacy}`)]; // a phone shows the name
}

// Weights are fetched for a task that needs them: choose one, and go to its button.
function toWeights(event) {
  event.preventDefault();
  closePanel();
  document.querySelector("#tasks .locked input")?.click();
  showcase.whenThere(".download:not([hidden]) button", (found) => found.focus());
}

function row(make, tab, options, choose) {
  const group = make("div", { role: "radiogroup", "aria-label": "Who answers on this tab" });
  for (const { name, about, state, cost, privacy, ready, chosen, fetches } of options) {
    const radio = make("input", {
      type: "radio",
      name: "engine",
      checked: chosen,
      onchange: () => {
        showcase.remember({ engine: name });
        choose({ tab, engine: name });
      },
    });
    const facts = make("small", {}, `${about} Here: ${state} · ${cost} · ${privacy}`);
    if (fetches) facts.append(" ", showcase.button("How to get them", toWeights));
    group.append(make("label", { class: ready ? "ready" : "" }, radio, make("b", {}, name), facts));
  }
  return group;
}

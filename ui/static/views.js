// One view of an answer at a time: a class of the pane says which.
showcase.views = (element) => {
  const pane = element.closest(".answer-pane"),
    tabs = [...element.querySelectorAll("[role=tab]")];
  const open = (tab) => {
    pane.dataset.view = tab.dataset.view;
    tabs.forEach((each) => each.setAttribute("aria-selected", String(each === tab)));
    pane.dispatchEvent(new Event("viewed"));
    fitChart(pane);
  };
  showcase.rove(element.querySelector(".views"), tabs);
  element.addEventListener("click", ({ target }) => target.dataset.view && open(target));
  element.addEventListener("focusin", ({ target }) => target.dataset?.view && open(target));
  open(tabs[0]);
  new ResizeObserver(() => fitChart(pane)).observe(pane);
};

// A chart that was drawn while it was hidden is 12 pixels wide until Vega hears of a new size.
function fitChart(pane) {
  if (pane.querySelector(".again"))
    requestAnimationFrame(() => dispatchEvent(new Event("resize")));
}

// Ask for the code and the JSON when they are opened, and again after each answer meanwhile.
showcase.follows = (element, watch, look) => {
  const pane = element.closest(".answer-pane");
  const visible = () => ["json", "code"].includes(pane?.dataset.view);
  watch("value", () => visible() && look());
  pane?.addEventListener("viewed", () => visible() && look());
};

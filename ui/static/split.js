// The divider between the picture and the answer: it is dragged, or moved by the arrow keys; Enter
// or a double click hides the picture. The browser keeps the choice.
const NARROW = matchMedia("(max-width: 700px)"),
  LEAST = 15,
  MOST = 80, // percent of the work area
  USUAL = { wide: 55, high: 38 };
const kept = showcase.kept("split") ?? {};
const side = () => (NARROW.matches ? "high" : "wide");

function apply() {
  const style = document.documentElement.style;
  style.setProperty("--wide", `${kept.wide ?? USUAL.wide}%`);
  style.setProperty("--high", `${kept.high ?? USUAL.high}%`);
  document.documentElement.classList.toggle("folded", Boolean(kept.folded));
  for (const divider of document.querySelectorAll(".divider")) {
    divider.setAttribute("aria-valuenow", Math.round(kept[side()] ?? USUAL[side()]));
    divider.setAttribute("aria-orientation", NARROW.matches ? "horizontal" : "vertical");
  }
}

function keep(change) {
  Object.assign(kept, change);
  showcase.keep("split", kept);
  apply();
}

const move = (percent) =>
  keep({ [side()]: Math.min(MOST, Math.max(LEAST, percent)), folded: false });

function divide(work) {
  const fold = () => keep({ folded: !kept.folded });
  const divider = showcase.make("div", {
    class: "divider",
    role: "separator",
    tabindex: "0",
    "aria-label": "Size of the picture; Enter hides it",
    onpointerdown: (event) => divider.setPointerCapture(event.pointerId),
    onpointermove: (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const { left, top, width, height } = work.getBoundingClientRect();
      const { clientX: x, clientY: y } = event;
      move(NARROW.matches ? (100 * (y - top)) / height : (100 * (x - left)) / width);
    },
    ondblclick: fold,
    onkeydown: (event) => {
      const step = { ArrowLeft: -2, ArrowUp: -2, ArrowRight: 2, ArrowDown: 2 }[event.key];
      if (event.key === "Enter") fold();
      else if (step) move((kept[side()] ?? USUAL[side()]) + step);
      else return;
      event.preventDefault();
    },
  });
  work.children[0].after(divider);
}

new MutationObserver(() => {
  for (const work of document.querySelectorAll(".work:not(:has(> .divider))"))
    if (work.children.length === 2) divide(work), apply();
}).observe(document.documentElement, { childList: true, subtree: true });
NARROW.addEventListener("change", apply);

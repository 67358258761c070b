// Typing over a cell of a table. Gradio moves the focus into a cell's editor one frame after it
// appears, and puts the cursor behind the old text: the keys of a person who types before that are
// lost. Here the focus moves at once, at the latest with the first key, and what is typed replaces
// the old value; after a double click it is added to it, as Gradio does it.
const EDITOR = 'textarea[aria-label="Edit cell"], input[aria-label="Edit cell"]';
const watched = new WeakSet();
let typed = false;

const observer = new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    if (!(node instanceof Element)) continue;
    const editor = node.matches(EDITOR) ? node : node.querySelector(EDITOR);
    if (!editor) continue;
    editor.focus();
    if (typed) editor.select();
  }
});

document.addEventListener("focusin", ({ target }) => {
  const grid = target.closest(".grid");
  if (!grid || watched.has(grid)) return;
  watched.add(grid);
  observer.observe(grid, { childList: true, subtree: true });
});
document.addEventListener(
  "keydown",
  (event) => {
    typed = true;
    const { key = "", target } = event; // a browser that fills in a form sends no key
    const writes = key.length === 1 || ["Backspace", "Delete"].includes(key);
    const editor = target.closest?.(".grid")?.querySelector(EDITOR);
    if (!writes || !editor || editor === document.activeElement) return;
    editor.focus(); // before the browser writes: what the key does, it does there
    event.stopPropagation();
  },
  true,
);
document.addEventListener("pointerdown", () => (typed = false), true);

// Two things that Gradio's chat lacks: names for screen readers (a picture is a button without a
// label), and a pane that keeps its newest words in view while an answer grows below it.
const pinned = new ResizeObserver((panes) => {
  for (const { target } of panes) target.scrollTop = target.scrollHeight;
});

new MutationObserver(() => {
  for (const pane of document.querySelectorAll(".conversation .bubble-wrap")) pinned.observe(pane);
  for (const frame of document.querySelectorAll(
    ".conversation button:not([aria-label]) > .image-frame",
  )) {
    frame.parentElement.setAttribute("aria-label", "Your picture, larger");
  }
}).observe(document.documentElement, { childList: true, subtree: true });

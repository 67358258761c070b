// Names for screen readers where Gradio gives none: a picture in a chat is a button without a word.
new MutationObserver(() => {
  for (const frame of document.querySelectorAll(".talk button:not([aria-label]) > .image-frame")) {
    frame.parentElement.setAttribute("aria-label", "Your picture, larger");
  }
}).observe(document.documentElement, { childList: true, subtree: true });

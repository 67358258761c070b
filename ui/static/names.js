// What Gradio's own components lack for screen readers: names, and a button without a button in it.
const PICTURE = ".conversation button:not([aria-label]) > .image-frame";
const ADDS = "#batch-files .icon-button:not([role]):has(button)";

new MutationObserver(() => {
  for (const frame of document.querySelectorAll(PICTURE))
    frame.parentElement.setAttribute("aria-label", "Your picture, larger");
  for (const outer of document.querySelectorAll(ADDS)) {
    outer.setAttribute("role", "group");
    outer.tabIndex = -1;
    for (const each of [outer, outer.querySelector("button")]) {
      each.setAttribute("aria-label", "Add pictures");
      each.title = "Add pictures";
    }
  }
}).observe(document.documentElement, { childList: true, subtree: true });

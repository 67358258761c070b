// The conversation is one pane that scrolls: the turns, and below them the answer as it streams. It
// follows the stream until its reader scrolls up; a button brings them back to the newest words.
const NEAR = 48; // pixels from the end: still at the end

function follow(pane) {
  pane.followed = true;
  let atEnd = true;
  const { button } = showcase;
  const newest = button("↓ newest", () => toEnd("smooth"), { class: "newest", hidden: true });
  const toEnd = (behavior = "instant") => pane.scrollTo({ top: pane.scrollHeight, behavior });
  pane.append(newest);
  pane.addEventListener("scroll", () => {
    atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR;
    newest.hidden = atEnd;
  });
  const grown = new ResizeObserver(() => {
    if (atEnd) toEnd();
    else newest.hidden = false;
  });
  const observe = () => {
    for (const part of pane.children) if (part !== newest) grown.observe(part);
  };
  new MutationObserver(observe).observe(pane, { childList: true });
  observe();
}

new MutationObserver(() => {
  for (const pane of document.querySelectorAll(".exchange")) if (!pane.followed) follow(pane);
}).observe(document.documentElement, { childList: true, subtree: true });

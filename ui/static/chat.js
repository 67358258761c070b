// The conversation is one pane that scrolls: the turns, and below them the answer as it streams. It
// follows the stream until its reader scrolls up; a button brings them back to the newest words.
const NEAR = 48, // pixels from the end: still at the end
  BY_READER = 1000; // milliseconds after a wheel, a finger or a key: a scroll is the reader's

function follow(pane) {
  pane.followed = true;
  let atEnd = true,
    moved = -Infinity; // when the reader did
  const { button } = showcase;
  const newest = button("↓ newest", () => toEnd("smooth"), { class: "newest", hidden: true });
  const toEnd = (behavior = "instant") => pane.scrollTo({ top: pane.scrollHeight, behavior });
  pane.append(newest);
  pane.addEventListener("scroll", () => {
    const near = pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR;
    // A scroll of its own, whose event may come after more words, is no leaving of the end.
    if (near || performance.now() - moved < BY_READER) atEnd = near;
    newest.hidden = near || atEnd;
  });
  for (const kind of ["wheel", "touchmove", "pointerdown", "pointerup", "keydown"])
    pane.addEventListener(kind, () => (moved = performance.now()), { passive: true });
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

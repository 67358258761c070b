// The conversation is one pane that scrolls: the turns, and below them the answer as it streams. It
// follows the stream until its reader scrolls up; a button, or a new question, brings them back to
// the newest words.
const NEAR = 48; // pixels from the end: still at the end
const A_MOVE = 500; // milliseconds
const ABOVE = 0.35; // of the pane's height

// Scroll to the start of the last answer where its small print is folded, as that of the built-in
// tools is: they answer at once, in lists to be read from the start. Return whether more is below.
function begin(pane) {
  const answer = [...pane.querySelectorAll(".bot-row")].at(-1);
  if (!answer?.querySelector("details") || answer === pane.begun) return false;
  pane.begun = answer;
  const { top } = pane.getBoundingClientRect(),
    above = ABOVE * pane.clientHeight; // of the question
  pane.scrollTop += answer.getBoundingClientRect().top - top - above;
  return pane.scrollHeight - pane.scrollTop - pane.clientHeight >= NEAR;
}

function follow(pane) {
  pane.followed = true;
  let atEnd = true,
    touched = 0; // when the reader last moved something: content that shrinks scrolls too
  const { button } = showcase;
  const newest = button("↓", () => toEnd("smooth"), { class: "newest", hidden: true });
  newest.append(showcase.make("span", {}, " newest"));
  const toEnd = (behavior = "instant") => pane.scrollTo({ top: pane.scrollHeight, behavior });
  pane.append(newest);
  pane.addEventListener("scroll", () => {
    const now = performance.now();
    if (pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR) atEnd = true;
    else if (now - touched < A_MOVE) [atEnd, touched] = [false, now];
    newest.hidden = atEnd;
  });
  for (const moved of ["wheel", "touchmove", "keydown", "pointerdown"])
    pane.addEventListener(moved, () => (touched = performance.now()), { passive: true });
  pane.addEventListener("asked", () => {
    atEnd = true;
    toEnd();
  });
  const grown = new ResizeObserver(() => {
    if (atEnd && begin(pane)) atEnd = false;
    else if (atEnd) toEnd();
    if (!atEnd) newest.hidden = false;
  });
  const observe = () => {
    for (const part of pane.children) if (part !== newest) grown.observe(part);
  };
  new MutationObserver(observe).observe(pane, { childList: true });
  observe();
}

// A new question: the box was sent, or a sample or an offer was clicked.
const ASKS = ".composer .submit-button, .sample, .offers button";
const asked = ({ target }) =>
  target.closest(".tabitem")?.querySelector(".exchange")?.dispatchEvent(new Event("asked"));
document.addEventListener("click", (event) => event.target.closest?.(ASKS) && asked(event));
document.addEventListener(
  "keydown",
  (event) => event.key === "Enter" && event.target.closest?.(".composer .box") && asked(event),
);

new MutationObserver(() => {
  for (const pane of document.querySelectorAll(".exchange")) if (!pane.followed) follow(pane);
}).observe(document.documentElement, { childList: true, subtree: true });

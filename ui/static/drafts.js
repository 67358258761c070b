// What was typed and not sent outlives a reload of its window.
const FIELDS = ".composer :is(textarea, input[type=text])";
const PATIENCE = 5000; // milliseconds: meanwhile the server fills the fields with what it kept
const tabOf = (node) => node.closest(".tabitem")?.id ?? "";
const nameOf = (field) => `${tabOf(field)} ${field.closest("[id]:not(.tabitem)")?.id ?? ""}`;
let drafts = {};
try {
  drafts = JSON.parse(sessionStorage.vlmDrafts ?? "{}");
} catch {
  /* a frame of another site may keep nothing */
}

function write(field, words) {
  field.value = words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function restore(until, tab) {
  for (const field of document.querySelectorAll(FIELDS)) {
    const draft = drafts[nameOf(field)];
    if (draft === undefined || field.value === draft || !field.checkVisibility()) continue;
    write(field, draft);
  }
  if (performance.now() < until) setTimeout(restore, 250, until, tab);
  else forget(tab);
}

function forget(tab) {
  for (const name of Object.keys(drafts)) if (name.startsWith(`tab-${tab} `)) delete drafts[name];
}

if (Object.keys(drafts).length)
  showcase.onTab((tab) => restore(performance.now() + PATIENCE, tab));
for (const act of ["keydown", "pointerdown", "paste"])
  document.addEventListener(act, ({ target, isTrusted }) => {
    if (isTrusted && target.closest?.(".tabitem")) forget(tabOf(target).replace(/^tab-/, ""));
  });
addEventListener("pagehide", () => {
  for (const field of document.querySelectorAll(FIELDS))
    if (field.value.trim()) drafts[nameOf(field)] = field.value;
  try {
    sessionStorage.vlmDrafts = JSON.stringify(drafts);
  } catch {
    /* then it is lost */
  }
});

// A picture that arrives in the box of a message brings the words of when it was given: what was
// typed meanwhile stays.
let typed = null;
document.addEventListener("input", ({ target, isTrusted }) => {
  if (!isTrusted || !target.matches(".box textarea")) return;
  typed = { box: target.closest(".box"), words: target.value, at: target.selectionStart };
});
document.addEventListener("keydown", ({ key, shiftKey, target }) => {
  if ((key === "Enter" && !shiftKey) || target.closest?.(".box button")) typed = null; // it is sent
});
document.addEventListener("pointerdown", ({ target }) => {
  if (!target.closest(".box") || target.closest("button")) typed = null;
});
new MutationObserver((changes) => {
  if (!typed || !changes.some(({ target }) => typed.box.contains(target))) return;
  const field = typed.box.querySelector("textarea");
  if (!field || field.value === typed.words) return;
  write(field, typed.words);
  field.setSelectionRange(typed.at, typed.at);
}).observe(document.documentElement, { childList: true, subtree: true });

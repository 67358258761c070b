"""What a visitor sees of a page without scrolling: which parts are in sight, and how much there is to read."""

import re
from typing import Any

_SEEN = """node => {
  const whole = node.getBoundingClientRect();
  let [left, top, right, bottom] = [whole.left, whole.top, whole.right, whole.bottom];
  const cut = (box) => {
    left = Math.max(left, box.left), top = Math.max(top, box.top);
    right = Math.min(right, box.right), bottom = Math.min(bottom, box.bottom);
  };
  for (let up = node.parentElement; up; up = up.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(up);
    if (overflowX !== "visible" || overflowY !== "visible") cut(up.getBoundingClientRect());
  }
  cut({ left: 0, top: 0, right: innerWidth, bottom: innerHeight });
  const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return {
    width: right - left, height: bottom - top, whole: [whole.width, whole.height],
    bare: Boolean(at && (node.contains(at) || at.contains(node))),
  };
}"""
_READ = """aside => {
  const read = [];
  const seen = (node, { left, right, top, bottom }) =>
    node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
    right > left + 2 && bottom > top + 2 &&
    left < innerWidth && right > 0 && top < innerHeight && bottom > 0 && !node.closest(aside);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    range.selectNodeContents(texts.currentNode);
    const parent = texts.currentNode.parentElement;
    if (seen(parent, range.getBoundingClientRect())) read.push(texts.currentNode.data);
  }
  for (const field of document.querySelectorAll("[placeholder]"))
    if (!field.value && seen(field, field.getBoundingClientRect())) read.push(field.placeholder);
  return read;
}"""
_ASIDE = (  # not read as an instruction
    "script, style, svg, .presenter, .sr-only",
    "#models > .tab-wrapper",  # the names of the tabs
    "#who",  # who answers: a fact
    ".model-line",  # a model's name, its publisher, its state
    ".linked-words, .region-list, .conversation .message, .compared, .batch-grid",  # answers
    "button, a, summary, [role=tab], label:has(> input)",  # names of controls
)


def in_sight(page: Any, selector: str, least: float | None = None) -> bool:
    """Say whether the first visible match is wholly in the window; or `least` pixels of its height.

    What is cut off by a part that scrolls, or covered by something, is not in sight.
    """
    node = page.locator(f"{selector} >> visible=true").first
    seen = node.evaluate(_SEEN)
    width, height = seen["whole"]
    wanted = height if least is None else min(least, height)
    return seen["bare"] and seen["width"] >= width - 1.5 and seen["height"] >= wanted - 1.5


def instructions(page: Any) -> list[str]:
    """Return the words in sight that a reader reads before the first action.

    Those are sentences, the titles of groups and fields, and what stands in empty fields. The tabs,
    the names of models and of buttons and choices, and a computed answer are none.
    """
    return re.findall(r"\w[\w'’-]*", " ".join(page.evaluate(_READ, ", ".join(_ASIDE))))


def scrolled_size(page: Any) -> tuple[int, int]:
    """Return how much larger than its window the document is: to the right, and downwards."""
    return tuple(
        page.evaluate("""() => { const all = document.scrollingElement;
        return [all.scrollWidth - innerWidth, all.scrollHeight - innerHeight]; }""")
    )

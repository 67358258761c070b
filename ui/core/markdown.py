"""Makes the words of models and files safe Markdown, which loads nothing and runs nothing."""

import re

from vlm_backends import Answer
from vlm_backends.text import clean

_FENCED = re.compile(r"^(```[^`\n]*\n(?:(?!```).)*(?:^```[ ]*$|\Z))", re.DOTALL | re.MULTILINE)
_TAG, _PICTURE = re.compile(r"<(?=[A-Za-z/!?])"), re.compile(r"!(?=\[)")
_DIAGRAM = re.compile(  # the browser would draw it, and load pictures for it
    r"(`{3,}|~{3,})([ \t]*)(?=mermaid)", re.IGNORECASE
)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_TASK = re.compile(r"^(\s*(?:[-*+]|\d+[.)]) )\[([ xX])\](?= )", re.MULTILINE)
_CODE = re.compile(r"((?<!`)(`+)(?!`).+?(?<!`)\2(?!`))", re.DOTALL)
_JOINER = "\u2060"  # WORD JOINER: invisible; a tag or a picture with it inside is plain text
# As Pandoc reads it: no blank inside the dollars, and no digit after them; prices stay prices.
_DOLLARS = re.compile(r"(?<![\\$\w])\$(?=[^\s$])((?:[^$\n\\]|\\.)*?[^\s$\\]|[^\s$\\])\$(?![\d$\w])")
_ROUND, _SQUARE = re.compile(r"\\\((.+?)\\\)"), re.compile(r"\\\[(.+?)\\\]", re.DOTALL)
_LEFT, _RIGHT = f"{_JOINER}$", f"${_JOINER}"
# What encloses a formula on the page. Formulas are rewritten so: plain dollars may be prices, and
# `verbatim` writes \\( for a parenthesis.
LATEX = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": _LEFT, "right": _RIGHT, "display": False},
]
_BLANKS = re.compile(" {2,}")
_FIRM = "\u00a0"  # NO-BREAK SPACE: HTML shows a run of other blanks as one
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+.!|~$=:&-])")


def as_markdown(answer: Answer) -> str:
    """Return the answer's words as Markdown that loads nothing from elsewhere and holds no HTML."""
    if answer.literal:
        return verbatim(answer.text)
    text = clean(answer.text)
    fenced = "```" in text or "~~~" in text  # ten times faster than the patterns, in most answers
    parts = _FENCED.split(_DIAGRAM.sub(rf"\1\2{_JOINER}", text)) if fenced else [text]
    # A fence that is left outside of code may be read in different ways: then nothing counts as
    # code.
    ambiguous = any("```" in part or "~~~" in part for part in parts[::2])
    for i in range(0, len(parts), 1 if ambiguous else 2):
        parts[i] = _PICTURE.sub("!" + _JOINER, _TAG.sub("<" + _JOINER, parts[i]))
    for i in range(0, len(parts), 2):
        parts[i] = _with_maths(_TASK.sub(_tick, parts[i]))
    return "".join(parts)


def closed(markdown: str) -> str:
    """Return the Markdown with the end of a block of code that was cut off.

    What follows would be a part of it.
    """
    fence = ""
    for line in markdown.splitlines():
        found = _FENCE.fullmatch(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return f"{markdown}\n{fence}" if fence else markdown


def _tick(found: re.Match[str]) -> str:
    """Return the item of a list of tasks with a box as a letter: the page drops other boxes."""
    return f"{found[1]}{'☐' if found[2] == ' ' else '☑'}"


def _with_maths(text: str) -> str:
    """Return the text with formulas in single dollars marked as the page reads them."""
    if "$" not in text and "\\(" not in text and "\\[" not in text:
        return text
    inline, block = rf"{_LEFT}\1{_RIGHT}", r"$$\1$$"
    parts = _CODE.split(text)
    for i in range(0, len(parts), 3):
        parts[i] = _SQUARE.sub(block, _ROUND.sub(inline, _DOLLARS.sub(inline, parts[i])))
    return "".join(part for i, part in enumerate(parts) if i % 3 != 2)  # 2: the marks of code


def verbatim(text: str) -> str:
    """Return the text as Markdown that shows it letter for letter, blank for blank, line for line.

    The last blank of several is a plain one: there a long line may be broken.
    """
    kept = _BLANKS.sub(lambda run: _FIRM * (len(run[0]) - 1) + " ", clean(text))
    return _PUNCTUATION.sub(r"\\\1", kept).replace("\n", "  \n")

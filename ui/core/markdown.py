"""Makes the words of models and files safe Markdown, which loads nothing and runs nothing."""

import re

from vlm_backends import Answer
from vlm_backends.text import clean

_FENCED = re.compile(r"^(```[^`\n]*\n(?:(?!```).)*(?:^```[ ]*$|\Z))", re.DOTALL | re.MULTILINE)
_TAG, _PICTURE = re.compile(r"<(?=[A-Za-z/!?])"), re.compile(r"!(?=\[)")
_DIAGRAM = re.compile(  # the browser would draw it, and load pictures for it
    r"(`{3,}|~{3,})([ \t]*)(?=mermaid)", re.IGNORECASE
)
_JOINER = "\u2060"  # WORD JOINER: invisible; a tag or a picture with it inside is plain text
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
    return "".join(parts)


def verbatim(text: str) -> str:
    """Return the text as Markdown that shows it letter for letter, blank for blank, line for line.

    The last blank of several is a plain one: there a long line may be broken.
    """
    kept = _BLANKS.sub(lambda run: _FIRM * (len(run[0]) - 1) + " ", clean(text))
    return _PUNCTUATION.sub(r"\\\1", kept).replace("\n", "  \n")

"""Clean and shorten text that a model or a stranger wrote, and write lists of words."""

import re
from collections.abc import Iterable

MAX_LABEL = 40  # characters of a label on a drawing
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?]) +(?=[A-Z\d“])")

# Control characters except tab and line ends, marks that turn the direction of writing,
# lone surrogates, and two code points that are no characters.
_UNSAFE = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """Remove control characters, lone surrogates and marks that turn the direction of writing.

    Line ends and tabs stay. The result can be written to XML, UTF-8 and a terminal.
    """
    return _UNSAFE.sub("", text)


def shorten(text: str, longest: int) -> str:
    """Truncate the text to at most `longest` characters; an ellipsis at its end shows the cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def one_line(text: str, longest: int) -> str:
    """Put the text in one line of at most `longest` characters; runs of blanks become one."""
    return shorten(" ".join(text.split()), longest)


def sentences(text: str) -> list[str]:
    """Split text into its sentences; one begins with a capital, a digit or a quotation mark."""
    return _BETWEEN_SENTENCES.split(text)


def listed(names: Iterable[str], last: str = "and") -> str:
    """Return names as "a", "a and b", "a, b and c"; `last` may be "or". Empty for none."""
    *head, tail = list(names) or [""]
    return f"{', '.join(head)} {last} {tail}" if head else tail


def quoted(words: Iterable[str], last: str = "and") -> str:
    """Return words in quotation marks, each once, as `listed` does."""
    return listed((f"“{word}”" for word in dict.fromkeys(words)), last)

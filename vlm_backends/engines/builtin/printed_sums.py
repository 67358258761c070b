"""Find the sums that a page prints beside its table, such as "Total due 146.85"."""

import re
from collections.abc import Sequence

from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.table_questions import parse_number

_ASKS = re.compile(r"\b(?:(?:sub|grand )?totals?|sum|due|to pay|altogether)\b", re.IGNORECASE)
_NAMES = re.compile(r"\b(?:(?:sub ?)?totals?|sum|amount due|balance due|to pay)\b", re.IGNORECASE)
_SAME_ROW = 0.5  # of a line's height: how far apart the middles of a name and its number may be


def printed_sums(question: str, lines: Sequence[TextLine]) -> list[str]:
    """Return each printed sum with its name, as the page has them, if the question asks for one.

    A sum is a line with a name such as "Total" that ends with a number, or has one on its right.
    """
    if not _ASKS.search(question):
        return []
    named = [_with_number(line, lines) for line in lines if _NAMES.search(line.text)]
    return list(filter(None, named))


def _with_number(line: TextLine, lines: Sequence[TextLine]) -> str:
    """Return a name and its number; nothing where there is no number."""
    name, _, last = line.text.strip().rpartition(" ")
    if name and parse_number(last):
        return line.text.strip()
    left, right, middle, height = _extent(line)
    beside = [
        (_extent(other)[0], other.text.strip())
        for other in lines
        if _extent(other)[0] >= right and abs(_extent(other)[2] - middle) <= _SAME_ROW * height
    ]
    nearest = min(beside, default=(left, ""))[1]
    return f"{line.text.strip()} {nearest}" if parse_number(nearest) else ""


def _extent(line: TextLine) -> tuple[float, float, float, float]:
    """Return a line's left and right end, where its middle is, and how high it is, in pixels."""
    xs, ys = [x for x, _ in line.quad], [y for _, y in line.quad]
    return min(xs), max(xs), (min(ys) + max(ys)) / 2, max(ys) - min(ys)

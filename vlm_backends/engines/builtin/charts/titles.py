"""Find the title of a chart: the largest print above the drawing, on all its lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from vlm_backends.engines.builtin.charts import axes

_STEP = 3  # px: print whose letters differ by less may count as equally large
_SAME_SIZE = 0.8  # of the largest letters: print so large may belong to the title
_SAME_ROW = 0.5  # letters: so near are the middles of print on one line
_MAX_GAP = 1.5  # letters between two pieces of a line
_MAX_PITCH = 1.6  # letters from a line's middle to the next line's


class _Box(Protocol):
    """A line of print in pixels; `letter` is the height of its letters."""

    @property
    def text(self) -> str: ...
    @property
    def left(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def top(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def letter(self) -> float: ...


AnyBox = TypeVar("AnyBox", bound=_Box)


def find_title(labels: Iterable[AnyBox], top: float) -> tuple[str, list[AnyBox]]:
    """Return the largest print above `top`, where the drawing begins, and the boxes it stands in.

    A title of several lines is one text. Without print above there are no words and no boxes.
    """
    above = [label for label in labels if label.y < top]
    words = [label for label in above if len(label.text) > 2 and not axes.is_number(label.text)]
    if not words:
        return "", []
    largest = max(words, key=lambda label: (round(label.letter / _STEP), -label.top))
    rows = _rows([label for label in above if label.letter >= _SAME_SIZE * largest.letter])
    first = last = next(i for i, row in enumerate(rows) if largest in row)
    while first > 0 and _follows(rows[first - 1], rows[first]):
        first -= 1
    while last + 1 < len(rows) and _follows(rows[last], rows[last + 1]):
        last += 1
    boxes = [box for row in rows[first : last + 1] for box in row]
    return " ".join(box.text for box in boxes), boxes


def _rows(boxes: Sequence[AnyBox]) -> list[list[AnyBox]]:
    """Return the boxes row by row, each from left to right; a wide gap begins another row."""
    rows: list[list[AnyBox]] = []
    for box in sorted(boxes, key=lambda box: box.left):
        row = next((row for row in rows if _continues(row[-1], box)), None)
        if row is None:
            rows.append([box])
        else:
            row.append(box)
    return sorted(rows, key=lambda row: row[0].y)


def _continues(left: _Box, right: _Box) -> bool:
    letter = max(left.letter, right.letter)
    gap = right.left - left.right
    return abs(left.y - right.y) < _SAME_ROW * letter and gap < _MAX_GAP * letter


def _follows(upper: Sequence[_Box], lower: Sequence[_Box]) -> bool:
    """Return True for the next line of one text: just below, and over or under it."""
    letter = max(box.letter for box in (*upper, *lower))
    overlap = min(upper[-1].right, lower[-1].right) - max(upper[0].left, lower[0].left)
    pitch = lower[0].y - upper[0].y
    return overlap > 0 and _SAME_ROW * letter <= pitch < _MAX_PITCH * letter

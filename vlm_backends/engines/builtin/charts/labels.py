"""Find a chart's title, category labels and legend in its print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.bars import Rectangle
from vlm_backends.engines.builtin.ocr import TextLine

# in heights of a letter
_PART_OF_LETTER = 1.2  # a rectangle inside of print that is no higher is a part of a letter
_BELOW_BASE = 0.3  # how far below the bars' bottoms the middle of a category label begins
_SAME_ROW = 0.9  # labels whose tops are closer are in one row
_NEXT_ROW = 2.2  # a row that begins within this distance continues the labels of the row above
_SAME_SIZE = 1.5  # larger print below the bars is no label
_SWATCH_DISTANCE = 3.0  # how far left of its words a legend's swatch begins

_MIN_SWATCH = 0.15  # of a square letter: what is smaller is no swatch
_SAME_COLOUR = 20.0  # distance in CIELAB (0..255 each) below which a pixel has a bar's colour
_BAR_MARGIN = 3  # px around a bar that may have its colour too
_TITLE_STEP = 3  # px: print whose letters differ by less may count as equally large


@dataclass(frozen=True)
class TextBox:
    """A line of print as an upright box in pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def x(self) -> float:
        """Return the x of its middle."""
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        """Return the y of its middle."""
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """Return its width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Return its height in pixels."""
        return self.bottom - self.top

    @property
    def letter(self) -> float:
        """Return the height of its letters: its shorter side, whichever way the text runs."""
        return min(self.width, self.height)

    def rotated_left(self) -> TextBox:
        """Return it after a quarter turn counterclockwise, as `Rectangle.rotated_left` does."""
        return TextBox(self.text, self.top, -self.right, self.bottom, -self.left)


def to_text_box(line: TextLine, scale: float) -> TextBox:
    """Return the line's text in its upright box, in a picture scaled by `scale`."""
    xs, ys = [x * scale for x, _ in line.quad], [y * scale for _, y in line.quad]
    text = line.text.rstrip("-–—_· ") or line.text  # the tick of an axis is easily read as a dash
    return TextBox(text, min(xs), min(ys), max(xs), max(ys))


def is_part_of_letter(rectangle: Rectangle, label: TextBox) -> bool:
    """Return True for a rectangle that is a part of one of the label's letters."""
    x, y = rectangle.middle, (rectangle.top + rectangle.bottom) / 2
    inside = label.left <= x <= label.right and label.top <= y <= label.bottom
    return inside and rectangle.height <= _PART_OF_LETTER * label.letter


def find_title(labels: Sequence[TextBox], top: float) -> str:
    """Return the largest print above `top`, where the drawing begins; empty when there is none."""
    above = [
        label
        for label in labels
        if label.y < top and axes.number(label.text) is None and len(label.text) > 2
    ]
    if not above:
        return ""
    return max(above, key=lambda label: (round(label.letter / _TITLE_STEP), -label.top)).text


def labels_below(
    labels: Sequence[TextBox], base: float, left: float, right: float, count: int
) -> list[TextBox]:
    """Return the category labels next to the bottoms of the bars, row by row.

    Looks below `base` and between `left` and `right`, for the labels of `count` categories. Empty
    when nothing is printed there.
    """
    below = sorted(
        (
            label
            for label in labels
            if label.y > base + _BELOW_BASE * label.letter and left < label.x < right
        ),
        key=lambda label: label.top,
    )
    if not below:
        return []
    letter = float(np.median([label.letter for label in below]))
    first, *others = _rows(below, letter)
    if len(first) < count:  # left-aligned labels of horizontal bars end at different places
        return [label for label in below if label.letter <= _SAME_SIZE * letter]
    # a label alone in its row is the title of the axis
    return [*first, *(label for row in others if len(row) > 1 for label in row)]


def _rows(below: Sequence[TextBox], letter: float) -> list[list[TextBox]]:
    """Group labels, sorted by their tops, into rows; end where a row is too far from the last."""
    rows: list[list[TextBox]] = [[below[0]]]
    for label in below[1:]:
        top = rows[-1][0].top
        if label.top <= top + _SAME_ROW * letter:
            rows[-1].append(label)
        elif len(rows[-1]) > 1 and label.top <= top + _NEXT_ROW * letter:
            rows.append([label])
        else:
            break
    return rows


def legend_names(
    rgb: np.ndarray, labels: Sequence[TextBox], bars: Sequence[Rectangle]
) -> dict[int, str]:
    """Return, for each number of the bars' colours, the words next to a swatch of that colour.

    A swatch is a patch of the picture (H×W×3, uint8) that is no bar. Colours without one are left
    out.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    no_bar = _outside_of(bars, rgb.shape[:2])
    candidates = [label for label in labels if axes.number(label.text) is None]
    names: dict[int, str] = {}
    for colour in dict.fromkeys(bar.colour for bar in bars):
        series = [bar for bar in bars if bar.colour == colour]
        pixels = np.concatenate([_inner_pixels(lab, bar) for bar in series])
        distance = np.linalg.norm(lab - np.median(pixels, axis=0), axis=2)
        patch = no_bar & (distance < _SAME_COLOUR)
        amounts = [_swatch_area(patch, label) for label in candidates]
        if amounts and max(amounts) > _MIN_SWATCH:
            names[colour] = candidates[int(np.argmax(amounts))].text
    return names


def _outside_of(bars: Sequence[Rectangle], shape: tuple[int, int]) -> np.ndarray:
    """Return a bool mask (H×W) of the pixels that belong to no bar and its margin."""
    mask = np.ones(shape, bool)
    for bar in bars:
        top, left = max(0, bar.top - _BAR_MARGIN), max(0, bar.left - _BAR_MARGIN)
        mask[top : bar.bottom + _BAR_MARGIN, left : bar.right + _BAR_MARGIN] = False
    return mask


def _inner_pixels(lab: np.ndarray, bar: Rectangle) -> np.ndarray:
    """Return the bar's pixels (N×3) that are away from its edges."""
    across, down = bar.width // 4, bar.height // 4
    inner = lab[bar.top + down : bar.bottom - down, bar.left + across : bar.right - across]
    return inner.reshape(-1, 3)


def _swatch_area(patch: np.ndarray, label: TextBox) -> float:
    """Return how much of the swatch's place belongs to the patch, in areas of a square letter.

    The place is left of the words, and the box of the words often begins with it.
    """
    top, bottom = (
        round(max(0, label.y - label.letter / 2)),
        round(label.y + label.letter / 2) + 1,
    )
    left = round(max(0, label.left - _SWATCH_DISTANCE * label.letter))
    right = round(max(0, label.left + label.letter))
    return float(patch[top:bottom, left:right].sum() / label.letter**2)

"""Find solid bars on a common baseline by their colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# in CIELAB as OpenCV has it with 8 bits, where all three channels run from 0 to 255
_SAME_COLOUR = 26.0  # colours that are closer count as one
_MAX_COLOUR_DISTANCE = 40.0  # a pixel that is farther from every colour has none

# in pixels
_MIN_WIDTH, _MIN_HEIGHT = 5, 2  # of a bar
_AXIS_LINE = 3  # what is lower belongs to the axis line
_BASE_ERROR = 4  # how far the bottoms of bars may be apart

_MAX_COLOURS = 24  # the most frequent ones are looked at
_MIN_FILL = 0.86  # of its rectangle that a bar fills
_SLIVER = 0.015  # of the tallest bar: what is lower belongs to the axis line
_SIMILAR_WIDTH = 0.6, 1.6  # of the median width


@dataclass(frozen=True)
class Rectangle:
    """A solid rectangle in pixels, right and bottom exclusive, and the number of its colour."""

    left: int
    top: int
    right: int
    bottom: int
    colour: int

    @property
    def middle(self) -> float:
        """Return the x of its middle."""
        return (self.left + self.right) / 2

    @property
    def width(self) -> int:
        """Return its width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Return its height in pixels."""
        return self.bottom - self.top

    def rotated_left(self) -> Rectangle:
        """Return it after a quarter turn counterclockwise: x' = y, y' = -x.

        Bars that start at the left and grow to the right then stand on a line.
        """
        return Rectangle(self.top, -self.right, self.bottom, -self.left, self.colour)

    def rotated_right(self) -> Rectangle:
        """Return it after a quarter turn clockwise, the inverse of `rotated_left`."""
        return Rectangle(-self.bottom, self.left, -self.top, self.right, self.colour)


def find_rectangles(rgb: np.ndarray) -> Iterator[list[Rectangle]]:
    """Yield the solid rectangles of one colour in a picture (H×W×3, uint8), in one reading or two.

    In the first, the most frequent colour is background; in the second, it may be that of bars. The
    border's colour is background in both.
    """
    lab = cv2.cvtColor(cv2.medianBlur(rgb, 3), cv2.COLOR_RGB2LAB).astype(np.float32)
    colours = _frequent_colours(lab)
    nearest = _nearest_colour(lab, colours)
    edge = np.concatenate([nearest[0], nearest[-1], nearest[:, 0], nearest[:, -1]])
    border = int(np.bincount(edge[edge >= 0], minlength=1).argmax())
    for background in dict.fromkeys([frozenset({0, border}), frozenset({border})]):
        yield [
            rectangle
            for colour in range(len(colours))
            if colour not in background
            for rectangle in _rectangles_of(nearest == colour, colour)
        ]


def bars_on_one_line(found: Sequence[Rectangle]) -> tuple[list[Rectangle], float]:
    """Return the rectangles that share their bottom and width, left to right, and that bottom's y.

    Of several such rows, take that with the greatest sum of heights. Without bars the y is 0.
    """
    best: list[Rectangle] = []
    for reference in found:
        row = _similar_bars(reference, found)
        if sum(bar.height for bar in row) > sum(bar.height for bar in best):
            best = row
    best = [bar for bar in best if bar.width >= _MIN_WIDTH]
    base = float(np.median([bar.bottom for bar in best])) if best else 0.0
    return sorted(best, key=lambda bar: bar.left), base


def _similar_bars(reference: Rectangle, found: Sequence[Rectangle]) -> list[Rectangle]:
    """Return the rectangles that end where `reference` does and are about as wide as each other."""
    row = [other for other in found if abs(other.bottom - reference.bottom) <= _BASE_ERROR]
    tallest = max(bar.height for bar in row)
    row = [bar for bar in row if bar.height >= max(_AXIS_LINE, _SLIVER * tallest)]
    if not row:
        return []
    width = float(np.median([bar.width for bar in row]))
    least, most = (factor * width for factor in _SIMILAR_WIDTH)
    return [bar for bar in row if least <= bar.width <= most]


def is_stacked(bars: Sequence[Rectangle], found: Sequence[Rectangle]) -> bool:
    """Return True when rectangles of another colour and the bars' width lie on top of bars."""
    others = [rectangle for rectangle in found if rectangle.height > _BASE_ERROR]
    return any(
        _is_on_top(other, bar) for bar in bars for other in others if other.colour != bar.colour
    )


def _is_on_top(upper: Rectangle, bar: Rectangle) -> bool:
    distances = upper.bottom - bar.top, upper.left - bar.left, upper.right - bar.right
    return max(map(abs, distances)) <= _BASE_ERROR


def _frequent_colours(lab: np.ndarray) -> list[np.ndarray]:
    """Return the most frequent colours (3,), the first one first; nearly equal ones count once."""
    cells = (lab // 8).astype(np.int64)
    keys = cells[..., 0] * 4096 + cells[..., 1] * 64 + cells[..., 2]
    values, counts = np.unique(keys, return_counts=True)
    colours: list[np.ndarray] = []
    for key in values[counts.argsort()[::-1]][: _MAX_COLOURS * 4]:
        colour = np.median(lab[keys == key], axis=0)
        if all(np.linalg.norm(colour - other) > _SAME_COLOUR for other in colours):
            colours.append(colour)
    return colours[:_MAX_COLOURS]


def _nearest_colour(lab: np.ndarray, colours: Sequence[np.ndarray]) -> np.ndarray:
    """Return the number of each pixel's nearest colour (H×W); -1 where none is near."""
    best = np.full(lab.shape[:2], _MAX_COLOUR_DISTANCE, np.float32)
    nearest = np.full(lab.shape[:2], -1, np.int16)
    for i, colour in enumerate(colours):
        distance = np.linalg.norm(lab - colour, axis=2)
        closer = distance < best
        best[closer], nearest[closer] = distance[closer], i
    return nearest


def _rectangles_of(mask: np.ndarray, colour: int) -> Iterator[Rectangle]:
    """Yield the connected parts of a bool mask (H×W) that fill their rectangles."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    for x, y, width, height, area in stats[1:]:
        solid = area >= _MIN_FILL * width * height
        if solid and width >= _MIN_WIDTH and height >= _MIN_HEIGHT:
            yield Rectangle(int(x), int(y), int(x + width), int(y + height), colour)

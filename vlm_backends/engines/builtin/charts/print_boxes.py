"""Hold the print of a chart as boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.ocr import TextLine

WIDE_GAP = 1.9  # of the usual step from letter to letter: a wider one parts words
_LEVEL = 12.0  # degrees: print that is less slanted runs along


@dataclass(frozen=True)
class PrintBox:
    """A line of print by its four corners in pixels, clockwise from the top left of the text.

    `slant` is the direction of reading in the picture, in degrees, clockwise from rightwards.
    """

    text: str
    quad: tuple[tuple[float, float], ...]
    slant: float = 0.0
    stops: tuple[float, ...] = ()  # the middle of each character, 0..1 along the first side

    @property
    def left(self) -> float:
        """Return the least x."""
        return min(x for x, _ in self.quad)

    @property
    def right(self) -> float:
        """Return the greatest x."""
        return max(x for x, _ in self.quad)

    @property
    def top(self) -> float:
        """Return the least y."""
        return min(y for _, y in self.quad)

    @property
    def bottom(self) -> float:
        """Return the greatest y."""
        return max(y for _, y in self.quad)

    @property
    def x(self) -> float:
        """Return the x of its middle."""
        return sum(x for x, _ in self.quad) / 4

    @property
    def y(self) -> float:
        """Return the y of its middle."""
        return sum(y for _, y in self.quad) / 4

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
        """Return the height of its letters: the shorter of its sides."""
        corners = np.asarray(self.quad)
        sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
        across, down = sides[0] + sides[2], sides[1] + sides[3]
        return float(down if len(self.text) > 1 or down < across else across) / 2

    @property
    def is_level(self) -> bool:
        """Return True for print that runs from left to right in the picture."""
        return abs(self.slant) <= _LEVEL

    @property
    def is_upright(self) -> bool:
        """Return True for print that runs up or down in the picture."""
        return abs(abs(self.slant) - 90) <= _LEVEL

    @property
    def start(self) -> tuple[float, float]:
        """Return the middle of the edge before its first letter."""
        return _middle(self.quad[0], self.quad[3])

    @property
    def end(self) -> tuple[float, float]:
        """Return the middle of the edge behind its last letter."""
        return _middle(self.quad[1], self.quad[2])

    def rotated_left(self, width: float) -> PrintBox:
        """Return it after a quarter turn of a picture of this width: x' = y, y' = width - x."""
        quad = tuple((y, width - x) for x, y in self.quad)
        return PrintBox(self.text, quad, self.slant, self.stops)


def to_print_box(line: TextLine) -> PrintBox:
    """Return the line's text in its box."""
    (x0, y0), (x1, y1) = line.quad[0], line.quad[1]
    # the tick of an axis is easily read as a dash
    text = line.text.strip().rstrip("-–—_· ") or line.text
    return PrintBox(
        text, line.quad, float(np.degrees(np.arctan2(y1 - y0, x1 - x0))), _stops(line, text)
    )


def _stops(line: TextLine, text: str) -> tuple[float, ...]:
    """Return the middles of the text's characters, or even ones where OCR gives none."""
    stops = line.stops[: len(text)]
    even = tuple((i + 0.5) / max(1, len(line.text)) for i in range(len(text)))
    return stops if len(stops) == len(text) else even


def split_words(box: PrintBox, gap: float = WIDE_GAP, at_capitals: bool = False) -> list[PrintBox]:
    """Return the words of a level box as boxes of their own.

    Words are parted by blanks, by gaps that are wide for their letters (`gap`, in usual steps from
    letter to letter), and where asked for, between a small letter and a capital ("TeaBread").
    """
    gaps = np.diff(box.stops)
    if not len(gaps):
        return [box]
    wide = gap * float(np.median(gaps))
    words: list[list[int]] = [[]]
    for i, char in enumerate(box.text):
        is_joint = at_capitals and i > 0 and box.text[i - 1].islower() and char.isupper()
        if char.isspace() or (words[-1] and i and (gaps[i - 1] > wide or is_joint)):
            words.append([])
        if not char.isspace():
            words[-1].append(i)
    half = float(np.median(gaps)) / 2
    return [
        _part(box, word, box.stops[word[0]] - half, box.stops[word[-1]] + half)
        for word in words
        if word
    ]


def _part(box: PrintBox, word: Sequence[int], start: float, end: float) -> PrintBox:
    corners = np.asarray(box.quad)
    top, foot = corners[1] - corners[0], corners[2] - corners[3]
    quad = (
        corners[0] + start * top,
        corners[0] + end * top,
        corners[3] + end * foot,
        corners[3] + start * foot,
    )
    text = "".join(box.text[i] for i in word)
    return PrintBox(text, tuple((float(x), float(y)) for x, y in quad), box.slant)


def _middle(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2

"""A chart's print as upright boxes, and which of it is a title, a category or a legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vlm_backends.engines.embedded import axes
from vlm_backends.engines.embedded.bars import Block

if TYPE_CHECKING:
    from vlm_backends.engines.embedded.ocr import Line

_LEGEND = 60  # px: how far a legend's words may stand from their swatch


@dataclass(frozen=True)
class Word:
    """A line of print as an upright box in pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def x(self) -> float:
        """The middle, from the left."""
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        """The middle, from the top."""
        return (self.top + self.bottom) / 2

    @property
    def letter(self) -> float:
        """The height of its letters."""
        return min(self.right - self.left, self.bottom - self.top)

    def leaning(self) -> "Word":
        """The word in the frame in which bars that lie on the left stand up: x' = y, y' = -x."""
        return Word(self.text, self.top, -self.right, self.bottom, -self.left)

    def upright(self) -> "Word":
        """The word back in the picture's own frame."""
        return Word(self.text, -self.bottom, self.left, -self.top, self.right)


def word_of(line: "Line", scale: float) -> Word:
    """The line's text in its upright box, in a picture scaled by `scale`."""
    xs, ys = [x * scale for x, _ in line.quad], [y * scale for _, y in line.quad]
    return Word(line.text, min(xs), min(ys), max(xs), max(ys))


def is_within(block: Block, word: Word) -> bool:
    """True for a block that is a part of a letter."""
    middle = block.middle, (block.top + block.bottom) / 2
    inside = word.left <= middle[0] <= word.right and word.top <= middle[1] <= word.bottom
    return inside and block.bottom - block.top <= 1.2 * word.letter


def headline(words: Sequence[Word], top: float) -> str:
    """The largest print above everything that is drawn."""
    above = [word for word in words if word.y < top and axes.number(word.text) is None and len(word.text) > 2]
    return max(above, key=lambda word: (round(word.letter / 3), -word.top)).text if above else ""


def labels_below(words: Sequence[Word], base: float, left: float, right: float, most: int) -> list[Word]:
    """The words next to the foot of the bars, row by row; none when nothing is printed there."""
    below = sorted((w for w in words if w.top > base - w.letter / 2 and left < w.x < right), key=lambda word: word.top)
    letter = float(np.median([word.letter for word in below])) if below else 0.0
    rows: list[list[Word]] = []
    for word in below:
        if rows and word.top <= rows[-1][0].top + 0.9 * letter:
            rows[-1].append(word)
        elif not rows or (len(rows[-1]) > 1 and word.top <= rows[-1][0].top + 2.2 * letter):
            rows.append([word])
        else:
            break
    kept = [row for i, row in enumerate(rows) if i == 0 or len(row) > 1]
    if kept and len(kept[0]) < most:  # left-aligned labels beside lying bars end at different places
        return [word for word in below if word.letter <= 1.5 * letter]
    return [word for row in kept for word in row]


def legend(words: Sequence[Word], swatches: Sequence[Block]) -> dict[int, str]:
    """The words beside the nearest swatch of each colour, by the colour's number."""
    beside = [
        (abs(word.left - swatch.right) + abs(word.top - swatch.bottom), swatch.colour, word.text)
        for swatch in swatches
        for word in words
        if axes.number(word.text) is None and _is_right_of(word, swatch)
    ]
    return {colour: text for _, colour, text in sorted(beside, reverse=True)}


def _is_right_of(word: Word, block: Block) -> bool:
    gap = word.left - block.right  # below zero when the swatch was read as a part of the word
    near = -1.5 * (block.right - block.left) <= gap < _LEGEND and word.right > block.right + word.letter
    return near and abs(word.y - (block.top + block.bottom) / 2) < 0.7 * word.letter

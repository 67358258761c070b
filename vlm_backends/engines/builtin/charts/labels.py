"""A chart's print as upright boxes, and which of it is a title, a category or a legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.bars import Block

if TYPE_CHECKING:
    from vlm_backends.engines.builtin.ocr import Line

_LEGEND = 3.0  # heights of a letter: how far left of its words a legend's swatch begins
_LEAST = 0.15  # of a square letter: what is smaller is no swatch
_SAME = 20.0  # distance in CIELAB below which a pixel is of a bar's colour


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


def word_of(line: "Line", scale: float) -> Word:
    """The line's text in its upright box, in a picture scaled by `scale`."""
    xs, ys = [x * scale for x, _ in line.quad], [y * scale for _, y in line.quad]
    text = line.text.rstrip("-–—_· ") or line.text  # the tick of an axis is easily read as a dash
    return Word(text, min(xs), min(ys), max(xs), max(ys))


def is_within(block: Block, word: Word) -> bool:
    """True for a block that is a part of a letter."""
    middle = block.middle, (block.top + block.bottom) / 2
    inside = word.left <= middle[0] <= word.right and word.top <= middle[1] <= word.bottom
    return inside and block.bottom - block.top <= 1.2 * word.letter


def headline(words: Sequence[Word], top: float) -> str:
    """The largest print above everything that is drawn."""
    above = [
        word
        for word in words
        if word.y < top and axes.number(word.text) is None and len(word.text) > 2
    ]
    return max(above, key=lambda word: (round(word.letter / 3), -word.top)).text if above else ""


def labels_below(
    words: Sequence[Word], base: float, left: float, right: float, most: int
) -> list[Word]:
    """The words next to the foot of the bars, row by row; none when nothing is printed there."""
    below = sorted(
        (w for w in words if w.y > base + 0.3 * w.letter and left < w.x < right),
        key=lambda word: word.top,
    )
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
    if (
        kept and len(kept[0]) < most
    ):  # left-aligned labels beside lying bars end at different places
        return [word for word in below if word.letter <= 1.5 * letter]
    return [word for row in kept for word in row]


def legend(rgb: np.ndarray, words: Sequence[Word], bars: Sequence[Block]) -> dict[int, str]:
    """For each colour of the bars, by its number, the words beside a patch of it that is no bar."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    rest = np.ones(rgb.shape[:2], bool)
    for bar in bars:
        rest[max(0, bar.top - 3) : bar.bottom + 3, max(0, bar.left - 3) : bar.right + 3] = False
    candidates = [word for word in words if axes.number(word.text) is None]
    names = {}
    for colour in {bar.colour: bar for bar in bars}:
        mine = [bar for bar in bars if bar.colour == colour]
        tone = np.median(np.concatenate([_inner(lab, bar).reshape(-1, 3) for bar in mine]), axis=0)
        patch = rest & (np.linalg.norm(lab - tone, axis=2) < _SAME)
        amounts = [_beside(patch, word) for word in candidates]
        if amounts and max(amounts) > _LEAST:
            names[colour] = candidates[int(np.argmax(amounts))].text
    return names


def _inner(lab: np.ndarray, bar: Block) -> np.ndarray:
    """The middle of the bar, away from its edges."""
    wide, high = (bar.right - bar.left) // 4, (bar.bottom - bar.top) // 4
    return lab[bar.top + high : bar.bottom - high, bar.left + wide : bar.right - wide]


def _beside(patch: np.ndarray, word: Word) -> float:
    """How much of the place for a swatch is of the patch's colour: 0..1 of a square letter.

    It is left of the word, and the box of a word often begins with it.
    """
    top, bottom = round(max(0, word.y - word.letter / 2)), round(word.y + word.letter / 2) + 1
    left, right = (
        round(max(0, word.left - _LEGEND * word.letter)),
        round(max(0, word.left + word.letter)),
    )
    return float(patch[top:bottom, left:right].sum() / word.letter**2)

"""Solid bars that stand on one line, found by their colours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

_COLOURS = 24  # the most frequent ones are looked at
_SAME = 26.0  # distance in CIELAB below which two colours are one
_FAR = 40.0  # distance in CIELAB beyond which a pixel is of no colour at all
_SOLID = 0.86  # of its rectangle that a bar fills
_THIN, _SHORT = 5, 2  # px: the least width and length of a bar
_SLIVER = 3  # px: what is lower belongs to the axis line
_BASE = 4  # px: how far the feet of bars may be apart
_ALIKE = 0.6, 1.6  # of the median width


@dataclass(frozen=True)
class Block:
    """A solid rectangle in pixels, and the number of its colour."""

    left: int
    top: int
    right: int
    bottom: int
    colour: int

    @property
    def middle(self) -> float:
        """Where its middle stands, along the line that the bars stand on."""
        return (self.left + self.right) / 2

    def leaning(self) -> "Block":
        """The block in the frame in which bars that lie on the left stand up: x' = y, y' = -x."""
        return Block(self.top, -self.right, self.bottom, -self.left, self.colour)

    def upright(self) -> "Block":
        """The block back in the picture's own frame."""
        return Block(-self.bottom, self.left, -self.top, self.right, self.colour)


def readings(rgb: np.ndarray) -> Iterator[list[Block]]:
    """All solid rectangles of one colour: first as if the most frequent colour were ground, then as if it were bars."""
    lab = cv2.cvtColor(cv2.medianBlur(rgb, 3), cv2.COLOR_RGB2LAB).astype(np.float32)
    colours = _colours(lab)
    nearest = _nearest(lab, colours)
    edge = np.concatenate([nearest[0], nearest[-1], nearest[:, 0], nearest[:, -1]])
    border = int(np.bincount(edge[edge >= 0], minlength=1).argmax())
    for grounds in dict.fromkeys([frozenset({0, border}), frozenset({border})]):
        yield [
            block
            for i in range(len(colours))
            if i not in grounds
            for block in _of_colour(nearest == i, i)
        ]


def standing(found: Sequence[Block]) -> tuple[list[Block], float]:
    """The blocks that share their bottom line and their width, left to right, and where that line is."""
    best: list[Block] = []
    for block in found:
        row = _without_slivers(
            [other for other in found if abs(other.bottom - block.bottom) <= _BASE]
        )
        if not row:
            continue
        width = float(np.median([other.right - other.left for other in row]))
        row = [
            other
            for other in row
            if _ALIKE[0] * width <= other.right - other.left <= _ALIKE[1] * width
        ]
        if sum(other.bottom - other.top for other in row) > sum(
            other.bottom - other.top for other in best
        ):
            best = row
    best = [block for block in best if block.right - block.left >= _THIN]
    base = float(np.median([block.bottom for block in best])) if best else 0.0
    return sorted(best, key=lambda block: block.left), base


def _without_slivers(row: list[Block]) -> list[Block]:
    """The row without the pieces of its axis line."""
    tallest = max(block.bottom - block.top for block in row)
    return [block for block in row if block.bottom - block.top >= max(_SLIVER, 0.015 * tallest)]


def is_stacked(bars: Sequence[Block], found: Sequence[Block]) -> bool:
    """True when blocks of the bars' width stand on top of bars."""
    others = [block for block in found if block.bottom - block.top > _BASE]
    return any(
        _stands_on(block, bar) for bar in bars for block in others if block.colour != bar.colour
    )


def _stands_on(block: Block, bar: Block) -> bool:
    apart = block.bottom - bar.top, block.left - bar.left, block.right - bar.right
    return max(map(abs, apart)) <= _BASE


def _colours(lab: np.ndarray) -> list[np.ndarray]:
    """The most frequent colours, the first one first; nearly equal ones count once."""
    cells = (lab // 8).astype(np.int64)
    keys = cells[..., 0] * 4096 + cells[..., 1] * 64 + cells[..., 2]
    values, counts = np.unique(keys, return_counts=True)
    colours: list[np.ndarray] = []
    for key in values[counts.argsort()[::-1]][: _COLOURS * 4]:
        colour = np.median(lab[keys == key], axis=0)
        if all(np.linalg.norm(colour - other) > _SAME for other in colours):
            colours.append(colour)
    return colours[:_COLOURS]


def _nearest(lab: np.ndarray, colours: Sequence[np.ndarray]) -> np.ndarray:
    """The number of each pixel's nearest colour (H, W); -1 where none is near."""
    best = np.full(lab.shape[:2], _FAR, np.float32)
    nearest = np.full(lab.shape[:2], -1, np.int16)
    for i, colour in enumerate(colours):
        distance = np.linalg.norm(lab - colour, axis=2)
        closer = distance < best
        best[closer], nearest[closer] = distance[closer], i
    return nearest


def _of_colour(mask: np.ndarray, index: int) -> Iterator[Block]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    for x, y, width, height, area in stats[1:]:
        if width >= _THIN and height >= _SHORT and area >= _SOLID * width * height:
            yield Block(int(x), int(y), int(x + width), int(y + height), index)

"""Hold pieces of print, and part them where their letters are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from vlm_backends.media.geometry import Box
from vlm_backends.types import Point

_LETTER = 0.7  # of the height: a letter's width, where a text is too short to measure it


@dataclass(frozen=True)
class PrintPiece:
    """Hold print of one cell or of a part of it, in pixels of the upright page."""

    text: str
    middles: tuple[float, ...]  # x of each character
    box: Box
    is_sure: bool = True

    @property
    def height(self) -> float:
        """Return the height of the box."""
        return self.box[3] - self.box[1]

    def followed_by(self, other: PrintPiece) -> PrintPiece:
        """Return this piece and one to its right as a single one."""
        (left, top, _, bottom), (_, up, right, down) = self.box, other.box
        space = (self.box[2] + other.box[0]) / 2
        return PrintPiece(
            f"{self.text} {other.text}",
            (*self.middles, space, *other.middles),
            (left, min(top, up), right, max(bottom, down)),
            self.is_sure and other.is_sure,
        )

    @property
    def middle(self) -> Point:
        """Return the middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


class Gap(NamedTuple):
    """Hold a blank stretch between letters: where to cut it, its width in pixels, its kind."""

    x: float
    width: float
    is_space: bool  # it was read as a space; otherwise the letters on its sides are not sure


def split_at_gaps(piece: PrintPiece, gaps: Sequence[Gap]) -> list[PrintPiece]:
    """Split a piece at gaps; where one was not read as a space, the parts are not sure."""
    parts = split_at(piece, [gap.x for gap in gaps])
    is_sure = all(gap.is_space for gap in gaps)
    return [replace(part, is_sure=part.is_sure and is_sure) for part in parts]


def split_at(piece: PrintPiece, levels: Sequence[float]) -> list[PrintPiece]:
    """Split a piece at x positions; each character goes to the side on which its middle is."""
    sides = np.searchsorted(np.asarray(levels, float), piece.middles)
    parts = (part_of(piece, np.flatnonzero(sides == side)) for side in np.unique(sides))
    return [part for part in parts if part]


def _advance(piece: PrintPiece) -> float:
    """Return the usual distance of neighbouring letters, px."""
    steps = [
        right - left
        for left, right, one, other in zip(
            piece.middles, piece.middles[1:], piece.text, piece.text[1:]
        )
        if not (one.isspace() or other.isspace())
    ]
    usual = _LETTER * (piece.box[3] - piece.box[1])
    return float(np.median(steps)) if len(steps) > 2 else usual


def part_of(piece: PrintPiece, chosen: Sequence[int] | np.ndarray) -> PrintPiece | None:
    """Return some neighbouring characters as a piece; None for spaces alone."""
    inked = [i for i in chosen if not piece.text[i].isspace()]
    if not inked:
        return None
    first, last = inked[0], inked[-1] + 1
    half = _advance(piece) / 2
    left, top, right, bottom = piece.box
    box = (
        max(left, piece.middles[first] - half),
        top,
        min(right, piece.middles[last - 1] + half),
        bottom,
    )
    return replace(piece, text=piece.text[first:last], middles=piece.middles[first:last], box=box)


def spaces_of(piece: PrintPiece, blanks: Sequence[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """Return the blank stretches that are spaces of the text, each with where to cut it."""
    found = {}
    inked = [i for i, char in enumerate(piece.text) if not char.isspace()]
    for i, j in zip(inked, inked[1:]):
        if j > i + 1:
            before, after = piece.middles[i], piece.middles[j]
            between = [(a, b) for a, b in blanks if before < (a + b) / 2 < after]
            if between:
                widest = max(between, key=lambda blank: blank[1] - blank[0])
                found[widest] = (before + after) / 2
    return found


def box_around(pieces: Sequence[PrintPiece]) -> Box:
    """Return the box around pieces."""
    boxes = np.array([piece.box for piece in pieces])
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return float(left), float(top), float(right), float(bottom)

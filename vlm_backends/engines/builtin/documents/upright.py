"""Turn a page upright: its print runs level, to the right, and is about as high everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.media.geometry import Box
from vlm_backends.types import Point

_LINE = 32.0  # px: the usual height of a line after scaling
_LARGEST = 4_000  # px of a side after scaling
_INK = 0.7  # of a line's height is ink: the boxes of lines have a margin
_LETTER = 0.5  # of the height: a letter's width, where a text is too short to measure it
_BLANK = 0.3  # of a piece's contrast: a column of pixels with less has no ink
_WIDEST = 0.6  # of the height: the widest space between words
_NEIGHBOURS = 12.0  # in heights of a line: pieces that show together how the page is tilted
_MOST_TILT = np.radians(4)  # what a second look may correct


@dataclass(frozen=True)
class Piece:
    """Hold print of one cell or of a part of it; box and `middles` in pixels of the upright page."""

    text: str
    middles: tuple[float, ...]  # x of each character
    box: Box
    is_sure: bool = True

    def followed_by(self, other: Piece) -> Piece:
        """Return this piece and one to its right as a single one."""
        (left, top, _, bottom), (_, up, right, down) = self.box, other.box
        space = (self.box[2] + other.box[0]) / 2
        return Piece(
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


@dataclass(frozen=True)
class UprightPage:
    """Hold a page turned upright: its grey pixels (H×W, uint8) and its pieces of print."""

    grey: np.ndarray
    pieces: tuple[Piece, ...]
    line_height: float  # px of the usual line's ink
    matrix: np.ndarray  # 2×3: from pixels of the picture to those of the page
    has_turned_print: bool = False  # some lines run across the others; they are no pieces

    def gaps(self, piece: Piece) -> list[Gap]:
        """Return the blank stretches between the letters of a piece, from the left."""
        left, top, right, bottom = (max(0, round(side)) for side in piece.box)
        strip = self.grey[top:bottom, left:right].astype(float)
        if not strip.size:
            return []
        contrast = np.abs(strip - np.median(strip)).max(axis=0)
        blank = contrast < _BLANK * contrast.max()
        edges = np.flatnonzero(np.diff(np.r_[False, blank, False].astype(int))).reshape(-1, 2)
        inner = [(left + a, left + b) for a, b in edges if a > 0 and b < len(blank)]
        spaces = _spaces(piece, inner)
        return [
            Gap(spaces.get((start, end), (start + end) / 2), end - start, (start, end) in spaces)
            for start, end in inner
        ]

    @cached_property
    def space(self) -> float:
        """Return the usual width of a space between words, in pixels."""
        gaps = (gap for piece in self.pieces for gap in self.gaps(piece))
        widths = [gap.width for gap in gaps if gap.is_space]
        most = _WIDEST * self.line_height
        return min(float(np.percentile(widths, 25)), most) if len(widths) > 2 else most

    def in_picture(self, box: Box) -> tuple[Point, ...]:
        """Return a box's corners in pixels of the picture, clockwise from the print's top left."""
        left, top, right, bottom = box
        page = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        back = cv2.invertAffineTransform(self.matrix)
        return tuple((float(x), float(y)) for x, y in page @ back[:, :2].T + back[:, 2])


def upright_page(rgb: np.ndarray, lines: Sequence[TextLine]) -> UprightPage | None:
    """Turn a picture (H×W×3, uint8) by the way its lines of print run; None without lines."""
    quads = [np.asarray(line.quad, float) for line in lines]
    if not quads:
        return None
    ways = np.array([quad[1] - quad[0] for quad in quads])
    lengths = np.hypot(*ways.T)
    weighed = np.repeat(np.arctan2(ways[:, 1], ways[:, 0]), np.maximum(1, lengths // 8).astype(int))
    quarters = np.bincount(np.round(weighed / (np.pi / 2)).astype(int) % 4, minlength=4).argmax()
    slants = np.arctan2(ways[:, 1], ways[:, 0]) - quarters * np.pi / 2
    slants = (slants + np.pi) % (2 * np.pi) - np.pi
    level = np.abs(slants) < np.pi / 4
    angle = quarters * np.pi / 2 + _weighted_median(slants[level], lengths[level])
    heights = [line.height for line, is_level in zip(lines, level) if is_level]
    scale = min(1.0, _LINE / float(np.median(heights)), _LARGEST / max(rgb.shape[:2]))
    matrix, size = _turning(rgb.shape[1], rgb.shape[0], angle, scale)
    upright = [line for line, is_level in zip(lines, level) if is_level]
    angle += _tilt([_piece(line, matrix) for line in upright])
    matrix, size = _turning(rgb.shape[1], rgb.shape[0], angle, scale)
    page = _warped(rgb, matrix, size, scale)
    pieces = tuple(_piece(line, matrix) for line in upright)
    line_height = _INK * scale * float(np.median(heights))
    return UprightPage(page, pieces, line_height, matrix, not level.all())


def _tilt(pieces: Sequence[Piece]) -> float:
    """Return by how much rows are tilted, in radians, from pieces that stand side by side."""
    slopes, weights = [], []
    for piece in pieces:
        left, top, right, bottom = piece.box
        beside = [
            other
            for other in pieces
            if right <= other.box[0] <= right + _NEIGHBOURS * (bottom - top)
            and other.box[1] < piece.middle[1] < other.box[3]
        ]
        if beside:
            other = min(beside, key=lambda other: other.box[0])
            wide = other.middle[0] - piece.middle[0]
            slopes.append(np.arctan2(other.middle[1] - piece.middle[1], wide))
            weights.append(wide)
    if not slopes:
        return 0.0
    tilt = _weighted_median(np.array(slopes), np.array(weights))
    return tilt if abs(tilt) <= _MOST_TILT else 0.0


def _spaces(piece: Piece, blanks: Sequence[tuple[int, int]]) -> dict[tuple[int, int], float]:
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


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def _turning(
    width: int, height: int, angle: float, scale: float
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the matrix that turns back by an angle and scales, and the size that holds it all."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0]])
    ends = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ matrix[:, :2].T
    matrix[:, 2] = -ends.min(axis=0)
    wide, high = np.ceil(np.ptp(ends, axis=0)).astype(int)
    return matrix, (max(1, int(wide)), max(1, int(high)))


def _warped(
    rgb: np.ndarray, matrix: np.ndarray, size: tuple[int, int], scale: float
) -> np.ndarray:
    """Return the grey page; it is scaled first, as thin rules get lost when both are done at once."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    turning = np.column_stack([matrix[:, :2] / scale, matrix[:, 2]])
    return cv2.warpAffine(small, turning, size, borderMode=cv2.BORDER_REPLICATE)


def _piece(line: TextLine, matrix: np.ndarray) -> Piece:
    quad = np.asarray(line.quad, float) @ matrix[:, :2].T + matrix[:, 2]
    left, right = quad[[0, 3], 0].mean(), quad[[1, 2], 0].mean()
    top, bottom = quad[[0, 1], 1].mean(), quad[[2, 3], 1].mean()
    stops = line.stops or tuple((np.arange(len(line.text)) + 0.5) / max(1, len(line.text)))
    middles = tuple(float(left + stop * (right - left)) for stop in stops)
    trim = (1 - _INK) / 2 * (bottom - top)
    whole = Piece(line.text, middles, (left, top + trim, right, bottom - trim), line.is_sure)
    return _part(whole, range(len(line.text))) or whole


def split_at_gaps(piece: Piece, gaps: Sequence[Gap]) -> list[Piece]:
    """Split a piece at gaps; where one was not read as a space, the parts are not sure."""
    parts = split_at(piece, [gap.x for gap in gaps])
    is_sure = all(gap.is_space for gap in gaps)
    return [replace(part, is_sure=part.is_sure and is_sure) for part in parts]


def split_at(piece: Piece, levels: Sequence[float]) -> list[Piece]:
    """Split a piece at x positions; each character goes to the side on which its middle is."""
    sides = np.searchsorted(np.asarray(levels, float), piece.middles)
    parts = (_part(piece, np.flatnonzero(sides == side)) for side in np.unique(sides))
    return [part for part in parts if part]


def _advance(piece: Piece) -> float:
    """Return the usual distance of neighbouring letters, px."""
    steps = [
        right - left
        for left, right, one, other in zip(
            piece.middles, piece.middles[1:], piece.text, piece.text[1:]
        )
        if not (one.isspace() or other.isspace())
    ]
    usual = _LETTER * (piece.box[3] - piece.box[1]) / _INK
    return float(np.median(steps)) if len(steps) > 2 else usual


def _part(piece: Piece, chosen: Sequence[int] | np.ndarray) -> Piece | None:
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
    return replace(
        piece, text=piece.text[first:last], middles=piece.middles[first:last], box=box
    )

"""Turn a page upright: its print runs level, to the right, and is about as high everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from vlm_backends.engines.builtin.documents.leaning import upright_matrix
from vlm_backends.engines.builtin.documents.pieces import Gap, PrintPiece, part_of, spaces_of
from vlm_backends.engines.builtin.ocr import (
    TextLine,
    levelling_matrix,
    transformed,
    weighted_median,
)
from vlm_backends.media.geometry import Box
from vlm_backends.types import Point

_LINE = 32.0  # px: the usual height of a line after scaling
_LARGEST = 3_200  # px of a side after scaling
_INK = 0.7  # of a line's height is ink: the boxes of lines have a margin
_BLANK = 0.3  # of a piece's contrast: a column of pixels with less has no ink
_STEP = 10.0  # px: a short way on the page
_ASKEW = float(np.sin(np.radians(10)))  # how far from a right angle a page seen from the side is
_WIDEST = 0.6  # of the height: the widest space between words


@dataclass(frozen=True)
class UprightPage:
    """Hold a page turned upright: its grey pixels (H×W, uint8) and its pieces of print."""

    grey: np.ndarray
    pieces: tuple[PrintPiece, ...]
    line_height: float  # px of the usual line's ink
    matrix: np.ndarray  # 3×3, homogeneous: from pixels of the picture to those of the page
    has_turned_print: bool = False  # some lines run across the others; they are no pieces

    @property
    def is_from_side(self) -> bool:
        """Return True for a page whose right angles are far from right in the picture."""
        left, top = np.min([piece.box[:2] for piece in self.pieces], axis=0)
        right, bottom = np.max([piece.box[2:] for piece in self.pieces], axis=0)
        back = np.linalg.inv(self.matrix)
        for corner in ([left, top], [right, top], [right, bottom], [left, bottom]):
            at, along, down = transformed(np.add(corner, [[0, 0], [_STEP, 0], [0, _STEP]]), back)
            across, below = along - at, down - at
            lengths = np.linalg.norm(across) * np.linalg.norm(below)
            if abs(across @ below) > _ASKEW * lengths:
                return True
        return False

    def gaps(self, piece: PrintPiece) -> list[Gap]:
        """Return the blank stretches between the letters of a piece, from the left."""
        left, top, right, bottom = (max(0, round(side)) for side in piece.box)
        strip = self.grey[top:bottom, left:right].astype(float)
        if not strip.size:
            return []
        contrast = np.abs(strip - np.median(strip)).max(axis=0)
        blank = contrast < _BLANK * contrast.max()
        edges = np.flatnonzero(np.diff(np.r_[False, blank, False].astype(int))).reshape(-1, 2)
        inner = [(left + a, left + b) for a, b in edges if a > 0 and b < len(blank)]
        spaces = spaces_of(piece, inner)
        return [
            Gap(spaces.get(each, sum(each) / 2), each[1] - each[0], each in spaces)
            for each in inner
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
        found = transformed(page, np.linalg.inv(self.matrix))
        return tuple((float(x), float(y)) for x, y in found)


def upright_page(rgb: np.ndarray, lines: Sequence[TextLine]) -> UprightPage | None:
    """Turn a picture (H×W×3, uint8) by the way its lines of print run; None without lines.

    Rows and columns that are not parallel, as in a photograph taken from the side, are made so.
    """
    most = max(rgb.shape[:2])
    lines = [line for line in lines if line.text.strip() and 1 <= line.height <= most]
    if not lines:
        return None
    angle, level, is_over = _angle(lines)
    lines = [_stood_up(line) if each else line for line, each in zip(lines, is_over)]
    upright = [line for line, is_level in zip(lines, level) if is_level]
    height = float(np.median([line.height for line in upright]))
    scale = min(1.0, _LINE / height, _LARGEST / most)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turning = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    matrix = levelling_matrix(_boxes(upright, turning)) @ turning
    matrix = upright_matrix(_boxes(upright, matrix)) @ matrix
    size = rgb.shape[1], rgb.shape[0]
    ends = transformed(np.array([[0, 0], [size[0], 0], size, [0, size[1]]]), matrix)
    matrix = _shift(-ends.min(axis=0)) @ matrix
    wide, high = np.minimum(np.ceil(np.ptp(ends, axis=0)), 2 * _LARGEST).astype(int)
    page = _warped(rgb, matrix, (max(1, int(wide)), max(1, int(high))), scale)
    pieces = tuple(_piece(line, matrix) for line in upright)
    return UprightPage(page, pieces, _INK * scale * height, matrix, not level.all())


def _angle(lines: Sequence[TextLine]) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the angle at which most print runs, in radians, and which lines are level with it.

    The third value tells which of those are upside down.
    """
    quads = [np.asarray(line.quad, float) for line in lines]
    ways = np.array([quad[1] - quad[0] for quad in quads])
    angles, lengths = np.arctan2(ways[:, 1], ways[:, 0]), np.hypot(*ways.T)
    by_quarter = np.bincount(np.round(angles / (np.pi / 2)).astype(int) % 4, lengths, 4)
    turn = int(by_quarter.argmax()) * np.pi / 2
    slants = (angles - turn + np.pi) % (2 * np.pi) - np.pi
    upright, is_over = np.abs(slants) < np.pi / 4, np.abs(slants) > 3 * np.pi / 4
    angle = turn + weighted_median(slants[upright], lengths[upright])
    return angle, upright | is_over, is_over


def _stood_up(line: TextLine) -> TextLine:
    """Return a line that was read upside down among upright ones: it is not sure."""
    return replace(line, quad=(*line.quad[2:], *line.quad[:2]), stops=(), is_sure=False)


def _boxes(lines: Sequence[TextLine], matrix: np.ndarray) -> np.ndarray:
    return np.array([_piece(line, matrix).box for line in lines])


def _shift(by: np.ndarray) -> np.ndarray:
    return np.array([[1.0, 0.0, by[0]], [0.0, 1.0, by[1]], [0.0, 0.0, 1.0]])


def _warped(rgb: np.ndarray, matrix: np.ndarray, size: tuple[int, int], scale: float) -> np.ndarray:
    """Return the grey page; it is scaled first: thin rules get lost when both are done at once."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    smaller = [max(1, round(scale * side)) for side in grey.shape[::-1]]
    small = cv2.resize(grey, smaller, interpolation=cv2.INTER_AREA)
    turning = matrix @ np.diag([1 / scale, 1 / scale, 1.0])
    return cv2.warpPerspective(small, turning, size, borderMode=cv2.BORDER_REPLICATE)


def _piece(line: TextLine, matrix: np.ndarray) -> PrintPiece:
    quad = transformed(np.asarray(line.quad, float), matrix)
    left, right = quad[[0, 3], 0].mean(), quad[[1, 2], 0].mean()
    top, bottom = quad[[0, 1], 1].mean(), quad[[2, 3], 1].mean()
    stops = line.stops or tuple((np.arange(len(line.text)) + 0.5) / max(1, len(line.text)))
    middles = tuple(float(left + stop * (right - left)) for stop in stops)
    trim = (1 - _INK) / 2 * (bottom - top)
    box = float(left), float(top + trim), float(right), float(bottom - trim)
    whole = PrintPiece(line.text, middles, box, line.is_sure)
    return part_of(whole, range(len(line.text))) or whole

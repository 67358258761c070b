"""Find what is drawn over bars and is in no table: lines, error bars, marks, unread print."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.bars import Layout, Rectangle
from vlm_backends.media.geometry import Box

_EDGE = 4  # px inside of a bar's outline that do not count: soft edges, and lines around bars
_AROUND_PRINT = 3  # px
_OTHER = 45  # of 255 in a channel: that far from its bar's colour is another; JPEG has less
_LARGE = 9  # px: the longer side of a mark at least
_DASHED = 0.3  # of a bar's width that a dashed line across it fills at least
_ACROSS = 0.9  # of a bar's width that a line across it fills
_AT_TICK = 3.0  # px: what is no farther from a label of the axis is of the grid, dashed or not
_UPRIGHT = 0.45  # of a bar's height: so much of a column, dashed or not, is of an upright grid line

DRAWN_OVER = (
    "something is drawn over the bars that is not in the table, such as a line, error bars or "
    "print that was not read"
)


def is_drawn_over(
    rgb: np.ndarray, layout: Layout, printed: Sequence[Box], ticks: Sequence[float]
) -> bool:
    """Return True when a bar has marks on it that are neither print that was read nor the grid.

    All is in the frame of the bars, where they stand upright: the picture (H×W×3, uint8), the boxes
    of its print in pixels, and the y of the value axis's labels.
    """
    is_print = np.zeros(rgb.shape[:2], bool)
    for left, top, right, bottom in printed:
        rows = slice(max(0, int(top) - _AROUND_PRINT), int(bottom) + _AROUND_PRINT + 1)
        is_print[rows, max(0, int(left) - _AROUND_PRINT) : int(right) + _AROUND_PRINT + 1] = True
    parts = [part for stack in layout.stacks for part in stack.parts]
    return any(_has_mark(mark) for part in parts for mark in _marks(rgb, part, is_print, ticks))


def _marks(
    rgb: np.ndarray, part: Rectangle, is_print: np.ndarray, ticks: Sequence[float]
) -> Iterator[np.ndarray]:
    """Yield the pixels (bool, H×W) of a bar that have another colour; nothing for a tiny one."""
    top, left = part.top + _EDGE, part.left + _EDGE
    inner = np.s_[top : part.bottom - _EDGE, left : part.right - _EDGE]
    pixels = rgb[inner].astype(np.int16)
    if not pixels.size:
        return
    usual = np.median(pixels.reshape(-1, 3), axis=0)
    other = (np.abs(pixels - usual).max(axis=2) > _OTHER) & ~is_print[inner]
    ys = top + np.arange(len(other))
    if ticks:
        other[np.abs(ys[:, None] - np.asarray(ticks)).min(axis=1) <= _AT_TICK] = False
    else:
        other[other.mean(axis=1) >= _ACROSS] = False
    other[:, other.mean(axis=0) >= _UPRIGHT] = False
    yield other


def _has_mark(other: np.ndarray) -> bool:
    if other.shape[1] > _LARGE and other.mean(axis=1).max() >= _DASHED:
        return True
    _, _, stats, _ = cv2.connectedComponentsWithStats(other.astype(np.uint8), connectivity=8)
    return bool((stats[1:, 2:4].max(axis=1, initial=0) >= _LARGE).any())

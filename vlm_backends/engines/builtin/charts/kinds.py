"""Say what a picture shows that gives no table, as far as it is seen."""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.labels import TextBox
from vlm_backends.engines.builtin.charts.strokes import Drawing, Stroke

_SIDE = 128  # px: colours are counted at this size
_MANY_COLOURS = 330  # of 4096: more, and it is a photograph or a painting
_PAGE_LINES = 8  # of print without axes: a page
_DRAWN, _MOST_DRAWN = 40, 0.02  # of 255 from the ground; share of a page that is no print
_MIN_ROWS, _MIN_COLUMNS = 3, 3  # of a printed table
_SAME_ROW = 0.5  # heights of a letter
_POWER = re.compile(r"(\d[.,]?\d*[×x·])?10[-−⁻]?[\d⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}")
_SURELY_POWER = re.compile(r"\d[×x·]10|10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]")
_MIN_POWERS = 3
_DOTS = 8  # single marks of a colour: a scatter plot
_DOT_SIDE = 0.06  # of the plot's shorter side that a mark is at most
_DOT_SHAPE = 0.6, 1.7  # width by height

PHOTO = "this looks like a photograph or a painting, not like a chart"
TABLE = "this looks like a table that is printed: it has no bars, lines or slices to measure"
PAGE = "this looks like a page of print, not like a chart"
SCATTER = (
    "single marks that no line joins were seen, as in a scatter plot or beside a box plot: they "
    "have no rows of their own"
)
POWERS = "powers of ten were seen, as at a logarithmic axis: between them no value is measured here"
BLANK = "nothing is drawn or printed in this picture"
UNKNOWN = "no bars, lines or slices that a table follows from were found"


def describe_unread(rgb: np.ndarray, labels: Sequence[TextBox], has_axis: bool) -> str:
    """Say what a picture (H×W×3, uint8) without bars, lines or slices looks like, as a phrase."""
    if np.ptp(rgb.reshape(-1, 3)[:: max(1, rgb.size // 300_000)], axis=0).max() < 12:
        return BLANK
    if is_photo(rgb):
        return PHOTO
    if has_powers_of_ten(labels):
        return POWERS
    if not has_axis and is_printed_table(labels):
        return TABLE
    if not has_axis and len(labels) >= _PAGE_LINES and _drawn_share(rgb, labels) < _MOST_DRAWN:
        return PAGE
    return UNKNOWN


def has_powers_of_ten(labels: Sequence[TextBox]) -> bool:
    """Return True for several numbers such as 10² and 3×10², whose exponents may be misread."""
    powers = [label.text for label in labels if _POWER.fullmatch(label.text)]
    return len(powers) >= _MIN_POWERS and any(map(_SURELY_POWER.match, powers))


def is_photo(rgb: np.ndarray) -> bool:
    """Return True for a picture (H×W×3, uint8) of so many colours that nobody draws a chart in."""
    return _colour_count(rgb) > _MANY_COLOURS


def _colour_count(rgb: np.ndarray) -> int:
    shrunk = cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    small = np.asarray(shrunk, np.uint8) >> 4
    return len(np.unique(small.reshape(-1, 3).astype(np.int32) @ np.array([256, 16, 1])))


def _drawn_share(rgb: np.ndarray, labels: Sequence[TextBox]) -> float:
    """Return the share of the picture (H×W×3, uint8) that is neither ground nor print."""
    small = rgb[::2, ::2].astype(np.int16)
    ground = np.median(small.reshape(-1, 3), axis=0)
    drawn = np.abs(small - ground).max(axis=2) > _DRAWN
    for label in labels:
        rows = slice(max(0, int(label.top / 2) - 1), int(label.bottom / 2) + 2)
        drawn[rows, max(0, int(label.left / 2) - 1) : int(label.right / 2) + 2] = False
    return float(drawn.mean())


def is_printed_table(labels: Sequence[TextBox]) -> bool:
    """Return True for print in rows and columns, some of it numbers."""
    rows: list[list[TextBox]] = []
    for label in sorted(labels, key=lambda label: label.y):
        if rows and abs(rows[-1][0].y - label.y) <= _SAME_ROW * label.letter:
            rows[-1].append(label)
        else:
            rows.append([label])
    wide = [row for row in rows if len(row) >= _MIN_COLUMNS]
    if len(wide) < _MIN_ROWS or len(wide) < len(rows) / 2:
        return False
    numbers = sum(axes.number(label.text) is not None for row in wide for label in row)
    return numbers >= len(wide)


def is_scatter_plot(drawing: Drawing) -> bool:
    """Return True when a colour of a drawing is that of many single small marks."""
    side = min(drawing.hidden.shape)
    return any(_dots(stroke, side) >= _DOTS for stroke in drawing.strokes)


def _dots(stroke: Stroke, side: int) -> int:
    solid = (stroke.cover > 0.5).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    least, most = _DOT_SHAPE
    dots = [
        area
        for _, _, width, height, area in stats[1:]
        if 4 <= max(width, height) <= _DOT_SIDE * side and least <= width / height <= most
    ]
    whole = float(solid.sum())
    return len(dots) if sum(dots) > 0.25 * whole else 0

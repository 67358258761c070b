"""Turn a picture of a bar chart into its table, by the print that was read and by geometry.

A chart is refused rather than guessed at: there is a table only when bars, categories and series
line up one to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.bars import (
    Rectangle,
    bars_on_one_line,
    find_rectangles,
    is_stacked,
)
from vlm_backends.engines.builtin.charts.categories import category_names, split_series
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import (
    TextBox,
    find_title,
    is_part_of_letter,
    legend_names,
    to_text_box,
)
from vlm_backends.engines.builtin.charts.values import bar_values
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.media.geometry import Outline, corners

_MAX_SIDE = 1600  # px: larger charts are measured at this size
_MIN_BARS, _MAX_BARS = 2, 200
_NO_BARS = "no solid bars that stand on one line were found"
_PAINTED_MARGIN = 2  # px around a bar that are painted over with it

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ChartTable:
    """The table of a chart, and the bars that it was read from."""

    title: str
    rows: Rows  # the header first; the first column has the categories
    outlines: tuple[Outline, ...]  # of the bars, in pixels
    labels: tuple[str, ...]  # one a bar: its category and value
    how: str  # the values were found, as a phrase


@dataclass(frozen=True)
class BarRow:
    """Bars on a common baseline.

    For horizontal bars, `bars` and `base` are of the picture after a quarter turn to the left.
    """

    bars: list[Rectangle]
    base: float  # y of the line
    is_rotated: bool

    @property
    def in_picture(self) -> list[Rectangle]:
        """Return the bars in the picture's own pixels."""
        return [bar.rotated_right() for bar in self.bars] if self.is_rotated else self.bars


def without_bars(rgb: np.ndarray) -> np.ndarray | None:
    """Return the picture (H×W×3, uint8) with its bars painted over, None without bars.

    OCR easily misses print near large solid shapes.
    """
    small, scale = _shrink(rgb)
    rows = (_find_row(rectangles).in_picture for rectangles in find_rectangles(small))
    bars = next((bars for bars in rows if len(bars) >= _MIN_BARS), None)
    if not bars:
        return None
    painted, background = rgb.copy(), np.median(rgb[::8, ::8].reshape(-1, 3), axis=0).tolist()
    for bar in bars:
        (left, top), _, (right, bottom), _ = _outline(bar, scale)
        start = round(left) - _PAINTED_MARGIN, round(top) - _PAINTED_MARGIN
        end = round(right) + _PAINTED_MARGIN - 1, round(bottom) + _PAINTED_MARGIN - 1
        cv2.rectangle(painted, start, end, background, cv2.FILLED)
    return painted


def read_chart(rgb: np.ndarray, lines: Sequence[TextLine]) -> ChartTable:
    """Return the table of the chart in the picture (H×W×3, uint8), whose print is given.

    Raises CannotRead with the reason.
    """
    small, scale = _shrink(rgb)
    labels = [to_text_box(line, scale) for line in lines]
    reasons: list[CannotRead] = []
    for rectangles in find_rectangles(small):
        try:
            return _read(small, rectangles, labels, scale)
        except CannotRead as reason:
            reasons.append(reason)
    raise max(reasons, key=lambda reason: reason.args[0] != _NO_BARS)


def linearize(table: ChartTable) -> str:
    """Return the table in DePlot's grammar."""
    rows = [("TITLE", table.title)] if table.title else []
    return "<0x0A>".join(
        " | ".join(cell.replace("|", "/") for cell in row) for row in (*rows, *table.rows)
    )


def _read(
    rgb: np.ndarray, rectangles: Sequence[Rectangle], labels: Sequence[TextBox], scale: float
) -> ChartTable:
    row = _find_row(
        [one for one in rectangles if not any(is_part_of_letter(one, label) for label in labels)]
    )
    if not _MIN_BARS <= len(row.bars) <= _MAX_BARS:
        raise CannotRead(_NO_BARS)
    if row.is_rotated:
        rectangles = [one.rotated_left() for one in rectangles]
    if is_stacked(row.bars, rectangles):
        raise CannotRead("the bars are stacked on each other")
    bars = row.in_picture
    title = find_title(labels, min(bar.top for bar in bars))
    in_legend = legend_names(rgb, labels, bars)
    upright = [label.rotated_left() for label in labels] if row.is_rotated else labels
    rows, bar_labels, how = _table(row, upright, in_legend)
    return ChartTable(title, rows, tuple(_outline(bar, scale) for bar in bars), bar_labels, how)


def _find_row(rectangles: Sequence[Rectangle]) -> BarRow:
    """Return vertical or horizontal bars, whichever are more; of equally many, the longer ones."""
    vertical = BarRow(*bars_on_one_line(rectangles), False)
    horizontal = BarRow(*bars_on_one_line([one.rotated_left() for one in rectangles]), True)
    return max(
        vertical, horizontal, key=lambda row: (len(row.bars), sum(bar.height for bar in row.bars))
    )


def _table(
    row: BarRow, labels: Sequence[TextBox], in_legend: dict[int, str]
) -> tuple[Rows, tuple[str, ...], str]:
    """Return the rows with their header, a label for each bar, and how the values were found.

    The labels are in the frame of the bars; `in_legend` has the names of series by colour.
    """
    values, how = bar_values(row.bars, row.base, labels)
    series, categories = split_series(row.bars)
    names = category_names(categories, row.base, labels)
    header = ["Value"]
    if len(series) > 1:
        header = [in_legend.get(colour, f"Series {i}") for i, colour in enumerate(series, 1)]
    value_of = dict(zip(row.bars, values))
    rows: list[tuple[str, ...]] = [("", *header)]
    label_of: dict[Rectangle, str] = {}
    for name, category in zip(names, categories):
        rows.append((name, *(value_of[bar] for bar in category)))
        label_of |= {bar: f"{name}: {value_of[bar]}" for bar in category}
    return tuple(rows), tuple(label_of[bar] for bar in row.bars), how


def _shrink(rgb: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the picture at the size at which it is measured, and its scale."""
    scale = min(1.0, _MAX_SIDE / max(rgb.shape[:2]))
    if scale == 1:
        return rgb, scale
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), scale


def _outline(bar: Rectangle, scale: float) -> Outline:
    """Return the bar's corners in pixels of the picture before it was shrunk."""
    return corners((bar.left / scale, bar.top / scale, bar.right / scale, bar.bottom / scale))

"""Turn a picture of a line or area chart into its table.

Lines are followed by their colours and read at the labels below the plot. A chart is refused rather
than guessed at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vlm_backends.engines.builtin.charts import (
    axes,
    axis_ends,
    curves,
    kinds,
    plot_area,
    second_look,
)
from vlm_backends.engines.builtin.charts.bar_charts import ChartTable, shrink
from vlm_backends.engines.builtin.charts.curves import Curve
from vlm_backends.engines.builtin.charts.drawn_lines import HIDDEN_END, check_ends, find_lines
from vlm_backends.engines.builtin.charts.errors import (
    AxesInDoubt,
    CannotRead,
    LabelsSlanted,
    OtherKind,
    TicksInDoubt,
)
from vlm_backends.engines.builtin.charts.plot_area import PrintedLine, ValueAxis
from vlm_backends.engines.builtin.charts.plots import Plot, find_plot, print_boxes, upper_part
from vlm_backends.engines.builtin.charts.series_names import (
    check_cut,
    legend_entries,
    legend_order,
    name_lines,
)
from vlm_backends.engines.builtin.charts.strokes import Window, find_strokes
from vlm_backends.engines.builtin.charts.ticks import find_marks, is_gradual
from vlm_backends.engines.builtin.charts.titles import find_title
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.media.geometry import Outline, corners

_OTHER_SIDE = 0.2  # pitches behind the last tick: numbers there may be a second axis's
_NEAR_TICK = 0.6  # pitches: a line that ends so near a tick may go on behind something
_REACHED = 0.5  # of the ticks that each line has to reach
_TOLERANCE = 0.015  # of the largest value: how sure the place of a tick has to make it
_SPOT = 6.0  # px around a point in its region
HOW = "lines followed by colour and read off the axis at the labels below"
SHORT = "a line reaches few of the labels"


def read_line_chart(rgb: np.ndarray, lines: Sequence[TextLine]) -> ChartTable:
    """Return the table of a line or area chart (H×W×3, uint8), whose print is given.

    Raises CannotRead with the reason.
    """
    small, scale = shrink(rgb)
    printed = plot_area.printed_lines(lines, scale)
    value = plot_area.find_value_axis([line.box for line in printed])
    labels = [line.box for line in printed]
    entries = legend_entries(small, labels, set(value.labels))
    row = plot_area.tick_row(printed, value, [one.box for one in entries if one.is_coloured])
    try:
        return _read(small, printed, value, row, scale)
    except TicksInDoubt as doubt:
        again = _row_again(small, value, row)
        if not again:
            raise doubt
        printed = [line for line in printed if line not in row] + again
        table = _read(small, printed, value, again, scale)
        return replace(table, reread=tuple(second_look.to_text_line(one, scale) for one in again))


def _read(
    rgb: np.ndarray,
    printed: Sequence[PrintedLine],
    value: ValueAxis,
    row: Sequence[PrintedLine],
    scale: float,
) -> ChartTable:
    try:
        plot = find_plot(rgb, printed, value, row)
    except LabelsSlanted:
        plot = find_plot(rgb, printed, value, row, _ends(rgb, printed, value, row))
    _check_axis_end(rgb, printed, plot)
    drawing = find_strokes(rgb, plot.window, upper_part(plot), print_boxes(rgb, plot))
    plot = replace(plot, window=drawing.window)
    drawn = find_lines(drawing, plot, max(rgb.shape[:2]))
    check_ends([curve for _, curve in drawn], plot)
    named = list(zip(name_lines(drawing, drawn, plot.entries, plot.labels), drawn))
    order = legend_order(plot.entries)
    _check_cut_names(rgb, plot, [name for name, _ in named])
    named.sort(key=lambda one: order.get(one[0], len(order)))
    names = [name for name, _ in named]
    _check_other_side(plot, names)
    heights = _heights([curve for _, (_, curve) in named], plot)
    title, _ = find_title([line.box for line in printed], plot.window.top + plot.value.pitch)
    return _table(title, names, heights, plot, scale)


def _ends(
    rgb: np.ndarray, printed: Sequence[PrintedLine], value: ValueAxis, row: Sequence[PrintedLine]
) -> tuple[float, float]:
    """Return where what is drawn begins and ends, in pixels, above labels without marks."""
    middles = np.linspace(row[0].box.x, row[-1].box.x, len(row))
    level = [
        PrintedLine(replace(line.box, left=x - 1, right=x + 1), 0.0)
        for line, x in zip(row, middles)
    ]
    plot = find_plot(rgb, printed, value, level)
    drawing = find_strokes(rgb, plot.window, upper_part(plot), print_boxes(rgb, plot))
    drawn = find_lines(drawing, replace(plot, window=drawing.window), max(rgb.shape[:2]))
    left = drawing.window.left
    first = min(float(curve.xs[0]) for _, curve in drawn)
    last = max(float(curve.xs[-1]) for _, curve in drawn)
    return left + first, left + last


def _check_axis_end(rgb: np.ndarray, printed: Sequence[PrintedLine], plot: Plot) -> None:
    """Raise CannotRead when a power of ten at the axis may have been missed."""
    value = plot.value
    if value.is_multiplied:
        return
    place = axis_ends.end_of(value.labels, value.letter)
    used = [*value.labels, *plot.below, *(entry.box for entry in plot.entries)]
    labels = [line.box for line in printed]
    axis_ends.check_end(rgb, place, value.letter, labels, used)


def _check_other_side(plot: Plot, names: Sequence[str]) -> None:
    """Raise CannotRead when numbers stand behind the plot that may be those of a second axis."""
    own = {entry.box for entry in plot.entries}
    right = plot.ticks[-1].x + _OTHER_SIDE * plot.pitch
    numbers = [
        label
        for label in plot.labels
        if label.left > right
        and label not in own
        and label.text not in names
        and axes.number(label.text) is not None
        and plot.value.top - plot.value.pitch < label.y < plot.value.bottom + plot.value.pitch
    ]
    if len(numbers) > 1:
        raise AxesInDoubt(plot_area.TWO_AXES)


def _check_cut_names(rgb: np.ndarray, plot: Plot, names: Sequence[str]) -> None:
    """Raise CannotRead when a name at the end of a line may be cut off."""
    own = {entry.box for entry in plot.entries}
    labels = [label for label in plot.labels if label not in own]
    left, right = round(plot.ticks[-1].x), rgb.shape[1]
    place = Window(left, round(plot.value.top), right, round(plot.value.bottom))
    check_cut(rgb, names, labels, place)


def is_scatter_plot(rgb: np.ndarray, lines: Sequence[TextLine], scale: float) -> bool:
    """Return True when single marks stand where lines were looked for; `scale` is the picture's."""
    printed = plot_area.printed_lines(lines, scale)
    labels = [line.box for line in printed]
    try:
        value = plot_area.find_value_axis(labels)
        row = plot_area.tick_row(printed, value, ())
        plot = find_plot(rgb, printed, value, row)
        drawing = find_strokes(rgb, plot.window, upper_part(plot), print_boxes(rgb, plot))
    except CannotRead:
        return False
    return kinds.is_scatter_plot(drawing)


def _row_again(rgb: np.ndarray, value: ValueAxis, row: Sequence[PrintedLine]) -> list[PrintedLine]:
    """Return the row of tick labels, read one by one; empty where that is not sure."""
    if len(row) < 2 or any(line.is_slanted for line in row):
        return []
    marks = find_marks(rgb, row, value.top)
    places = second_look.even_places(row, marks, rgb.shape[1])
    again = second_look.read_row(rgb, row, places) if len(places) > 1 else []
    return again if len(again) > 1 else []


def _heights(drawn: Sequence[Curve], plot: Plot) -> list[list[float | None]]:
    """Return for each line its y at each tick, in pixels of the picture. Raises CannotRead."""
    axis = plot.value.axis
    reach = [
        axis.value(plot.window.top + y) for curve in drawn for y in (curve.ys.min(), curve.ys.max())
    ]
    tolerance = max(1.0, _TOLERANCE * max(map(abs, reach)) / abs(axis.slope))
    heights = []
    for curve in drawn:
        places = [tick.x - plot.window.left for tick in plot.ticks]
        others = [other for other in drawn if other is not curve]
        row = [curves.height_at(curve, x, tolerance, others) for x in places]
        ends = curve.xs[0] - _NEAR_TICK * plot.pitch, curve.xs[-1] + _NEAR_TICK * plot.pitch
        if any(height is None and ends[0] < x < ends[1] for height, x in zip(row, places)):
            raise CannotRead(HIDDEN_END)
        if sum(height is not None for height in row) < max(2, _REACHED * len(row)):
            raise OtherKind(SHORT)
        heights.append([None if height is None else height + plot.window.top for height in row])
    return heights


def _table(
    title: str,
    names: Sequence[str],
    heights: Sequence[Sequence[float | None]],
    plot: Plot,
    scale: float,
) -> ChartTable:
    axis = plot.value.axis
    several = len(names) > 1
    rows: list[tuple[str, ...]] = [("", *(names if several else [names[0] or "Value"]))]
    outlines: list[Outline] = []
    labels: list[str] = []
    cells: list[tuple[int, int]] = []
    for i, tick in enumerate(plot.ticks):
        texts = []
        for column, (name, row) in enumerate(zip(names, heights)):
            y = row[i]
            texts.append("" if y is None else axis.written(axis.value(y)))
            if y is not None:
                outlines.append(_spot(tick.x, y, scale))
                labels.append(f"{tick.name}{f', {name}' if several else ''}: {texts[-1]}")
                cells.append((len(rows) - 1, column))
        if any(texts):
            rows.append((tick.name, *texts))
    how = f"{HOW}, {axes.accuracy(axis.error)}"
    marks = tuple(outlines), tuple(labels), tuple(cells)
    return ChartTable(title, tuple(rows), *marks, how, axis.error, is_gradual(plot.ticks))


def _spot(x: float, y: float, scale: float) -> Outline:
    box = x - _SPOT, y - _SPOT, x + _SPOT, y + _SPOT
    left, top, right, bottom = (side / scale for side in box)
    return corners((left, top, right, bottom))

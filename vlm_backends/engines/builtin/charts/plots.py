"""Find where a chart is drawn, and what its axes say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.charts.labels import TextBox
from vlm_backends.engines.builtin.charts.plot_area import PrintedLine, ValueAxis
from vlm_backends.engines.builtin.charts.series_names import (
    LegendEntry,
    legend_entries,
    print_colour,
)
from vlm_backends.engines.builtin.charts.strokes import HiddenBox, Window, is_coloured
from vlm_backends.engines.builtin.charts.ticks import Tick, is_place_free, place_ticks

_BEYOND = 1.12  # pitches beyond the first and last tick in which lines are looked for
_UPPER = 0.1  # of the value axis, from its top
_MARK, _MARKS = 2.5, 14.0  # px: how far from its tick a mark is drawn, and from the labels
_FRAME = 2  # px between the plot and the labels


@dataclass(frozen=True)
class Plot:
    """A chart's axes and print, and where it is drawn; in pixels of the measured picture."""

    value: ValueAxis
    ticks: tuple[Tick, ...]
    window: Window
    entries: tuple[LegendEntry, ...]
    labels: tuple[TextBox, ...]  # print that belongs to no axis
    below: tuple[TextBox, ...]  # the labels of the ticks
    is_free: tuple[bool, bool]  # the places a pitch before the first tick and after the last

    @property
    def pitch(self) -> float:
        """Return the usual distance between ticks."""
        return float(np.median(np.diff([tick.x for tick in self.ticks])))


def find_plot(
    rgb: np.ndarray,
    printed: Sequence[PrintedLine],
    value: ValueAxis,
    row: Sequence[PrintedLine],
    ends: tuple[float, float] | None = None,
) -> Plot:
    """Return the plot of a chart (H×W×3, uint8) by its print, value axis and row of tick labels.

    The `ends` of what is drawn place slanted labels without marks. Raises CannotRead.
    """
    ticks = place_ticks(rgb, row, value.top, ends)
    own = {*value.labels, *(line.box for line in row)}
    free = tuple(line.box for line in printed if line.box not in own)
    pitch = float(np.median(np.diff([tick.x for tick in ticks])))
    left = max(ticks[0].x - _BEYOND * pitch, 0)
    right = min(ticks[-1].x + _BEYOND * pitch, rgb.shape[1])
    if value.labels[0].x < ticks[0].x:
        beside = max(label.right for label in value.labels) + _FRAME
        left = max(left, min(beside, ticks[0].x - _FRAME))
    else:
        right = min(right, min(label.left for label in value.labels) - _FRAME)
    top = max(0.0, value.top - value.pitch)
    # boxes of print are wide: the lowest label of the value axis is inside of the plot
    bottom = max(min(line.box.top for line in row) - _FRAME, value.bottom + _FRAME + 1)
    window = Window(round(left), round(top), round(right), round(bottom))
    entries = legend_entries(rgb, [line.box for line in printed], own)
    beyond = ticks[0].x - pitch, ticks[-1].x + pitch
    is_free = tuple(is_place_free(rgb, row, value.top, x) for x in beyond)
    below = tuple(line.box for line in row)
    return Plot(value, tuple(ticks), window, tuple(entries), free, below, (is_free[0], is_free[1]))


def upper_part(plot: Plot) -> Window:
    """Return the part of a plot that areas fill least."""
    top, bottom = plot.value.top, plot.value.bottom
    left, right = plot.ticks[0].x, plot.ticks[-1].x
    return Window(round(left), round(top), round(right), round(top + _UPPER * (bottom - top)))


def print_boxes(rgb: np.ndarray, plot: Plot) -> list[HiddenBox]:
    """Return the boxes of print in the plot, with the samples of a legend.

    Of black and grey print that lies over a line, the line is seen between the letters.
    """
    last = plot.ticks[-1].x
    boxes = [
        HiddenBox(
            (label.left, label.top, label.right, label.bottom),
            is_all=label.left > last or is_coloured(print_colour(rgb, label)),
            is_over_lines=label.left <= last,
        )
        for label in plot.labels
    ]
    boxes += [
        HiddenBox((label.left, label.top, label.right, label.bottom), is_all=False)
        for label in plot.below
    ]
    bottom = float(plot.window.bottom)
    boxes += [  # the mark below the axis may have the colour of a line
        HiddenBox((tick.x - _MARK, bottom - _MARKS, tick.x + _MARK, bottom), is_all=False)
        for tick in plot.ticks
    ]
    return boxes + [
        HiddenBox((entry.left - 2, entry.box.top, entry.box.right, entry.box.bottom), is_all=True)
        for entry in plot.entries
    ]

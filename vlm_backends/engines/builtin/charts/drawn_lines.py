"""Tell the lines and areas of a drawing, and refuse what else is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts import areas, curves
from vlm_backends.engines.builtin.charts.curves import Curve
from vlm_backends.engines.builtin.charts.errors import CannotRead, OtherKind, TicksInDoubt
from vlm_backends.engines.builtin.charts.plots import Plot
from vlm_backends.engines.builtin.charts.strokes import Drawing, Stroke
from vlm_backends.engines.builtin.charts.ticks import is_gradual

_NEXT_TICK = 0.93  # pitches: a line that goes farther passes a label that was not read
_BEFORE = 2.0  # px: a line that ends so much before a place without a label does not pass it
_NEXT_NAME = 0.4  # and where the labels are names, one that goes so far
_ON_LINE = 6.0  # px from the middle of a mark to its line
_AT_BORDER = 6.0  # px from the top or bottom of the plot: a line that ends there may go on outside
_AT_LABEL = 2.0  # px from the highest or lowest label, where the plot may end as well
_LEVEL, _AT_FOOT = 2.5, 14.0  # px: how level an axis is, and how near the bottom of the plot
_WIDE = 0.6  # of the columns: a filled shape that spans less is no area chart's
_PART = 0.35  # of the columns: grey ink in fewer is a remark, no line
NO_LINES = "no lines from label to label were found"
STACKED = (
    "several areas are drawn, and whether they are stacked or one behind the other is not sure"
)
LABEL_MISSING = "a line goes on where no label was read"
HIDDEN_END = "a line ends beside a label, and may go on behind another"


def find_lines(drawing: Drawing, plot: Plot, size: int) -> list[tuple[Stroke, Curve]]:
    """Return the lines of a drawing, those that begin furthest left first. Raises CannotRead."""
    fills = [stroke for stroke in drawing.strokes if areas.is_filled(stroke)]
    drawn: list[tuple[Stroke, Curve]] = []
    for stroke in drawing.strokes:
        if any(stroke is fill for fill in fills):
            continue
        try:
            drawn.append((stroke, curves.follow(stroke.cover)))
        except CannotRead:
            if stroke.columns.mean() < _PART and stroke.is_grey:
                continue
            raise
    if fills:  # the axis at an area's foot has another colour below it than beside it
        drawn = [one for one in drawn if not _is_axis_line(one[1], plot)]
    drawn = [one for one in drawn if not _is_remark(*one, plot) and not _are_marks(one, drawn)]
    for _, curve in drawn:
        others = [other for _, other in drawn if other is not curve]
        areas.check_slopes(curve)
        curves.check_whole(curve, others, size)
    drawn += _from_areas(fills, drawn, plot)
    if not drawn:
        raise OtherKind(NO_LINES)
    return sorted(drawn, key=lambda one: one[1].xs[0])


def _is_remark(stroke: Stroke, curve: Curve, plot: Plot) -> bool:
    """Return True for grey ink that spans little of the plot: an arrow, a letter."""
    span = plot.ticks[-1].x - plot.ticks[0].x
    return stroke.is_grey and len(curve.xs) < _PART * span


def _is_axis_line(curve: Curve, plot: Plot) -> bool:
    """Return True for a level line at the bottom of the plot."""
    foot = plot.window.bottom - plot.window.top - _AT_FOOT
    return float(np.ptp(curve.ys)) < _LEVEL and float(curve.ys.min()) > foot


def _are_marks(one: tuple[Stroke, Curve], drawn: Sequence[tuple[Stroke, Curve]]) -> bool:
    """Return True for the marks of another line's points, in a colour of their own."""
    xs, ys = one[1].xs, one[1].ys
    if len(xs) > _PART * (xs[-1] - xs[0]):
        return False
    return any(
        other is not one
        and (np.abs(np.interp(xs, other[1].xs, other[1].ys) - ys) <= _ON_LINE).mean() > 0.95
        for other in drawn
    )


def _from_areas(
    fills: Sequence[Stroke], drawn: Sequence[tuple[Stroke, Curve]], plot: Plot
) -> list[tuple[Stroke, Curve]]:
    """Return the edge of the only area, unless a line is drawn on it. Raises CannotRead."""
    bands = [fill for fill in fills if any(areas.is_band_of(fill, curve) for _, curve in drawn)]
    solid = [fill for fill in fills if not any(fill is band for band in bands)]
    if not solid:
        return []
    if len(solid) > 1 or len(drawn) > 1 or bands:
        narrow = all(fill.columns.mean() < _WIDE for fill in solid)
        raise OtherKind(areas.SHAPE) if narrow else CannotRead(STACKED)
    highest_foot = plot.value.bottom - plot.window.top - plot.value.pitch * 1.5
    edge = areas.area_edge(solid[0], highest_foot)
    areas.check_slopes(edge)
    areas.check_cut_off(edge, [tick.x - plot.window.left for tick in plot.ticks])
    curves.check_whole(edge, [], 0)
    if drawn:
        if not areas.is_edge_of(drawn[0][1], edge):
            raise CannotRead(STACKED)
        return []
    return [(solid[0], edge)]


def check_ends(drawn: Sequence[Curve], plot: Plot) -> None:
    """Raise CannotRead when a line goes beyond the labels that were read, or ends at another."""
    left = plot.ticks[0].x - plot.window.left
    right = plot.ticks[-1].x - plot.window.left
    before, behind = (_reach(plot, is_free) for is_free in plot.is_free)
    height = plot.window.bottom - plot.window.top - _AT_BORDER
    top = max(plot.value.top - plot.window.top, _AT_BORDER)
    foot = plot.value.bottom - plot.window.top
    for curve in drawn:
        if curve.xs[0] < left - before or curve.xs[-1] > right + behind:
            raise TicksInDoubt(LABEL_MISSING)
        for x, y, short in (
            (curve.xs[0], curve.ys[0], curve.xs[0] - left > 0.5 * plot.pitch),
            (curve.xs[-1], curve.ys[-1], right - curve.xs[-1] > 0.5 * plot.pitch),
        ):
            others = [other for other in drawn if other is not curve]
            at_border = not top + _AT_LABEL < y < min(foot, height) - _AT_LABEL
            if short and (at_border or any(_touches(other, x, y) for other in others)):
                raise CannotRead(HIDDEN_END)


def _reach(plot: Plot, is_free: bool) -> float:
    """Return how far beyond a tick at the end a line may go; `is_free` is the next place."""
    if not is_gradual(plot.ticks):
        return _NEXT_NAME * plot.pitch
    return plot.pitch - _BEFORE if is_free else _NEXT_TICK * plot.pitch


def _touches(curve: Curve, x: float, y: float) -> bool:
    inside = curve.xs[0] <= x <= curve.xs[-1]
    return inside and abs(curve.at(x) - y) <= 4 + curve.thickness

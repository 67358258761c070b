"""Tell filled areas from lines, and find their upper edges."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.curves import Curve
from vlm_backends.engines.builtin.charts.errors import CannotRead, OtherKind
from vlm_backends.engines.builtin.charts.strokes import Stroke

_THICK = 12.0  # px: what is thicker is no line
_THICK_SHARE = 0.025  # of the window's height
_FILLED = 0.3  # of its pixels that lie in squares of that side
_LEVEL = 1.6  # px: how far the foot of an area may be from its line
_JUMP = 7.0  # px from one column to the next
_QUIET = 1.5  # px: beside a jump of a step, nothing moves
_TREAD = 8.0  # px beside a jump between two dashes: a step is level there
_STEPS = 0.45  # of all that a curve climbs and falls that jumps may make
_EDGE = 4.0  # px between the edge of an area and the line that is drawn on it

_TOP, _LEAST_LEVEL = 0.5, 4.0  # px: how level the top of an area is, and how long if it is cut
_BESIDE = 4.0  # px from a label, and those in which it falls by one: there it has no corner
_ASIDE, _FALLS = 8.0, 0.12  # px beside its top, and how steeply it falls there

CUT_OFF = "what is drawn may be cut off at the edge of the plot"
STEPS = "it climbs in steps, as a histogram or a step chart does"
SHAPE = "a filled shape that is no area on the base line is drawn"


def is_filled(stroke: Stroke) -> bool:
    """Return True for a stroke that is too thick for a line."""
    solid = (stroke.cover > 0.5).astype(np.uint8)
    side = round(max(_THICK, _THICK_SHARE * len(solid)))
    opened = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return float(opened.sum()) > _FILLED * max(1, solid.sum())


def area_edge(stroke: Stroke, highest_foot: float) -> Curve:
    """Return the upper edge of an area. Raises CannotRead for another shape.

    `highest_foot` is the least y at which its foot may stand.
    """
    solid = stroke.cover > 0.5
    xs = np.flatnonzero(solid.any(axis=0))
    tops = solid[:, xs].argmax(axis=0).astype(float)
    feet = (solid.shape[0] - solid[::-1, xs].argmax(axis=0)).astype(float)
    foot = float(np.median(feet))
    level = np.abs(feet - foot) <= _LEVEL
    filled = solid[:, xs].sum(axis=0) >= 0.8 * (feet - tops)
    if level.mean() < 0.95 or filled.mean() < 0.9 or foot < highest_foot:
        raise OtherKind(SHAPE)
    above = stroke.cover[np.maximum(0, tops.astype(int) - 1), xs]
    edges = tops - np.where(tops > 0, above, 0)  # the faint pixel above is partly covered
    return Curve(xs + 0.5, edges, tops, feet)


def check_cut_off(edge: Curve, places: Sequence[float]) -> None:
    """Raise CannotRead when the highest part of an area is level and ends beside the labels.

    There the plot ends, and the values are higher. `places` are the labels', in pixels.
    """
    at_top = edge.ys <= edge.ys.min() + _TOP
    ends = np.flatnonzero(np.diff(np.concatenate([[0], at_top.astype(np.int8), [0]])))
    for start, end in zip(ends[::2], ends[1::2]):
        if edge.xs[end - 1] - edge.xs[start] < _LEAST_LEVEL:
            continue
        for at, side in ((start, -1), (end - 1, 1)):
            x = float(edge.xs[at])
            is_end = at + side < 0 or at + side >= len(edge.xs)
            falls = (edge.at(x + side * _ASIDE) - edge.at(x)) / _ASIDE
            if is_end or falls < _FALLS:
                continue
            if min(abs(x - one) for one in places) > _BESIDE + 1 / falls:
                raise CannotRead(CUT_OFF)


def is_edge_of(line: Curve, area: Curve) -> bool:
    """Return True when a line is drawn on the upper edge of an area."""
    inside = (area.xs >= line.xs[0]) & (area.xs <= line.xs[-1])
    if inside.mean() < 0.9:
        return False
    heights = np.interp(area.xs[inside], line.xs, line.ys)
    steep = np.abs(np.gradient(heights))
    near = np.abs(heights - area.tops[inside]) <= _EDGE + line.thickness + 2 * steep
    return bool(near.mean() > 0.9)


def is_band_of(stroke: Stroke, line: Curve) -> bool:
    """Return True when a filled shape lies around a line, as a band of confidence does."""
    solid = stroke.cover > 0.4
    xs = np.flatnonzero(solid.any(axis=0))
    tops = solid[:, xs].argmax(axis=0)
    feet = solid.shape[0] - solid[::-1, xs].argmax(axis=0)
    heights = np.interp(xs + 0.5, line.xs, line.ys)
    around = (tops <= heights + line.thickness) & (feet >= heights - line.thickness)
    both = (heights - tops > 1).mean() > 0.5 and (feet - heights > 1).mean() > 0.5
    return bool(around.mean() > 0.95 and both)


def _is_joined(curve: Curve) -> np.ndarray:
    """Return which columns share ink with the next: two dots of a steep line do not."""
    apart = np.maximum(curve.tops[1:] - curve.bottoms[:-1], curve.tops[:-1] - curve.bottoms[1:])
    return apart <= 0


def _is_level(curve: Curve) -> np.ndarray:
    """Return where the curve is level at both sides of the way from one column to the next."""
    before = np.interp(curve.xs[:-1] - _TREAD, curve.xs, curve.ys) - curve.ys[:-1]
    behind = np.interp(curve.xs[1:] + _TREAD, curve.xs, curve.ys) - curve.ys[1:]
    return np.maximum(np.abs(before), np.abs(behind)) <= _QUIET


def check_slopes(curve: Curve) -> None:
    """Raise CannotRead for a curve that moves in steps."""
    moves = np.where(np.diff(curve.xs) == 1, np.abs(np.diff(curve.ys)), 0)
    neighbours = np.maximum(np.roll(moves, 2), np.roll(moves, -2))
    heights = curve.bottoms - curve.tops
    usual = float(np.median(heights))
    sudden = (moves > _JUMP) & (neighbours <= _QUIET) & (_is_joined(curve) | _is_level(curve))
    tall = heights - usual > _JUMP
    beside = np.maximum(np.roll(heights, 3), np.roll(heights, -3)) <= usual + _QUIET
    climbs = float(moves.sum())
    jumped = max(float(moves[sudden].sum()), float((heights - usual)[tall & beside].sum()))
    if climbs > 2 * _JUMP and jumped > _STEPS * climbs:
        raise OtherKind(STEPS)

"""Follow the stroke of one colour from left to right, and tell its height at a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.charts.errors import CannotRead, OtherKind

_COVERED = 0.3  # of a pixel: what has less is no part of a run
_SPLIT = 2  # px between two runs of a column
_GAP = 10.0, 0.018  # px and share of the plot's longer side: gaps of dashes
_MAX_SEVERAL = 0.06  # of the columns that may have several runs
_LEAST_COLUMNS = 8  # of a line
_DASH_ENDS = 6  # columns in which two dashes of a steep line may stand above each other
_WEAK = 0.3  # of the usual run: fainter ones are noise
_HIDDEN = 4.0  # px from another line: a gap there is hidden behind it
_NEAR, _FAR = 2.5, 24.0  # px from a tick: where its two segments are measured
_STRAIGHT = 0.9  # px: how far a segment may be from a straight line
_VERTEX = 4.5  # px: how far a corner may be from its tick
_LONG_GAP = 12.0  # px: in a longer one the line that hides this one tells the height
_MARK = 12.0  # px: so high are the marks of points
_INK_AT = 1.5  # px beside a tick, where the height of the ink counts
_UNSEEN = 2.5  # px: in a wider gap at a tick, two sides that do not meet tell no height
_TICK_ERROR = 1.2  # px: how sure the place of a tick is

SEVERAL = "two lines of one colour, or something else than a line, is drawn"
BROKEN = "a line is broken, or hidden behind another"
GAP = "a line is hidden or cut off at a label"
TOO_STEEP = "a line is too steep at a label to be read there"


@dataclass(frozen=True)
class Curve:
    """A line as one height for each column; x and y are in pixels of the window."""

    xs: np.ndarray  # middles of columns, ascending
    ys: np.ndarray
    tops: np.ndarray  # of the ink in each column
    bottoms: np.ndarray

    @property
    def thickness(self) -> float:
        """Return the usual height of the ink in a column."""
        return float(np.median(self.bottoms - self.tops))

    @property
    def longest_gap(self) -> float:
        """Return the widest gap that occurs in it, in columns."""
        return float(np.diff(self.xs).max()) - 1

    def at(self, x: float) -> float:
        """Return the height at x, between the columns."""
        return float(np.interp(x, self.xs, self.ys))


def follow(cover: np.ndarray) -> Curve:
    """Return the curve of a stroke (H×W, 0..1). Raises CannotRead when it is not a single line."""
    columns = [_runs(cover[:, x]) for x in range(cover.shape[1])]
    weights = [weight for runs in columns for *_, weight in runs]
    if not weights:
        raise OtherKind(BROKEN)
    least = _WEAK * float(np.median(weights))
    columns = [[run for run in runs if run[3] >= least] for runs in columns]
    several = _in_long_stretches([len(runs) > 1 for runs in columns])
    present = sum(len(runs) > 0 for runs in columns)
    if several > max(3, _MAX_SEVERAL * present):
        raise OtherKind(SEVERAL)
    points = [(x + 0.5, *runs[0][:3]) for x, runs in enumerate(columns) if len(runs) == 1]
    if len(points) < _LEAST_COLUMNS:
        raise OtherKind(BROKEN)
    xs, ys, tops, bottoms = np.array(points, float).T
    return Curve(xs, ys, tops, bottoms)


def _in_long_stretches(flags: Sequence[bool]) -> int:
    """Count the True values that do not stand in short stretches, as the ends of dashes do."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.array(flags, np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths > _DASH_ENDS].sum())


def _runs(column: np.ndarray) -> list[tuple[float, float, float, float]]:
    """Return middle, top, bottom and weight of each run of ink in a column."""
    rows = np.flatnonzero(column > _COVERED)
    if not len(rows):
        return []
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > _SPLIT) + 1)
    runs = []
    for part in parts:
        start, end = max(0, part[0] - 1), part[-1] + 2  # with the faint pixels at both ends
        weights = column[start:end]
        total = float(weights.sum())
        middle = float(np.dot(np.arange(start, start + len(weights)) + 0.5, weights) / total)
        runs.append((middle, float(part[0]), float(part[-1] + 1), total))
    return runs


def check_whole(curve: Curve, others: list[Curve], size: int) -> None:
    """Raise CannotRead when the curve has gaps that neither dashes nor other lines explain."""
    longest = _GAP[0] + _GAP[1] * size + curve.thickness
    dx = np.diff(curve.xs)
    up = np.maximum(curve.tops[1:] - curve.bottoms[:-1], curve.tops[:-1] - curve.bottoms[1:])
    distance = np.hypot(dx - 1, np.maximum(up, 0))
    for i in np.flatnonzero(distance > longest):
        between = np.arange(float(curve.xs[i]) + 1, float(curve.xs[i + 1]))
        if not any(_covers_gap(other, curve, between) for other in others):
            raise OtherKind(BROKEN)


def _covers_gap(other: Curve, curve: Curve, between: np.ndarray) -> bool:
    """Return True when another line runs where this one would be in a gap."""
    if not len(between) or between[0] < other.xs[0] or between[-1] > other.xs[-1]:
        return False
    mine = np.interp(between, curve.xs, curve.ys)
    theirs = np.interp(between, other.xs, other.ys)
    reach = _HIDDEN + (curve.thickness + other.thickness) / 2
    return bool(np.abs(mine - theirs).max() <= reach)


def height_at(
    curve: Curve, x: float, tolerance: float, others: Sequence[Curve] = ()
) -> float | None:
    """Return the height of a curve at a tick, None where it does not reach.

    Where two straight segments meet near the tick, that corner counts, and where one of the
    `others` hides it, the height of that one. Raises CannotRead when the
    place of the tick is not sure enough to tell the height within `tolerance`, in pixels.
    """
    if x < curve.xs[0] - _VERTEX or x > curve.xs[-1] + _VERTEX:
        return _beyond(curve, x, others)
    behind = _hidden_at(curve, x, others)
    if behind is not None:
        return behind
    left = _segment(curve, x - _FAR, x - _NEAR, x)
    right = _segment(curve, x + _NEAR, x + _FAR, x)
    if left and right:
        corner = _corner(left, right)
        if corner:
            return corner[1]
        if abs(left[1] - right[1]) <= tolerance:
            return (left[1] + right[1]) / 2
        if _is_in_gap(curve, x):
            raise CannotRead(GAP)
        return _middle(curve, x, tolerance)
    at_end = x < curve.xs[0] + _VERTEX or x > curve.xs[-1] - _VERTEX
    inner = left or right
    if at_end and inner:
        return inner[1]
    around = [curve.at(x + d) for d in (-_TICK_ERROR, _TICK_ERROR)]
    if abs(around[0] - around[1]) / 2 > tolerance:
        raise CannotRead(TOO_STEEP)
    return _middle(curve, x, tolerance)


def _middle(curve: Curve, x: float, tolerance: float) -> float:
    """Return the middle of the ink at x. Raises CannotRead where it is too high to tell the line.

    A thick line that goes up and down within few pixels fills more than its own width.
    """
    tall = curve.bottoms - curve.tops
    near = tall[np.abs(curve.xs - x) <= _INK_AT]
    if len(near) and near.max() > max(_MARK, np.percentile(tall, 10) + 2 * tolerance):
        raise CannotRead(TOO_STEEP)
    return curve.at(x)


def _is_in_gap(curve: Curve, x: float) -> bool:
    """Return True where the line is not seen: it is hidden, or cut off at the edge of the plot."""
    behind = int(np.searchsorted(curve.xs, x).clip(1, len(curve.xs) - 1))
    return bool(curve.xs[behind] - curve.xs[behind - 1] > _UNSEEN)


def _hidden_at(curve: Curve, x: float, others: Sequence[Curve]) -> float | None:
    """Return the height of the line that hides this one at x; None where it is seen."""
    behind = int(np.searchsorted(curve.xs, x).clip(1, len(curve.xs) - 1))
    start, end = float(curve.xs[behind - 1]), float(curve.xs[behind])
    if end - start < _LONG_GAP:
        return None
    between = np.arange(start + 1, end)
    return next((one.at(x) for one in others if _covers_gap(one, curve, between)), None)


def _beyond(curve: Curve, x: float, others: Sequence[Curve]) -> float | None:
    """Return the height just beyond an end, where a last dash may be missing; None farther away.

    An end may also be hidden: the line runs into another one that goes on to the tick.
    """
    end = float(curve.xs[0] if x < curve.xs[0] else curve.xs[-1])
    if abs(x - end) > curve.longest_gap + _VERTEX:
        return _hidden_end(curve, end, x, others) if abs(x - end) <= _FAR else None
    inner = _segment(curve, end - _FAR, end + _FAR, x)
    if not inner:
        raise OtherKind(BROKEN)
    return inner[1]


def _hidden_end(curve: Curve, end: float, x: float, others: Sequence[Curve]) -> float | None:
    """Return the height of the line behind which this one, gone on straight, reaches x."""
    inner = _segment(curve, end - _FAR, end + _FAR, x)
    if not inner:
        return None
    way = np.linspace(end, x, 8)
    mine = inner[1] + inner[0] * (way - x)
    for other in others:
        reach = _HIDDEN + (curve.thickness + other.thickness) / 2
        near = np.abs(np.interp(way, other.xs, other.ys) - mine).max() <= reach
        if near and other.xs[0] <= x + _VERTEX and x - _VERTEX <= other.xs[-1]:
            return other.at(x)
    return None


def _segment(curve: Curve, start: float, end: float, x: float) -> tuple[float, float] | None:
    """Return slope, and height at x, of the straight segment between two places; None if bent."""
    inside = (curve.xs >= start) & (curve.xs <= end)
    if inside.sum() < 6:
        return None
    xs, ys = curve.xs[inside] - x, curve.ys[inside]
    slope, height, off = _fitted(xs, ys)
    near = off <= max(_STRAIGHT, 1.5 * float(np.median(off)))
    if 6 <= near.sum() < len(near):
        slope, height, off = _fitted(xs[near], ys[near])
    allowed = _STRAIGHT * max(1.0, abs(slope) / 4)
    return (slope, height) if np.median(off) <= allowed else None


def _fitted(xs: np.ndarray, ys: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return slope and height at 0 of the line through points, and their distances from it."""
    slope, height = np.polyfit(xs, ys, 1)
    return float(slope), float(height), np.abs(slope * xs + height - ys)


def _corner(left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float] | None:
    """Return where two segments meet, relative to the tick, if near it; None when they do not."""
    turn = left[0] - right[0]
    if abs(turn) < 0.12:
        return None
    dx = (right[1] - left[1]) / turn
    return (dx, left[1] + left[0] * dx) if abs(dx) <= _VERTEX else None

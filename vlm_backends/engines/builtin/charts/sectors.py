"""Find the disc or ring of a pie chart, and the colours and angles of its sectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.errors import CannotRead, OtherKind

_INK = 24.0  # distance in CIELAB (0..255 each) from the ground
_CLOSE = 7  # px: thinner gaps between sectors are closed
_MIN_RADIUS = 30  # px
_MIN_SIZE = 0.25  # of the picture's shorter side that the disc is high
_SQUARE = 0.03  # of its size: how far a disc's sides may differ
_ROUND = 0.025  # of the radius: how far its rim may be from a circle
_ON_CIRCLE = 0.93  # of the rim's pixels that lie on it
_FROM_RIM = 3.0  # px
_STEPS = 1440  # angles at which the ring is looked at
_SAME = 9.0  # distance in CIELAB between neighbours of one sector
_NARROW = 14  # steps: what is narrower is an edge between sectors
_PURE = 0.85  # of a sector that has its one colour, print aside
_MAX_SECTORS = 30
_HOLE, _MOST_INK = (0.3, 0.4, 0.5, 0.6, 0.7), 0.6  # radii of a hole; print fills less of them
_ERROR = 2.0  # px of the rim: how far a side may be off

NO_DISC = "no disc of a pie was found"
NO_SECTORS = "the disc has no sectors of one colour each"
RINGS = "the disc has several rings"


@dataclass(frozen=True)
class Sector:
    """One part of a pie; angles are in turns, clockwise from the top."""

    start: float
    share: float
    colour: np.ndarray  # RGB

    def holds(self, angle: float, margin: float = 0.0) -> bool:
        """Return True for an angle inside of it, `margin` away from its sides."""
        return margin <= (angle - self.start) % 1 <= self.share - margin


@dataclass(frozen=True)
class Disc:
    """A pie: centre and radius in pixels, its sectors, and its hole as a share of the radius."""

    x: float
    y: float
    radius: float
    hole: float
    sectors: tuple[Sector, ...]

    def polar(self, x: float, y: float) -> tuple[float, float]:
        """Return a point's angle in turns, clockwise from the top, and its distance in radii."""
        dx, dy = x - self.x, y - self.y
        return float(np.arctan2(dx, -dy) / (2 * np.pi)) % 1, float(np.hypot(dx, dy)) / self.radius

    @property
    def error(self) -> float:
        """Return how many percent a measured share may be off: both of its sides are measured."""
        return 100 * 2 * _ERROR / (2 * np.pi * self.radius)

    @property
    def decimals(self) -> int:
        """Return how many decimals of a percentage a pixel of the rim can tell apart."""
        return 1 if 2 * np.pi * self.radius > 600 else 0


def find_disc(rgb: np.ndarray) -> Disc:
    """Return the pie of a picture (H×W×3, uint8). Raises CannotRead."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    ground = _border_colour(lab)
    ink = (np.linalg.norm(lab - ground, axis=2) > _INK).astype(np.uint8)
    x, y, radius = _circle(ink)
    inner = _hole(lab, ground, x, y, radius)
    _check_hole(lab, ground, x, y, inner * radius)
    colours = _ring(lab, x, y, radius, _rim(radius))
    sectors = _sectors(colours, ground)
    _check_pure(lab, x, y, radius, inner, sectors, colours)
    shades = cv2.cvtColor(np.array([[one[2] for one in sectors]], np.uint8), cv2.COLOR_LAB2RGB)[0]
    parts = [
        Sector(start / _STEPS, count / _STEPS, shade)
        for (start, count, _), shade in zip(sectors, shades)
    ]
    return Disc(x, y, radius, inner, tuple(parts))


def _border_colour(lab: np.ndarray) -> np.ndarray:
    edge = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    return np.median(edge, axis=0)


def _circle(ink: np.ndarray) -> tuple[float, float, float]:
    """Return centre and radius of the largest round piece of ink. Raises CannotRead."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSE, _CLOSE))
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, kernel)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    least = max(2 * _MIN_RADIUS, _MIN_SIZE * min(ink.shape))
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True)[:3]:
        x, y, width, height = cv2.boundingRect(outline)
        if min(width, height) < least or abs(width - height) > _SQUARE * max(width, height):
            continue
        radius = (width + height) / 4
        middle = np.array([x + width / 2, y + height / 2])
        distance = np.linalg.norm(outline[:, 0] + 0.5 - middle, axis=1)
        if (np.abs(distance - radius) <= _ROUND * radius + 1).mean() >= _ON_CIRCLE:
            return float(middle[0]), float(middle[1]), float(radius)
    raise OtherKind(NO_DISC)


def _ring(lab: np.ndarray, x: float, y: float, radius: float, parts: Sequence[float]) -> np.ndarray:
    """Return the colour at each angle (steps × 3), the median of several distances in radii."""
    angles = (np.arange(_STEPS) + 0.5) * 2 * np.pi / _STEPS
    samples = []
    for part in parts:
        columns = np.clip(x + part * radius * np.sin(angles), 0, lab.shape[1] - 1).astype(int)
        rows = np.clip(y - part * radius * np.cos(angles), 0, lab.shape[0] - 1).astype(int)
        samples.append(lab[rows, columns])
    return np.median(samples, axis=0)


def _hole(lab: np.ndarray, ground: np.ndarray, x: float, y: float, radius: float) -> float:
    """Return the share of the radius that is a hole of the ground's colour; 0 for a full disc."""
    for part in np.arange(0.9, 0.08, -0.02):
        ring = _ring(lab, x, y, radius, (float(part),))
        if (np.linalg.norm(ring - ground, axis=1) < _INK).mean() > 0.8:
            return float(part)
    return 0.0


def _check_hole(lab: np.ndarray, ground: np.ndarray, x: float, y: float, radius: float) -> None:
    """Raise CannotRead when more than print is drawn in a hole, whose radius is given in pixels."""
    inked = [
        (np.linalg.norm(_ring(lab, x, y, radius, (part,)) - ground, axis=1) > _INK).mean()
        for part in _HOLE
    ]
    if radius and np.median(inked) > _MOST_INK:
        raise CannotRead(RINGS)


def _rim(radius: float) -> tuple[float, ...]:
    """Return the distances, in radii, at which a rim is looked at: beyond the print."""
    outer = 1 - max(_FROM_RIM / radius, 0.02)
    return tuple(np.linspace(outer - 0.04, outer, 5))


def _sectors(colours: np.ndarray, ground: np.ndarray) -> list[tuple[float, float, np.ndarray]]:
    """Return start and length, in steps, and colour of each sector. Raises CannotRead."""
    change = np.linalg.norm(colours - np.roll(colours, 1, axis=0), axis=1) > _SAME
    starts = np.flatnonzero(change)
    if len(starts) < 2:
        raise OtherKind(NO_SECTORS)
    runs = []
    for start, end in zip(starts, [*starts[1:], starts[0] + _STEPS]):
        colour = np.median(colours[np.arange(start, end) % _STEPS], axis=0)
        runs.append((int(start), int(end), colour))
    wide = [
        run
        for run in runs
        if run[1] - run[0] >= _NARROW or (run[1] - run[0] >= 5 and _is_new(run, runs, ground))
    ]
    wide = _without_print(wide, colours, ground)
    if not 2 <= len(wide) <= _MAX_SECTORS:
        raise OtherKind(NO_SECTORS)
    if any(np.linalg.norm(run[2] - ground) < _INK for run in wide):
        raise OtherKind(NO_SECTORS)
    sides = []
    for before, run in zip([wide[-1], *wide[:-1]], wide):
        gap = (run[0] - before[1]) % _STEPS
        sides.append(run[0] - gap / 2)
    return [
        (side % _STEPS, (after - side) % _STEPS, run[2])
        for side, after, run in zip(sides, [*sides[1:], sides[0] + _STEPS], wide)
    ]


def _without_print(
    runs: list[tuple[int, int, np.ndarray]], colours: np.ndarray, ground: np.ndarray
) -> list[tuple[int, int, np.ndarray]]:
    """Join runs of one colour that print parts; an edge between sectors has the ground's colour."""
    joined: list[tuple[int, int, np.ndarray]] = []
    for run in runs:
        before = joined[-1] if joined else runs[-1]
        gap = np.arange(before[1], run[0] if joined else run[0] + _STEPS) % _STEPS
        same = np.linalg.norm(before[2] - run[2]) < _SAME
        off = np.linalg.norm(colours[gap] - ground, axis=1).min(initial=np.inf)
        is_print = off > 0.5 * np.linalg.norm(run[2] - ground)
        if same and is_print and joined:
            joined[-1] = before[0], run[1], before[2]
        elif same and is_print and len(runs) > 1:  # across the top of the disc
            last = runs[-1]
            runs[-1] = last[0], run[1] + _STEPS, last[2]
        else:
            joined.append(run)
    return joined


def _is_new(run: tuple, runs: Sequence[tuple], ground: np.ndarray) -> bool:
    """Return True for a narrow run whose colour is no mix of its neighbours' and no edge's."""
    others = [other for other in runs if other is not run and other[1] - other[0] >= 5]
    same = any(np.linalg.norm(other[2] - run[2]) < 2 * _SAME for other in others)
    return not same and float(np.linalg.norm(run[2] - ground)) > 2 * _INK


def _check_pure(
    lab: np.ndarray,
    x: float,
    y: float,
    radius: float,
    hole: float,
    sectors: Sequence[tuple[float, float, np.ndarray]],
    colours: np.ndarray,
) -> None:
    """Raise CannotRead unless sectors keep their colours from the rim to the hole."""
    expected = np.empty_like(colours)
    for start, count, colour in sectors:
        expected[np.arange(round(start), round(start + count)) % _STEPS] = colour
    if (np.linalg.norm(colours - expected, axis=1) < 2 * _SAME).mean() < _PURE:
        raise OtherKind(NO_SECTORS)
    parts = np.linspace(max(0.3, hole + 0.15 * (1 - hole)), 0.8, 6)
    agree = [
        (np.linalg.norm(_ring(lab, x, y, radius, (part,)) - expected, axis=1) < 2 * _SAME).mean()
        for part in parts
    ]
    if np.median(agree) < _PURE - 0.15:
        raise OtherKind(RINGS)

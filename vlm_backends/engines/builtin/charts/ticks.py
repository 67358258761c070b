"""Place tick labels: at their tick marks or grid lines, or evenly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.errors import LabelsSlanted, TicksInDoubt
from vlm_backends.engines.builtin.charts.plot_area import PrintedLine

_REACH = 7.0  # px from a label's anchor in which its tick mark is looked for
_PRINT = 60.0  # distance in RGB (0..441) of print from its ground
_CONTRAST = 18.0  # by which a mark differs from the columns beside it, of 441
_UNEVEN = 0.12  # of the pitch: what is farther from even places is no row of ticks
_EVEN = 0.03  # of the pitch: what is closer to even places is moved there
_MAX_OFFSET = 4.0  # px: how far a number may be from its place on a straight axis
_PUSHED = 0.35  # of the pitch: how far Vega moves the labels at the ends of an axis inwards
_IDEOGRAPH = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
_DATE = re.compile(
    r".*\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\d{4}[-/.]\d\d|\d\d?[-/.:]\d\d", re.I
)
_MONTH = re.compile(r"([A-Za-z]{3,9}\.?) ?(['’‘`´]?) ?([0-9]{2})")
UNEVEN = "the labels below the plot are not evenly spaced: one may not have been read"
SLANTED = "the labels below the plot are slanted, and no marks tell which place each one names"
SAME = "two labels below the plot read the same"
OTHER_SCRIPT = "a label below the plot is in another script than the others, and may be misread"
NOT_STRAIGHT = "the numbers below the plot do not lie on a straight axis"


@dataclass(frozen=True)
class Tick:
    """A label below the plot and the x of the place that it names, in pixels."""

    x: float
    name: str


def place_ticks(
    rgb: np.ndarray,
    row: Sequence[PrintedLine],
    top: float,
    ends: tuple[float, float] | None = None,
) -> list[Tick]:
    """Return the ticks of a row of labels, from left to right, in a picture (H×W×3, uint8).

    `top` is the y of the plot's top. The `ends` of what is drawn, if known, count where slanted
    labels have no marks. Raises CannotRead when a place is in doubt.
    """
    names = _alike([line.box.text for line in row])
    if len(set(names)) < len(names):
        raise TicksInDoubt(SAME)
    foreign = sum(not name.isascii() for name in names)
    if 0 < foreign < len(names) / 3 and any(_IDEOGRAPH.search(name) for name in names):
        raise TicksInDoubt(OTHER_SCRIPT)
    marks = find_marks(rgb, row, top)
    slanted = any(line.is_slanted for line in row)
    anchors = _anchors(row, slanted)
    choices = [_snap(one, marks) for one in anchors]
    places, found = min(choices, key=lambda choice: -np.mean(choice[1]))
    sure = bool(np.mean(found) >= 0.6)
    if slanted and not sure:
        places = _between(anchors, ends)
    return [Tick(float(x), name) for x, name in zip(_straightened(places, names, sure), names)]


def _alike(names: Sequence[str]) -> list[str]:
    """Return the names of months with the apostrophe that some of them have before the year.

    It is so small that it is often not read.
    """
    months = [_MONTH.fullmatch(name) for name in names]
    parts = [month.groups() for month in months if month]
    if len(parts) < len(names) or not any(sign for _, sign, _ in parts):
        return list(names)
    return [f"{month} '{year}" for month, _, year in parts]


def is_gradual(ticks: Sequence[Tick]) -> bool:
    """Return True for numbers and dates, between whose ticks there may be points."""
    return all(axes.number(tick.name) is not None or _DATE.match(tick.name) for tick in ticks)


def is_place_free(rgb: np.ndarray, row: Sequence[PrintedLine], top: float, x: float) -> bool:
    """Return True when neither a mark nor print stands at an x below the plot."""
    marks = find_marks(rgb, row, top)
    if len(marks) and np.abs(marks - x).min() <= _REACH / 2:
        return False
    half = float(np.median([line.box.width for line in row])) / 2
    rows = slice(
        round(min(line.box.top for line in row)), round(max(line.box.bottom for line in row))
    )
    part = rgb[rows, max(0, round(x - half)) : max(0, round(x + half))].astype(np.float32)
    if not part.size:
        return True
    ground = np.median(part.reshape(-1, 3), axis=0)
    return bool(np.linalg.norm(part - ground, axis=2).max() <= _PRINT)


def _anchors(row: Sequence[PrintedLine], slanted: bool) -> list[np.ndarray]:
    """Return the places that the labels may name: their middles; of slanted ones, ends too."""
    middles = np.array([line.box.x for line in row])
    if not slanted:
        return [middles]
    inset = np.array([0.35 * _thickness(line) for line in row])
    rising = np.array([line.angle < 0 for line in row])
    lefts = np.array([line.box.left for line in row]) + inset
    rights = np.array([line.box.right for line in row]) - inset
    tips = np.array([line.tip for line in row])
    return [np.where(rising, rights, lefts), tips, middles]


def _between(choices: Sequence[np.ndarray], ends: tuple[float, float] | None) -> np.ndarray:
    """Return even places from one end to the other, if labels name such ones. Raises CannotRead."""
    if ends:
        even = np.linspace(*ends, len(choices[0]))
        if any(np.abs(anchors - even).max() <= _REACH for anchors in choices):
            return even
    raise LabelsSlanted(SLANTED)


def _thickness(line: PrintedLine) -> float:
    """Return the height of slanted letters, from the upright box of a line at some angle."""
    turn = np.radians(abs(line.angle))
    along, across = np.cos(turn), np.sin(turn)
    width, height = line.box.width, line.box.height
    det = along**2 - across**2
    if abs(det) < 0.2:  # near 45° the box does not tell: a usual letter
        return min(width, height) * 0.3
    return float(np.clip((along * height - across * width) / det, 4, min(width, height)))


def find_marks(rgb: np.ndarray, row: Sequence[PrintedLine], top: float) -> np.ndarray:
    """Return the x of each upright mark just above the labels, and of each grid line."""
    below = int(min(line.box.top for line in row))
    grey = rgb.astype(np.float32)
    # boxes of slanted print are wide, and their tops lie over the marks
    overlap = (-4, -2) if any(line.is_slanted for line in row) else ()
    strips = [
        grey[max(0, below - k - 4) : max(1, below - k)] for k in (*overlap, 0, 1, 3, 5, 7, 9, 12)
    ]
    strips.append(grey[int(max(0, top)) : max(1, below - 12)])
    found: set[float] = set()
    for strip in strips:
        if strip.shape[0] < 3:
            continue
        column = np.median(strip, axis=0)
        found |= _narrow_peaks(column)
    return np.array(sorted(found))


def _narrow_peaks(columns: np.ndarray) -> set[float]:
    """Return the middles of columns (W×3) that differ from those a few pixels to both sides."""
    far = 5
    padded = np.pad(columns, ((far, far), (0, 0)), mode="edge")
    left = np.linalg.norm(columns - padded[: -2 * far], axis=1)
    right = np.linalg.norm(columns - padded[2 * far :], axis=1)
    strength = np.minimum(left, right)
    strong = strength > _CONTRAST
    edges = np.flatnonzero(np.diff(np.concatenate([[0], strong.astype(np.int8), [0]])))
    found = set()
    for start, end in zip(edges[::2], edges[1::2]):
        if end - start <= far:
            weights = strength[start:end]
            found.add(float(np.dot(np.arange(start, end) + 0.5, weights) / weights.sum()))
    return found


def _snap(anchors: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each anchor moved to the nearest mark in reach, and which were moved."""
    if not len(marks):
        return anchors, np.zeros(len(anchors), bool)
    nearest = marks[np.abs(marks[None] - anchors[:, None]).argmin(axis=1)]
    near = np.abs(nearest - anchors) <= _REACH
    return np.where(near, nearest, anchors), near


def _straightened(places: np.ndarray, names: Sequence[str], sure: bool) -> np.ndarray:
    """Return places on a straight axis where they are close to one; raise where one is due."""
    numbers = [axes.number(name) for name in names]
    if len(names) > 2 and all(number is not None for number in numbers):
        return _on_straight_axis(places, np.array(numbers, float))
    order = np.arange(len(places))
    even = np.polyval(np.polyfit(order, places, 1), order)
    pitch = float(np.median(np.diff(places)))
    off = np.abs(even - places).max()
    if pitch <= 0 or off > max(_UNEVEN * pitch, 3.0):
        raise TicksInDoubt(UNEVEN)
    return places if sure and off > _EVEN * pitch else even


def _on_straight_axis(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the places of evenly spaced numbers; the first and last label may be pushed inwards.

    Raises TicksInDoubt where they are on no straight axis.
    """
    steps = np.diff(values)
    if steps.max() > 1.01 * steps.min():
        raise TicksInDoubt(UNEVEN)
    inner = slice(1, -1) if len(values) > 4 else slice(None)
    line = np.polyfit(values[inner], places[inner], 1)
    straight = np.polyval(line, values)
    off = np.abs(straight - places)
    pushed = _PUSHED * abs(line[0]) * steps[0] if len(values) > 4 else _MAX_OFFSET
    if line[0] <= 0 or off[inner].max() > _MAX_OFFSET or off.max() > pushed:
        raise TicksInDoubt(NOT_STRAIGHT)
    return straight

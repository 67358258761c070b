"""Read short labels under upright bars again, each one cut out, at the angles that charts use.

The box of a slanted "Q1" is about as wide as high, so that its shape does not tell how it runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.charts.bars import Layout, Stack
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr.recognition import Reading, checked, read_strip

_ANGLES = (0, -45, 45, -30, 30, -60, 60, -90, 90)  # degrees, clockwise
_SURE = 0.9  # how sure each label has to be
_INK = 60.0  # distance in RGB (0..441) from the ground
_TICK = 14  # px: the mark of a tick ends within it
_APART = 2  # px without ink between a label and what stands below it, at least
_LETTERS = 0.35  # of its height: upright letters of one label may be that far apart
_OWN_PLACE = 0.5  # pitches: how far a label is from the middle of its bar at most
_WORDS = 0.3  # of the widest gap: a gap that is narrower is one within a label
_PAD = 0.2  # of a label's height, around it


def read_short_labels(
    rgb: np.ndarray, layout: Layout, cancel: CancelToken | None = None
) -> list[TextLine]:
    """Return the labels under the bars of a picture (H×W×3, uint8), one for each category.

    They count where two angles or more read the same, all of it surely: print of other scripts, and
    digits upside down, are sure at one angle that is wrong. Empty when there is not one piece of
    print for each place.
    """
    places = _places(layout.stacks)
    if layout.is_rotated or len(places) < 2:
        return []
    marks = _marks(rgb, layout, places)
    pieces = _pieces(marks, places) if len(marks) else []
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    ways = []
    for angle in _ANGLES:
        if cancel and cancel.is_set():
            return []
        ways += [way] if (way := _sure_readings(bgr, pieces, np.radians(angle))) else []
    if len(ways) < 2 or len({tuple(one.text for one in way) for way in ways}) > 1:
        return []
    best = max(ways, key=lambda way: sum(one.score for one in way))
    return [
        TextLine(one.text, one.score, tuple((float(x), float(y)) for x, y in one.quad))
        for one in best
    ]


def _sure_readings(bgr: np.ndarray, pieces: Sequence[np.ndarray], angle: float) -> list[Reading]:
    """Return what the labels read at an angle, in radians; empty as soon as one is not sure."""
    readings = []
    for piece in pieces:
        reading = _read(bgr, piece, angle)
        if reading.score < _SURE or not checked(bgr, reading).is_sure:
            return []
        readings.append(reading)
    return readings


def _marks(rgb: np.ndarray, layout: Layout, places: np.ndarray) -> np.ndarray:
    """Return the pixels (N×2, x and y) of the first row of print below the bars.

    Empty when a label goes on beyond the places.
    """
    low = max(stack.bottom for stack in layout.stacks) + 1
    half = _pitch(places) / 2
    left = max(0, round(places[0] - half))
    strip = rgb[low:, left : round(places[-1] + half)].astype(np.float32)
    if not strip.size:
        return np.empty((0, 2))
    ink = np.linalg.norm(strip - np.median(strip.reshape(-1, 3), axis=0), axis=2) > _INK
    blank = ~ink.any(axis=1)
    start = next(iter(np.flatnonzero(blank[:_TICK])), len(blank))
    rest = start + np.flatnonzero(~blank[start:])
    if not len(rest):
        return np.empty((0, 2))
    row = _first_row(rest)
    if ink[row[0] : row[-1] + 1, [[0], [-1]]].any():
        return np.empty((0, 2))
    ys, xs = np.nonzero(ink[row[0] : row[-1] + 1])
    return np.stack([xs + left, ys + low + row[0]], axis=1).astype(float)


def _first_row(inked: np.ndarray) -> np.ndarray:
    """Return those of the inked rows that the first line of labels has."""
    first, *others = np.split(inked, np.flatnonzero(np.diff(inked) > _APART) + 1)
    row = [first]
    for other in others:
        letter = len(row[-1])
        if other[0] - row[-1][-1] > max(_APART, _LETTERS * letter) + 1:
            break
        row.append(other)
    return np.concatenate(row)


def _places(stacks: Sequence[Stack]) -> np.ndarray:
    """Return the middle of each category: of each bar, or of as many as there are colours."""
    middles = np.array([stack.middle for stack in stacks])
    colours = {stack.parts[0].colour for stack in stacks}
    count = len(colours) if all(len(stack.parts) == 1 for stack in stacks) else 1
    return middles.reshape(-1, count).mean(axis=1) if len(middles) % count == 0 else np.empty(0)


def _pitch(middles: np.ndarray) -> float:
    return float(np.median(np.diff(middles))) if len(middles) > 1 else 0.0


def _pieces(marks: np.ndarray, places: np.ndarray) -> list[np.ndarray]:
    """Return the pixels of each place's label; empty where print does not fall into as many."""
    marks = marks[np.argsort(marks[:, 0])]
    gaps = np.diff(marks[:, 0])
    widest = np.argsort(gaps)[len(gaps) - (len(places) - 1) :]
    if gaps[widest].min() < _WORDS * gaps[widest].max():  # it is a gap between words
        return []
    pieces = np.split(marks, np.sort(widest) + 1)
    middles = np.array([(piece[0, 0] + piece[-1, 0]) / 2 for piece in pieces])
    return pieces if np.abs(middles - places).max() <= _OWN_PLACE * _pitch(places) else []


def _read(bgr: np.ndarray, marks: np.ndarray, angle: float) -> Reading:
    """Read what is drawn by these pixels (N×2) as print that runs at an angle, in radians."""
    along = np.array([np.cos(angle), np.sin(angle)])
    axes = np.stack([along, np.array([-along[1], along[0]])])
    across = marks @ axes.T
    (left, top), (right, bottom) = across.min(axis=0), across.max(axis=0) + 1
    pad = _PAD * (bottom - top)
    corners = np.array([
        (left - pad, top - pad), (right + pad, top - pad),
        (right + pad, bottom + pad), (left - pad, bottom + pad),
    ])  # fmt: skip
    return read_strip(bgr, (corners @ axes).astype(np.float32))

"""Read labels of an axis again, each one cut out: close ones are easily joined, others missed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts.labels import TextBox
from vlm_backends.engines.builtin.charts.plot_area import PrintedLine
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr.networks import spell
from vlm_backends.engines.builtin.ocr.recognition import MIN_SCORE

_NEAR = 3.0  # px: how far a mark may be from its place
_BEYOND = 1  # places before and behind the labels that were read, which may hold one more
_MAX_PLACES = 40
_JOINED = 1.6  # usual widths: a wider label may be two that were joined
_LEAST_PITCH = 8.0  # px
_LEAST_SIDE = 4  # px
_APART = 0.35  # heights of a letter between two labels
_INK = 60.0  # distance in RGB (0..441) from the ground
_WIDER = 0.15  # of a label's width at both sides: so surely all of it is read again
_EDGE = 2  # px around the ink of a label


def even_places(row: Sequence[PrintedLine], marks: np.ndarray, width: int) -> np.ndarray:
    """Return where labels are due, from those that were read and from the marks of ticks."""
    wide = _JOINED * float(np.median([line.box.width for line in row]))
    middles = np.array([line.box.x for line in row if line.box.width <= wide])
    pitch = _pitch(middles)
    if pitch < _LEAST_PITCH:
        return np.empty(0)
    snapped = _near_marks(middles, marks)
    fixed = snapped if len(snapped) > 1 else middles
    steps = np.round((fixed - fixed[0]) / pitch)
    if len(set(steps)) > 1:
        pitch, start = np.polyfit(steps, fixed, 1)
    else:
        start = fixed[0]
    steps = np.round((np.array([line.box.x for line in row]) - start) / pitch)
    first, last = int(steps.min()), int(steps.max())
    while _has_mark(start + (first - 1) * pitch, marks):
        first -= 1
    while _has_mark(start + (last + 1) * pitch, marks):
        last += 1
    first, last = first - _BEYOND, last + _BEYOND
    places = start + pitch * np.arange(first, last + 1)
    return places[(places > 0) & (places < width)][:_MAX_PLACES]


def _pitch(places: np.ndarray) -> float:
    """Return the distance of which most distances between neighbours are multiples."""
    gaps = np.diff(np.sort(places))
    gaps = gaps[gaps > _LEAST_PITCH]
    if not len(gaps):
        return 0.0
    fits = [np.abs(gaps / gap - np.round(gaps / gap)).mean() for gap in gaps]
    best = float(gaps[int(np.argmin(fits))])
    return float(gaps.sum() / np.round(gaps / best).clip(1).sum())


def _near_marks(places: np.ndarray, marks: np.ndarray) -> np.ndarray:
    if not len(marks):
        return np.empty(0)
    nearest = marks[np.abs(marks[None] - places[:, None]).argmin(axis=1)]
    return nearest[np.abs(nearest - places) <= 2 * _NEAR]


def _has_mark(x: float, marks: np.ndarray) -> bool:
    return bool(len(marks)) and bool(np.abs(marks - x).min() <= _NEAR)


def read_row(rgb: np.ndarray, row: Sequence[PrintedLine], places: np.ndarray) -> list[PrintedLine]:
    """Return the labels at these places in the row's height, read one by one.

    Upright labels are turned before. Empty when one between the first and the last is not sure.
    """
    letter = float(np.median([line.box.letter for line in row]))
    turned = all(abs(line.angle) > 60 for line in row if len(line.box.text) > 1)
    top = max(0, round(float(np.median([line.box.top for line in row]))) - 1)
    low = max if turned else np.median
    bottom = round(float(low([line.box.bottom for line in row]))) + 1
    half = float(np.diff(places).min()) / 2
    found: list[PrintedLine | None] = []
    for x in places:
        part = rgb[top:bottom, max(0, round(x - half)) : round(x + half)]
        text, angle = _upright(part, letter) if turned else (_read(_alone(part, letter)), 0.0)
        wide = letter / 2 if turned else 0.3 * letter * len(text)
        box = TextBox(text, x - wide, top + 1, x + wide, bottom - 1)
        found.append(PrintedLine(box, angle) if text else None)
    while found and not found[0]:
        del found[0]
    while found and not found[-1]:
        del found[-1]
    lines = [line for line in found if line]
    foreign = sum(not line.box.text.isascii() for line in lines)
    if len(lines) < len(found) or 0 < foreign < len(lines) / 2:
        return []  # one label in another script than the others is misread
    return lines


def to_text_line(line: PrintedLine, scale: float) -> TextLine:
    """Return a label that was read one by one with its corners in a picture scaled by `scale`."""
    box = line.box
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    if line.angle:
        quad = (left, bottom), (left, top), (right, top), (right, bottom)
        quad = quad if line.angle < 0 else (quad[2], quad[3], quad[0], quad[1])
    else:
        pad = _WIDER * box.width
        left, right = left - pad, right + pad
        quad = (left, top), (right, top), (right, bottom), (left, bottom)
    return TextLine(box.text, 1.0, tuple((x / scale, y / scale) for x, y in quad))


def _upright(part: np.ndarray, letter: float) -> tuple[str, float]:
    """Return print that runs upwards, or else downwards, and its angle in degrees."""
    for turns in (-1, 1):
        text = _read(_beginning(np.rot90(part, turns), letter, turns == -1))
        if text:
            return text, 90.0 * turns
    return "", 0.0


def _alone(part: np.ndarray, letter: float) -> np.ndarray | None:
    """Return the label in the middle of a piece, without what its neighbours leave at the sides."""
    groups = _groups(part, _APART * letter)
    width = part.shape[1]
    inner = [(start, end) for start, end in groups if start > 0 and end < width]
    groups = inner or groups
    return _cut(part, groups[0][0], groups[-1][1]) if groups else None


def _beginning(part: np.ndarray, letter: float, is_right: bool) -> np.ndarray | None:
    """Return the print that begins at the plot's side of a piece, without a title behind it."""
    groups = _groups(part, letter)
    if not groups:
        return None
    start, end = groups[-1 if is_right else 0]
    return _cut(part, start, end)


def _groups(part: np.ndarray, gap: float) -> list[tuple[int, int]]:
    """Return where print begins and ends, in parts that are `gap` columns apart."""
    inked = np.flatnonzero(_ink(part).any(axis=0))
    if not len(inked):
        return []
    parts = np.split(inked, np.flatnonzero(np.diff(inked) > gap) + 1)
    return [(int(one[0]), int(one[-1]) + 1) for one in parts]


def _ink(part: np.ndarray) -> np.ndarray:
    ground = np.median(part.reshape(-1, 3), axis=0)
    return np.linalg.norm(part - ground, axis=2) > _INK


def _cut(part: np.ndarray, start: int, end: int) -> np.ndarray:
    """Return the columns of a label, and its rows of ink with a margin."""
    rows = np.flatnonzero(_ink(part[:, start:end]).any(axis=1))
    top, bottom = max(0, rows[0] - _EDGE), rows[-1] + 1 + _EDGE
    return part[top:bottom, max(0, start - _EDGE) : end + _EDGE]


def _read(strip: np.ndarray | None) -> str:
    """Return the print of one level line; nothing when it is not sure."""
    if strip is None or min(strip.shape[:2]) < _LEAST_SIDE:
        return ""
    text, sure, _ = spell(np.ascontiguousarray(strip[..., ::-1]))
    text = text.strip(" -–—_·|'")
    return text if len(sure) and float(sure.mean()) >= MIN_SCORE else ""

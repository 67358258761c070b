"""Find the names of lines: in a legend beside a sample of the colour, or at the lines' ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.curves import Curve
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import TextBox
from vlm_backends.engines.builtin.charts.strokes import (
    Drawing,
    Stroke,
    Window,
    is_coloured,
    lab_distance,
    most_frequent,
)
from vlm_backends.media.geometry import Box

# in heights of a letter
_SAMPLE_REACH = 3.6  # how far left of its words a sample begins
_INTO_WORDS = 3.2  # the box of the words often begins with the sample
_TO_WORDS = 1.6  # how far left of its words a sample ends
_ABOVE_BELOW = 0.62  # of the middle of the words: a sample ends there
_MIN_SAMPLE = 0.45  # the least width of a sample
_ASIDE, _HIGHER = 3.0, 0.75  # how far a name may be from the end of its line
_ALIGNED = 0.35  # entries of one legend begin or stand within this distance

_CUT, _EDGE = 0.3, 3.0  # heights of a letter and px: so near to an edge, a name may be cut off
_TOUCHES = 3  # px before an edge: letters that end there may be cut off
_STEP = 18.0  # distance in RGB (0..441) between the two sides of an edge
_INK = 45.0  # distance in RGB (0..441) from the ground of a sample
_ONE_HUE = 0.94  # cosine between the directions of two colours from their ground
_ALIKE = 40.0  # distance in CIELAB (0..255 each) between a sample and its line
_CLEARLY = 1.5  # times farther is the next line's colour

NO_NAMES = "several lines are drawn, and no legend tells which is which"
MORE_NAMES = "the legend names more lines than could be told apart"
CUT_NAME = "a name at the end of a line may be cut off"
UNCLEAR = "two lines have nearly the same colour, so that the legend does not tell them apart"


@dataclass(frozen=True)
class LegendEntry:
    """The words of a legend's entry, the colour of its sample, and the box of both."""

    box: TextBox
    colour: np.ndarray  # RGB
    left: float  # of the sample
    is_coloured: bool  # neither black nor grey, nor in the colour of the words


def legend_entries(
    rgb: np.ndarray, labels: Sequence[TextBox], others: Collection[TextBox]
) -> list[LegendEntry]:
    """Return the labels of a picture (H×W×3, uint8) that have a sample of a colour at the left.

    `others` are labels that are known to be none, such as an axis's.
    """
    return [
        entry for label in labels if label not in others and (entry := _entry(rgb, label, labels))
    ]


def _entry(rgb: np.ndarray, label: TextBox, labels: Sequence[TextBox]) -> LegendEntry | None:
    letter = label.letter
    if label.width < 0.5 * label.height:  # upright print
        return None
    left = int(max(0, label.left - _SAMPLE_REACH * letter))
    right = int(min(label.right, label.left + _INTO_WORDS * letter))
    top = int(max(0, label.y - _ABOVE_BELOW * letter))
    bottom = int(label.y + _ABOVE_BELOW * letter) + 1
    part = rgb[top:bottom, left:right].astype(np.float32)
    if part.shape[0] < 4 or part.shape[1] < 6:
        return None
    strength = np.linalg.norm(part - most_frequent(part.reshape(-1, 3), 8), axis=2)
    ink = strength > _INK
    beside = [
        (other.left - left, other.top - top, other.right - left, other.bottom - top)
        for other in labels
        if other is not label and other.right < label.left + letter
    ]
    letters = print_colour(rgb, label)
    found = _samples(part, ink, label, label.left - left, beside, letters)
    if not found.any():
        return None
    delta = part - most_frequent(
        part.reshape(-1, 3), 8
    )  # a mix of the sample with its ground differs in strength only
    usual = np.median(delta[found], axis=0)
    along = delta @ usual / np.maximum(1, strength * np.linalg.norm(usual))
    alike = found & (along > _ONE_HUE)
    alike = alike if alike.any() else found
    inner = alike & (strength >= 0.8 * strength[alike].max())
    colour = np.median(part[inner], axis=0)
    start = left + int(np.flatnonzero(found.any(axis=0))[0])
    distinct = is_coloured(colour) and lab_distance(colour, letters) > _ALIKE
    return LegendEntry(label, colour, float(start), distinct)


def print_colour(rgb: np.ndarray, label: TextBox) -> np.ndarray:
    """Return the colour (RGB) of the letters at the right half of a label."""
    part = rgb[int(label.top) : int(label.bottom) + 1, int(label.x) : int(label.right) + 1]
    part = part.astype(np.float32)
    if not part.size:
        return np.zeros(3, np.float32)
    strength = np.linalg.norm(part - most_frequent(part.reshape(-1, 3), 8), axis=2)
    return np.median(part[strength >= 0.8 * strength.max()], axis=0)


def _samples(
    part: np.ndarray,
    ink: np.ndarray,
    label: TextBox,
    words: float,
    beside: Sequence[Box],
    letters: np.ndarray,
) -> np.ndarray:
    """Return the ink (bool, H×W) left of the words that stands alone: a sample, or its dashes.

    Ink within the boxes `beside` is other print. Within the words' own box, which begins at
    `words`, a sample has another colour than the letters.
    """
    letter = label.letter
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    height, width = ink.shape
    free: dict[int, tuple[int, int]] = {}
    for i in range(1, count):
        x, y, w, h, _ = (int(number) for number in stats[i])
        is_inside = x > 0 and y > 0 and y + h < height and x + w < width
        if is_inside and not any(_holds(box, x + w / 2, y + h / 2) for box in beside):
            free[i] = x, x + w
    colours = {i: np.median(part[pieces == i], axis=0) for i in free}
    before = [
        i
        for i, (_, end) in free.items()
        if words - _TO_WORDS * letter <= end <= words + 0.15 * letter
    ]
    chosen = before or [
        i for i in free if is_coloured(colours[i]) and lab_distance(colours[i], letters) > _ALIKE
    ]
    if chosen:
        largest = max(chosen, key=lambda i: stats[i][4])
        left = [i for i, (_, end) in free.items() if end <= words + 0.15 * letter] or chosen
        chosen = [i for i in left if np.linalg.norm(colours[i] - colours[largest]) < 2 * _INK]
    alone = np.isin(pieces, chosen)
    columns = np.flatnonzero(alone.any(axis=0))
    if not len(columns) or columns[-1] - columns[0] + 1 < _MIN_SAMPLE * letter:
        return np.zeros(ink.shape, bool)
    return alone


def _holds(box: Box, x: float, y: float) -> bool:
    left, top, right, bottom = box
    return left <= x <= right and top <= y <= bottom


def name_lines(
    drawing: Drawing,
    drawn: Sequence[tuple[Stroke, Curve]],
    entries: Sequence[LegendEntry],
    labels: Sequence[TextBox],
) -> list[str]:
    """Return the names of the lines in their order; one line alone may have none.

    `labels` is the print that may stand at the lines' ends. Raises CannotRead when it is not sure
    which is which.
    """
    by_legend = _from_legend(drawn, entries)
    if len(by_legend) == len(drawn):
        return [by_legend[i] for i in range(len(drawn))]
    at_ends = _from_ends(drawing, [curve for _, curve in drawn], labels)
    if at_ends and (len(drawn) > 1 or not by_legend):
        return at_ends if len(drawn) > 1 else [""]
    if len(drawn) == 1:
        return [""]
    raise CannotRead(NO_NAMES)


def check_cut(
    rgb: np.ndarray, names: Collection[str], labels: Sequence[TextBox], place: Window
) -> None:
    """Raise CannotRead when a name behind the last tick ends where grid lines or an axis do.

    There its last letters may be cut off. `place` begins at the tick and is as high as the plot.
    """
    behind = [one for one in labels if one.x > place.left and clean_name(one.text) in names]
    for label in behind:
        if label.right >= rgb.shape[1] - 1 or _ends_at_edge(rgb, label, labels, place):
            raise CannotRead(CUT_NAME)


def _ends_at_edge(
    rgb: np.ndarray, label: TextBox, labels: Sequence[TextBox], place: Window
) -> bool:
    """Return True when the print of a label ends just before an edge in the rows of `place`."""
    reach = max(_EDGE, _CUT * label.letter)
    start, end = round(label.right - reach), min(round(label.right + reach), rgb.shape[1] - 1)
    others = [(other.top, other.bottom) for other in labels]
    rows = [
        y
        for y in range(place.top, place.bottom)
        if not any(top <= y <= bottom for top, bottom in others)
    ]
    free = rgb[rows, start : end + 1].astype(np.float32)
    stepped = free[np.linalg.norm(free[:, 0] - free[:, -1], axis=1) > _STEP]
    if not len(stepped):
        return False
    steps = np.linalg.norm(np.diff(stepped, axis=1), axis=2)
    edge = start + 1 + int(np.median(steps.argmax(axis=1)))
    part = rgb[round(label.top) : round(label.bottom) + 1, start - 2 : end + 2].astype(np.float32)
    apart = np.linalg.norm(part - np.median(part.reshape(-1, 3), axis=0), axis=2)
    inked = start - 2 + np.flatnonzero((apart > 2 * _INK).any(axis=0))
    return bool(len(inked)) and bool(edge - _TOUCHES <= inked[-1] < edge)


def _from_legend(
    drawn: Sequence[tuple[Stroke, Curve]], entries: Sequence[LegendEntry]
) -> dict[int, str]:
    """Return the names that a legend gives to lines, by their numbers."""
    names: dict[int, str] = {}
    used: list[LegendEntry] = []
    for entry in entries:
        distance = np.array([lab_distance(entry.colour, stroke.colour) for stroke, _ in drawn])
        nearest = int(distance.argmin())
        if distance[nearest] > _ALIKE:
            continue
        rest = np.delete(distance, nearest)
        if nearest in names or (len(rest) and rest.min() < _CLEARLY * distance[nearest] + 4):
            raise CannotRead(UNCLEAR)
        names[nearest] = clean_name(entry.box.text)
        used.append(entry)
    others = [entry for entry in entries if not any(entry is one for one in used)]
    if any(_is_beside(entry, one) for entry in others for one in used):
        raise CannotRead(MORE_NAMES)
    return names


def legend_order(entries: Sequence[LegendEntry]) -> dict[str, int]:
    """Return the number of each name in a legend, row by row."""
    rows = sorted(entries, key=lambda one: (round(one.box.y / one.box.letter), one.box.x))
    return {clean_name(entry.box.text): number for number, entry in enumerate(rows)}


def clean_name(text: str) -> str:
    """Return a name without what the reading made of its sample."""
    return text.lstrip("-–—_=~·.•○●■□◆◇◻◼▢口→ ").strip() or text


def _is_beside(entry: LegendEntry, other: LegendEntry) -> bool:
    """Return True when two entries stand in one column or row."""
    reach = _ALIGNED * other.box.letter
    in_column = abs(entry.box.left - other.box.left) <= reach
    return (in_column and abs(entry.left - other.left) <= 2 * reach) or abs(
        entry.box.y - other.box.y
    ) <= reach


def _from_ends(
    drawing: Drawing, curves: Sequence[Curve], labels: Sequence[TextBox]
) -> list[str] | None:
    """Return the words just behind the end of each line; None when one has none or two."""
    names: list[str] = []
    window = drawing.window
    for curve in curves:
        x, y = window.left + curve.xs[-1], window.top + curve.ys[-1]
        near = [
            label
            for label in labels
            if -0.3 * label.letter <= label.left - x <= _ASIDE * label.letter
            and abs(label.y - y) <= _HIGHER * label.letter
        ]
        if len(near) != 1:
            return None
        names.append(clean_name(near[0].text))
    return names if len(set(names)) == len(names) else None

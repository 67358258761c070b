"""Say truly what a picture shows whose rectangles were taken for bars and gave no table."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts import axes, checks, kinds
from vlm_backends.engines.builtin.charts.bars import Layout
from vlm_backends.engines.builtin.charts.labels import TextBox

_GROUND = 30.0  # distance in RGB (0..441) from the ground
_ALIKE = 12  # of 255 in each channel: neighbours in one cell
_CLOSED = 9  # px: lines between the cells of a heat map are thinner
_FIELD, _FILLED = 0.1, 0.8  # of the picture that cells take; of their outline that they fill
_CELL_COLOURS, _LEAST_SHARE, _LARGEST_SHARE = 6, 0.008, 0.4  # of the field that a colour has
_FLAT = 0.5  # of the field: in photographs less is of one colour
_TOUCHING, _MANY_BARS = 3, 5  # px between bars of a histogram; how many there are
_APART = 0.15  # widths: bars are farther apart, the cells of a heat map nearer
_NEARLY_ALL = 0.9  # of the gaps: grid lines over bars leave wider ones
_MIN_NUMBERS = 3  # at an axis
_COLUMN = 4.0  # px: labels of an axis end or begin within it

CELLS = (
    "cells of many colours that fill an area were seen, as in a heat map or a treemap: no axis "
    "tells what a colour stands for"
)
FLOATS = (
    "rectangles that share no line were seen, as in a box plot, a candlestick, waterfall or Gantt "
    "chart, a treemap or a heat map, or bars with something before them"
)
HISTOGRAM = "bars that touch each other were seen, as in a histogram, which has no row a bar"
NO_AXIS = "solid rectangles were seen, but neither a value axis nor values beside them"
PANELS = "an axis stands between the bars, as where two charts are side by side: cut them apart"
BARS = "this looks like a bar chart"


def describe_refused(
    rgb: np.ndarray, labels: Sequence[TextBox], layout: Layout, reason: str
) -> str:
    """Say what a picture (H×W×3, uint8) with these rectangles and print looks like, as a phrase.

    `reason` is why it gave no table.
    """
    if is_field_of_cells(rgb) and not _stand_apart(layout):
        return CELLS
    if kinds.is_photo(rgb):
        return kinds.PHOTO
    if kinds.is_printed_table(labels):
        return kinds.TABLE
    if reason == checks.FLOATING:
        return f"{FLOATS}: {reason}"
    if _touch(layout):
        return f"{HISTOGRAM}, and {reason}"
    if _has_inner_axis(labels, layout):
        return PANELS
    if kinds.has_powers_of_ten(labels):
        return f"{BARS}, and {kinds.POWERS}"
    if not _has_numbers(labels):
        return f"{NO_AXIS}, and {reason}"
    return f"{BARS}, and {reason}"


def is_field_of_cells(rgb: np.ndarray) -> bool:
    """Return True for an area that rectangles of many colours fill without gaps."""
    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]]).astype(np.float32)
    drawn = np.linalg.norm(rgb - np.median(edge, axis=0), axis=2) > _GROUND
    kernel = np.ones((_CLOSED, _CLOSED), np.uint8)
    closed = cv2.morphologyEx(drawn.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    for x, y, width, height, area in stats[1:].tolist():
        large = width * height >= _FIELD * drawn.size
        if large and area >= _FILLED * width * height:
            return _has_cells(rgb[y : y + height, x : x + width])
    return False


def _has_cells(field: np.ndarray) -> bool:
    """Return True for a picture (H×W×3, uint8) of flat colours of which none is a ground."""
    values = field.astype(np.int32)
    beside = np.abs(np.diff(values, axis=1)).max(axis=2)[:-1] < _ALIKE
    below = np.abs(np.diff(values, axis=0)).max(axis=2)[:, :-1] < _ALIKE
    flat = beside & below
    if flat.mean() < _FLAT:
        return False
    keys = (values[:-1, :-1][flat] // 16) @ np.array([256, 16, 1])
    _, counts = np.unique(keys, return_counts=True)
    shares = counts / len(keys)
    return bool(shares.max() < _LARGEST_SHARE and (shares > _LEAST_SHARE).sum() >= _CELL_COLOURS)


def _has_numbers(labels: Sequence[TextBox]) -> bool:
    return sum(axes.is_number(label.text) for label in labels) >= _MIN_NUMBERS


def _has_inner_axis(labels: Sequence[TextBox], layout: Layout) -> bool:
    """Return True when numbers make a column between two bars of an upright chart."""
    if layout.is_rotated:
        return False
    stacks = sorted(layout.stacks, key=lambda stack: stack.left)
    for one, other in zip(stacks, stacks[1:]):
        between = [
            label
            for label in labels
            if one.right <= label.left and label.right <= other.left and axes.is_number(label.text)
        ]
        sides = [[label.left for label in between], [label.right for label in between]]
        heights = {round(label.y / label.letter) for label in between}
        if len(heights) >= _MIN_NUMBERS and min(map(np.ptp, sides)) <= _COLUMN:
            return True
    return False


def _stand_apart(layout: Layout) -> bool:
    """Return True for bars on one line with gaps between all of them."""
    stacks = sorted(layout.stacks, key=lambda stack: stack.left)
    gaps = [right.left - left.right for left, right in zip(stacks, stacks[1:])]
    width = float(np.median([stack.right - stack.left for stack in stacks]))
    return len(gaps) > 1 and min(gaps) > _APART * width


def _touch(layout: Layout) -> bool:
    """Return True for many bars of one colour without gaps between them."""
    stacks = sorted(layout.stacks, key=lambda stack: stack.left)
    colours = {part.colour for stack in stacks for part in stack.parts}
    gaps = [right.left - left.right for left, right in zip(stacks, stacks[1:])]
    one_each = all(len(stack.parts) == 1 for stack in stacks)
    narrow = sum(gap <= _TOUCHING for gap in gaps)
    enough = len(stacks) >= _MANY_BARS and narrow >= _NEARLY_ALL * len(gaps)
    return enough and one_each and len(colours) == 1

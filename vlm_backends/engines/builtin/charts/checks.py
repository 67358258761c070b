"""Look for what contradicts the reading of a bar chart, and refuse it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts.axes import Axis
from vlm_backends.engines.builtin.charts.bars import Layout, Rectangle
from vlm_backends.engines.builtin.charts.colours import ColourMap
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.legends import Legend
from vlm_backends.engines.builtin.charts.print_boxes import PrintBox

_ZERO = 4.0  # px: how far the bars' line may be from the axis's zero
NEAR_END = 40.0  # px: how far the bars' line may be from the axis's last label
_OF_AXIS = (
    0.008  # of the axis's length: and at most so far, as labels may stand aside of their ticks
)
_BEYOND = 4, 10  # px beyond a bar's end in which the ground has to be seen
_MIN_GROUND = 0.5  # of that strip
_FLOATING = 0.5, 2.0  # widths of the bars: a rectangle that is about as wide should be one
_SMALL = 0.5  # of the smallest width of a bar, squared: what is smaller is no bar
_AT_BASE = 4, 9  # px from the base, in which a place without a bar is looked at
_EMPTY = 0.8  # of them is ground there
_LEGEND_PAD, _SWATCH_PAD = 0.5, 2.3  # heights of a letter around a legend's words, and left of them
_MIDDLE = 0.08  # of the bars' width: a title's middle is that near to theirs
_NEXT_ENTRY, _SAME_LEFT = 2.2, 0.5  # heights of a letter: how near the next name of a legend is
_DARK, _WHOLE = 140.0, 0.9  # of 255: a frame is that dark, the axes of Vega are not; of its width
_AS_DARK = 0.8  # of the edge's darkness: grid lines that are as dark

FLOATING = "some bars do not stand on the line of the others"


def off_zero(axis: Axis, layout: Layout) -> float:
    """Return how far the zero of the axis is from the line that the bars stand on, in pixels."""
    return abs(axis.pixel(0.0) - layout.base)


def check_base(axis: Axis | None, layout: Layout, is_stacked: bool) -> None:
    """Refuse bars that do not stand on zero, unless they end where their value is."""
    if axis is None:
        return
    if off_zero(axis, layout) <= max(_ZERO, _OF_AXIS * (axis.last - axis.first)):
        return
    both = any(stack.bottom > layout.base + _ZERO for stack in layout.stacks)
    if is_stacked or both:
        raise CannotRead("the bars do not start at the zero of the axis")
    if axis.value(layout.base) < 0 or abs(axis.last - layout.base) > NEAR_END:
        raise CannotRead("the bars do not start at the zero of the axis")


def check_layout(
    layout: Layout,
    colours: ColourMap,
    ground: Sequence[int],
    legend: Legend,
    others: Sequence[Rectangle],
) -> None:
    """Refuse bars that float, bars whose end is covered, and a legend that does not fit them.

    `others`, the rectangles that are no bars, are in the picture's own pixels.
    """
    bars = [part for stack in layout.stacks for part in stack.parts]
    width = float(np.median([bar.width for bar in bars]))
    for other in layout.others:
        wide = _FLOATING[0] * width <= other.width <= _FLOATING[1] * width
        large = other.area > max(_SMALL * width**2, 60) and other.height > 3
        if wide and large and not _is_swatch(other, layout, legend, others):
            raise CannotRead(FLOATING)
    drawn = {bar.colour for bar in bars}
    if len(legend) > 1 and drawn & set(legend) and not set(legend) <= drawn:
        raise CannotRead("the legend names a colour that no bar has")
    nearest = np.rot90(colours.nearest) if layout.is_rotated else colours.nearest
    for stack in layout.stacks:
        for end, step in ((stack.top, -1), (stack.bottom, 1)):
            if abs(end - layout.base) > _ZERO:
                _check_end(stack.left, stack.right, end, step, nearest, ground)


def _is_swatch(
    other: Rectangle, layout: Layout, legend: Legend, others: Sequence[Rectangle]
) -> bool:
    place = others[layout.others.index(other)]
    return any(
        abs((place.top + place.bottom) / 2 - box.y) < box.letter
        and place.right <= box.right
        and place.height <= 1.8 * box.letter
        for words in legend.values()
        for box in words
    )


def _check_end(
    left: int, right: int, end: int, step: int, nearest: np.ndarray, ground: Sequence[int]
) -> None:
    inset = (right - left) // 5
    ys = [end + step * distance for distance in range(*_BEYOND)]
    ys = [y for y in ys if 0 <= y < nearest.shape[0]]
    strip = nearest[ys, left + inset : max(left + inset + 1, right - inset)]
    if strip.size and np.isin(strip, ground).mean() < _MIN_GROUND:
        raise CannotRead("something covers the end of a bar")


def check_empty(
    nearest: np.ndarray, ground: Sequence[int], left: float, right: float, base: float
) -> None:
    """Refuse a place without a bar, from `left` to `right`, where anything is drawn at the base.

    Its value is zero, then. `nearest` (H×W) is in the frame of the bars.
    """
    y, inset = round(base), (right - left) / 4
    across = slice(max(0, round(left + inset)), round(right - inset) + 1)
    for rows in (slice(y - _AT_BASE[1], y - _AT_BASE[0]), slice(y + _AT_BASE[0], y + _AT_BASE[1])):
        strip = nearest[rows, across]
        if not strip.size or np.isin(strip, ground).mean() < _EMPTY:
            raise CannotRead("a bar seems to be missing between the others")


def check_no_other(others: Sequence[Rectangle], left: float, right: float) -> None:
    """Refuse a place without a bar, from `left` to `right`, where a rectangle floats instead."""
    for other in others:
        if min(right, other.right) - max(left, other.left) > _FLOATING[0] * (right - left):
            raise CannotRead(FLOATING)


def check_legend(legend: Legend, labels: Sequence[PrintBox], bars: Sequence[Rectangle]) -> None:
    """Refuse a legend with more names than colours, and one that may cover a bar.

    `labels` is the print that is neither at an axis nor in the legend. All is in the picture's own
    pixels.
    """
    words = [box for name in legend.values() for box in name]
    first = [name[0] for name in legend.values()]
    for label in labels:
        if _is_title(label, first, bars):
            continue
        if any(_is_next_entry(label, word) for word in first):
            raise CannotRead("the legend has a name whose colour is that of no bar")
    if not words:
        return
    letter = float(np.median([word.letter for word in words]))
    pad = _LEGEND_PAD * letter
    left = min(word.left for word in words) - _SWATCH_PAD * letter
    right, top = max(word.right for word in words) + pad, min(word.top for word in words) - pad
    bottom = max(word.bottom for word in words) + pad
    for bar in bars:
        if bar.left < right and bar.right > left and bar.top < bottom and bar.bottom > top:
            raise CannotRead("the legend may cover the end of a bar")


def _is_title(label: PrintBox, names: Sequence[PrintBox], bars: Sequence[Rectangle]) -> bool:
    """Return True for print over the middle of the bars, where the legend is one row."""
    if len(names) < 2 or max(n.y for n in names) - min(n.y for n in names) > names[0].letter / 2:
        return False
    left, right = min(bar.left for bar in bars), max(bar.right for bar in bars)
    return abs(label.x - (left + right) / 2) <= _MIDDLE * (right - left)


def _is_next_entry(label: PrintBox, word: PrintBox) -> bool:
    """Return True for print that stands in a column with a name of the legend."""
    alike = 0.75 < label.letter / word.letter < 1.33
    below = 0.6 * word.letter < abs(label.y - word.y) < _NEXT_ENTRY * word.letter
    return alike and below and abs(label.left - word.left) < _SAME_LEFT * word.letter


def check_edge(rgb: np.ndarray, layout: Layout) -> None:
    """Refuse bars that end at a dark edge of the plot, where they may be cut off.

    Where grid lines are as dark, the edge is one of them.
    """
    grey = (np.rot90(rgb) if layout.is_rotated else rgb).mean(axis=2)
    between = np.ones(grey.shape[1], bool)
    between[: layout.stacks[0].left] = between[layout.stacks[-1].right :] = False
    for stack in layout.stacks:
        between[stack.left - 2 : stack.right + 2] = False
    if not between.any():
        return
    contrast = np.abs(grey[:, between] - np.median(grey[:, between]))
    darkness = np.quantile(contrast, 1 - _WHOLE, axis=1)  # of nine tenths of a row, at least
    for stack in layout.stacks:
        for end, step in ((stack.top, -1), (stack.bottom - 1, 1)):
            low, high = sorted((end - 6 * step, round(layout.base) + 6 * step))
            edge = darkness[max(0, min(end, end + 5 * step)) : max(end, end + 5 * step) + 1].max()
            grid = darkness[low:high].max(initial=0.0)
            if abs(end - layout.base) > _ZERO and edge > _DARK and grid < _AS_DARK * edge:
                raise CannotRead("a bar ends at the edge of the plot and may be cut off")

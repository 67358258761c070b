"""Find the value of each bar of a chart: printed at it, or measured on the axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.axes import Axis
from vlm_backends.engines.builtin.charts.bars import Rectangle
from vlm_backends.engines.builtin.charts.errors import CannotRead, PrintInDoubt
from vlm_backends.engines.builtin.charts.print_boxes import PrintBox

_MAX_ERROR = 0.025  # of the largest value: how far a printed value may be from its bar's length
_MAX_PIXELS = 2.5  # px: and at least so far
_MIN_MEASURED = 2  # px: shorter bars are not measured
_MAX_ASIDE = 0.5  # of the wider of bar and label: how far a label's middle is from the bar's
_MAX_BEYOND = 1.6  # heights of a label: how far beyond a bar's end its value begins
_NO_AXIS = "no numeric value axis with at least three labels was read, nor a value at every bar"
_UNFIT = "the values printed at the bars do not fit their lengths"


@dataclass(frozen=True)
class Bar:
    """One part of a stack, with the y of the end that tells its value, and of the other end."""

    part: Rectangle
    end: float
    start: float
    is_stacked: bool
    is_at_base: bool = True  # the end alone tells its value

    @property
    def is_down(self) -> bool:
        """Return True for a bar that grows downwards."""
        return self.end > self.start


@dataclass(frozen=True)
class Values:
    """The bars' values as text, how many of them were printed, and the error of the others."""

    texts: list[str]
    printed: int
    error: float  # of the others
    print: tuple[PrintBox, ...]
    unfit: tuple[tuple[int, str], ...] = ()  # bars, and the numbers at them that do not fit them


def bar_values(bars: Sequence[Bar], axis: Axis | None, labels: Sequence[PrintBox]) -> Values:
    """Return the values of the bars, which stand upright. Raises CannotRead."""
    found = [_printed(bar, bars, labels) for bar in bars]
    if axis is None:
        return _all_printed(bars, found)
    measured = np.array([_measured(bar, axis) for bar in bars])
    largest = float(np.abs(measured).max())
    allowed = max(_MAX_ERROR * largest, _MAX_PIXELS * abs(axis.slope))
    texts: list[str] = []
    used: list[PrintBox] = []
    unfit: list[tuple[int, str]] = []
    for i, (boxes, value) in enumerate(zip(found, measured)):
        numbers = [(box, near) for box in boxes if (near := _nearest(box.text, value)) is not None]
        best = min(numbers, key=lambda pair: abs(pair[1] - value), default=None)
        if best and abs(best[1] - value) <= allowed:
            texts.append(axes.plain(best[1]) + axis.unit)
            used.append(best[0])
        else:
            unfit += [(i, best[0].text)] if best else []
            texts.append(axis.written(float(value), largest or np.inf))
    if len(unfit) > len(used) and len(unfit) > len(bars) / 3:
        raise PrintInDoubt(_UNFIT)
    if len(used) < len(bars) and any(abs(bar.end - bar.start) < _MIN_MEASURED for bar in bars):
        raise CannotRead("some bars are too short to be measured")
    return Values(texts, len(used), axis.error, tuple(used), tuple(unfit))


def _measured(bar: Bar, axis: Axis) -> float:
    value = axis.value(bar.end)
    return value if bar.is_at_base else value - axis.value(bar.start)


def _nearest(text: str, value: float) -> float | None:
    """Return the number that is printed, read in the way that is nearer to a measured value."""
    ways = [number for parse in axes.STYLES if (number := parse(text)) is not None]
    ways += [-number for number in ways if value < 0]  # the minus sign is easily lost
    return min(ways, key=lambda number: abs(number - value), default=None)


def _printed(bar: Bar, bars: Sequence[Bar], labels: Sequence[PrintBox]) -> list[PrintBox]:
    """Return the numbers printed inside of the bar or just beyond its end."""
    found = []
    for label in labels:
        aside = abs(label.x - bar.part.middle)
        if aside > _MAX_ASIDE * max(bar.part.width, label.width):
            continue
        beyond = (label.y - bar.end) if bar.is_down else (bar.end - label.y)
        beyond -= label.height / 2
        inside = min(bar.end, bar.start) <= label.y <= max(bar.end, bar.start)
        if inside or (not bar.is_stacked and -label.height <= beyond <= _MAX_BEYOND * label.letter):
            nearest = min(bars, key=lambda other: _distance(other, label))
            if nearest is bar and axes.is_number(label.text):
                found.append(label)
    return found


def _distance(bar: Bar, label: PrintBox) -> float:
    """Return how far a label is from a bar, most of all sideways."""
    low, high = min(bar.end, bar.start), max(bar.end, bar.start)
    down = max(low - label.y, label.y - high, 0.0)
    return 4 * abs(label.x - bar.part.middle) + down


def _all_printed(bars: Sequence[Bar], found: Sequence[Sequence[PrintBox]]) -> Values:
    """Return the values of bars without an axis, all printed, whose lengths confirm them."""
    if not all(found):
        raise PrintInDoubt(_NO_AXIS)
    lengths = np.array([(bar.start - bar.end) for bar in bars], float)
    fitting = []
    for parse in axes.STYLES:
        numbers = [parse(boxes[0].text) for boxes in found]
        if any(number is None for number in numbers):
            continue
        values = np.array([number or 0.0 for number in numbers])
        signed = np.where(lengths < 0, -np.abs(values), values)
        expected = lengths * (np.dot(lengths, signed) / np.dot(lengths, lengths))
        if np.all(np.abs(expected - signed) <= _MAX_ERROR * np.abs(expected).max()):
            fitting.append(signed)
    if not fitting:
        raise PrintInDoubt(_UNFIT)
    if len(fitting) > 1 and not np.allclose(fitting[0], fitting[1]):
        raise CannotRead("the printed values may be thousands or decimals")
    percent = "%" if all("%" in boxes[0].text for boxes in found) else ""
    texts = [axes.plain(float(value)) + percent for value in fitting[0]]
    return Values(texts, len(bars), 0.0, tuple(boxes[0] for boxes in found))

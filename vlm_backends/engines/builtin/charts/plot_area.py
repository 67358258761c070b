"""Find a chart's plot: its value axis, its tick labels below, and the pixels between them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.axes import Axis
from vlm_backends.engines.builtin.charts.errors import AxesInDoubt, CannotRead, NoTicks, OtherKind
from vlm_backends.engines.builtin.charts.labels import TextBox, to_text_box
from vlm_backends.engines.builtin.ocr import TextLine

_MOST_NUMBERS = 300  # of a chart: more are a table
_ALIGNED = 5.0  # px: labels of one axis end, begin or are centred within this distance
_ON_AXIS = 4.0  # px: how far a label may be from its place on the axis
_MIN_COLUMN = 3  # numbers above each other
_OFF = 0.2  # of the labels that may be misread: more, and the axis may be broken
_MIN_TICKS, _MAX_TICKS = 2, 60

_LEAST_PERIOD = 3  # characters of a label that is joined to the next one
_FULL_ROW = 0.6  # of the longest row below: shorter ones above are print in the plot

# in heights of a letter
_BELOW = 0.35  # how far below the lowest label of the axis the middles of tick labels are
_SAME_ROW = 0.8  # labels whose tops are closer are in one row
_LARGER = 1.9  # larger print is no tick label

_NAME = re.compile(
    r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*", re.I
)
_MULTIPLIER = re.compile(r"[1lI]\s?[eE]\s?([-+−–]?\d{1,2})")  # Matplotlib's, above the axis
_POWER = re.compile(r".*[x×]\s?10.*")

NO_AXIS = "no value axis with at least three labels was read"
TWO_AXES = "it has two value axes, and which line belongs to which is not sure"
POWER = "a power of ten stands above the value axis, and it was not read surely"
NO_TICKS = "no row of labels was read below the plot"


@dataclass(frozen=True)
class PrintedLine:
    """A line of print as an upright box in pixels, and the direction that it runs in."""

    box: TextBox
    angle: float  # degrees, clockwise from the right, -90..90
    stops: tuple[float, ...] = ()  # the middle of each character, 0..1 along the print
    tip: float = 0.0  # the x of its highest corner

    @property
    def is_slanted(self) -> bool:
        """Return True for print that is neither level nor upright."""
        return 12 < abs(self.angle) < 78


@dataclass(frozen=True)
class ValueAxis:
    """A value axis with the labels that it was read from."""

    axis: Axis
    labels: tuple[TextBox, ...]
    is_multiplied: bool = False  # by the power of ten that is printed above it

    @property
    def top(self) -> float:
        """Return the y of the uppermost label."""
        return min(label.y for label in self.labels)

    @property
    def bottom(self) -> float:
        """Return the y of the lowest label."""
        return max(label.y for label in self.labels)

    @property
    def pitch(self) -> float:
        """Return the distance between neighbouring labels in pixels."""
        return float(np.median(np.diff(sorted(label.y for label in self.labels))))

    @property
    def letter(self) -> float:
        """Return the height of a letter in pixels."""
        return float(np.median([label.height for label in self.labels]))


def printed_lines(lines: Sequence[TextLine], scale: float) -> list[PrintedLine]:
    """Return print with its boxes in a picture that is scaled by `scale`."""
    return [
        PrintedLine(
            to_text_box(line, scale),
            _angle(line),
            line.stops,
            scale * min(line.quad, key=lambda corner: corner[1])[0],
        )
        for line in lines
    ]


def _angle(line: TextLine) -> float:
    """Return the direction of the longer side of a line's box; that of one character is level."""
    if len(line.text) == 1:
        return 0.0
    (xa, ya), (xb, yb), (xc, yc) = line.quad[:3]
    dx, dy = xb - xa, yb - ya
    if math.hypot(xc - xb, yc - yb) > math.hypot(dx, dy):
        dx, dy = xc - xb, yc - yb
    degrees = math.degrees(math.atan2(dy, dx))
    return (degrees + 90) % 180 - 90


def find_value_axis(labels: Sequence[TextBox]) -> ValueAxis:
    """Return the only value axis beside the plot. Raises CannotRead without one, or with two."""
    found: list[ValueAxis] = []
    doubts: list[CannotRead] = []
    columns = _columns(labels)
    for column in columns:
        try:
            axis = _axis_of(column)
        except CannotRead as doubt:
            doubts.append(doubt)
            continue
        if axis and not any(set(axis.labels) & set(other.labels) for other in found):
            found.append(axis)
    if not found:
        raise doubts[0] if doubts else OtherKind(NO_AXIS)
    first, *others = sorted(found, key=lambda axis: -len(axis.labels))
    if any(_differs(other, first) for other in others):
        raise AxesInDoubt(TWO_AXES)
    if any(_stands_at_ticks(column, first) for column in columns):
        raise AxesInDoubt(TWO_AXES)
    return _multiplied(first, labels)


def _stands_at_ticks(column: Sequence[TextBox], axis: ValueAxis) -> bool:
    """Return True for other numbers at the heights of the axis's labels: a second axis, misread."""
    if len(column) < _MIN_COLUMN or set(column) & set(axis.labels):
        return False
    heights = np.array([label.y for label in axis.labels])
    at_ticks = all(np.abs(heights - label.y).min() <= _ON_AXIS for label in column)
    said = [abs(axes.number(label.text) or 0.0) for label in column]
    due = [abs(axis.axis.value(label.y)) for label in column]
    near = 2 * _ON_AXIS * abs(axis.axis.slope)
    return at_ticks and any(abs(one - other) > near for one, other in zip(said, due))


def _multiplied(axis: ValueAxis, labels: Sequence[TextBox]) -> ValueAxis:
    """Return the axis with the power of ten that is printed above it. Raises CannotRead."""
    above = [
        label.text
        for label in labels
        if axis.top - 5 * axis.letter < label.y < axis.top and label not in axis.labels
    ]
    if any(_POWER.fullmatch(text) for text in above):
        raise AxesInDoubt(POWER)
    powers = [match[1] for text in above if (match := _MULTIPLIER.fullmatch(text))]
    if not powers:
        return axis
    factor = 10.0 ** int(re.sub("[−–]", "-", powers[0]))
    return replace(axis, axis=axis.axis.times(factor), is_multiplied=True)


def _columns(labels: Sequence[TextBox]) -> list[list[TextBox]]:
    """Group numbers that are aligned above each other, each group once, the longest first."""
    numbers = [label for label in labels if axes.number(label.text) is not None]
    if len(numbers) > _MOST_NUMBERS:
        return []
    columns = {
        tuple(other for other in numbers if abs(edge(other) - edge(one)) <= _ALIGNED)
        for one in numbers
        for edge in (lambda label: label.right, lambda label: label.left, lambda label: label.x)
    }
    return sorted(map(list, columns), key=lambda column: (-len(column), column[0].left))


def _axis_of(column: Sequence[TextBox]) -> ValueAxis | None:
    """Return the axis through most labels of a column; None when there is none, or in doubt."""
    axis = axes.fit_labels([axes.AxisLabel(label.y, label.text) for label in column])
    if axis is None or axis.slope >= 0:
        return None
    on = [label for label in column if _off(axis, label) <= _ON_AXIS * abs(axis.slope)]
    off = len(column) - len(on)
    return ValueAxis(axis, tuple(on)) if len(on) > 2 and off <= max(1, _OFF * len(column)) else None


def _off(axis: Axis, label: TextBox) -> float:
    """Return how far a number is from the axis's value there, whatever its sign was read as."""
    value, printed = axis.value(label.y), axes.number(label.text) or 0.0
    return min(abs(value - printed), abs(value + printed))


def _differs(other: ValueAxis, axis: ValueAxis) -> bool:
    """Return True when another column of numbers says something else at the same heights."""
    heights = np.array([label.y for label in other.labels])
    off = [abs(other.axis.value(y) - axis.axis.value(y)) for y in heights]
    return max(off) > 2 * _ON_AXIS * abs(axis.axis.slope)


def tick_row(
    lines: Sequence[PrintedLine], axis: ValueAxis, others: Sequence[TextBox]
) -> list[PrintedLine]:
    """Return the labels of the ticks below the plot, from left to right. Raises CannotRead.

    `others` are labels that are known to be none, such as a legend's.
    """
    letter = axis.letter
    left = max(label.left for label in axis.labels)
    below = [
        part
        for line in lines
        if line.box.y > axis.bottom + _BELOW * letter
        and line.box not in axis.labels
        and line.box not in others
        and line.box.letter <= _LARGER * letter * (2 if line.is_slanted else 1)
        for part in split_joined(line)
        if part.box.x > left
    ]
    rows = [[line for line in below if _are_in_row(line, one, letter)] for one in below]
    rows.sort(key=lambda row: min(line.box.top for line in row))
    longest = max(map(len, rows), default=0)
    if longest < _MIN_TICKS:
        raise NoTicks(NO_TICKS)
    row = next(row for row in rows if len(row) >= max(_MIN_TICKS, _FULL_ROW * longest))
    return sorted(row[:_MAX_TICKS], key=lambda line: line.box.x)


def _are_in_row(line: PrintedLine, other: PrintedLine, letter: float) -> bool:
    """Return True for labels of one row: level ones at one height, others that begin at one."""
    level = abs(line.angle) < 12 and abs(other.angle) < 12
    apart = line.box.y - other.box.y if level else line.box.top - other.box.top
    return abs(apart) <= _SAME_ROW * letter * (0.6 if level else 1)


def split_joined(line: PrintedLine) -> list[PrintedLine]:
    """Return the labels of one line, where the same pattern repeats: years, dates, months."""
    text = line.box.text
    parts = _repeated(text)
    if len(parts) < 2 or len(line.stops) != len(text) or abs(line.angle) > 12:
        return [line]
    found, start = [], 0
    for part in parts:
        start = text.index(part, start)
        first, last = line.stops[start], line.stops[start + len(part) - 1]
        start += len(part)
        half = (last - first) / max(1, len(part) - 1) / 2
        left = line.box.left + (first - half) * line.box.width
        right = line.box.left + (last + half) * line.box.width
        found.append(PrintedLine(TextBox(part, left, line.box.top, right, line.box.bottom), 0.0))
    return found


def _repeated(text: str) -> list[str]:
    """Return the labels that a text is made of, if all have one pattern that holds digits."""
    words = text.split()
    names = [word for word in words if _NAME.fullmatch(word)]
    if len(names) == len(words):
        return words
    for length in (1, 2):
        first = " ".join(words[:length])
        if not any(char.isdigit() for char in first):
            continue
        letters = re.sub(r"[A-Za-z]", "[A-Za-z]", re.escape(first))
        pattern = re.sub(r"[0-9]", "[0-9]", letters)
        parts = re.findall(pattern, text)
        if len(parts) > 1 and "".join(parts).replace(" ", "") == text.replace(" ", ""):
            return parts
    return _periodic(text)


def _periodic(text: str) -> list[str]:
    """Return the labels of a text that has no space between them, as "Q1 2022Q2 2022"."""
    shape = re.sub(r"[0-9]", "0", re.sub(r"[A-Za-z]", "a", text.replace(" ", "")))
    for length in range(_LEAST_PERIOD, len(shape) // 2 + 1):
        one = shape[:length]
        if "0" in one and one.strip("0") and shape == one * (len(shape) // length):
            return [part.strip() for part in re.findall(rf"(?:\S *){{{length}}}", text)]
    return []

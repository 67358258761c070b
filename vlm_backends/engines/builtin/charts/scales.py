"""Find the value axis of a bar chart in its print, with its multiplier."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.charts import axes, axis_ends
from vlm_backends.engines.builtin.charts.axes import Axis, AxisLabel
from vlm_backends.engines.builtin.charts.errors import CannotRead, PrintInDoubt
from vlm_backends.engines.builtin.charts.print_boxes import PrintBox

_MULTIPLIER = re.compile(r"[x×*·]?\s*[1lI][eE]\s*([+\-−–]?\s*[0-9]{1,2})")
_POWER = re.compile(r"[x×*·+]\s*[1lI][0oO].*|[1lI][eE].{1,3}|[x×*·]?\s*[1lI][0oO][\^⁰¹²³⁴-⁹].*")
_TEN = re.compile(r"[x×*·]?\s?[1lI][0oO]\s?\d{1,2}|\+.*")  # or an offset
_OFF = 1.0  # heights of a letter: a label that is farther from its value's place is not on the axis
_MISFIT = "the last numbers on the value axis do not fit the others: it may be broken"
_AWAY = 0.6  # heights of a letter: labels of one axis overlap or are closer sideways
_NEAR_END = 6.0  # heights of a letter beyond the axis's last label in which a multiplier stands
_SAME_VALUES = 0.01  # of the largest value: axes on two sides that differ by less are one


@dataclass(frozen=True)
class Scale:
    """A value axis and the print that belongs to it."""

    axis: Axis
    labels: tuple[PrintBox, ...]
    multiplier: PrintBox | None = None

    @property
    def print(self) -> tuple[PrintBox, ...]:
        """Return all of its print."""
        return self.labels + ((self.multiplier,) if self.multiplier else ())


def find_scale(labels: Sequence[PrintBox], left: float, right: float, base: float) -> Scale | None:
    """Return the value axis beside bars that reach from `left` to `right`; None when none is read.

    `base` is the y of the line that they stand on. Raises CannotRead when there are two axes, and
    when its numbers are no straight line.
    """
    sides = (
        [label for label in labels if label.x < left],
        [label for label in labels if label.x > right],
    )
    found = [scale for side in sides if (scale := _scale(side, labels, base))]
    if len(found) == 2:
        one, other = (scale.axis for scale in found)
        apart = max(abs(one.value(end) - other.value(end)) for end in (one.first, one.last))
        if apart > _SAME_VALUES * max(abs(one.value(end)) for end in (one.first, one.last)):
            raise CannotRead("there are two value axes")
    if not found:
        return None
    if found[0].axis.slope > 0:
        raise PrintInDoubt("the value axis runs backwards")
    return found[0]


def _scale(side: Sequence[PrintBox], labels: Sequence[PrintBox], base: float) -> Scale | None:
    numbers = [label for label in side if axes.is_number(label.text)]
    best: tuple[Axis, list[PrintBox]] | None = None
    doubt: CannotRead | None = None
    for column in _columns(numbers):
        try:
            axis = axes.fit_labels([AxisLabel(box.y, box.text, box.letter) for box in column], base)
        except CannotRead as reason:
            doubt = reason
            continue
        if axis and (best is None or len(column) > len(best[1])):
            best = axis, column
    if best is None:
        if doubt:
            raise doubt
        return None
    return _multiplied(*best, labels)


def _check_last(axis: Axis, column: Sequence[PrintBox], letter: float) -> None:
    """Raise PrintInDoubt when a number over the axis does not fit it.

    The axis may be broken there, or 10³ may stand over it, which OCR easily reads as 103.
    """
    near = _OFF * letter * abs(axis.slope)
    on = [label for label in column if _off_axis(axis, label) <= near]
    top = min((label.y for label in on), default=-np.inf)
    beyond = [label for label in column if label.y < top]
    if any(_TEN.fullmatch(label.text) for label in beyond):
        raise PrintInDoubt(axis_ends.MISREAD)
    if beyond:
        raise PrintInDoubt(_MISFIT)


def _off_axis(axis: Axis, label: PrintBox) -> float:
    """Return by how much a label differs from the value at its place."""
    values = [value for parse in axes.STYLES if (value := parse(label.text)) is not None]
    return min((abs(axis.value(label.y) - value) for value in values), default=np.inf)


def _columns(numbers: Sequence[PrintBox]) -> list[list[PrintBox]]:
    """Group labels that stand over each other."""
    columns: list[list[PrintBox]] = []
    for label in sorted(numbers, key=lambda label: -label.width):
        for column in columns:
            aside = max(column[0].left - label.right, label.left - column[0].right)
            if aside <= _AWAY * label.letter:
                column.append(label)
                break
        else:
            columns.append([label])
    return columns


def _multiplied(axis: Axis, column: list[PrintBox], labels: Sequence[PrintBox]) -> Scale:
    """Return the scale, with the power of ten that is printed at the end of its axis."""
    letter = float(np.median([label.letter for label in column]))
    _check_last(axis, column, letter)
    ends = min(label.y for label in column), max(label.y for label in column)
    left, right = min(label.left for label in column), max(label.right for label in column)
    near = [
        label
        for label in labels
        if label not in column
        and (_MULTIPLIER.fullmatch(label.text) or _POWER.fullmatch(label.text))
        and (label.y < ends[0] + letter or label.y > ends[1] - letter)
        and left - _NEAR_END * letter <= label.x <= right + _NEAR_END * letter
    ]
    if not near:
        return Scale(axis, tuple(column))
    match = _MULTIPLIER.fullmatch(near[0].text)
    if len(near) > 1 or not match:
        raise PrintInDoubt("the power of ten at the end of the value axis could not be read")
    exponent = int(re.sub(r"[−–]", "-", match[1]).replace(" ", ""))
    return Scale(axis.times(10.0**exponent), tuple(column), near[0])

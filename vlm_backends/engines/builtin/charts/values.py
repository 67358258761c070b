"""Find the value of each bar of a chart: printed at it, or measured on the axis."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.axes import Axis
from vlm_backends.engines.builtin.charts.bars import Rectangle
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import TextBox

_MAX_ERROR = 0.04  # of the largest value: how far a printed value may be from its bar's length
_MIN_MEASURED = 2  # px: shorter bars are not measured
_MAX_ASIDE = 0.75  # of the wider of bar and label: how far a label's middle is from the bar's
_MAX_ABOVE, _MAX_INSIDE = 2.0, 1.6  # heights of a label: how far it may be from the bar's end
_NO_AXIS = "no numeric value axis with at least three labels was read, nor a value at every bar"
_UNFIT = "the values printed at the bars do not fit their lengths"


def bar_values(
    bars: Sequence[Rectangle], base: float, labels: Sequence[TextBox]
) -> tuple[list[str], str]:
    """Return each bar's value as text, and how the values were found.

    The bars are in the order of x; `base` is the y of their bottoms. Raises CannotRead.
    """
    axis = _value_axis(bars, labels)
    printed = [_printed_value(bar, labels, base) for bar in bars]
    fits = _fit_lengths(bars, printed, axis, base)
    confirmed = [label.text if label and good else "" for label, good in zip(printed, fits)]
    if all(confirmed):
        return confirmed, "values as printed at the bars"
    if axis is None:
        raise CannotRead(_UNFIT if all(printed) else _NO_AXIS)
    if any(bar.height < _MIN_MEASURED for bar in bars):
        raise CannotRead("some bars are too short to be measured")
    if sum(fits) * 2 < sum(label is not None for label in printed):
        raise CannotRead(_UNFIT)
    how = "read off the axis" + (", and as printed where that agrees" if any(fits) else "")
    return [text or _measured_value(bar, axis) for text, bar in zip(confirmed, bars)], how


def _value_axis(bars: Sequence[Rectangle], labels: Sequence[TextBox]) -> Axis | None:
    """Return the axis that is printed left or right of the bars; None when none is read."""
    left, right = bars[0].left, bars[-1].right
    numbers = [
        (label.y, value, label.text)
        for label in labels
        if (label.x < left or label.x > right) and (value := axes.number(label.text)) is not None
    ]
    axis = axes.fit(numbers)
    return axis if axis and axis.slope < 0 else None  # values grow upwards, pixels downwards


def _printed_value(bar: Rectangle, labels: Sequence[TextBox], base: float) -> TextBox | None:
    """Return the number printed just beyond the bar's end, or inside of the bar near its end."""
    near = [
        label
        for label in labels
        if axes.number(label.text) is not None
        and abs(label.x - bar.middle) <= max(bar.width, label.width) * _MAX_ASIDE
        and -_MAX_ABOVE * label.height <= label.y - bar.top <= _MAX_INSIDE * label.height
        and label.y < base
    ]
    return min(
        near, key=lambda label: abs(label.x - bar.middle) + abs(label.y - bar.top), default=None
    )


def _fit_lengths(
    bars: Sequence[Rectangle], printed: Sequence[TextBox | None], axis: Axis | None, base: float
) -> list[bool]:
    """Return for each bar whether the value printed at it fits its length.

    Without an axis the lengths are compared with each other, and all values fit or none.
    """
    numbers = [axes.number(label.text) if label else None for label in printed]
    values = np.array([np.nan if value is None else value for value in numbers])
    if axis:
        expected = np.array([axis.value(bar.top) for bar in bars])
    else:
        lengths = np.array([base - bar.top for bar in bars], float)
        expected = lengths * (np.dot(lengths, values) / np.dot(lengths, lengths))
    fits = np.abs(expected - values) <= _MAX_ERROR * np.abs(expected).max()
    return [bool(fit) for fit in (fits if axis else np.full(len(bars), fits.all()))]


def _measured_value(bar: Rectangle, axis: Axis) -> str:
    """Return the value at the bar's end, with the digits that a pixel can tell apart."""
    rounded = round(axis.value(bar.top), axis.decimals) + 0.0  # no -0.0
    text = f"{rounded:.{max(0, axis.decimals)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + axis.unit

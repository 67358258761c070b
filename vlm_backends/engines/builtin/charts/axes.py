"""Parse numbers as charts print them, and fit the straight line from pixels to values."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vlm_backends.engines.builtin.charts.alignment import (
    MIN_OFFSET,
    AxisLabel,
    distinct_values,
    line_of,
    off_line,
    on_one_line,
)
from vlm_backends.engines.builtin.charts.errors import CannotRead, PrintInDoubt

Parse = Callable[[str], float | None]

_MINUS = "-−–—"
_AFFIXES = "$€£¥"
_NUMBER = re.compile(
    rf"([{_MINUS}+]?)\s*[{_AFFIXES}]?\s*([{_MINUS}+]?)\s*"
    rf"([0-9][0-9.,' \u00a0]*|\.[0-9]+)\s*(k|K|M|B|bn|G|T|%)?\s*[{_AFFIXES}]?"
)
_FACTORS = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "bn": 1e9, "G": 1e9, "T": 1e12}
_ENGLISH = re.compile(r"([0-9]{1,3}(?:[,' ][0-9]{3})+|[0-9]+)?(\.[0-9]+)?")
_CONTINENTAL = re.compile(r"([0-9]{1,3}(?:[.' ][0-9]{3})+|[0-9]+)(,[0-9]+)?")
_THREE_DECIMALS = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")

_MIN_LABELS = 3  # that agree
_MOST_LABELS = 40  # of an axis: more numbers above each other are a table
_MOST_OUTLIERS = 0.34  # of the labels that may be misread
_ERROR = 2.0  # px: how far the measured end of a bar or a point of a line may be from the true one
_LARGEST_STEP = 0.02  # of the largest value


@dataclass(frozen=True)
class Axis:
    """The straight line of a value axis: value = slope * pixel + offset."""

    slope: float  # units a pixel
    offset: float
    unit: str = ""  # printed behind each number: "%" or nothing
    first: float = 0.0  # the pixels of the outermost labels
    last: float = 0.0
    slack: float = 0.0  # pixels between its zero and the line that the bars stand on

    def value(self, pixel: float) -> float:
        """Return the value at a pixel."""
        return self.slope * pixel + self.offset

    def pixel(self, value: float) -> float:
        """Return the pixel of a value."""
        return (value - self.offset) / self.slope

    @property
    def error(self) -> float:
        """Return how far measured values may be off, with one digit, rounded up."""
        error = (_ERROR + self.slack) * abs(self.slope)
        tens = 10.0 ** np.floor(np.log10(error))
        return float(np.ceil(error / tens - 1e-9) * tens)

    def step(self, largest: float = np.inf) -> float:
        """Return what measured values are rounded to: 1, 2 or 5 times a power of ten.

        It is no more than their error, and less where that is much of the largest value.
        """
        error = _ERROR * abs(self.slope)
        most = min(error, max(_LARGEST_STEP * largest, error / 5))
        tens = 10.0 ** np.floor(np.log10(most))
        return float(next(times * tens for times in (5, 2, 1) if times * tens <= most * 1.001))

    def times(self, factor: float) -> "Axis":
        """Return the axis whose labels count in units of `factor`."""
        return replace(self, slope=self.slope * factor, offset=self.offset * factor)

    def written(self, value: float, largest: float = np.inf) -> str:
        """Return a measured value, rounded to the step."""
        step = self.step(largest)
        return plain(round(value / step) * step, _decimals(step)) + self.unit


def accuracy(error: float) -> str:
    """Return the error of measured values as a phrase, such as "to about ±0.2"."""
    return f"to about ±{plain(error, _decimals(error))}"


def _decimals(step: float) -> int:
    return max(0, -int(np.floor(np.log10(step * 1.001))))  # 0.1 may be 0.0999…


def plain(value: float, decimals: int = 6) -> str:
    """Return a number without grouping and without zeros at its end."""
    text = f"{value + 0.0:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def number(text: str) -> float | None:
    """Return the number that a label prints: `1,200`, `12.5%`, `$3k` or `−4`; None for others."""
    return _parsed(text, _english)


def continental_number(text: str) -> float | None:
    """Return the number that a label prints in the continental way, as `1.200` or `12,5 %`."""
    return _parsed(text, _continental)


STYLES: tuple[Parse, ...] = (number, continental_number)


def is_number(text: str) -> bool:
    """Return True for a label that prints a number, in either way."""
    return any(parse(text) is not None for parse in STYLES)


def usual_step(texts: Sequence[str]) -> float:
    """Return the difference that most often is between numbers that follow each other; else 0."""
    values = [value for text in texts if (value := number(text)) is not None]
    steps = np.abs(np.diff(values)).round(9)
    steps = steps[steps > 0]
    if not len(steps):
        return 0.0
    found, counts = np.unique(steps, return_counts=True)
    return float(found[counts.argmax()])


def _parsed(text: str, body: Parse) -> float | None:
    match = _NUMBER.fullmatch(text.strip())
    value = body(match[3].strip()) if match else None
    if match is None or value is None or (match[1] and match[2]):
        return None
    value *= _FACTORS.get(match[4] or "", 1.0)
    return -value if (match[1] or match[2] or "+") in _MINUS else value


def _english(text: str) -> float | None:
    match = _ENGLISH.fullmatch(text.replace("\u00a0", " "))
    if not match or not (match[1] or match[2]):
        return None
    return float(re.sub("[,' ]", "", match[1] or "0") + (match[2] or ""))


def _continental(text: str) -> float | None:
    match = _CONTINENTAL.fullmatch(text.replace("\u00a0", " "))
    if not match:
        return None
    return float(re.sub("[.' ]", "", match[1]) + (match[2] or "").replace(",", "."))


def fit_labels(labels: Sequence[AxisLabel], zero: float | None = None) -> Axis | None:
    """Return the axis through most of the labels; None when no three of different values agree.

    Where no more than two labels agree, `zero`, the pixel of the line that bars stand on, counts
    as a third. Raises CannotRead when the numbers can be read in two ways, or make no straight
    line.
    """
    if len(labels) > _MOST_LABELS:
        return None
    ways = [_fit(labels, parse, zero) for parse in STYLES]
    found = [(axis, lost) for axis, lost in ways if axis]
    if not found:
        _check_logarithmic(labels)
        return None
    fewest = min(lost for _, lost in found)
    best = [axis for axis, lost in found if lost == fewest]
    if len(best) > 1 and not np.isclose(best[0].slope, best[1].slope):
        return best[_grouped(labels)]
    numbers = sum(is_number(label.text) for label in labels)
    if fewest > _MOST_OUTLIERS * numbers:
        raise PrintInDoubt("the numbers on the value axis do not lie on a straight line")
    return best[0]


def _grouped(labels: Sequence[AxisLabel]) -> int:
    """Return which way `1.500` and `1,500` are meant, by how zero is printed.

    Returns the index into STYLES.
    """
    texts = [label.text.strip(_MINUS + _AFFIXES + " %") for label in labels]
    three = [text for text in texts if _THREE_DECIMALS.fullmatch(text)]
    point = any("." in text for text in texts)
    zeros = {text for text in texts if re.fullmatch(r"0([.,]0+)?", text)}
    if any(text.startswith("0") for text in three) or (zeros and "0" not in zeros):
        return 0 if point else 1
    # nobody prints whole numbers with three decimals, nor 0 without where the others have them
    if zeros == {"0"} or all(text.endswith("000") for text in three):
        return 1 if point else 0
    raise PrintInDoubt("the numbers on the axis may be thousands or decimals")


def _fit(labels: Sequence[AxisLabel], parse: Parse, zero: float | None) -> tuple[Axis | None, int]:
    """Return the axis through most of the labels, and how many numbers are not on it."""
    points = [(label, value) for label in labels if (value := parse(label.text)) is not None]
    best: list[tuple[float, float, str]] = []
    most = (0, 0.0)
    for i, one in enumerate(points):
        for other in points[i + 1 :]:
            agreeing = on_one_line(one, other, points)
            weight = distinct_values(agreeing), -off_line(one, other, agreeing)
            if weight > most:
                best, most = agreeing, weight
    missing = sum(is_number(label.text) for label in labels) - len(best)
    if distinct_values(best) < _MIN_LABELS:
        best = _with_zero(best, zero)
        if not best:
            return None, 0
    pixels, values = np.array([(pixel, value) for pixel, value, _ in best]).T
    slope, offset = line_of(pixels, values)
    percent = all(text.strip().endswith("%") for _, _, text in best if text)
    ends = float(pixels.min()), float(pixels.max())
    return Axis(slope, offset, "%" if percent else "", *ends), missing


def _with_zero(
    best: list[tuple[float, float, str]], zero: float | None
) -> list[tuple[float, float, str]]:
    """Return two labels and the zero line when these three agree, else nothing."""
    if zero is None or distinct_values(best) != 2:
        return []
    (pixel, value, _), (other_pixel, other_value, _) = best[0], best[-1]
    slope = (other_value - value) / (other_pixel - pixel)
    expected = pixel - value / slope
    if 0 in (value, other_value) or abs(expected - zero) > MIN_OFFSET:
        return []
    return [*best, (zero, 0.0, "")]


def _check_logarithmic(labels: Sequence[AxisLabel]) -> None:
    """Raise CannotRead when the labels' logarithms, or their magnitudes, lie on a line."""
    numbers = [(label, value) for label in labels if (value := number(label.text)) is not None]
    powers = [(label, float(np.log10(value))) for label, value in numbers if value > 0]
    if any(
        distinct_values(on_one_line(a, b, powers)) >= _MIN_LABELS for a in powers for b in powers
    ):
        raise CannotRead("the value axis is logarithmic")

"""Parse numbers as charts print them, and fit the straight line from pixels to values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AxisLabel = tuple[float, float, str]  # its place in pixels, its value, and its text

_NUMBER = re.compile(
    r"([-+−–]?)\s*[$€£¥]?\s*([0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]+)?(\.[0-9]+)?\s*([kKmMbB]|bn|%)?"
)
_FACTORS = {"k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9}
_MAX_OFFSET = 3.0  # px: how far a label may be from the line and still belong to it
_MIN_DISTANCE = 8  # px: labels that are closer do not tell a slope
_MIN_LABELS = 3  # that agree


@dataclass(frozen=True)
class Axis:
    """The straight line of a value axis: value = slope * pixel + offset."""

    slope: float  # units a pixel
    offset: float
    unit: str = ""  # printed behind each number: "%" or nothing

    def value(self, pixel: float) -> float:
        """Return the value at a pixel."""
        return self.slope * pixel + self.offset

    @property
    def decimals(self) -> int:
        """Return how many decimals a pixel can resolve; negative for tens, hundreds, …"""
        return int(np.ceil(-np.log10(abs(self.slope))))


def number(text: str) -> float | None:
    """Return the number that a label prints: `1,200`, `12.5%`, `$3k` or `−4`; None for others."""
    match = _NUMBER.fullmatch(text.strip())
    if not match or not (match[2] or match[3]):
        return None
    value = float((match[2] or "0").replace(",", "").replace(" ", "") + (match[3] or ""))
    value *= _FACTORS.get((match[4] or "").lower(), 1.0)
    return -value if match[1] in ("-", "−", "–") else value


def fit(labels: Sequence[AxisLabel]) -> Axis | None:
    """Return the axis through most of the labels; None when no three of different values agree."""
    best: list[AxisLabel] = []
    for i, one in enumerate(labels):
        for other in labels[i + 1 :]:
            agreeing = _on_one_line(one, other, labels)
            if _distinct_values(agreeing) > _distinct_values(best):
                best = agreeing
    if _distinct_values(best) < _MIN_LABELS:
        return None
    pixels, values = np.array([(pixel, value) for pixel, value, _ in best]).T
    slope, offset = np.polyfit(pixels, values, 1)
    percent = all(text.strip().endswith("%") for _, _, text in best)
    return Axis(float(slope), float(offset), "%" if percent else "")


def _on_one_line(one: AxisLabel, other: AxisLabel, labels: Sequence[AxisLabel]) -> list[AxisLabel]:
    """Return the labels on the line through two of them; none when these two make no line."""
    (pixel, value, _), (other_pixel, other_value, _) = one, other
    if abs(pixel - other_pixel) < _MIN_DISTANCE or value == other_value:
        return []
    slope = (other_value - value) / (other_pixel - pixel)
    return [
        label
        for label in labels
        if abs(value + slope * (label[0] - pixel) - label[1]) <= abs(slope) * _MAX_OFFSET
    ]


def _distinct_values(labels: Sequence[AxisLabel]) -> int:
    return len({value for _, value, _ in labels})

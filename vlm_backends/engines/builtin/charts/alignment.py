"""Find the labels of a value axis that lie on one line, and that line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_OFFSET = 2.5  # px: how far a label may be from the line at least, as boxes of OCR are no finer
_MAX_OFFSET = 0.3  # heights of a letter: and so far, where that is more
_FINE = 1.5  # px: a label that is no farther from the line of the others is on it
_MIN_DISTANCE = 8  # px: labels that are closer do not tell a slope


@dataclass(frozen=True)
class AxisLabel:
    """A number that stands at an axis: where, as pixel, what, and how tall its letters are."""

    pixel: float
    text: str
    letter: float = 8.0


def line_of(pixels: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of the line through the labels.

    Those at the ends of an axis may stand aside of their ticks, so as not to pass the plot; they
    count only where they are on the line of the others.
    """
    ends = (pixels == pixels.min()) | (pixels == pixels.max())
    if (~ends).sum() > 2:
        slope, offset = np.polyfit(pixels[~ends], values[~ends], 1)
        off = np.abs(slope * pixels + offset - values) / abs(slope)
        if off[~ends].max() <= _FINE / 2:
            pixels, values = pixels[off <= _FINE], values[off <= _FINE]
    slope, offset = np.polyfit(pixels, values, 1)
    return float(slope), float(offset)


def on_one_line(
    one: tuple[AxisLabel, float],
    other: tuple[AxisLabel, float],
    points: Sequence[tuple[AxisLabel, float]],
) -> list[tuple[float, float, str]]:
    """Return the labels on the line through two of them; none when these two make no line.

    A label whose minus sign was lost counts with its sign; so does one that was given a sign by the
    mark of its tick.
    """
    (label, value), (other_label, other_value) = one, other
    distance = other_label.pixel - label.pixel
    if abs(distance) < _MIN_DISTANCE or value == other_value:
        return []
    slope = (other_value - value) / distance
    signs = {np.sign(value) for _, value in points}
    is_signed = -1 in signs
    found = []
    for each, printed in points:
        expected = value + slope * (each.pixel - label.pixel)
        near = abs(slope) * max(MIN_OFFSET, _MAX_OFFSET * each.letter)
        if abs(expected - printed) <= near:
            found.append((each.pixel, printed, each.text))
        elif is_signed and abs(expected + printed) <= near:
            found.append((each.pixel, -printed, each.text))
    return found


def off_line(
    one: tuple[AxisLabel, float],
    other: tuple[AxisLabel, float],
    labels: Sequence[tuple[float, float, str]],
) -> float:
    """Return how far labels (pixel, value, text) are from the line through two, all together."""
    (label, value), (other_label, other_value) = one, other
    if not labels:
        return 0.0
    slope = (other_value - value) / (other_label.pixel - label.pixel)
    return sum(abs(value + slope * (pixel - label.pixel) - v) for pixel, v, _ in labels) / abs(
        slope
    )


def distinct_values(labels: Sequence[tuple[float, float, str]]) -> int:
    """Return how many values the labels (pixel, value, text) have."""
    return len({value for _, value, _ in labels})

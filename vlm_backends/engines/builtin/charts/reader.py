"""A picture of a bar chart back to its table, by the words that were read and by geometry.

It refuses rather than guesses: unless bars, categories and series line up one to one, there is no table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.bars import Block, is_stacked, readings, standing
from vlm_backends.engines.builtin.charts.labels import (
    Word,
    headline,
    is_within,
    labels_below,
    legend,
    word_of,
)

if TYPE_CHECKING:
    from vlm_backends.engines.builtin.ocr import Line

_SIDE = 1600  # px: larger charts are measured at this size
_WRONG = 0.04  # of the largest value: how far a printed value may be from its bar's length
_MOST_BARS = 200
_NO_AXIS = "no numeric value axis with at least three labels was read, nor a value at every bar"
_UNFIT = "the values printed at the bars do not fit their lengths"
_NONE = "no solid bars that stand on one line were found"


class CannotRead(ValueError):
    """Why this picture gives no table, as a phrase."""


@dataclass(frozen=True)
class Chart:
    """A table with its header first, and its bars' outlines in pixels with what each says."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    outlines: tuple[tuple[tuple[float, float], ...], ...]
    labels: tuple[str, ...]
    how: str


def without_bars(rgb: np.ndarray) -> np.ndarray | None:
    """The picture with its bars painted over, None without bars: print beside large solid shapes is easily missed."""
    small, scale = _shrunk(rgb)
    drawn = next(
        (upright for found in readings(small) if len(upright := _frame(found).upright) > 1), None
    )
    if not drawn:
        return None
    painted, ground = rgb.copy(), np.median(rgb[::8, ::8].reshape(-1, 3), axis=0).tolist()
    for left, top, right, bottom in (
        [v / scale for v in (b.left, b.top, b.right, b.bottom)] for b in drawn
    ):
        cv2.rectangle(
            painted,
            (round(left) - 2, round(top) - 2),
            (round(right) + 1, round(bottom) + 1),
            ground,
            -1,
        )
    return painted


def read_chart(rgb: np.ndarray, lines: Sequence["Line"]) -> Chart:
    """The chart in the picture (H, W, 3; uint8), whose print is given; raises CannotRead with the reason."""
    small, scale = _shrunk(rgb)
    words = [word_of(line, scale) for line in lines]
    reasons = []
    for found in readings(small):
        try:
            return _read(small, found, words, scale)
        except CannotRead as reason:
            reasons.append(reason)
    raise max(reasons, key=lambda reason: reason.args[0] != _NONE)


@dataclass(frozen=True)
class _Frame:
    """The bars, where they stand or lie; `bars` stand on `base` in a frame that is turned when they lie."""

    bars: list[Block]
    base: float
    lies: bool

    @property
    def upright(self) -> list[Block]:
        return [bar.upright() for bar in self.bars] if self.lies else self.bars


def _frame(found: list[Block]) -> _Frame:
    """The bars as they rather are, standing or lying: the more of them, or else the longer ones."""
    upright, lying = (
        _Frame(*standing(found), False),
        _Frame(*standing([block.leaning() for block in found]), True),
    )
    return max(
        upright,
        lying,
        key=lambda frame: (len(frame.bars), sum(bar.bottom - bar.top for bar in frame.bars)),
    )


def _read(rgb: np.ndarray, found: list[Block], words: list[Word], scale: float) -> Chart:
    frame = _frame([block for block in found if not any(is_within(block, word) for word in words)])
    bars, upright = frame.bars, frame.upright
    if not 2 <= len(bars) <= _MOST_BARS:
        raise CannotRead(_NONE)
    if is_stacked(bars, [block.leaning() for block in found] if frame.lies else found):
        raise CannotRead("the bars are stacked on each other")
    title = headline(words, min(bar.top for bar in upright))
    names = legend(rgb, words, upright)
    turned = [word.leaning() for word in words] if frame.lies else words
    rows, said, how = _table(bars, frame.base, turned, names)
    return Chart(title, rows, tuple(_corners(bar, scale) for bar in upright), said, how)


def linearize(chart: Chart) -> str:
    """The table in DePlot's grammar."""
    rows = [("TITLE", chart.title)] if chart.title else []
    return "<0x0A>".join(
        " | ".join(cell.replace("|", "/") for cell in row) for row in (*rows, *chart.rows)
    )


def _table(
    bars: list[Block], base: float, words: list[Word], in_legend: dict[int, str]
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...], str]:
    """Rows with their header, what each bar says, and how it was found out; bars stand on `base`."""
    values, how = _values(bars, base, words)
    series, groups = _groups(bars)
    names = _categories(groups, base, words)
    head = ["Value"]
    if len(series) > 1:
        head = [in_legend.get(colour, f"Series {i}") for i, colour in enumerate(series, 1)]
    by_bar = dict(zip(bars, values))
    rows = [(name, *(by_bar[bar] for bar in group)) for name, group in zip(names, groups)]
    said = {bar: f"{name}: {by_bar[bar]}" for name, group in zip(names, groups) for bar in group}
    return (("", *head), *rows), tuple(said[bar] for bar in bars), how


def _values(bars: list[Block], base: float, words: list[Word]) -> tuple[list[str], str]:
    """What each bar is worth: as printed at it, or measured on the axis."""
    left, right = bars[0].left, bars[-1].right
    beside = [word for word in words if word.x < left or word.x > right]
    labels = [
        (word.y, value, word.text)
        for word in beside
        if (value := axes.number(word.text)) is not None
    ]
    axis = axes.fit(labels)
    axis = axis if axis and axis.slope < 0 else None
    printed = [_printed(bar, words, base) for bar in bars]
    fits = _fits(bars, printed, axis, base)
    if all(fits):
        return [word.text for word in printed], "values as printed at the bars"
    if axis is None:
        raise CannotRead(_UNFIT if all(printed) else _NO_AXIS)
    if any(bar.bottom - bar.top < 2 for bar in bars):
        raise CannotRead("some bars are too short to be measured")
    if sum(fits) * 2 < sum(word is not None for word in printed):
        raise CannotRead(_UNFIT)
    how = "read off the axis" + (", and as printed where that agrees" if any(fits) else "")
    measured = [_spelled(axis.value(bar.top), axis) for bar in bars]
    return [word.text if good else value for word, good, value in zip(printed, fits, measured)], how


def _spelled(value: float, axis: axes.Axis) -> str:
    """The value with the digits that a pixel can tell apart."""
    rounded = round(value, axis.decimals) + 0.0
    text = f"{rounded:.{max(0, axis.decimals)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + axis.unit


def _printed(bar: Block, words: list[Word], base: float) -> Word | None:
    """The number printed just beyond the bar's end, or inside of it near its end."""
    near = [
        word
        for word in words
        if axes.number(word.text) is not None
        and abs(word.x - bar.middle) <= max(bar.right - bar.left, word.right - word.left) * 0.75
        and -2.0 * (word.bottom - word.top) <= word.y - bar.top <= 1.6 * (word.bottom - word.top)
        and word.y < base
    ]
    return min(
        near, key=lambda word: abs(word.x - bar.middle) + abs(word.y - bar.top), default=None
    )


def _fits(
    bars: list[Block], printed: list[Word | None], axis: axes.Axis | None, base: float
) -> list[bool]:
    """For each bar, whether the value printed at it fits its length; without an axis all do, or none."""
    values = np.array([axes.number(word.text) if word else np.nan for word in printed])
    if axis:
        expected = np.array([axis.value(bar.top) for bar in bars])
    else:
        lengths = np.array([base - bar.top for bar in bars], float)
        expected = lengths * (np.dot(lengths, values) / np.dot(lengths, lengths))
    fits = np.abs(expected - values) <= _WRONG * np.abs(expected).max()
    return [bool(fit) for fit in (fits if axis else np.full(len(bars), fits.all()))]


def _groups(bars: list[Block]) -> tuple[list[int], list[list[Block]]]:
    """The series by colour, in their order, and the bars of each category."""
    series = list(dict.fromkeys(bar.colour for bar in bars))
    counts = {colour: sum(bar.colour == colour for bar in bars) for colour in series}
    if len(series) == 1 or max(counts.values()) == 1:
        groups = [[bar] for bar in bars]
        series = series[:1]
    else:
        groups = [bars[i : i + len(series)] for i in range(0, len(bars), len(series))]
        if any([bar.colour for bar in group] != series for group in groups):
            raise CannotRead("bars and series do not line up one to one")
    gaps = np.diff([np.mean([bar.middle for bar in group]) for group in groups])
    if len(gaps) > 1 and gaps.max() > 1.4 * gaps.min():
        raise CannotRead("a bar seems to be missing between the others")
    return series, groups


def _categories(groups: list[list[Block]], base: float, words: list[Word]) -> list[str]:
    """The label below each group; words one below the other are one label."""
    middles = np.array([np.mean([bar.middle for bar in group]) for group in groups])
    pitch = (
        float(np.median(np.diff(middles)))
        if len(middles) > 1
        else groups[0][0].right - groups[0][0].left
    )
    row = labels_below(
        words, base, middles[0] - 1.1 * pitch, middles[-1] + 1.1 * pitch, len(groups)
    )
    if not row:
        raise CannotRead("no category labels were read beside the bars")
    names: list[list[str]] = [[] for _ in groups]
    strays = []
    for word in row:
        k = int(np.abs(word.x - middles).argmin())
        (names[k] if abs(word.x - middles[k]) <= 0.5 * pitch else strays).append(word.text)
    if not all(names):
        raise CannotRead("a category label could not be read")
    spelled = [" ".join(name) for name in names]
    numeric = all(axes.number(name) is not None for name in spelled)
    if any(
        numeric or axes.number(stray) is None for stray in strays
    ):  # else it is a label of the other axis
        raise CannotRead("a category label stands under no bar")
    return spelled


def _shrunk(rgb: np.ndarray) -> tuple[np.ndarray, float]:
    """The picture at the size at which it is measured, and its scale."""
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    return (
        cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    ), scale


def _corners(bar: Block, scale: float) -> tuple[tuple[float, float], ...]:
    left, top, right, bottom = (v / scale for v in (bar.left, bar.top, bar.right, bar.bottom))
    return (left, top), (right, top), (right, bottom), (left, bottom)

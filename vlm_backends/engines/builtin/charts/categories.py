"""Group bars: series by colour, categories by place and label."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.bars import Rectangle
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import TextBox, labels_below

_MAX_GAP = 1.4  # times the least gap between categories: more, and a bar is missing
_REACH = 1.1  # pitches beyond the first and last category in which labels are looked for
_UNDER_BAR = 0.5  # pitches: how far a label may be from the middle of its category


def split_series(bars: Sequence[Rectangle]) -> tuple[list[int], list[list[Rectangle]]]:
    """Return the colours of the series, in order, and the bars of each category.

    The bars come in the order of x. Raises CannotRead when they do not line up.
    """
    series = list(dict.fromkeys(bar.colour for bar in bars))
    counts = [sum(bar.colour == colour for bar in bars) for colour in series]
    if len(series) == 1 or max(counts) == 1:  # one series; each bar may have its own colour
        series, categories = series[:1], [[bar] for bar in bars]
    else:
        size = len(series)
        categories = [list(bars[i : i + size]) for i in range(0, len(bars), size)]
        if any([bar.colour for bar in category] != series for category in categories):
            raise CannotRead("bars and series do not line up one to one")
    gaps = np.diff(_middles(categories))
    if len(gaps) > 1 and gaps.max() > _MAX_GAP * gaps.min():
        raise CannotRead("a bar seems to be missing between the others")
    return series, categories


def category_names(
    categories: Sequence[Sequence[Rectangle]], base: float, labels: Sequence[TextBox]
) -> list[str]:
    """Return the label below each category; print in several rows below it is one label.

    Raises CannotRead when there is not exactly one for each.
    """
    middles = _middles(categories)
    pitch = float(np.median(np.diff(middles))) if len(middles) > 1 else categories[0][0].width
    left, right = middles[0] - _REACH * pitch, middles[-1] + _REACH * pitch
    found = labels_below(labels, base, left, right, len(categories))
    if not found:
        raise CannotRead("no category labels were read beside the bars")
    words: list[list[str]] = [[] for _ in categories]
    strays: list[str] = []
    for label in found:
        k = int(np.abs(label.x - middles).argmin())
        near = abs(label.x - middles[k]) <= _UNDER_BAR * pitch
        (words[k] if near else strays).append(label.text)
    if not all(words):
        raise CannotRead("a category label could not be read")
    names = [" ".join(each) for each in words]
    # a number among names is a label of the other axis
    numeric = all(axes.number(name) is not None for name in names)
    if any(numeric or axes.number(stray) is None for stray in strays):
        raise CannotRead("a category label stands under no bar")
    return names


def _middles(categories: Sequence[Sequence[Rectangle]]) -> np.ndarray:
    """Return the x of each category's middle."""
    return np.array([np.mean([bar.middle for bar in category]) for category in categories])

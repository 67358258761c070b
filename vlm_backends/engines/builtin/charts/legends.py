"""Find the names of series beside the swatches of a chart's legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts.bars import Rectangle
from vlm_backends.engines.builtin.charts.errors import PrintInDoubt
from vlm_backends.engines.builtin.charts.print_boxes import PrintBox

# in heights of a letter
_SWATCH_DISTANCE = 4.0  # how far left of its words a legend's swatch may be
_INTO_BOX = 2.6  # the box of the words may begin with the swatch
_SAME_LINE = 0.6  # how far a swatch's middle may be from the line of its words
_MIN_SWATCH, _MAX_SWATCH = 0.3, 1.6  # how high a swatch is
_NEXT_WORD = 0.8  # words of one name are no farther apart

_SWATCHES = "■□▪●•|_-–— "  # as which OCR may read a swatch
_MARGIN = 3  # px around a bar that may have its colour too
_MIN_AREA = 0.25  # of a swatch, in squares of a letter
_RIVAL = 0.7  # of the largest swatch of a colour: another that is as large is a second one
Legend = dict[int, tuple[PrintBox, ...]]  # by colour: the words of its name


def find_legend(
    labels: Sequence[PrintBox],
    bars: Sequence[Rectangle],
    others: Sequence[Rectangle],
    nearest: np.ndarray,
    lenient: np.ndarray,
) -> Legend:
    """Return for each colour the words beside its swatch.

    `others` are the rectangles that are no bars; all is in the picture's own pixels. `nearest` has
    each pixel's colour (H×W), and `lenient` that of the bars' colours which is clearly nearest, for
    small swatches in compressed pictures. Raises PrintInDoubt when a colour has two names.
    """
    level = [label for label in labels if label.is_level and label.text.strip(_SWATCHES)]
    free = _outside_of(bars, nearest.shape)
    first: dict[int, PrintBox] = {}
    for colour in {bar.colour for bar in bars}:
        swatch = free & (nearest == colour)
        _take(first, colour, [_swatch_width(swatch, label) for label in level], level)
    for colour in {bar.colour for bar in bars} - set(first):
        swatch = free & (lenient == colour)
        rest = [label for label in level if label not in first.values()]
        _take(first, colour, [_swatch_width(swatch, label) for label in rest], rest)
    for colour in {other.colour for other in others} - set(first):
        patches = [other for other in others if other.colour == colour]
        _take(first, colour, [_patch_area(patches, label) for label in level], level)
    if len(set(first.values())) < len(first):
        raise PrintInDoubt("a name in the legend has two colours")
    if not {bar.colour for bar in bars} & set(first):
        if len(first) > 1:
            raise PrintInDoubt("the legend names colours that no bar has")
        return {}  # what looked like a swatch is a letter
    rest = [label for label in level if label not in first.values()]
    return {colour: _continued(label, rest) for colour, label in first.items()}


def _outside_of(bars: Sequence[Rectangle], shape: tuple[int, ...]) -> np.ndarray:
    """Return a bool mask (H×W) of the pixels that belong to no bar and its soft edge."""
    mask = np.ones(shape, bool)
    for bar in bars:
        top, left = max(0, bar.top - _MARGIN), max(0, bar.left - _MARGIN)
        mask[top : bar.bottom + _MARGIN, left : bar.right + _MARGIN] = False
    return mask


def _take(
    first: dict[int, PrintBox], colour: int, amounts: Sequence[float], labels: Sequence[PrintBox]
) -> None:
    """Add the label that has the largest swatch, if that is large enough and the only one."""
    ranking = sorted(range(len(labels)), key=lambda i: -amounts[i])
    if not ranking or amounts[ranking[0]] < _MIN_AREA:
        return
    best = labels[ranking[0]]
    rivals = [labels[i] for i in ranking[1:] if amounts[i] >= _RIVAL * amounts[ranking[0]]]
    if any(abs(rival.y - best.y) > best.letter / 2 for rival in rivals):
        raise PrintInDoubt("two names in the legend have one colour")
    # a label farther right on the same line may see the swatch too
    first[colour] = min([best, *rivals], key=lambda label: label.left)


def _patch_area(patches: Sequence[Rectangle], label: PrintBox) -> float:
    areas = [patch.area for patch in patches if _is_beside(patch, label)]
    return max(areas, default=0) / label.letter**2


def _swatch_width(swatch: np.ndarray, label: PrintBox) -> float:
    """Return how wide the colour is in the place left of the words, in heights of a letter."""
    letter = label.letter
    rows = slice(max(0, round(label.y - letter / 7)), round(label.y + letter / 7) + 1)
    start, end = label.left - _SWATCH_DISTANCE * letter, label.left + _INTO_BOX * letter
    columns = swatch[rows, max(0, round(start)) : max(0, round(min(end, label.right)))]
    full = columns.mean(axis=0) > 0.6 if columns.size else np.zeros(0, bool)
    ends = np.flatnonzero(np.diff(np.concatenate([[0], full.astype(np.int8), [0]])))
    longest = int((ends[1::2] - ends[::2]).max(initial=0))
    return longest / letter


def name_of(words: Sequence[PrintBox]) -> str:
    """Return the words of a name as one text."""
    return " ".join(word.text.lstrip(_SWATCHES) or word.text for word in words)


def _is_beside(swatch: Rectangle, label: PrintBox) -> bool:
    letter = label.letter
    y = (swatch.top + swatch.bottom) / 2
    return (
        abs(y - label.y) <= _SAME_LINE * letter
        and _MIN_SWATCH * letter <= swatch.height <= _MAX_SWATCH * letter
        and swatch.width >= _MIN_SWATCH * letter
        and label.left - _SWATCH_DISTANCE * letter <= swatch.left <= label.left + 0.5 * letter
        and swatch.right <= label.left + _INTO_BOX * letter
        and swatch.right < label.right - 0.3 * letter
    )


def _continued(first: PrintBox, labels: Sequence[PrintBox]) -> tuple[PrintBox, ...]:
    """Return the words with those that follow closely on the same line."""
    words = [first]
    for label in sorted(labels, key=lambda label: label.left):
        gap = label.left - words[-1].right
        near = -0.3 * label.letter <= gap <= _NEXT_WORD * label.letter
        if label not in words and near and abs(label.y - first.y) <= 0.4 * label.letter:
            words.append(label)
    return tuple(words)

"""Find the categories of a bar chart: the labels under its bars, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from vlm_backends.engines.builtin.charts.bars import Stack
from vlm_backends.engines.builtin.charts.errors import LabelsInDoubt
from vlm_backends.engines.builtin.charts.print_boxes import PrintBox, split_words

_ONLY_NUMBERS = re.compile(r"[-+−–—0-9.,%$€£ ]+[kKMB]?")
_LIKE_CAPITALS = "cosuvwxz"  # small letters of their capitals' shapes
_REACH = 0.75  # pitches beyond the first and last bar in which labels are looked for
_IRREGULAR = 0.2  # pitches: how far a category may be from its regular place
_NEXT_LINE = 0.35  # heights of a letter: lines of one label are no farther apart
_LINE_PITCH, _TITLE_PITCH = 1.0, 0.85  # heights of a letter from line to line; of a title, more
_ROOM = 0.8  # pitches: words that are no wider together stand on one line
_MERGED = 1.15  # pitches: a wider label is that of several categories
_UNALIGNED = 0.3  # heights of a letter: edges that are farther apart are not aligned
_FEW = 3  # labels: fewer are always regular
_STROKES = frozenset("1lIL|_-—·.'")
_BETWEEN = 0.3  # pitches: what is farther from each bar stands between two
_SHORT = 3  # letters: a word that OCR may take for level though it runs upwards
_SPECK = 0.6  # of the usual height of a letter: what is smaller is a tick


@dataclass(frozen=True)
class Category:
    """The name of a category, the x of its middle, and the print that it was read from."""

    name: str
    x: float
    print: tuple[PrintBox, ...]


@dataclass(frozen=True)
class Place:
    """The place of a category: the x that its label points to, and the label's lines."""

    x: float
    lines: tuple[PrintBox, ...]


def find_categories(
    labels: Sequence[PrintBox], stacks: Sequence[Stack], is_rotated: bool
) -> list[Category]:
    """Return the categories under the bars, from left to right.

    All is in the frame of the bars, where they stand upright. Raises LabelsInDoubt when the labels
    are not regular.
    """
    left, right = stacks[0].left, stacks[-1].right
    pitch = _pitch(stacks)
    low = max(stack.bottom for stack in stacks)
    below = [
        label
        for label in labels
        if left - _REACH * pitch < label.x < right + _REACH * pitch and label.y > low
    ]
    places = _places(_without_strokes(below, stacks), stacks, is_rotated)
    if len(places) < 2:
        raise LabelsInDoubt("no category labels were read beside the bars")
    places = sorted(places, key=lambda place: place.x)
    xs = np.array([place.x for place in places])
    steps = np.arange(len(xs))
    regular = np.polyval(np.polyfit(steps, xs, 1), steps)
    step = (regular[-1] - regular[0]) / (len(xs) - 1)
    letter = float(np.median([line.letter for place in places for line in place.lines]))
    if np.abs(xs - regular).max() > _IRREGULAR * step + letter / 2:
        raise LabelsInDoubt("a category label could not be read")
    categories = [
        Category(_name(place.lines), float(x), place.lines) for place, x in zip(places, regular)
    ]
    names = [category.name for category in categories]
    small = [name for name in names if name[0] in _LIKE_CAPITALS]
    if small and all(name in small or name[0].isupper() for name in names) and small != names:
        raise LabelsInDoubt(f"“{small[0]}” may begin with a capital letter, as the other names do")
    numbers = sum(bool(_ONLY_NUMBERS.fullmatch(name)) for name in names)
    if 0 < numbers < len(names):
        raise LabelsInDoubt("a number stands among the category labels")
    if len(set(names)) < len(names):
        raise LabelsInDoubt("two categories have one name")
    return categories


def _without_headings(places: Sequence[Place], stacks: Sequence[Stack]) -> list[Place]:
    """Leave out what stands beyond the outermost bars and is not aligned as the labels are.

    A subtitle or a note is no category without a bar.
    """

    def ends(place: Place) -> tuple[float, float]:
        return min(line.top for line in place.lines), max(line.bottom for line in place.lines)

    beside = [place for place in places if stacks[0].left <= place.x <= stacks[-1].right]
    if len(beside) < _FEW:
        return list(places)
    off = _UNALIGNED * float(np.median([line.letter for one in beside for line in one.lines]))
    edges = [each for each in zip(*map(ends, beside)) if np.ptp(each) <= off]
    return [
        place
        for place in places
        if place in beside
        or not edges
        or any(abs(end - np.median(edge)) <= off for edge in edges for end in ends(place))
    ]


def _without_strokes(labels: Sequence[PrintBox], stacks: Sequence[Stack]) -> list[PrintBox]:
    """Leave out single strokes between the bars: ticks and frames that OCR took for letters."""
    middles = np.array([stack.middle for stack in stacks])
    names = [label for label in labels if label.text not in _STROKES]
    if len(names) < len(stacks) or len({part.colour for s in stacks for part in s.parts}) > 1:
        return list(labels)
    near = _BETWEEN * _pitch(stacks)
    return [
        one
        for one in labels
        if one in names
        or np.abs(middles - one.x).min() <= near
        or any(_is_next_to(one, name) for name in names)
    ]


def _is_next_to(stroke: PrintBox, name: PrintBox) -> bool:
    """Return True for what may be the number or the sign before or behind a name."""
    gap = max(stroke.left - name.right, name.left - stroke.right)
    same_row = abs(stroke.y - name.y) <= name.letter / 2
    return same_row and gap <= 1.5 * max(stroke.letter, name.letter)


def _name(lines: Sequence[PrintBox]) -> str:
    return " ".join(line.text for line in lines)


def _pitch(stacks: Sequence[Stack]) -> float:
    width = float(np.median([stack.right - stack.left for stack in stacks]))
    if len(stacks) < 2:
        return width
    return max(width, float(np.median(np.diff([stack.middle for stack in stacks]))))


def _places(below: Sequence[PrintBox], stacks: Sequence[Stack], is_rotated: bool) -> list[Place]:
    if not below:
        return []
    usual = float(np.median([label.letter for label in below]))
    below = [label for label in below if label.letter >= _SPECK * usual]
    if is_rotated:
        rows = _places_of_rows([label for label in below if label.is_level])
        return _without_headings(rows, stacks)
    kinds = (
        [label for label in below if label.is_level],
        [label for label in below if label.is_upright],
        [label for label in below if not label.is_level and not label.is_upright],
    )
    slanted = kinds[2]
    if len(slanted) >= max(2, len(kinds[0]) / 2):
        return _places_of_slanted(slanted, stacks)
    upright = kinds[1]
    if len(upright) >= 2 and min(label.top for label in upright) < min(
        (label.top for label in kinds[0]), default=np.inf
    ):
        foot = max(label.bottom for label in upright)
        short = [label for label in kinds[0] if len(label.text) <= _SHORT and label.bottom < foot]
        return _places_of_upright([*upright, *short])
    return _places_of_level(kinds[0], stacks)


def _places_of_rows(labels: Sequence[PrintBox]) -> list[Place]:
    """Group the lines of labels beside lying bars: those of one label touch each other."""
    groups: list[list[PrintBox]] = []
    for label in sorted(labels, key=lambda label: label.x):
        last = groups[-1][-1] if groups else None
        if last is not None and label.left - last.right <= _NEXT_LINE * label.letter:
            groups[-1].append(label)
        else:
            groups.append([label])
    return [Place((group[0].left + group[-1].right) / 2, tuple(group)) for group in groups]


def _places_of_upright(labels: Sequence[PrintBox]) -> list[Place]:
    top = min(label.top for label in labels)
    letter = float(np.median([label.letter for label in labels]))
    near = [
        label
        for label in labels
        if label.top <= top + 2 * letter or label.top <= max(other.top for other in labels)
    ]
    return [Place(label.x, (label,)) for label in near]


def _places_of_slanted(labels: Sequence[PrintBox], stacks: Sequence[Stack]) -> list[Place]:
    """Return the places to which slanted labels point: their upper ends, or their middles."""
    middles = np.array([stack.middle for stack in stacks])
    ends = [min(label.start, label.end, key=lambda point: point[1])[0] for label in labels]
    ways = [ends, [label.x for label in labels]]
    errors = [np.mean([np.abs(middles - x).min() for x in way]) for way in ways]
    best = ways[int(np.argmin(errors))]
    return [Place(x, (label,)) for x, label in zip(best, labels)]


def _places_of_level(labels: Sequence[PrintBox], stacks: Sequence[Stack]) -> list[Place]:
    """Group labels that stand under the bars in one row, with the lines that continue them."""
    if not labels:
        return []
    pitch = _pitch(stacks)
    rows = min(_ways_apart(labels, pitch), key=lambda rows: _irregularity(rows[0], pitch))
    if len(rows[0]) > max(len(labels), len(stacks)):
        raise LabelsInDoubt("labels that stand close together could not be told apart")
    groups = [[label] for label in sorted(rows[0], key=lambda label: label.x)]
    letter = float(np.median([label.letter for label in rows[0]]))
    centre, reach = (stacks[0].left + stacks[-1].right) / 2, stacks[-1].right - stacks[0].left
    for last, row in zip(rows, rows[1:]):
        down = np.mean([label.y for label in row]) - np.mean([label.y for label in last])
        is_centred = len(row) == 1 and abs(row[0].x - centre) < 0.1 * reach
        if down > (_TITLE_PITCH if is_centred else _LINE_PITCH) * letter:
            break
        if is_centred and _names_axis(row[0], groups):
            break
        for label in row:
            group = min(groups, key=lambda group: abs(group[0].x - label.x))
            if abs(group[0].x - label.x) <= max(group[0].width, label.width) / 2:
                group.append(label)
    return [Place(group[0].x, tuple(group)) for group in groups]


def _names_axis(line: PrintBox, groups: Sequence[Sequence[PrintBox]]) -> bool:
    """Return True for a line below the middle label that would have had room beside it.

    Raises LabelsInDoubt when it may be the label's second line as well as the axis's name.
    """
    if len(groups) < 2:
        return False
    above = min(groups, key=lambda group: abs(group[0].x - line.x))
    step = float(np.median(np.diff([group[0].x for group in groups])))
    if len(above) < max(map(len, groups)):
        return False
    has_room = above[0].width + line.width <= _ROOM * step
    if len(above) == 1 and has_room and not line.text[:1].islower():
        return True
    raise LabelsInDoubt(f"“{line.text}” may name the axis, or go on with “{above[0].text}”")


def _ways_apart(labels: Sequence[PrintBox], pitch: float) -> list[list[list[PrintBox]]]:
    """Return rows of labels; labels that OCR joined are parted in one way after another."""
    ways = (
        split_words,
        partial(split_words, gap=np.inf),
        partial(split_words, gap=np.inf, at_capitals=True),
    )
    return [
        _rows([
            word
            for label in labels
            for word in (split(label) if label.width > _MERGED * pitch else [label])
        ])
        for split in ways
    ]  # fmt: skip


def _rows(labels: Sequence[PrintBox]) -> list[list[PrintBox]]:
    rows: list[list[PrintBox]] = []
    for label in sorted(labels, key=lambda label: label.y):
        if rows and label.y - np.mean([one.y for one in rows[-1]]) <= 0.5 * label.letter:
            rows[-1].append(label)
        else:
            rows.append([label])
    return rows


def _irregularity(row: Sequence[PrintBox], pitch: float) -> float:
    """Return how far the labels of a row are from regular places at most, in pitches."""
    xs = np.sort([label.x for label in row])
    if len(xs) < _FEW:
        return np.inf
    regular = np.linspace(xs[0], xs[-1], len(xs))
    return float(np.abs(xs - regular).max()) / pitch

"""Find solid bars by their colours: rectangles that stand on one line, alone or on each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# in pixels
_MIN_SIDE = 3  # of a bar
_STRAND = 2  # what is thinner is a line
_LINE = 6  # a line that is drawn over a bar is no thicker
_ALIGNED = 2.5  # how far edges that are one line may be apart
_THIN, _ALIGNED_THIN = 8, 4.5  # JPEG rounds the corners of parts that are no higher
_BASE = 4  # how far the ends of bars may be from their line, which may be thick
_CORNER = 2, 8  # the square at each corner of a rectangle that has to be filled
_SOFT = 16  # the outermost pixels of what is that large do not count: JPEG blurs them

_MIN_FILL = 0.4  # of its rectangle that a bar fills; print and lines may cover the rest
_SIMILAR_WIDTH = 0.7, 1.4  # of the median width


@dataclass(frozen=True)
class Rectangle:
    """A solid rectangle in pixels, right and bottom exclusive, and the number of its colour."""

    left: int
    top: int
    right: int
    bottom: int
    colour: int

    @property
    def middle(self) -> float:
        """Return the x of its middle."""
        return (self.left + self.right) / 2

    @property
    def width(self) -> int:
        """Return its width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Return its height in pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> int:
        """Return its area in pixels."""
        return self.width * self.height

    def rotated_right(self, width: int) -> Rectangle:
        """Return it in the picture of this width whose quarter turn to the left it was found in."""
        return Rectangle(width - self.bottom, self.left, width - self.top, self.right, self.colour)


@dataclass(frozen=True)
class Stack:
    """Rectangles of one column that touch each other, from the top down."""

    parts: tuple[Rectangle, ...]

    @property
    def left(self) -> int:
        """Return the x of its left edge."""
        return min(part.left for part in self.parts)

    @property
    def right(self) -> int:
        """Return the x of its right edge, exclusive."""
        return max(part.right for part in self.parts)

    @property
    def top(self) -> int:
        """Return the y of its upper end."""
        return self.parts[0].top

    @property
    def bottom(self) -> int:
        """Return the y of its lower end, exclusive."""
        return self.parts[-1].bottom

    @property
    def middle(self) -> float:
        """Return the x of its middle."""
        return (self.left + self.right) / 2

    @property
    def area(self) -> int:
        """Return its area in pixels."""
        return sum(part.area for part in self.parts)

    def ends_at(self, y: float) -> bool:
        """Return True when its upper or its lower end lies on this line."""
        return min(abs(self.top - y), abs(self.bottom - y)) <= _BASE


@dataclass(frozen=True)
class Layout:
    """Stacks on a common line, from left to right, and the rectangles that belong to none.

    For horizontal bars, all of it is in the picture after a quarter turn to the left.
    """

    stacks: tuple[Stack, ...]
    base: float  # y of the line
    others: tuple[Rectangle, ...]
    is_rotated: bool

    @property
    def share(self) -> float:
        """Return how much of all rectangles' area is in the stacks."""
        area = sum(stack.area for stack in self.stacks)
        return area / max(1, area + sum(other.area for other in self.others))


def find_layout(nearest: np.ndarray, ground: Sequence[int]) -> Layout:
    """Return the bars of a picture, vertical or horizontal, whichever explain more of it.

    `nearest` has the number of each pixel's colour (H×W, -1 for none); `ground` lists the colours
    of the background.
    """
    colours = [i for i in range(int(nearest.max()) + 1) if i not in ground]
    upright = lay_out(_rectangles(nearest, colours), False)
    turned = lay_out(_rectangles(np.rot90(nearest), colours), True)
    return max(upright, turned, key=lambda it: (len(it.stacks) > 1, it.share, len(it.stacks)))


def lay_out(found: Sequence[Rectangle], is_rotated: bool) -> Layout:
    """Return the stacks that stand on one line and are about as wide as each other."""
    stacks = _stacks(found)
    best: list[Stack] = []
    base = 0.0
    most = (0, 0)
    ends = np.array([edge for stack in stacks for edge in _edges(stack)])
    owners = np.array([i for i, stack in enumerate(stacks) for _ in _edges(stack)])
    for y in np.unique(ends).tolist():
        touching = np.unique(owners[np.abs(ends - y) <= _BASE])  # a photo has thousands
        row = _similar([stacks[i] for i in touching])
        # all stacks may have a joint at one height too
        weight = sum(stack.area for stack in row), sum(stack.ends_at(y) for stack in row)
        if weight >= most:
            best, base, most = row, y, weight
    if best:
        base = float(np.median([min(_edges(s), key=lambda e: abs(e - base)) for s in best]))
    best = _without_line(_without_swatches(best, found), found)
    taken = {part for stack in best for part in stack.parts}
    others = tuple(one for one in found if one not in taken)
    return Layout(tuple(sorted(best, key=lambda s: s.left)), base, others, is_rotated)


def _edges(stack: Stack) -> list[float]:
    return [float(end) for part in stack.parts for end in (part.top, part.bottom)]


def _similar(row: Sequence[Stack]) -> list[Stack]:
    """Return the stacks that are about as wide as the others."""
    if not row:
        return []
    widths = np.array([stack.right - stack.left for stack in row])
    order = np.argsort(widths)
    areas = np.cumsum([row[i].area for i in order])  # slivers along a line are no bars
    middle = float(widths[order[np.searchsorted(areas, areas[-1] / 2)]])
    least, most = (factor * middle for factor in _SIMILAR_WIDTH)
    return [s for s, w in zip(row, widths) if least - 1 <= w <= most + 1]


def _without_line(stacks: Sequence[Stack], found: Sequence[Rectangle]) -> list[Stack]:
    """Leave out the parts of a thick line that the bars stand on and part.

    Their colour is that of no bar, they reach from bar to bar, and they have another width, or
    more of the line is beyond the outermost bars.
    """

    def is_beyond(one: Rectangle) -> bool:
        return one.right <= bars[0].left + _ALIGNED or one.left >= bars[-1].right - _ALIGNED

    def go_on(one: Rectangle, other: Rectangle) -> bool:
        aside = max(abs(one.top - other.top), abs(one.bottom - other.bottom))
        return one.colour == other.colour and aside <= 1

    slivers = [s for s in stacks if len(s.parts) == 1 and s.bottom - s.top <= _LINE]
    bars = sorted((s for s in stacks if s not in slivers), key=lambda stack: stack.left)
    colours = {part.colour for bar in bars for part in bar.parts}
    if not bars:
        return list(stacks)
    width = float(np.median([bar.right - bar.left for bar in bars]))
    line = []
    for sliver in slivers:
        (part,) = sliver.parts
        left = any(abs(bar.right - part.left) <= _ALIGNED for bar in bars)
        right = any(abs(bar.left - part.right) <= _ALIGNED for bar in bars)
        other_width = abs(part.width - width) > _ALIGNED
        goes_on = any(is_beyond(one) and go_on(one, part) for one in found)
        if part.colour not in colours and left and right and (other_width or goes_on):
            line.append(part)
    ends = [s for s in slivers if any(go_on(s.parts[0], part) for part in line)]
    return [stack for stack in stacks if stack not in ends]


def _without_swatches(stacks: Sequence[Stack], found: Sequence[Rectangle]) -> list[Stack]:
    """Leave out what is a swatch of a legend, with others of its size in its row or column.

    A legend may begin where the bars do.
    """
    taken = {part for stack in stacks for part in stack.parts}
    others = [one for one in found if one not in taken]
    return [
        stack
        for stack in stacks
        if len(stack.parts) > 1 or not any(_is_twin(_first(stack), other) for other in others)
    ]


def _first(stack: Stack) -> Rectangle:
    return next(iter(stack.parts))


def _is_twin(one: Rectangle, other: Rectangle) -> bool:
    same_size = max(abs(one.width - other.width), abs(one.height - other.height)) <= 1
    beside = min(abs(one.left - other.left), abs(one.top - other.top)) <= 1
    square = max(one.width, one.height) <= 3 * min(one.width, one.height)
    return same_size and beside and square and one.colour != other.colour


def _stacks(found: Sequence[Rectangle]) -> list[Stack]:
    """Join the rectangles of equal sides that touch each other."""
    stacks: list[list[Rectangle]] = []
    by_left: dict[int, set[int]] = defaultdict(set)  # the stacks whose last part begins there
    reach = int(max(_ALIGNED, _ALIGNED_THIN))
    for one in sorted(found, key=lambda one: one.top):
        near = range(one.left - reach, one.left + reach + 1)
        candidates = sorted(i for left in near for i in by_left.get(left, ()))
        at = next((i for i in candidates if _goes_on(stacks[i][-1], one)), len(stacks))
        if at == len(stacks):
            stacks.append([])
        else:
            by_left[stacks[at][-1].left].discard(at)
        stacks[at].append(one)
        by_left[one.left].add(at)
    return [Stack(tuple(stack)) for stack in stacks]


def _goes_on(last: Rectangle, one: Rectangle) -> bool:
    """Return True when a rectangle has the sides of the one above it, and touches it."""
    thin = min(last.height, one.height) <= _THIN
    aside = max(abs(last.left - one.left), abs(last.right - one.right))
    aligned = aside <= (_ALIGNED_THIN if thin else _ALIGNED)
    return aligned and -_ALIGNED <= one.top - last.bottom <= _LINE


def _rectangles(nearest: np.ndarray, colours: Sequence[int]) -> list[Rectangle]:
    return [one for colour in colours for one in _rectangles_of(nearest == colour, colour)]


def _rectangles_of(mask: np.ndarray, colour: int) -> Iterator[Rectangle]:
    """Yield the parts of a bool mask (H×W) that are rectangles, joined across horizontal lines."""
    # the soft edges of grey lines have the colour of grey bars, and would join them
    strand = np.ones((_STRAND + 1, _STRAND + 1), np.uint8)
    solid = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, strand[:, :1])
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((_LINE + 1, 1), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, strand)
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    for i in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[i])
        if area < _MIN_FILL * width * height:
            continue
        part = numbers[y : y + height, x : x + width] == i
        left, right = _filled(part.mean(axis=0))
        top, bottom = _filled(part[:, left:right].mean(axis=1))
        if _has_corners(part[top:bottom, left:right]):
            yield Rectangle(x + left, y + top, x + right, y + bottom, colour)


def _filled(profile: np.ndarray) -> tuple[int, int]:
    """Return where a profile of shares begins and ends to be half full, the end exclusive."""
    full = np.flatnonzero(profile >= 0.5 * profile.max())
    return int(full[0]), int(full[-1]) + 1


def _has_corners(part: np.ndarray) -> bool:
    """Return True when the corners of a bool mask are filled, but for one that may be covered."""
    if min(part.shape) < _MIN_SIDE:
        return False
    if min(part.shape) >= _SOFT:
        part = part[1:-1, 1:-1]
    size = int(np.clip(min(part.shape) // 6, *_CORNER))
    corners = (
        part[:size, :size],
        part[:size, -size:],
        part[-size:, :size],
        part[-size:, -size:],
    )
    return sum(corner.mean() >= 0.5 for corner in corners) >= 3

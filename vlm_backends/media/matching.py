"""Compare the places of two answers: overlap of outlines (IoU), and which places both name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from math import isqrt

from vlm_backends.media import geometry
from vlm_backends.media.geometry import Outline
from vlm_backends.types import Point, Region

SAME_PLACE_IOU = 0.5  # two outlines are at the same place from here on, as in detection benchmarks
MAX_COMPARED = 100  # regions of an answer: the time for all pairs grows with the square

_MAX_EDGE_PAIRS = 500_000  # takes a few seconds; outlines lose corners to stay below it
_MIN_CORNERS = 8  # that a thinned outline keeps
_WORD = re.compile(r"\w+")
_ARTICLES = {"a", "an", "the"}

Edge = tuple[Point, Point]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """One thing that two answers name; `iou` is the overlap of its two outlines."""

    one: Region
    other: Region
    iou: float


@dataclass(frozen=True)
class Agreement:
    """The things that both answers found."""

    pairs: tuple[Pair, ...]
    places: int  # that the two answers name together; a pair counts once
    cut: bool = False  # there were more regions, which were not compared

    @property
    def agreed(self) -> tuple[Pair, ...]:
        """Return the pairs at the same place."""
        return tuple(pair for pair in self.pairs if pair.iou >= SAME_PLACE_IOU)

    @property
    def mean(self) -> float:
        """Return the mean IoU of the agreed pairs, 0..1; 0 when there are none."""
        return sum(pair.iou for pair in self.agreed) / max(1, len(self.agreed))


def agreement(ones: Sequence[Region], others: Sequence[Region]) -> Agreement:
    """Pair the regions of two answers; each region has one counterpart at most.

    The largest overlap is paired first. Two regions may be paired when they are at the same place
    (IoU of at least `SAME_PLACE_IOU`), when they overlap and one label's words include the
    other's, or when their labels have the same words, wherever they are. Only the first
    `MAX_COMPARED` regions of each answer are compared, and outlines with many corners lose some of
    them when there is much to compare.
    """
    left, right = (dict(enumerate(regions[:MAX_COMPARED])) for regions in (ones, others))
    candidates = sorted(_candidates(left, right), key=lambda found: -found[0].iou)
    pairs = []
    for pair, i, j in candidates:
        if i in left and j in right:
            del left[i], right[j]
            pairs.append(pair)
    return Agreement(
        pairs=tuple(pairs),
        places=len(pairs) + len(left) + len(right),
        cut=max(len(ones), len(others)) > MAX_COMPARED,
    )


def iou(one: Outline, other: Outline) -> float:
    """Return the shared area of two outlines over the area of their union, 0..1.

    It is 0 when both have no area. Exact for polygons that do not cross themselves; the inside
    follows the even-odd rule. Both outlines are in the same unit.
    """
    if _are_apart(_bounds(one), _bounds(other)):
        return 0.0
    edges, other_edges = list(geometry.edges(one)), list(geometry.edges(other))
    heights = {y for _, y in (*one, *other)}
    heights.update(y for pair in product(edges, other_edges) for y in _crossing_heights(*pair))
    shared = union = 0.0
    # Between two neighbouring heights no edge begins, ends or crosses another one. Every width is
    # linear in y there, so the width in the middle is the mean.
    for low, high in pairwise(sorted(heights)):
        middle = (low + high) / 2
        overlap, total = _widths(_inside(edges, middle), _inside(other_edges, middle))
        shared += (high - low) * overlap
        union += (high - low) * (total - overlap)
    return min(1.0, shared / union) if union > 0 else 0.0


def _candidates(
    left: Mapping[int, Region], right: Mapping[int, Region]
) -> list[tuple[Pair, int, int]]:
    """List the pairs that may be paired, each with the keys of its two regions."""
    most = max(_MIN_CORNERS, isqrt(_MAX_EDGE_PAIRS // max(1, len(left) * len(right))))
    outlines = {i: _thinned(region.outline, most) for i, region in left.items()}
    other_outlines = {j: _thinned(region.outline, most) for j, region in right.items()}
    found = []
    for i, j in product(left, right):
        overlap = iou(outlines[i], other_outlines[j])
        if overlap >= SAME_PLACE_IOU or _may_be_the_same(left[i], right[j], overlap):
            found.append((Pair(left[i], right[j], overlap), i, j))
    return found


def _thinned(outline: Outline, most: int) -> Outline:
    """Keep every second corner, every third and so on, until at most `most` are left."""
    return outline[:: max(1, -(-len(outline) // most))]


def _may_be_the_same(one: Region, other: Region, overlap: float) -> bool:
    """Compare the labels: the same words, or, with an overlap, some words of the other."""
    words, other_words = _words(one.label), _words(other.label)
    if not words or not other_words:
        return False
    included = words <= other_words or other_words <= words
    return words == other_words or (overlap > 0 and included)


@lru_cache(maxsize=4096)
def _words(label: str) -> frozenset[str]:
    return frozenset(_WORD.findall(label.casefold())) - _ARTICLES


_bounds = lru_cache(maxsize=4096)(geometry.bounds)  # each outline is compared with many others


def _are_apart(one: geometry.Box, other: geometry.Box) -> bool:
    left, top, right, bottom = one
    left2, top2, right2, bottom2 = other
    return left >= right2 or left2 >= right or top >= bottom2 or top2 >= bottom


def _crossing_heights(one: Edge, other: Edge) -> tuple[float, ...]:
    """Return the height at which two edges cross; nothing if they do not, or are parallel."""
    ((ax, ay), (bx, by)), ((cx, cy), (dx, dy)) = one, other
    turn = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
    if not turn:
        return ()
    along = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / turn
    along2 = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / turn
    return (ay + along * (by - ay),) if 0 <= along <= 1 and 0 <= along2 <= 1 else ()


def _inside(edges: Sequence[Edge], y: float) -> list[Interval]:
    """Return the intervals of x that are inside at a height, by the even-odd rule."""
    crossings = sorted(
        ax + (y - ay) * (bx - ax) / (by - ay)
        for (ax, ay), (bx, by) in edges
        if (ay > y) != (by > y)
    )
    return list(zip(crossings[::2], crossings[1::2]))


def _widths(ones: Sequence[Interval], others: Sequence[Interval]) -> tuple[float, float]:
    """Return the width that both have in common, and the sum of all widths."""
    shared = sum(max(0.0, min(b, d) - max(a, c)) for (a, b), (c, d) in product(ones, others))
    return shared, sum(b - a for a, b in (*ones, *others))

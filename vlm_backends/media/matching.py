"""How far two answers agree about places: the overlap of outlines, and which places both of them name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from math import isqrt

from vlm_backends.types import Point, Region

SAME = 0.5  # IoU from which two outlines are the same place, as detection benchmarks have it
MOST = 100  # regions of an answer: the time for all pairs grows with the square
_EDGES = (
    500_000  # pairs of edges that are looked at, in a few seconds; outlines lose corners for that
)
_FEWEST = 8  # corners that are left of an outline
_WORD = re.compile(r"\w+")
_ARTICLES = {"a", "an", "the"}

Outline = tuple[Point, ...]
Edge = tuple[Point, Point]


@dataclass(frozen=True)
class Pair:
    """One thing in two answers."""

    one: Region
    other: Region
    iou: float


@dataclass(frozen=True)
class Agreement:
    """The things that both answers found, and how many places the two name together."""

    pairs: tuple[Pair, ...]
    places: int
    cut: bool = False  # there were more, which were not compared

    @property
    def agreed(self) -> tuple[Pair, ...]:
        """The pairs that stand at the same place."""
        return tuple(pair for pair in self.pairs if pair.iou >= SAME)

    @property
    def mean(self) -> float:
        """The mean IoU of what was agreed, 0..1; 0 for nothing."""
        return sum(pair.iou for pair in self.agreed) / max(1, len(self.agreed))


def agreement(ones: Sequence[Region], others: Sequence[Region]) -> Agreement:
    """Who is whose counterpart: each region has one at most, and the largest overlap goes first.

    Two regions may be counterparts when they are at the same place (IoU of at least `SAME`), when they overlap and one
    label's words hold the other's, or when their labels are the same, wherever they are. Of more than `MOST` regions
    the first are compared, and of outlines with many corners every second or so, the more there are.
    """
    left, right = (dict(enumerate(regions[:MOST])) for regions in (ones, others))
    most = max(_FEWEST, isqrt(_EDGES // max(1, len(left) * len(right))))
    thin, thin2 = (
        [_thinned(region.outline, most) for region in regions.values()] for regions in (left, right)
    )
    every = (
        (_pair(left[i], right[j], iou(thin[i], thin2[j])), i, j) for i, j in product(left, right)
    )
    pairs = []
    for pair, i, j in sorted((each for each in every if each[0]), key=lambda each: -each[0].iou):
        if i in left and j in right:
            del left[i], right[j]
            pairs.append(pair)
    return Agreement(
        tuple(pairs), len(pairs) + len(left) + len(right), max(len(ones), len(others)) > MOST
    )


def iou(one: Outline, other: Outline) -> float:
    """The area that two outlines share over the area that they cover together, 0..1; 0 when both cover nothing.

    Exact for polygons that do not cross themselves, inside by the even-odd rule.
    """
    (left, top, right, bottom), (left2, top2, right2, bottom2) = _bounds(one), _bounds(other)
    if left >= right2 or left2 >= right or top >= bottom2 or top2 >= bottom:
        return 0.0
    edges, edges2 = _edges(one), _edges(other)
    heights = {y for _, y in (*one, *other)} | {
        y for pair in product(edges, edges2) for y in _crossing(*pair)
    }
    shared = covered = 0.0
    for low, high in pairwise(
        sorted(heights)
    ):  # between two corners or crossings every width is linear in y,
        spans, spans2 = (
            _spans(each, (low + high) / 2) for each in (edges, edges2)
        )  # so the middle one is its mean
        overlap = sum(max(0.0, min(b, d) - max(a, c)) for (a, b), (c, d) in product(spans, spans2))
        shared += (high - low) * overlap
        covered += (high - low) * (sum(b - a for a, b in (*spans, *spans2)) - overlap)
    return min(1.0, shared / covered) if covered > 0 else 0.0


def _thinned(outline: Outline, most: int) -> Outline:
    return outline[:: max(1, -(-len(outline) // most))]


def _pair(one: Region, other: Region, overlap: float) -> Pair | None:
    words, words2 = _words(one.label), _words(other.label)
    named = bool(words and words2) and (
        words == words2 or overlap > 0 and (words <= words2 or words2 <= words)
    )
    return Pair(one, other, overlap) if named or overlap >= SAME else None


@lru_cache(maxsize=4096)
def _words(label: str) -> frozenset[str]:
    return frozenset(_WORD.findall(label.casefold())) - _ARTICLES


@lru_cache(maxsize=4096)
def _bounds(outline: Outline) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return min(xs, default=0), min(ys, default=0), max(xs, default=0), max(ys, default=0)


def _edges(outline: Outline) -> list[Edge]:
    return list(zip(outline, (*outline[1:], *outline[:1]), strict=True))


def _crossing(one: Edge, other: Edge) -> tuple[float, ...]:
    """The height at which two edges cross."""
    ((ax, ay), (bx, by)), ((cx, cy), (dx, dy)) = one, other
    turn = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
    if not turn:  # they run side by side
        return ()
    along = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / turn
    along2 = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / turn
    return (ay + along * (by - ay),) if 0 <= along <= 1 and 0 <= along2 <= 1 else ()


def _spans(edges: Sequence[Edge], y: float) -> list[tuple[float, float]]:
    """The stretches of x that are inside at this height."""
    crossed = sorted(
        ax + (y - ay) * (bx - ax) / (by - ay)
        for (ax, ay), (bx, by) in edges
        if (ay > y) != (by > y)
    )
    return list(zip(crossed[::2], crossed[1::2]))

"""Tell over how many columns a head stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vlm_backends.engines.builtin.documents.pieces import PrintPiece

_CENTRED = 0.9  # in heights of a line: how far a head may be off the middle of its columns
_AT_EDGE = 0.35  # in heights: a head that begins so near its column's edge
_CLEARLY = 0.5  # in heights: by so much the next best choice must be worse
_BARE = 0.6  # in heights: how much a column without a head counts
_MOST_COLUMNS = 14  # of more, the heads are not looked at


Stretch = tuple[int, int, float]  # first and last column, and how far a head is off their middle


class _Fit(NamedTuple):
    """Hold a stretch for each head, and how badly they fit, in heights of a line."""

    cost: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Span:
    """Hold a head and the columns that it stands over, the last one included."""

    piece: PrintPiece
    first: int
    last: int
    is_sure: bool


def spanning_heads(
    rows: Sequence[Sequence[PrintPiece]], columns: Sequence[tuple[float, float]], high: float
) -> list[Span]:
    """Return the heads of the first of two rows, when it has some over several columns each.

    The second row has to name each of the columns. A head stands in the middle of its columns.
    """
    if len(rows) < 2 or not _may_span(rows, columns, high):
        return []
    heads = rows[0]
    edges = _edges(columns)
    if starts := _left_aligned(heads, rows[1], columns, high):
        ends = [*(start - 1 for start in starts[1:]), len(columns) - 1]
        return [Span(*each, is_sure=False) for each in zip(heads, starts, ends)]
    fits = [_fits(piece, columns, edges, high) for piece in heads]
    best, second = _two_best(fits, len(columns))
    if not best.stretches or all(first == last for first, last, _ in best.stretches):
        return []
    is_sure = second.cost - best.cost >= _CLEARLY
    return [
        Span(piece, first, last, is_sure and off <= _CENTRED)
        for piece, (first, last, off) in zip(heads, best.stretches)
    ]


def _may_span(
    rows: Sequence[Sequence[PrintPiece]], columns: Sequence[tuple[float, float]], high: float
) -> bool:
    above, below = rows
    return (
        0 < len(above) < len(below) >= len(columns) - 1
        and len(columns) <= _MOST_COLUMNS
        and above[0].box[0] > columns[0][1]
    )


def _left_aligned(
    heads: Sequence[PrintPiece],
    below: Sequence[PrintPiece],
    columns: Sequence[tuple[float, float]],
    high: float,
) -> list[int]:
    """Return the columns at whose left edges all heads begin; empty where they do not."""
    starts = []
    for piece in heads:
        near = [other for other in below if abs(other.box[0] - piece.box[0]) <= _AT_EDGE * high]
        over = [j for j, (a, b) in enumerate(columns) if near and a <= near[0].middle[0] <= b]
        starts += over[:1]
    is_each = len(starts) == len(heads) and starts == sorted(set(starts))
    return starts if is_each and len(heads) < len(columns) - 1 else []


def _edges(columns: Sequence[tuple[float, float]]) -> list[float]:
    """Return the borders of columns: the middles between them, and as much outside."""
    gaps = [start - end for (_, end), (start, _) in zip(columns, columns[1:])]
    half = float(np.median(gaps)) / 2
    between = [(end + start) / 2 for (_, end), (start, _) in zip(columns, columns[1:])]
    return [columns[0][0] - half, *between, columns[-1][1] + half]


def _fits(
    piece: PrintPiece, columns: Sequence[tuple[float, float]], edges: Sequence[float], high: float
) -> list[Stretch]:
    """Return the stretches of columns around a head: first, last, how far it is off the middle."""
    middle, left, right = piece.middle[0], piece.box[0], piece.box[2]
    found = []
    for first in range(1, len(columns)):
        for last in range(first, len(columns)):
            start, end = edges[first], edges[last + 1]
            inked = (columns[first][0] + columns[last][1]) / 2
            off = min(abs(middle - (start + end) / 2), abs(middle - inked)) / high
            if off <= 2 * _CENTRED and left >= start - high / 2 and right <= end + high / 2:
                found.append((first, last, off))
    return sorted(found, key=lambda fit: fit[2])


def _two_best(fits: Sequence[list[Stretch]], width: int) -> tuple[_Fit, _Fit]:
    """Return the two best choices of a stretch for each head, none over another."""
    best = second = _Fit(np.inf, ())

    def choose(chosen: tuple[Stretch, ...], off: float) -> None:
        nonlocal best, second
        if len(chosen) < len(fits):
            for fit in fits[len(chosen)]:
                if off + fit[2] < second.cost and (not chosen or fit[0] > chosen[-1][1]):
                    choose((*chosen, fit), off + fit[2])
            return
        bare = width - 1 - sum(last - first + 1 for first, last, _ in chosen)
        choice = _Fit(off + _BARE * bare, chosen)
        best, second = sorted((best, second, choice), key=lambda each: each.cost)[:2]

    choose((), 0.0)
    return best, second

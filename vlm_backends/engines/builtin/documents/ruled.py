"""Put tables together whose cells are framed by rules."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from vlm_backends.engines.builtin.documents.grid import Cell, Grid
from vlm_backends.engines.builtin.documents.pieces import PrintPiece, box_around, split_at
from vlm_backends.engines.builtin.documents.rules import RuledLine, Rules
from vlm_backends.engines.builtin.documents.upright import UprightPage
from vlm_backends.media.geometry import Box

_TOUCH = 8.0  # px: rules that end so near each other meet
_SAME = 0.5  # in heights of a line: rules on one level
_OPEN = 1.5  # in heights: rules that run on so far frame a cell without an outer rule
_PARTED = 0.75  # of a cell's side has a rule
_MIDDLE = 0.3  # in heights of a row: print that is so near the middle of several is of all
_MIN_SINGLE = 0.5  # of the cells of a table are no part of a larger one
_WORDS_APART = 1.2  # in heights: print in one cell that is farther apart is not one text
_MAX_CROWDED = 0.15  # of a table's cells hold several texts side by side
_MIN_FILLED = 0.35  # of the cells hold print: fewer are the grid of a drawing


def ruled_grids(page: UprightPage, rules: Rules) -> list[tuple[Grid, list[PrintPiece]]]:
    """Return the tables framed by rules, each with its pieces of print, top to bottom."""
    found = []
    for along, across in _frames(rules):
        grid = _Lattice(along, across, page).grid()
        if grid:
            found.append(grid)
    return sorted(found, key=lambda each: each[0].box[1])


def _frames(rules: Rules) -> list[tuple[list[RuledLine], list[RuledLine]]]:
    """Return groups of rules that meet: those along the print, at least two, and those across."""
    groups: list[tuple[list[RuledLine], list[RuledLine]]] = []
    for rule in rules.across:
        meeting = [other for other in rules.along if _meet(other, rule)]
        along, across = meeting, [rule]
        for group in [group for group in groups if any(other in meeting for other in group[0])]:
            along = [*group[0], *(other for other in along if other not in group[0])]
            across = [*group[1], *across]
            groups.remove(group)
        groups.append((along, across))
    return [group for group in groups if len(group[0]) >= 2]


def _meet(along: RuledLine, across: RuledLine) -> bool:
    return (
        along.start - _TOUCH <= across.level <= along.end + _TOUCH
        and across.start - _TOUCH <= along.level <= across.end + _TOUCH
    )


class _Lattice:
    """The rows and columns between rules that meet, and which of their cells are one."""

    def __init__(self, along: list[RuledLine], across: list[RuledLine], page: UprightPage) -> None:
        self._page, self._along, self._across = page, along, across
        high = page.line_height
        self._ys = _levels(along, _SAME * high)
        self._xs = _levels(across, _SAME * high)
        self._xs = _with_open_ends(self._xs, along, _OPEN * high)
        self._ys = _with_open_ends(self._ys, across, _OPEN * high)
        self._ys = self._parting(self._along, self._ys, self._xs)
        self._xs = self._parting(self._across, self._xs, self._ys)

    def grid(self) -> tuple[Grid, list[PrintPiece]] | None:
        """Return the cells with their print, and the pieces that are in it; None for no table."""
        xs, ys = self._xs, self._ys
        if len(xs) < 3 or len(ys) < 3:  # one row or one column is a box around print
            return None
        box: Box = xs[0], ys[0], xs[-1], ys[-1]
        pieces = [piece for piece in self._page.pieces if _is_inside(piece, box)]
        grid = Grid(len(ys) - 1, len(xs) - 1, box)
        merged = self._merged()
        if not _is_regular([merged((i, j)) for i in range(grid.height) for j in range(grid.width)]):
            return None
        groups: dict[tuple[Cell, ...], list[PrintPiece]] = {}
        for piece in pieces:
            for part in split_at(piece, self._crossed(piece)):
                groups.setdefault(tuple(merged(self._cell(part))), []).append(part)
        for group, parts in groups.items():
            for part, cells in self._placed(parts, group):
                grid.put(part, cells)
        filled = len(grid.cells) / (grid.height * grid.width)
        crowded = sum(_holds_several(cell, self._page) for cell in grid.cells.values())
        is_table = filled >= _MIN_FILLED and crowded <= _MAX_CROWDED * len(grid.cells)
        return (grid, pieces) if is_table else None

    def _crossed(self, piece: PrintPiece) -> list[float]:
        """Return where rules cut through a piece."""
        left, top, right, bottom = piece.box
        middle = (top + bottom) / 2
        return [
            rule.level
            for rule in self._across
            if left < rule.level < right and rule.start <= middle <= rule.end
        ]

    def _merged(self) -> Callable[[Cell], list[Cell]]:
        """Return a function that gives the cells which no rule parts from a cell."""
        xs, ys = self._xs, self._ys
        height, width = len(ys) - 1, len(xs) - 1
        group = {(i, j): {(i, j)} for i in range(height) for j in range(width)}
        for i, j in list(group):
            if j + 1 < width and not self._is_parted(self._across, xs[j + 1], ys[i], ys[i + 1]):
                _join(group, (i, j), (i, j + 1))
            if i + 1 < height and not self._is_parted(self._along, ys[i + 1], xs[j], xs[j + 1]):
                _join(group, (i, j), (i + 1, j))
        return lambda cell: sorted(group[cell])

    def _parting(
        self, rules: Sequence[RuledLine], levels: Sequence[float], crossing: Sequence[float]
    ) -> list[float]:
        """Return the outermost levels, and those along which a rule parts two cells."""
        return [
            level
            for i, level in enumerate(levels)
            if i in (0, len(levels) - 1)
            or any(self._is_parted(rules, level, a, b) for a, b in zip(crossing, crossing[1:]))
        ]

    def _is_parted(
        self, rules: Sequence[RuledLine], level: float, start: float, end: float
    ) -> bool:
        near = _SAME * self._page.line_height
        on_level = [rule for rule in rules if abs(rule.level - level) <= near]
        inside = [min(rule.end, end) - max(rule.start, start) for rule in on_level]
        return sum(max(0.0, length) for length in inside) >= _PARTED * (end - start)

    def _cell(self, piece: PrintPiece) -> Cell:
        """Return the cell in which the middle of a piece is."""
        (x, y), last = piece.middle, (len(self._ys) - 2, len(self._xs) - 2)
        i, j = int(np.searchsorted(self._ys, y)) - 1, int(np.searchsorted(self._xs, x)) - 1
        return min(max(i, 0), last[0]), min(max(j, 0), last[1])

    def _placed(
        self, parts: Sequence[PrintPiece], group: Sequence[Cell]
    ) -> Iterator[tuple[PrintPiece, list[Cell]]]:
        """Yield the pieces of a group, each with the cells that it stands for.

        Print over all columns says nothing on any of them and stands in the first. Print whose
        lines are in the middle of several rows stands for all of them; other print for its own.
        """
        rows = sorted({i for i, _ in group})
        columns = sorted({j for _, j in group})
        if len(columns) == len(self._xs) - 1:
            columns = columns[:1]
        top, bottom = self._ys[rows[0]], self._ys[rows[-1] + 1]
        _, first, _, last = box_around(parts)
        off = abs((first + last) / 2 - (top + bottom) / 2)
        is_of_all = off <= _MIDDLE * (bottom - top) / len(rows)
        for part in parts:
            own = rows if is_of_all else [self._cell(part)[0]]
            yield part, [(i, j) for i in own for j in columns]


def _is_regular(groups: Sequence[list[Cell]]) -> bool:
    """Return True when most cells stand alone and those that are one form a rectangle."""
    for group in groups:
        rows, columns = {i for i, _ in group}, {j for _, j in group}
        if len(rows) * len(columns) != len(group):
            return False
    return sum(len(group) == 1 for group in groups) >= _MIN_SINGLE * len(groups)


def _holds_several(pieces: Sequence[PrintPiece], page: UprightPage) -> bool:
    """Return True when print stands side by side in a cell, farther apart than words."""
    return any(
        other.box[0] - piece.box[2] > _WORDS_APART * page.line_height
        and other.box[1] < piece.middle[1] < other.box[3]
        for piece in pieces
        for other in pieces
    )


def _join(group: dict[Cell, set[Cell]], one: Cell, other: Cell) -> None:
    both = group[one] | group[other]
    for cell in both:
        group[cell] = both


def _levels(rules: Sequence[RuledLine], apart: float) -> list[float]:
    """Return the levels of rules in order, those that are near each other as one."""
    levels: list[list[float]] = []
    for level in sorted(rule.level for rule in rules):
        if levels and level - levels[-1][-1] <= apart:
            levels[-1].append(level)
        else:
            levels.append([level])
    return [float(np.mean(each)) for each in levels]


def _with_open_ends(
    levels: list[float], crossing: Sequence[RuledLine], least: float
) -> list[float]:
    """Add the ends of the crossing rules where they run on over the outermost level."""
    start = float(np.median([rule.start for rule in crossing]))
    end = float(np.median([rule.end for rule in crossing]))
    before = [start] if start < levels[0] - least else []
    after = [end] if end > levels[-1] + least else []
    return [*before, *levels, *after]


def _is_inside(piece: PrintPiece, box: Box) -> bool:
    x, y = piece.middle
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]

"""Put tables together whose cells stand in rows and columns, without a rule around each."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.documents.columns import (
    Column,
    Row,
    cells_of,
    find_columns,
    is_list,
    is_prose,
    is_straight,
    part_cells,
    reach,
)
from vlm_backends.engines.builtin.documents.grid import Grid
from vlm_backends.engines.builtin.documents.heads import Span
from vlm_backends.engines.builtin.documents.pieces import PrintPiece, box_around
from vlm_backends.engines.builtin.documents.rows import row_numbers, rows_of, runs_of, table_rows
from vlm_backends.engines.builtin.documents.rules import Rules
from vlm_backends.engines.builtin.documents.upright import UprightPage

_SIDES, _WIDER = 2.5, 1.8  # a gap between two tables: in heights, and times the usual gap
_SAME_STEP = 0.2  # of the distance of rows
_LONGEST_ROW = 40  # letters: a longer line is a sentence
_MIN_ROWS = 3  # with cells in several columns
_MIN_BESIDE = 0.5  # of the rows have more than one cell with print
_SPARSE, _MANY_UNSURE = 0.6, 0.15  # of the cells are filled; of the pieces are unsure
_MIN_FILLED = 0.4  # of the cells hold print: fewer are words that stand anywhere
_HIGH = 2.5  # in heights of a line: a shorter upright may be letters of two lines


def aligned_grids(page: UprightPage, pieces: Sequence[PrintPiece], rules: Rules) -> list[Grid]:
    """Return the tables among pieces that no frame holds, top to bottom."""
    across = [rule for rule in rules.across if rule.end - rule.start >= _HIGH * page.line_height]
    rows = rows_of(cells_of(pieces, across, page))
    grids = (_grid(run, page, rules) for run in runs_of(rows, page.line_height))
    return [grid for grid in grids if grid]


def _grid(run: Sequence[Row], page: UprightPage, rules: Rules) -> Grid | None:
    """Return the table of a run of rows; None when they are none."""
    high = page.line_height
    columns = find_columns(run, high)
    if len(columns) < 2:
        return None
    rows, spans = table_rows(part_cells(run, columns, page), columns, high)
    if sum(_is_apart(row, columns) for row in rows) < _MIN_ROWS:
        return None
    if is_prose(rows, columns) or is_list(rows, columns):
        return None
    if not all(is_straight(rows, column, high) for column in columns):
        return None
    numbers, doubts = row_numbers(rows, columns, (*rules.along, *rules.edges), high, bool(spans))
    box = box_around([piece for row in rows for piece in row])
    grid = Grid(max(map(max, numbers)) + 1, len(columns), box, doubts=doubts)
    _fill(grid, rows, numbers, columns, spans)
    filled = len(grid.cells) / (grid.height * grid.width)
    if filled < _MIN_FILLED or _is_scattered(grid, filled):
        return None
    _doubt_gaps(grid, is_headed=bool(spans))
    _doubt_sides(grid, columns, high)
    _doubt_ends(grid, run, rows)
    return grid


def _is_scattered(grid: Grid, filled: float) -> bool:
    """Return True for labels that stand about, as on a circuit board, and make up no table.

    Most rows hold one of them, or many are unsure and many cells empty.
    """
    beside = sum(
        sum((row, at) in grid.cells for at in range(grid.width)) > 1 for row in range(grid.height)
    )
    pieces = {id(piece): piece for own in grid.cells.values() for piece in own}.values()
    unsure = sum(not piece.is_sure for piece in pieces) / len(pieces)
    return beside < _MIN_BESIDE * grid.height or (filled < _SPARSE and unsure > _MANY_UNSURE)


def _is_apart(row: Row, columns: Sequence[Column]) -> bool:
    """Return True when pieces of a row stand in different columns."""
    return len({reach(piece, columns) for piece in row}) > 1


def _fill(
    grid: Grid,
    rows: Sequence[Row],
    numbers: Sequence[Sequence[int]],
    columns: Sequence[Column],
    spans: Sequence[Span],
) -> None:
    by_piece = {id(span.piece): span for span in spans}
    for row, own in zip(rows, numbers):
        for piece, i in zip(row, own):
            span = by_piece.get(id(piece))
            first, last = (span.first, span.last) if span else reach(piece, columns)
            if span and not span.is_sure:
                grid.doubt(f"Over how many columns “{piece.text}” stands is not sure.")
            if not span and last > first:
                grid.doubt(f"“{piece.text}” may be of one column or of several.")
            grid.put(piece, [(i, j) for j in range(first, last + 1)])


def _doubt_sides(grid: Grid, columns: Sequence[Column], high: float) -> None:
    """Note when a gap with columns on both sides is much wider than the others."""
    gaps = [other.left - one.right for one, other in zip(columns, columns[1:])]
    widest = max(gaps[1:-1], default=0.0)
    if widest > _SIDES * high and widest > _WIDER * sorted(gaps)[len(gaps) // 2]:
        grid.doubt("A wide gap parts the columns: these may be two tables side by side.")


def _doubt_ends(grid: Grid, run: Sequence[Row], rows: Sequence[Row]) -> None:
    """Note print right above or below that may be one more row: it is as far away as they are."""
    tops = [min(piece.middle[1] for piece in row) for row in rows]
    step = float(np.median(np.diff(tops)))
    for row in run:
        text = " ".join(piece.text for piece in row)
        y = row[0].middle[1]
        away = tops[0] - y if y < tops[0] else y - tops[-1]
        if abs(away - step) <= _SAME_STEP * step and len(text) <= _LONGEST_ROW:
            where = "above" if y < tops[0] else "below"
            grid.doubt(f"“{text}” {where} it may be a row of the table.")


def _doubt_gaps(grid: Grid, is_headed: bool) -> None:
    """Note what empty cells may mean: a name or a head may stand for several."""
    above, below = ([(i, j) in grid.cells for j in range(grid.width)] for i in (0, 1))
    beside = next((j for j in range(1, grid.width) if below[j] and not above[j]), None)
    if beside and above[beside - 1] and not is_headed:
        text = grid.cells[0, beside - 1][0].text
        grid.doubt(f"“{text}” may also stand over the column to its right.")
    if any((i, 0) not in grid.cells for i in range(2, grid.height)):
        grid.doubt("A name in the first column may also be that of rows without one.")

"""Put tables together whose cells stand in rows and columns, without a rule around each."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.documents.grid import Grid
from vlm_backends.engines.builtin.documents.heads import Span, spanning_heads
from vlm_backends.engines.builtin.documents.rules import Rule, Rules
from vlm_backends.engines.builtin.documents.upright import (
    Gap,
    Piece,
    UprightPage,
    split_at,
    split_at_gaps,
)

Row = list[Piece]  # from the left

# in heights of a line
_APART = 3.2  # from one row of a table to the next: at most so much between them
_GUTTER = 0.45  # between two columns
_STRAIGHT = 0.7  # how far cells are off the edge, or the middle, of their column
_CLOSER = 0.75  # of the usual distance of rows: a second line of a row is nearer

_CROSSED = 0.3  # of the rows: print of so many may go over a gutter
_CORE = 0.6  # of the cells of the fullest row: such rows show where the columns are
_TOO_WIDE, _WIDE = 2.2, 1.35  # usual spaces: a gap parts cells, and does so beside a gutter
_OVERHANG = 0.2  # of a piece: so much of it may lie over another column
_FULL, _LONG = 0.8, 18  # prose: lines that fill so much of their column, with so many letters
_ALIGNED = 0.75  # of a column's cells stand at one edge or around one middle
_MIN_ROWS = 3
_MERGED = "Cells of one row may be one, or two: {0}."


def aligned_grids(page: UprightPage, pieces: Sequence[Piece], rules: Rules) -> list[Grid]:
    """Return the tables among pieces that no frame holds, top to bottom."""
    parts = [
        part
        for piece in pieces
        for cut in split_at(piece, _crossed(piece, rules.across))
        for part in split_at_gaps(cut, _wide_gaps(cut, page, _TOO_WIDE))
    ]
    grids = (_grid(run, page, rules) for run in _runs(rows_of(parts), page.line_height))
    return [grid for grid in grids if grid]


def _crossed(piece: Piece, across: Sequence[Rule]) -> list[float]:
    left, _, right, _ = piece.box
    y = piece.middle[1]
    return [rule.level for rule in across if left < rule.level < right and rule.start <= y <= rule.end]


def rows_of(pieces: Sequence[Piece]) -> list[Row]:
    """Return pieces in rows, top to bottom, each from the left."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.middle[1]):
        if rows and piece.middle[1] < np.mean([0.25 * p.box[1] + 0.75 * p.box[3] for p in rows[-1]]):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.box[0]) for row in rows]


def _runs(rows: Sequence[Row], high: float) -> list[list[Row]]:
    """Return runs of rows that follow each other closely, with at least two of several pieces."""
    runs: list[list[Row]] = []
    for row in rows:
        if runs and _top(row) - _bottom(runs[-1][-1]) <= _APART * high:
            runs[-1].append(row)
        else:
            runs.append([row])
    return [run for run in runs if sum(len(row) > 1 for row in run) >= 2]


def _top(row: Row) -> float:
    return float(np.mean([piece.box[1] for piece in row]))


def _bottom(row: Row) -> float:
    return float(np.mean([piece.box[3] for piece in row]))


def _middle(row: Row) -> float:
    return float(np.mean([piece.middle[1] for piece in row]))


def _grid(run: list[Row], page: UprightPage, rules: Rules) -> Grid | None:
    """Return the table of a run of rows; None when they are none."""
    high = page.line_height
    columns = _columns(run, high)
    if len(columns) < 2:
        return None
    run = _split_merged(run, columns, page)
    rows, spans = _table_rows(run, columns, high)
    if len([row for row in rows if len(row) > 1]) < _MIN_ROWS or _is_prose(rows, columns):
        return None
    if not all(_is_straight(rows, column, high) for column in columns):
        return None
    pieces = [piece for row in rows for piece in row]
    box = (
        min(piece.box[0] for piece in pieces),
        min(piece.box[1] for piece in pieces),
        max(piece.box[2] for piece in pieces),
        max(piece.box[3] for piece in pieces),
    )
    levels = _levels(rows, columns, rules, box)
    grid = Grid(levels[-1] + 1, len(columns), box)
    for level, row in zip(levels, rows):
        for piece in row:
            span = next((span for span in spans if span.piece is piece), None)
            first, last = (span.first, span.last) if span else _reach(piece, columns)
            if span and not span.is_sure:
                grid.doubt(f"Over how many columns “{piece.text}” stands is not sure.")
            if not span and last > first:
                grid.doubt(f"“{piece.text}” may be of one column or of several.")
            grid.put(piece, [(level, j) for j in range(first, last + 1)])
    return grid


def _columns(rows: Sequence[Row], high: float) -> list[tuple[float, float]]:
    """Return where columns begin and end, from the rows with most pieces; empty for no table."""
    most = max(len(row) for row in rows)
    core = [row for row in rows if len(row) >= max(2, np.ceil(_CORE * most))]
    if len(core) < 2:
        return []
    left = min(piece.box[0] for row in core for piece in row)
    right = max(piece.box[2] for row in core for piece in row)
    covered = np.zeros(int(right - left) + 2)
    for row in core:
        own = np.zeros(len(covered), bool)
        for piece in row:
            own[int(piece.box[0] - left) : int(np.ceil(piece.box[2] - left))] = True
        covered += own
    is_column = covered > _CROSSED * len(core)
    edges = np.flatnonzero(np.diff(np.r_[False, is_column, False].astype(int)))
    spans = [(left + a, left + b) for a, b in edges.reshape(-1, 2)]
    columns = spans[:1]
    for start, end in spans[1:]:
        if start - columns[-1][1] < _GUTTER * high:
            columns[-1] = columns[-1][0], end
        else:
            columns.append((start, end))
    return columns


def _overlaps(piece: Piece, columns: Sequence[tuple[float, float]]) -> list[int]:
    """Return the columns that a piece stands over; the nearest one for a piece between two."""
    left, _, right, _ = piece.box
    shares = [min(right, end) - max(left, start) for start, end in columns]
    over = [j for j, share in enumerate(shares) if share > _OVERHANG * (right - left) or share > 0.6 * (columns[j][1] - columns[j][0])]
    return over or [int(np.argmax(shares))]


def _reach(piece: Piece, columns: Sequence[tuple[float, float]]) -> tuple[int, int]:
    over = _overlaps(piece, columns)
    return over[0], over[-1]


def _split_merged(
    rows: Sequence[Row], columns: Sequence[tuple[float, float]], page: UprightPage
) -> list[Row]:
    """Split pieces that are cells of several columns, read as one line."""
    return [[part for piece in row for part in _parts(piece, columns, page)] for row in rows]


def _wide_gaps(piece: Piece, page: UprightPage, least: float) -> list[Gap]:
    """Return the gaps of a piece that are wider than so many usual spaces."""
    return [gap for gap in page.gaps(piece) if gap.width > least * page.space]


def _parts(
    piece: Piece, columns: Sequence[tuple[float, float]], page: UprightPage
) -> list[Piece]:
    """Return a piece, or its parts where a wide gap is at each gutter that it goes over."""
    first, last = _reach(piece, columns)
    wide, cuts, slack = _wide_gaps(piece, page, _WIDE), [], _STRAIGHT * page.line_height
    for (_, left), (right, _) in zip(columns[first:last], columns[first + 1 : last + 1]):
        near = [gap for gap in wide if left - slack <= gap.x <= right + slack]
        if not near:
            return [piece]
        cuts.append(min(near, key=lambda gap: abs(gap.x - (left + right) / 2)))
    parts = split_at_gaps(piece, cuts)
    fits = all(
        start - slack <= part.box[0] and part.box[2] <= end + slack
        for part, (start, end) in zip(parts, columns[first : last + 1])
    )
    return parts if fits else [piece]


def _is_in(piece: Piece, column: tuple[float, float]) -> bool:
    return piece.box[0] < column[1] and column[0] < piece.box[2] and column[0] <= piece.middle[0] <= column[1]


def _is_straight(rows: Sequence[Row], column: tuple[float, float], high: float) -> bool:
    """Return True when most cells of a column share their left edge, middle or right edge."""
    boxes = np.array([p.box for row in rows for p in row if _is_in(p, column)])
    if len(boxes) < 2:
        return len(boxes) == 1
    values = boxes[:, 0], boxes[:, [0, 2]].mean(axis=1), boxes[:, 2]
    shares = [np.mean(np.abs(v - np.median(v)) <= _STRAIGHT * high) for v in values]
    return max(shares) >= _ALIGNED


def _is_prose(rows: Sequence[Row], columns: Sequence[tuple[float, float]]) -> bool:
    """Return True when at least two columns are filled by long lines."""
    prose = 0
    for column in columns:
        cells = [piece for row in rows for piece in row if _is_in(piece, column)]
        fills = [(p.box[2] - p.box[0]) / (column[1] - column[0]) for p in cells]
        letters = [len(piece.text) for piece in cells]
        prose += bool(cells) and np.median(fills) > _FULL and np.median(letters) > _LONG
    return prose >= 2


def _table_rows(
    run: Sequence[Row], columns: Sequence[tuple[float, float]], high: float
) -> tuple[list[Row], list[Span]]:
    """Return the rows of a table without titles above and notes below, and its spanning heads."""
    rows, start = list(run), 0
    while start < len(rows) and len(rows[start]) < 2:
        start += 1
    end = len(rows)
    while end > start and len(rows[end - 1]) < 2 and not _is_last_row(rows, end - 1, columns):
        end -= 1
    spans = spanning_heads(rows[start : start + 2], columns, high)
    if start and (over := spanning_heads(rows[start - 1 : start + 1], columns, high)):
        spans, start = over, start - 1
    return rows[start:end], spans


def _is_last_row(
    rows: Sequence[Row], i: int, columns: Sequence[tuple[float, float]]
) -> bool:
    """Return True for a row with nothing but its first cell, at the distance of the rows above."""
    (piece,) = rows[i]
    steps = np.diff([_middle(row) for row in rows[: i + 1]])
    if len(steps) < 2 or abs(piece.box[0] - columns[0][0]) > (piece.box[3] - piece.box[1]):
        return False
    usual = float(np.median(steps[:-1]))
    return piece.box[2] <= columns[1][0] and abs(steps[-1] - usual) <= 0.2 * usual


def _levels(
    rows: Sequence[Row],
    columns: Sequence[tuple[float, float]],
    rules: Rules,
    box: tuple[float, float, float, float],
) -> list[int]:
    """Return the number of the table's row for each line of print: a cell may have several."""
    middles = [_middle(row) for row in rows]
    steps = np.diff(middles)
    usual = float(np.median(steps))
    inner = sorted(rule.level for rule in rules.along if rule.covers(box[0], box[2], 0.7))
    parted = [any(a < level < b for level in inner) for a, b in zip(middles, middles[1:])]
    levels = [0]
    for row, step, is_parted in zip(rows[1:], steps, parted):
        starts = _overlaps(row[0], columns)[0] == 0
        is_more = not is_parted and not starts and step < _CLOSER * usual
        is_more |= not is_parted and sum(parted) >= 2 and sum(parted) >= 0.6 * len(parted) and len(row) < len(columns)
        levels.append(levels[-1] + (not is_more))
    return levels

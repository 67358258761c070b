"""Find the rows of a table without a rule between each two: lines of print that belong together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from vlm_backends.engines.builtin.documents.columns import Column, Row, join_words, reach
from vlm_backends.engines.builtin.documents.heads import Span, spanning_heads
from vlm_backends.engines.builtin.documents.odd_numbers import is_number
from vlm_backends.engines.builtin.documents.pieces import PrintPiece
from vlm_backends.engines.builtin.documents.rules import RuledLine

_APART = 3.2  # in heights of a line: at most so much is between two rows of a table
_PROSE = 30  # letters: a line that is longer, over several cells, is no row
_SAME_STEP = 0.2  # of the distance of rows
_PARTS = 0.4  # of the width: a rule so long parts rows, as beside a name that is of several
_FULL = 0.7  # of the columns: a row with so many cells stands for itself
_TITLE = 1.4  # times the usual height: print above a table that is higher is its title
_SPARSE = 0.5  # of the columns: rows with fewer cells, above a full one, are no part of the table
_NEAR, _FAR = 1.25, 1.35  # times the least distance: lines of one cell, and of two
_MIN_FAR = 0.25  # of the distances are between cells, or no cell has several lines
_OFF_LEVEL = 0.45  # in heights: print of one row is no farther apart


def rows_of(pieces: Iterable[PrintPiece]) -> list[Row]:
    """Return pieces in rows, top to bottom, each from the left."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.middle[1]):
        if rows and piece.middle[1] < np.mean([(p.box[1] + 3 * p.box[3]) / 4 for p in rows[-1]]):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.box[0]) for row in rows]


def runs_of(rows: Sequence[Row], high: float) -> list[list[Row]]:
    """Return runs of rows that follow each other closely, without lines of prose between."""
    runs: list[list[Row]] = [[]]
    for i, row in enumerate(rows):
        if _is_prose_line(row, rows[max(0, i - 2) : i + 3], high):
            runs.append([])
        elif runs[-1] and _top(row) - _bottom(runs[-1][-1]) > _APART * high:
            runs.append([row])
        else:
            runs[-1].append(row)
    return [run for run in runs if sum(len(row) > 1 for row in run) >= 2]


def _is_prose_line(row: Row, around: Sequence[Row], high: float) -> bool:
    joined = join_words(row, high)
    if len(joined) > 1 or len(joined[0].text) < _PROSE:
        return False
    left, _, right, _ = joined[0].box
    beside = [len([p for p in other if p.box[0] < right and left < p.box[2]]) for other in around]
    begins = min(piece.box[0] for other in around for piece in other)
    return max(beside) >= 2 and left <= begins + high or max(map(len, around)) == 1


def _top(row: Row) -> float:
    return float(np.mean([piece.box[1] for piece in row]))


def _bottom(row: Row) -> float:
    return float(np.mean([piece.box[3] for piece in row]))


def _middle(row: Row) -> float:
    return float(np.mean([piece.middle[1] for piece in row]))


def table_rows(
    run: Sequence[Row], columns: Sequence[Column], high: float
) -> tuple[list[Row], list[Span]]:
    """Return the rows of a table without titles above and notes below, and its spanning heads."""
    rows = _with_names_on_level(run, columns)
    full = [i for i, row in enumerate(rows) if len(row) > _SPARSE * len(columns)]
    several = [i for i, row in enumerate(rows) if len(row) > 1]
    if not several:
        return [], []
    usual = float(np.median([piece.height for row in rows for piece in row]))
    start = full[0] if full and len(columns) > 2 else several[0]
    while start and _is_sparse_row(rows, start - 1, columns, high):
        start -= 1
    while start < several[-1] and min(p.height for p in rows[start]) > _TITLE * usual:
        start += 1
    end = several[-1] + 1
    while end < len(rows) and _is_last_row(rows, end, columns):
        end += 1
    spans = spanning_heads(rows[start : start + 2], columns, high)
    if start and (over := spanning_heads(rows[start - 1 : start + 1], columns, high)):
        spans, start = over, start - 1
    elif start and _is_head(rows[start - 1], columns, high):
        start -= 1
    return rows[start:end], spans


def _with_names_on_level(run: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """Move a name that is alone between two rows of heads to the lower one, which has none."""
    rows = list(run)
    for i in range(1, min(3, len(rows) - 1)):
        above, (first, *others), below = rows[i - 1 : i + 2]
        is_name = not others and reach(first, columns) == (0, 0)
        has_room = all(row[0].box[0] > columns[0].right for row in (above, below))
        is_between = _bottom(above) > first.box[1] and first.box[3] > _top(below)
        if is_name and has_room and is_between:
            rows[i : i + 2] = [[first, *below]]
            break
    return rows


def _is_head(row: Row, columns: Sequence[Column], high: float) -> bool:
    """Return True for print that begins, ends or has its middle where columns but the first do."""
    return all(
        piece.box[0] > columns[0].right
        and any(
            abs(piece.box[0] - column.left) <= high
            or abs(piece.box[2] - column.right) <= high
            or column.holds(piece)
            for column in columns
        )
        for piece in row
    )


def _is_sparse_row(rows: Sequence[Row], i: int, columns: Sequence[Column], high: float) -> bool:
    """Return True for a row with few cells, at the distance of the rows below, each in a column."""
    own = [reach(piece, columns) for piece in rows[i]]
    steps = np.diff([_middle(row) for row in rows[i:]])
    return (
        len(set(own)) == len(own) > 1
        and len(steps) > 1
        and abs(steps[0] - np.median(steps[1:])) <= _SAME_STEP * np.median(steps[1:])
        and all(first == last for first, last in own)
        and all(
            abs(piece.box[0] - columns[j].left) <= high
            or abs(piece.box[2] - columns[j].right) <= high
            or columns[j].holds(piece)
            for piece, (j, _) in zip(rows[i], own)
        )
    )


def _is_last_row(rows: Sequence[Row], i: int, columns: Sequence[Column]) -> bool:
    """Return True for a row with nothing but its first cell, at the distance of the rows above."""
    (piece, *others) = rows[i]
    steps = np.diff([_middle(row) for row in rows[: i + 1]])
    if others or len(steps) < 2:
        return False
    usual = float(np.median(steps[:-1]))
    return (
        abs(piece.box[0] - columns[0].left) <= piece.box[3] - piece.box[1]
        and piece.box[2] <= columns[1].left
        and abs(steps[-1] - usual) <= _SAME_STEP * usual
    )


def row_numbers(
    rows: Sequence[Row],
    columns: Sequence[Column],
    along: Sequence[RuledLine],
    high: float,
    is_headed: bool,
) -> tuple[list[list[int]], list[str]]:
    """Return the number of the table's row for each piece of the rows of print, and doubts.

    A cell may have several lines: rules between the table's rows show that, or lines that are
    nearer to each other than to the next cell. With `is_headed` the first row has heads over
    several columns, and is a row of its own.
    """
    bands = _bands(rows[is_headed:], columns, along)
    if bands is not None:
        numbers = [*[0] * is_headed, *(band + is_headed for band in bands)]
        return [[number] * len(row) for row, number in zip(rows, numbers)], _head_doubts(
            rows, numbers
        )
    blocks = _blocks(rows, columns)
    if blocks is not None:
        return blocks, []
    doubts = [
        f"Which row “{row[0].text}” is in is not sure."
        for row in rows
        if np.ptp([piece.middle[1] for piece in row]) > _OFF_LEVEL * high
    ]
    return [[i] * len(row) for i, row in enumerate(rows)], doubts[:1]


def _head_doubts(rows: Sequence[Row], numbers: Sequence[int]) -> list[str]:
    """Say when lines of the head were joined that may be heads of several columns."""
    head = [row for row, number in zip(rows, numbers) if number == 0]
    if len(head) < 2 or len(head[0]) >= len(head[-1]):
        return []
    return [f"“{head[0][0].text}” may also stand over the column to its right."]


def _bands(
    rows: Sequence[Row], columns: Sequence[Column], along: Sequence[RuledLine]
) -> list[int] | None:
    """Return the number of the stretch between two rules for each row; None where rules part few.

    Several full rows between two rules are rows of their own, and so are rows with numbers in one
    column, as the sums below the last rule of an invoice.
    """
    left, right = columns[0].left, columns[-1].right
    inner = sorted(rule.level for rule in along if rule.covers(left, right, _PARTS))
    bands = [int(np.searchsorted(inner, _middle(row))) for row in rows]
    full = [band for band, row in zip(bands, rows) if len(row) >= _FULL * len(columns)]
    if len(set(bands)) < 3 or len(set(full)) < len(full):
        return None
    numbers: list[int] = []
    last, filled = None, set[int]()  # the band, and the columns that have a number in this row
    for band, row in zip(bands, rows):
        own = {reach(piece, columns)[0] for piece in row if is_number(piece.text)}
        if band != last or filled & own:
            numbers.append(numbers[-1] + 1 if numbers else 0)
            last, filled = band, own
        else:
            numbers.append(numbers[-1])
            filled |= own
    return numbers


class _Block(NamedTuple):
    """Hold the lines of one cell: their column (None over several), and row and place of each."""

    column: int | None
    places: list[tuple[int, int]]


def _blocks(rows: Sequence[Row], columns: Sequence[Column]) -> list[list[int]] | None:
    """Return row numbers where cells have lines near each other; None where they do not fit."""
    places: dict[int | None, list[tuple[int, int]]] = {}
    for i, row in enumerate(rows):
        for k, piece in enumerate(row):
            first, last = reach(piece, columns)
            places.setdefault(first if first == last else None, []).append((i, k))
    wide = [_Block(None, [place]) for place in places.pop(None, [])]
    steps = [
        rows[b[0]][b[1]].middle[1] - rows[a[0]][a[1]].middle[1]
        for own in places.values()
        for a, b in zip(own, own[1:])
    ]
    if not steps:
        return None
    least = float(np.percentile(steps, 5))
    far = np.mean([step >= _FAR * least for step in steps])
    if far < _MIN_FAR or any(_NEAR * least < step < _FAR * least for step in steps):
        return None
    blocks = [b for column, own in places.items() for b in _near_lines(column, own, rows, least)]
    return _numbered([*wide, *blocks], rows) if any(len(b.places) > 1 for b in blocks) else None


def _near_lines(
    column: int | None, places: Sequence[tuple[int, int]], rows: Sequence[Row], least: float
) -> list[_Block]:
    """Return the lines of a column in blocks, each of one cell."""
    blocks: list[_Block] = []
    for i, k in places:
        before = blocks[-1].places[-1] if blocks else None
        if before and _may_go_on(rows[before[0]][before[1]], rows[i][k], _NEAR * least):
            blocks[-1].places.append((i, k))
        else:
            blocks.append(_Block(column, [(i, k)]))
    return blocks


def _may_go_on(one: PrintPiece, other: PrintPiece, most: float) -> bool:
    is_words = any(char.isalpha() for char in one.text + other.text)
    return is_words and other.middle[1] - one.middle[1] <= most


def _numbered(blocks: Sequence[_Block], rows: Sequence[Row]) -> list[list[int]] | None:
    """Number blocks by rows: those on one level are a row. None where that is not clear.

    What stands on one level is of one row. Of at least one row with a cell of several lines,
    another cell has a single line.
    """
    boxes = [[rows[i][k].box for i, k in block.places] for block in blocks]
    groups: list[list[int]] = []
    foot = -np.inf
    for b in sorted(range(len(blocks)), key=lambda b: boxes[b][0][1]):
        _, top, _, bottom = boxes[b][0]
        if (top + bottom) / 2 < foot:
            groups[-1].append(b)
        else:
            groups.append([b])
        foot = max(foot, boxes[b][-1][3])
    numbers, is_shown = [[0] * len(row) for row in rows], False
    for number, group in enumerate(groups):
        own = [blocks[b].column for b in group if blocks[b].column is not None]
        lines = [len(blocks[b].places) for b in group]
        if len(set(own)) < len(own):
            return None
        is_shown |= min(lines) == 1 < max(lines)
        for b in group:
            for i, k in blocks[b].places:
                numbers[i][k] = number
    is_level = all(len(set(row)) == 1 for row in numbers)
    return numbers if is_shown and is_level else None

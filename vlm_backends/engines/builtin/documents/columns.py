"""Find the columns that cells without rules stand in, and part cells that were read as one line."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vlm_backends.engines.builtin.documents.pieces import Gap, PrintPiece, split_at, split_at_gaps
from vlm_backends.engines.builtin.documents.rules import RuledLine
from vlm_backends.engines.builtin.documents.upright import UprightPage

Row = list[PrintPiece]  # from the left

# in heights of a line
_GUTTER = 0.45  # between two columns
_STRAIGHT = 0.7  # how far cells are off the edge, or the middle, of their column
_JOINED = 0.6  # pieces that are nearer are words of one text

_TOO_WIDE, _WIDE = 2.2, 1.35  # usual spaces: a gap parts cells, and does so beside a gutter
_GAP = 0.33  # of the height: a usual space is at least that wide
_CORE = 0.6  # of the cells of the fullest row: such rows show where the columns are
_CROSSED = 0.3  # of the rows: print of so many may go over a gutter
_OVERHANG = 0.2  # of a piece: so much of it may lie over another column
_COVERED = 0.6  # of a column: a piece over so much of it stands over it
_PARAGRAPH = 0.4  # of the rows: so many sentences beside nothing are a text beside a table
_WORDS = 4  # of a line: a column with such a line holds sentences
_NUMBERS = 0.5  # of a column's cells have digits
_MIN_LEANING, _MOST_LEAN = 5, 0.12  # cells that show an edge's lean, and how much it may be
_ALIGNED = 0.75  # of a column's cells stand at one edge or around one middle
_MARK = re.compile(r"[^\w\s]|\(?\w{1,3}[.)]")  # of an item of a list: "•", "12.", "a)", "(iv)"


class Column(NamedTuple):
    """Hold where a column begins and ends, x in pixels."""

    left: float
    right: float

    def holds(self, piece: PrintPiece) -> bool:
        """Return True when the middle of a piece is in the column."""
        return self.left <= piece.middle[0] <= self.right


def cells_of(
    pieces: Sequence[PrintPiece], across: Sequence[RuledLine], page: UprightPage
) -> list[PrintPiece]:
    """Split pieces at the rules that cut through them and at gaps too wide for a space."""
    cut = [part for piece in pieces for part in split_at(piece, _crossed(piece, across))]
    return [part for piece in cut for part in split_at_gaps(piece, _gaps(piece, page, _TOO_WIDE))]


def _crossed(piece: PrintPiece, across: Sequence[RuledLine]) -> list[float]:
    left, _, right, _ = piece.box
    y = piece.middle[1]
    return [r.level for r in across if left < r.level < right and r.start <= y <= r.end]


def _gaps(piece: PrintPiece, page: UprightPage, least: float) -> list[Gap]:
    """Return the gaps of a piece that are wider than so many usual spaces."""
    scale = max(1.0, piece.height / page.line_height)
    wide = max(least * scale * page.space, _GAP * least * piece.height)
    return [gap for gap in page.gaps(piece) if gap.width > wide]


def find_columns(rows: Sequence[Row], high: float) -> list[Column]:
    """Return the columns, from the rows with most pieces; empty where rows have no two in common.

    `high` is the height of a line, px.
    """
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
    columns: list[Column] = []
    for start, end in edges.reshape(-1, 2):
        if columns and left + start - columns[-1].right < _GUTTER * high:
            columns[-1] = Column(columns[-1].left, float(left + end))
        else:
            columns.append(Column(float(left + start), float(left + end)))
    return columns


def reach(piece: PrintPiece, columns: Sequence[Column]) -> tuple[int, int]:
    """Return the first and the last column that a piece stands over; else the nearest."""
    left, _, right, _ = piece.box
    shares = [min(right, column.right) - max(left, column.left) for column in columns]
    over = [
        j
        for j, (share, column) in enumerate(zip(shares, columns))
        if share > _OVERHANG * (right - left) or share > _COVERED * (column.right - column.left)
    ]
    nearest = int(np.argmax(shares))
    return (over[0], over[-1]) if over else (nearest, nearest)


def part_cells(rows: Sequence[Row], columns: Sequence[Column], page: UprightPage) -> list[Row]:
    """Split pieces that are cells of several columns, read as one line."""
    return [[part for piece in row for part in _parts(piece, columns, page)] for row in rows]


def _parts(piece: PrintPiece, columns: Sequence[Column], page: UprightPage) -> list[PrintPiece]:
    """Return a piece, or its parts where a wide gap is at each gutter that it goes over."""
    first, last = reach(piece, columns)
    wide, slack, cuts = _gaps(piece, page, _WIDE), _STRAIGHT * page.line_height, []
    for one, other in zip(columns[first:last], columns[first + 1 : last + 1]):
        near = [gap for gap in wide if one.right - slack <= gap.x <= other.left + slack]
        if not near:
            return [piece]
        middle = (one.right + other.left) / 2
        cuts.append(min(near, key=lambda gap: abs(gap.x - middle)))
    parts = split_at_gaps(piece, cuts)
    fits = all(
        column.left - slack <= part.box[0] and part.box[2] <= column.right + slack
        for part, column in zip(parts, columns[first : last + 1])
    )
    return parts if fits else [piece]


def join_words(row: Row, high: float) -> Row:
    """Join pieces of a row that are no farther apart than words: they are one text."""
    joined: Row = []
    for piece in row:
        if joined and piece.box[0] - joined[-1].box[2] < _JOINED * high / 2:
            joined[-1] = joined[-1].followed_by(piece)
        else:
            joined.append(piece)
    return joined


def is_straight(rows: Sequence[Row], column: Column, high: float) -> bool:
    """Return True when most cells of a column share their left edge, middle or right edge."""
    boxes = np.array([piece.box for row in rows for piece in row if column.holds(piece)])
    if len(boxes) < 2:
        return len(boxes) == 1
    middles = boxes[:, [1, 3]].mean(axis=1)
    for edge in (boxes[:, 0], boxes[:, [0, 2]].mean(axis=1), boxes[:, 2]):
        lean = _lean(middles, edge) if len(boxes) >= _MIN_LEANING else 0.0
        off = edge - lean * middles
        if np.mean(np.abs(off - np.median(off)) <= _STRAIGHT * high) >= _ALIGNED:
            return True
    return False


def _lean(y: np.ndarray, x: np.ndarray) -> float:
    """Return how an edge leans, as in a photograph taken from the side: x by y."""
    steps = (
        (y[:, None] - y)[np.triu_indices(len(y), 1)],
        (x[:, None] - x)[np.triu_indices(len(y), 1)],
    )
    lean = float(np.median(steps[1] / np.where(steps[0] == 0, np.inf, steps[0])))
    return float(np.clip(lean, -_MOST_LEAN, _MOST_LEAN))


def is_prose(rows: Sequence[Row], columns: Sequence[Column]) -> bool:
    """Return True when at least two columns hold sentences, and none holds numbers."""
    alone = [row[0] for row in rows if len(row) == 1 and reach(row[0], columns)[0] > 0]
    if sum(len(piece.text.split()) >= _WORDS for piece in alone) >= _PARAGRAPH * len(rows):
        return True
    cells = [[p.text for row in rows for p in row if column.holds(p)] for column in columns]
    wordy = sum(max(len(text.split()) for text in texts or [""]) >= _WORDS for texts in cells)
    numbers = [np.mean([any(map(str.isdigit, text)) for text in texts or [""]]) for texts in cells]
    return wordy >= 2 and bool(max(numbers[1:]) < _NUMBERS)


def is_list(rows: Sequence[Row], columns: Sequence[Column]) -> bool:
    """Return True for items behind bullets or numbers, which are no table of two columns."""
    marks = [piece.text for row in rows for piece in row if columns[0].holds(piece)]
    return len(columns) == 2 and bool(marks) and all(map(_MARK.fullmatch, marks))

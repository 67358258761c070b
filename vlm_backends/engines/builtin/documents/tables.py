"""Find the tables that are printed in a picture, and their cells."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.documents.aligned import aligned_grids
from vlm_backends.engines.builtin.documents.grid import Cell, Grid
from vlm_backends.engines.builtin.documents.marks import marked_cells
from vlm_backends.engines.builtin.documents.odd_numbers import is_number, odd_numbers
from vlm_backends.engines.builtin.documents.pieces import box_around
from vlm_backends.engines.builtin.documents.raised import with_raised_digits
from vlm_backends.engines.builtin.documents.ruled import ruled_grids
from vlm_backends.engines.builtin.documents.rules import find_rules
from vlm_backends.engines.builtin.documents.upright import UprightPage, upright_page
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.table_prompts import TableRows
from vlm_backends.types import Point

_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?:19|20)\d\d")
Outline = tuple[Point, ...]  # in pixels of the picture, clockwise from the print's top left


@dataclass(frozen=True)
class PrintedTable:
    """Hold the cells of a table, where they are, and what may be wrong."""

    rows: TableRows
    outline: Outline
    places: Mapping[Cell, Outline]  # of the cells that have print
    share: float  # of the picture's letters, 0..1
    doubts: tuple[str, ...] = ()  # sentences on rows and columns
    unsure: tuple[str, ...] = ()  # the texts of cells that may be misread
    odd: tuple[str, ...] = ()  # those of numbers that are written unlike the rest of their column
    marks: str = ""  # a sentence on marks in empty cells that were not read

    @property
    def is_sure(self) -> bool:
        """Return True when nothing speaks against any cell."""
        return not (self.doubts or self.unsure or self.odd or self.marks)


def find_tables(rgb: np.ndarray, lines: Sequence[TextLine]) -> list[PrintedTable]:
    """Return the tables that the print of a picture (H×W×3, uint8) makes up, top to bottom."""
    page = upright_page(rgb, lines)
    if page is None:
        return []
    grids = [grid.trimmed() for grid in _grids(page)]
    return [_table(grid, page) for grid in sorted(grids, key=lambda grid: grid.box[1])]


def _grids(page: UprightPage) -> Iterator[Grid]:
    rules = find_rules(page)
    ruled = ruled_grids(page, rules)
    yield from (grid for grid, _ in ruled)
    taken = {id(piece) for _, pieces in ruled for piece in pieces}
    rest = [piece for piece in page.pieces if id(piece) not in taken]
    yield from aligned_grids(page, rest, rules)


def _table(grid: Grid, page: UprightPage) -> PrintedTable:
    rows = grid.rows()
    pieces = list({id(piece): piece for own in grid.cells.values() for piece in own}.values())
    unsure = [piece for piece in pieces if not piece.is_sure] + with_raised_digits(pieces, page)
    letters = sum(len(piece.text) for piece in page.pieces)
    return PrintedTable(
        rows,
        page.in_picture(grid.box),
        {cell: page.in_picture(box_around(own)) for cell, own in grid.cells.items()},
        sum(len(piece.text) for piece in pieces) / letters,
        (*grid.doubts, *_further_doubts(rows, page)),
        tuple(dict.fromkeys(piece.text for piece in unsure)),
        tuple(dict.fromkeys(odd_numbers(rows))),
        _told(marked_cells(grid, page), rows),
    )


def _told(marked: Sequence[Cell], rows: TableRows) -> str:
    """Say that there are marks that were not read, if any, and in which cell the first one is."""
    if not marked:
        return ""
    row, column = marked[0]
    name, head = rows[row][0], rows[0][column]
    place = f"of “{name}”" if name and column else f"in row {row + 1}"
    under = f"under “{head}”" if head and row else f"in column {column + 1}"
    if len(marked) == 1:
        return f"A mark that was not read is in the empty cell {place} {under}."
    return (
        f"Marks that were not read are in {len(marked)} empty cells; the first is that "
        f"{place} {under}."
    )


def _further_doubts(rows: TableRows, page: UprightPage) -> Iterator[str]:
    """Yield doubts about print across the rows, and about a first row without heads."""
    if page.is_from_side:
        yield "The page is seen from the side: rows and columns may be mixed up."
    if page.has_turned_print:
        yield "Print that runs across the rows is not in the table."
    yield from _second_tables(rows)
    numbers = [
        is_number(head) and not _YEAR.fullmatch(head) and any(map(is_number, column))
        for head, *column in zip(*rows)
    ]
    if any(numbers[1:]):
        yield "The first row may hold values, and no heads."


def _second_tables(rows: TableRows) -> Iterator[str]:
    """Yield a doubt for the first row that looks like the title of a table below the first one.

    It has one cell with print, and what follows looks like a head: the first row once more, or
    words over numbers.
    """
    for (title, *others), head, row in zip(rows[1:], rows[2:], rows[3:]):
        if not title or any(others):
            continue
        columns = [(above, below) for above, below in zip(head[1:], row[1:]) if above]
        is_head = bool(columns) and all(
            not _DIGIT.search(above) and _DIGIT.search(below) for above, below in columns
        )
        if is_head or head == rows[0]:
            yield f"From “{title}” on it may be a second table, with a head of its own."
            return

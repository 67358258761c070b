"""Find the tables that are printed in a picture, and their cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.documents.aligned import aligned_grids
from vlm_backends.engines.builtin.documents.grid import Grid
from vlm_backends.engines.builtin.documents.ruled import ruled_grids
from vlm_backends.engines.builtin.documents.rules import find_rules
from vlm_backends.engines.builtin.documents.upright import UprightPage, upright_page
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.table_prompts import TableRows
from vlm_backends.types import Point


@dataclass(frozen=True)
class PrintedTable:
    """Hold the cells of a table, its outline in pixels of the picture, and what may be wrong."""

    rows: TableRows
    outline: tuple[Point, ...]
    doubts: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()  # texts of cells that may be misread


def find_tables(rgb: np.ndarray, lines: Sequence[TextLine]) -> list[PrintedTable]:
    """Return the tables that the print of a picture (H×W×3, uint8) makes up, top to bottom."""
    page = upright_page(rgb, lines)
    if page is None:
        return []
    rules = find_rules(page)
    ruled = ruled_grids(page, rules)
    taken = {id(piece) for _, pieces in ruled for piece in pieces}
    rest = [piece for piece in page.pieces if id(piece) not in taken]
    grids = [grid for grid, _ in ruled] + aligned_grids(page, rest, rules)
    return [_table(grid, page) for grid in sorted(grids, key=lambda grid: grid.box[1])]


def _table(grid: Grid, page: UprightPage) -> PrintedTable:
    unsure = dict.fromkeys(
        piece.text for pieces in grid.cells.values() for piece in pieces if not piece.is_sure
    )
    return PrintedTable(
        grid.rows(), page.in_picture(grid.box), tuple(grid.doubts), tuple(unsure)
    )

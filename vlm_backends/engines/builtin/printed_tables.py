"""Tell what is known of tables that are printed in a picture."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.documents import PrintedTable
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.table_prompts import TableRows
from vlm_backends.text import listed, quoted
from vlm_backends.types import Region

_MOST_HEADS = 8  # of a table's columns that are named
_MOST = 4  # cells that are named; of more, the number
_LEADS = 0.6  # of the print: with so much in a table, the picture is one of a table


def main_table(tables: Sequence[PrintedTable]) -> PrintedTable | None:
    """Return the table with most print; None without tables."""
    return max(tables, key=lambda table: table.share, default=None)


def fills_picture(table: PrintedTable | None) -> bool:
    """Return True when most of the picture's print is in the table."""
    return table is not None and table.share >= _LEADS


def described_size(rows: TableRows) -> str:
    """Say how large a table is, and what its first row says, in two sentences."""
    heads = [cell for cell in dict.fromkeys(rows[0]) if cell]
    more = f" and {len(heads) - _MOST_HEADS} more" if len(heads) > _MOST_HEADS else ""
    first = f" The first row: {quoted(heads[:_MOST_HEADS])}{more}." if heads else ""
    return f"{len(rows)} rows and {len(rows[0])} columns.{first}"


def size_of_table(table: PrintedTable) -> str:
    """Return how many rows and columns a table has, its head included."""
    columns = len(table.rows[0])
    return f"{len(table.rows)} rows and {columns} columns"


def describe_table(table: PrintedTable) -> str:
    """Say what of a table may be wrong; cells without a remark are as sure as the print is."""
    said = [*table.doubts, *filter(None, [table.marks])]
    if table.unsure:
        said.append(f"Unsure in the table: {_named(table.unsure)}.")
    if table.odd:
        are = "is" if len(table.odd) == 1 else "are"
        said.append(
            f"{_named(table.odd)} {are} written unlike the other numbers of the column: a point "
            "or a sign may be missing."
        )
    return " ".join(said)


def uses_unsure(table: PrintedTable, cells: Sequence[tuple[int, int]]) -> bool:
    """Return True when one of the cells, counted without the head, may be misread."""
    doubtful = {*table.unsure, *table.odd}
    return any(table.rows[i + 1][j + 1] in doubtful for i, j in cells)


def _named(cells: Sequence[str]) -> str:
    if len(cells) <= _MOST:
        return quoted(cells)
    return listed([*(f"“{cell}”" for cell in cells[:_MOST]), f"{len(cells) - _MOST} more"])


def linearized(table: PrintedTable) -> str:
    """Return a table in DePlot's grammar.

    Bars at both ends keep the place of empty cells; an empty title keeps a head named "Title".
    """
    rows = (" | ".join(cell.replace("|", "/") for cell in row) for row in table.rows)
    title = "TITLE | <0x0A>" if table.rows[0][0].upper() == "TITLE" else ""
    return title + "<0x0A>".join(f"| {row} |" for row in rows)


def cell_regions(
    table: PrintedTable, rgb: np.ndarray, cells: Sequence[tuple[int, int]] | None = None
) -> tuple[Region, ...]:
    """Return a region for each cell with print, or for `cells`, counted without the head.

    A text over several columns is one region. `rgb` is the picture (H×W×3).
    """
    wanted = None if cells is None else {(i + 1, j + 1) for i, j in cells}
    places = {
        outline: table.rows[i][j]
        for (i, j), outline in table.places.items()
        if wanted is None or (i, j) in wanted
    }
    return tuple(region_from_pixels(text, outline, rgb) for outline, text in places.items())

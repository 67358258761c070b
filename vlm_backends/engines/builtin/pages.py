"""List the parts of a page, in place of a model that converses."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.documents import (
    PagePart,
    PrintedTable,
    find_tables,
    page_parts,
)
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.printed_tables import described_size
from vlm_backends.engines.builtin.regions import place_of, region_from_pixels
from vlm_backends.media.geometry import corners
from vlm_backends.types import Chunk, Region

_HEAD = "Parts of this page: "
_LEAST = 2  # parts: one alone says no more than its print
PARTS_SOURCE = "Parts of the page found by PP-Structure."


def describe_page(
    rgb: np.ndarray, lines: Sequence[TextLine], tables: Sequence[PrintedTable], start: int
) -> Chunk:
    """Return the parts of a page (H×W×3, uint8) and its tables, each with its region.

    `start` is how many characters the answer had before. The chunk is empty for other pictures.
    """
    parts = [part for part in page_parts(rgb, lines, tables) if part.score is not None]
    text, regions = "", list[Region]()
    if len(parts) >= _LEAST:
        text = f"\n\n{_HEAD}"
        for i, part in enumerate(parts):
            said = _spelled(part)
            text += ", " * bool(i)
            span = start + len(text), start + len(text) + len(said)
            text += said
            regions.append(Region(part.kind, corners(part.box), span=span, score=part.score))
    for table in tables:
        said = _table_line(table)
        span = start + len(text) + 2, start + len(text) + 2 + len("Table")
        text += f"\n\n{said}"
        regions.append(region_from_pixels("table", table.outline, rgb, span))
    note = PARTS_SOURCE if len(parts) >= _LEAST else ""
    return Chunk(text, tuple(regions), literal=True, note=note)


def find_parts(rgb: np.ndarray, cancel: CancelToken) -> list[PagePart]:
    """Return the parts of a page (H×W×3, uint8), from the top; none for other pictures."""
    lines = ocr.read_lines(rgb, cancel)
    return page_parts(rgb, lines, find_tables(rgb, lines)) if lines else []


def _spelled(part: PagePart) -> str:
    return f"{part.kind} {place_of(part.box)} ({part.score:.0%})"


def _table_line(table: PrintedTable) -> str:
    return f"Table: {described_size(table.rows)} Florence-2’s task “Read” gives it as a table."

"""Export an answer's table or regions as CSV that a spreadsheet opens safely, or as Markdown."""

import csv
import io
import re
from collections.abc import Sequence

from vlm_backends.media.exports.common import (
    clean_regions,
    format_number,
    format_points,
    pixel_outline,
)
from vlm_backends.media.geometry import bounds
from vlm_backends.text import clean
from vlm_backends.types import Answer, Picture, Region

_COLUMNS = "label", "left", "top", "right", "bottom", "outline"
_SCORE = "score"  # the last column, where a region has one
# East Asia's spreadsheets accept full-width signs too
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
# in a cell of Markdown; a sign before a letter may begin an address, which becomes a link
_MARKUP = re.compile(r"([\\`*_\[\]<>|~$&!]|[.:@](?=[^\W\d]|/))")
_NUMBER = re.compile(r"[+-]?([0-9][0-9.,]*|\.[0-9]+)(e[+-]?[0-9]+)?%?", re.IGNORECASE)


def as_csv(answer: Answer, picture: Picture | None) -> str:
    """Return the answer's table as CSV (RFC 4180), or without a table a line for each region.

    A region's line has its label, its bounds and its outline in pixels, and its score (0..1) where
    the regions have any; without a single finite coordinate, its label alone. A cell that a
    spreadsheet would compute gets an apostrophe in front; numbers stay numbers. The picture is
    needed for regions only.
    """
    rows = answer.rows or _region_rows(answer, picture)
    file = io.StringIO()
    csv.writer(file).writerows([_safe_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table, its header first, as Markdown in which no cell acts as markup."""
    head, *body = [[_plain_cell(cell) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _region_rows(answer: Answer, picture: Picture | None) -> list[tuple[str, ...]]:
    if not picture:
        return [_COLUMNS]
    regions = clean_regions(answer.regions)
    rows = [_COLUMNS, *(_region_row(region, picture) for region in regions)]
    if all(region.score is None for region in regions):
        return rows
    scores = ["" if region.score is None else format_number(region.score) for region in regions]
    return [(*row, score) for row, score in zip(rows, [_SCORE, *scores], strict=True)]


def _region_row(region: Region, picture: Picture) -> tuple[str, ...]:
    outline = pixel_outline(region, picture)
    box = tuple(map(format_number, bounds(outline))) if outline else ("",) * 4
    return region.label, *box, format_points(outline)


def _plain_cell(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(clean(text).split()))


def _safe_cell(text: str) -> str:
    text = clean(text)
    computed = _FORMULA.match(text) and not _NUMBER.fullmatch(text.strip(" "))
    return "'" + text if computed else text

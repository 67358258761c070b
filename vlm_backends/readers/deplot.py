"""Read DePlot's linearised table: `TITLE | Sales <0x0A> Year | Units <0x0A> 2020 | 7`.

Rows end at the six characters `<0x0A>` or at a real line end. Outer pipes and a Markdown rule line
are tolerated. Short rows are filled with empty cells, so that all rows are as long as the longest.
"""

import re
from collections.abc import Sequence

from vlm_backends.types import Answer

_SPECIAL = re.compile(r"</?s>|<pad>")
_UNFINISHED = re.compile(r"<(?:0(?:x(?:0A?)?)?|/?s?|pa?d?)?\Z")
_ROW_END = re.compile(r"<0x0A>|\r?\n")
_RULE = frozenset("|:- \t")
_MAX_CELLS = 10_000  # one endless row would make all others as long


def read(reply: str) -> Answer:
    """Return the table as rows, header first, and as Markdown text.

    A reply without a `|` is returned as text alone.
    """
    text = _SPECIAL.sub("", _UNFINISHED.sub("", reply))
    lines = [line.strip() for line in _ROW_END.split(text)]
    if not any("|" in line for line in lines):
        return Answer("\n".join(lines).strip())
    title, rows = _without_title([_cells(line) for line in lines if line and not _is_rule(line)])
    table = _rectangle(rows)
    return Answer(_markdown(title, table), rows=table)


def _is_rule(line: str) -> bool:
    return "-" in line and _RULE.issuperset(line)


def _cells(line: str) -> list[str]:
    if len(line) > 1 and line.startswith("|") and line.endswith("|"):
        line = line[1:-1]
    return [cell.strip() for cell in line.split("|")]


def _without_title(rows: list[list[str]]) -> tuple[str, list[list[str]]]:
    """Split the row that starts with TITLE off the others."""
    if rows and rows[0][0].upper() == "TITLE":
        return " ".join(rows[0][1:]).strip(), rows[1:]
    return "", rows


def _rectangle(rows: Sequence[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Fill short rows with empty cells; leave out rows beyond 10,000 cells in all."""
    width = max(map(len, rows), default=0)
    rows = rows[: max(1, _MAX_CELLS // max(width, 1))]
    return tuple(tuple(row + [""] * (width - len(row))) for row in rows)


def _markdown(title: str, rows: Sequence[Sequence[str]]) -> str:
    lines = [f"**{title}**", ""] if title else []
    for i, row in enumerate(rows):
        lines.append("| " + " | ".join(row) + " |")
        if i == 0:
            lines.append("|" + " --- |" * len(row))
    return "\n".join(lines).strip()

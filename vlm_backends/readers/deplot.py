"""DePlot's linearised table: `TITLE | Sales <0x0A> Year | Units <0x0A> 2020 | 7`.

Rows part at the six characters `<0x0A>` or at a real line end; outer pipes and a Markdown rule line are
tolerated; ragged rows are filled up, so that every row is as long as the longest.
"""

import re

from vlm_backends.types import Answer

_NOISE = re.compile(r"</?s>|<pad>")
_UNFINISHED = re.compile(r"<(?:0(?:x(?:0A?)?)?|/?s?|pa?d?)?$")
_ROW_END = re.compile(r"<0x0A>|\r?\n")
_RULE = frozenset("|:- \t")
_MOST_CELLS = 10_000  # one endless row would make all others as long


def read(reply: str) -> Answer:
    """The table as rows, header first, and as Markdown text; a reply without `|` stays as it is."""
    lines = [line.strip() for line in _ROW_END.split(_NOISE.sub("", _UNFINISHED.sub("", reply)))]
    if not any("|" in line for line in lines):
        return Answer("\n".join(lines).strip())
    cells = [_cells(line) for line in lines if line and not _is_rule(line)]
    title, rows = "", cells
    if cells and cells[0][0].upper() == "TITLE":
        title, rows = " ".join(cells[0][1:]).strip(), cells[1:]
    width = max(map(len, rows), default=0)
    rows = rows[: max(1, _MOST_CELLS // max(width, 1))]
    table = tuple(tuple(row + [""] * (width - len(row))) for row in rows)
    return Answer(_markdown(title, table), rows=table)


def _is_rule(line: str) -> bool:
    return "-" in line and _RULE.issuperset(line)


def _cells(line: str) -> list[str]:
    if len(line) > 1 and line.startswith("|") and line.endswith("|"):
        line = line[1:-1]
    return [cell.strip() for cell in line.split("|")]


def _markdown(title: str, rows: tuple[tuple[str, ...], ...]) -> str:
    lines = [f"**{title}**", ""] if title else []
    for i, row in enumerate(rows):
        lines.append("| " + " | ".join(row) + " |")
        if i == 0:
            lines.append("|" + " --- |" * len(row))
    return "\n".join(lines).strip()

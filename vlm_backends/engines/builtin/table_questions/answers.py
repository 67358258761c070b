"""Answer a question from a table, and name the cells that the answer comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vlm_backends.engines.builtin.table_questions.figures import Figures, parse_table
from vlm_backends.engines.builtin.table_questions.grammar import (
    Query,
    parse_question,
    taken_for_values,
)
from vlm_backends.engines.builtin.table_questions.kinds import KINDS, OF_ALL_ROWS
from vlm_backends.engines.builtin.table_questions.names import find_names
from vlm_backends.engines.builtin.table_questions.words import vocabulary
from vlm_backends.text import quoted

_OF_ONE_ROW = {"named", "size", "difference", "comparison"}  # each is true whatever the columns are
_WORD = re.compile(r"[^\W\d_]{3,}")
_ADDED = " (The parts of each bar are added.)"


@dataclass(frozen=True)
class TableAnswer:
    """An answer in words, and the cells (row, column) that it comes from, without the headers."""

    text: str
    cells: tuple[tuple[int, int], ...]


def answer_question(
    question: str,
    rows: Sequence[Sequence[str]],
    printed: str = "",
    error: float = 0.0,
    *,
    stacked: bool = False,
    alike: bool = True,
) -> TableAnswer | None:
    """Return the answer that a table has to an English question; None when it is not sure.

    The first row is the header, the first column has the names. `printed` is other print of the
    chart, which may say what its values are called; a word that was taken for that is named.
    `error` is how far each value may be from the true one; a result that depends on it says so.
    Of `stacked` bars the whole ones are ranked. Columns that are not `alike`, such as prices and
    amounts, are neither added nor ranked together.
    """
    table = parse_table(rows)
    if table is None:
        return None
    nouns = frozenset(_WORD.findall(f"{printed} {' '.join(map(str, rows[0]))}".lower()))
    found = find_names(question, table.rows, table.series, vocabulary() | nouns)
    query = parse_question(found, nouns)
    if query is None or (query.rows and query.kind in OF_ALL_ROWS and len(table.series) < 2):
        return None
    if not alike and _mixes(table, query):
        return None
    answer = _of_whole_bars(table, query, error) if stacked else None
    answer = answer or _computed(table, query, error)
    if answer is None:
        return None
    said = [answer.text]
    said += [f"(“{written}” was taken for “{name}”.)" for written, name in found.guesses]
    if taken := taken_for_values(found, nouns, rows[0]):
        said.append(f"(Taken for what the values are: {quoted(taken)}.)")
    missing = table.missing(query.rows or None, query.series or None)
    if missing and query.kind not in ("named", "difference", "comparison"):
        said.append(f"Cells without a number were left out: {missing}.")
    return TableAnswer(" ".join(said), answer.cells)


def _computed(table: Figures, query: Query, error: float) -> TableAnswer | None:
    computed = KINDS[query.kind](table, query, error)
    if computed is None:
        return None
    text, cells = computed
    return TableAnswer(text, tuple((cell.row, cell.column) for cell in cells))


def _mixes(table: Figures, query: Query) -> bool:
    """Return True when the answer would add or rank numbers of several columns."""
    if query.kind in _OF_ONE_ROW or (query.kind == "total" and table.has_totals):
        return False
    return len({cell.column for cell in table.of(None, query.series or None)}) > 1


def _of_whole_bars(table: Figures, query: Query, error: float) -> TableAnswer | None:
    """Return the answer about the bars as a whole, where a question ranks or sifts all of them."""
    parts = len(table.series)
    if query.kind not in OF_ALL_ROWS or query.rows or query.series or parts < 2:
        return None
    if any(cell.value < 0 for cell in table.cells) or table.has_totals:
        return None
    found = _computed(table.added(), query, error * parts)
    if found is None:
        return None
    rows = {row for row, _ in found.cells}
    text = found.text + _ADDED
    if query.kind == "extreme" and (part := _computed(table, query, error)):
        text += f" Of the single parts: {part.text[0].lower()}{part.text[1:]}"
    return TableAnswer(text, tuple((c.row, c.column) for c in table.cells if c.row in rows))

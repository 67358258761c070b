"""Turn charts and printed tables into rows, in place of DePlot, and answer questions from them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.charts import bar_charts
from vlm_backends.engines.builtin.charts.bar_charts import ChartTable
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.readings import read_any_chart
from vlm_backends.engines.builtin.documents import PrintedTable, find_tables
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.engines.builtin.print_notes import describe_doubts, marked
from vlm_backends.engines.builtin.printed_sums import printed_sums
from vlm_backends.engines.builtin.printed_tables import (
    cell_regions,
    describe_table,
    fills_picture,
    linearized,
    main_table,
    uses_unsure,
)
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.engines.builtin.table_questions import (
    TableAnswer,
    answer_question,
    are_periods,
    is_headless,
)
from vlm_backends.table_prompts import TableRows
from vlm_backends.text import quoted
from vlm_backends.types import Chunk, Model, Region

_READS = (
    "The built-in tools read bar charts, line and area charts, and pie charts whose names and "
    "numbers are plain to see."
)
_SAMPLED = "The lines were read at the labels only: what is between them does not count."
_SENT = "sent with the question"
_DOUBTED = "No answer was computed: the rows and columns are not sure."
_COMPUTED = "Computed from the table, without a model."
_UNLIKE = "Numbers of several columns are not added or ranked together: name one."
_UNSURE_CELL = "A cell that this comes from is not sure."
_NOT_UNDERSTOOD = "The question was not surely understood, so this is the table alone."
_ANSWERS = (
    "Without a model, a table answers what can be computed from it: the largest and the smallest, "
    "a rank, the total, the average, the difference between two rows, rows above or below a "
    "number, and the value of a row that you name."
)


def read_table(rgb: np.ndarray, question: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the table of a chart (H×W×3, uint8) in DePlot's grammar, with its bars' regions.

    A picture of a printed table yields that table, with the regions of its cells. A question that
    the table answers is answered first, and its rows alone are lit; of any other the note says so.
    Without a table, yield the reason and what is printed in the picture.
    """
    lines = read_chart_print(rgb, cancel)
    printed = main_table(find_tables(rgb, lines))
    if printed and fills_picture(printed):
        yield _printed(printed, question, lines, rgb)
        return
    try:
        yield _of_chart(rgb, question, lines, cancel)
    except CannotRead as reason:
        if printed:
            yield _printed(printed, question, lines, rgb)
            return
        note = f"Read by the built-in tools ({ocr_name()}), not by DePlot."
        yield Chunk(_refusal(reason, lines), literal=True, note=note)


def _of_chart(
    rgb: np.ndarray,
    question: str,
    lines: Sequence[TextLine],
    cancel: CancelToken,
    in_place_of: str = "DePlot",
) -> Chunk:
    """Return the answer of a chart, or its table. Raises CannotRead."""
    table = read_any_chart(rgb, lines, cancel)
    note = (
        f"Drawing measured and words read by the built-in tools, not by {in_place_of}: {table.how}."
    )
    regions = _regions(table, rgb)
    found = _answer(question, table.rows, table, lines) if question else None
    if found:
        lit = _lit(table, table.rows, found, rgb)
        return _above_table(found, table.rows, lit, f"{_COMPUTED} {note}")
    if question:
        note = f"{_NOT_UNDERSTOOD} {note} {_ANSWERS}"
    return Chunk(bar_charts.linearize(table), regions, note=note)


def answer_from_table(
    rgb: np.ndarray, question: str, model: Model, cancel: CancelToken
) -> Chunk | None:
    """Return the answer that the chart or the table in a picture (H×W×3, uint8) has to a question.

    It stands in place of the model's. None where there is no table, for any other question, and
    where the answer is printed beside the table rather than in it.
    """
    lines = read_chart_print(rgb, cancel)
    try:
        if printed := main_table(find_tables(rgb, lines)):
            chunk = _printed(printed, question, lines, rgb, model.title)
        else:
            chunk = _of_chart(rgb, question, lines, cancel, model.title)
    except CannotRead:
        return None
    return chunk if chunk.fold is not None and chunk.regions else None


def _printed(
    table: PrintedTable,
    question: str,
    lines: Sequence[TextLine],
    rgb: np.ndarray,
    in_place_of: str = "DePlot",
) -> Chunk:
    """Return the answer of a table that is printed in a picture."""
    source = (
        f"This table is printed in the picture. It was read by the built-in tools ({ocr_name()}); "
        "rows and columns by rules and by where the print stands, not by "
        f"{in_place_of}."
    )
    said = source, describe_table(table), describe_doubts(lines, 0, in_table=True)
    note = " ".join(filter(None, said))
    regions = cell_regions(table, rgb)
    found = _answer_printed(question, table.rows) if question else None
    sums = printed_sums(question, lines) if not found else []
    if question and table.doubts:
        note = f"{_DOUBTED} {note}"
    elif sums:
        text = f"Printed in this picture: {quoted(sums)}."
        return _above_table(TableAnswer(text, ()), table.rows, (), f"Nothing was added. {note}")
    elif found:
        if uses_unsure(table, found.cells):
            found = replace(found, text=f"{found.text} {_UNSURE_CELL}")
        lit = cell_regions(table, rgb, found.cells)
        return _above_table(found, table.rows, lit, f"{_COMPUTED} {note}")
    elif question:
        several = "" if are_periods(table.rows[0][1:]) else _UNLIKE
        note = f"{_NOT_UNDERSTOOD} {several} {note} {_ANSWERS}"
    return Chunk(linearized(table), regions, note=note)


def _above_table(found: TableAnswer, rows: TableRows, lit: tuple[Region, ...], note: str) -> Chunk:
    """Return an answer with the table that it belongs to, folded below it."""
    table = "\n".join(" | ".join(row) for row in rows)
    text = f"{found.text}\n\nThe table:\n{table}"
    fold = len(found.text)
    return Chunk(text, lit, literal=True, note=note, fold=fold, rows=tuple(map(tuple, rows)))


def read_chart_print(rgb: np.ndarray, cancel: CancelToken | None = None) -> list[TextLine]:
    """Return the print of a chart (H×W×3, uint8), unsure lines too, read without its bars."""
    return bar_charts.read_print(rgb, cancel)


def answer_about_table(
    rgb: np.ndarray, rows: TableRows, question: str, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield the answer that a table has to a question about its chart (H×W×3, uint8).

    The places of the rows that it comes from are lit. What the table does not answer is refused,
    with what is needed.
    """
    yield Chunk(status="Reading the chart for the places of its rows.")
    lines = read_chart_print(rgb, cancel)
    printed = main_table(find_tables(rgb, lines))
    if printed and (printed.rows == rows or fills_picture(printed)):
        yield _about_printed(printed, rows, question, rgb)
        return
    table = _chart_or_none(rgb, lines, cancel)
    found = _answer(question, rows, table, lines)
    same = table is not None and table.rows == rows
    source = f"read from the chart; {table.how}" if same and table else _SENT
    yield _computed(found, source, _lit(table, rows, found, rgb) if table and found else ())


def _about_printed(table: PrintedTable, rows: TableRows, question: str, rgb: np.ndarray) -> Chunk:
    """Return the answer that rows have, which are those of a printed table or were corrected."""
    found = _answer_printed(question, rows)
    if rows != table.rows:  # the places of the cells are not known any more
        return _computed(found, _SENT, ())
    if table.doubts:
        text = f"{_DOUBTED} {' '.join(table.doubts)} Correct the table, and ask again."
        return Chunk(text, literal=True, note="Nothing was computed.")
    if found and uses_unsure(table, found.cells):
        found = replace(found, text=f"{found.text} {_UNSURE_CELL}")
    lit = cell_regions(table, rgb, found.cells) if found else ()
    answer = _computed(found, "printed in the picture", lit)
    return answer._replace(note=" ".join(filter(None, [answer.note, table.marks])))


def _computed(found: TableAnswer | None, source: str, lit: tuple[Region, ...]) -> Chunk:
    """Return an answer with the places of its cells, or say what is needed for one."""
    if found is None:
        text = f"No answer: this question is not surely understood here. {_ANSWERS}\n\n"
        text += f"For any other question, {OTHER_ENGINES}."
        return Chunk(text, literal=True, note="Nothing was computed.")
    note = f"Computed by the built-in tools, without a model, from the table that was {source}."
    return Chunk(found.text, lit, literal=True, note=note)


def _chart_or_none(
    rgb: np.ndarray, lines: Sequence[TextLine], cancel: CancelToken
) -> ChartTable | None:
    try:
        return read_any_chart(rgb, lines, cancel)
    except CannotRead:
        return None


def _answer(
    question: str, rows: TableRows, table: ChartTable | None, lines: Sequence[TextLine]
) -> TableAnswer | None:
    """Return a table's answer; `table` is the chart's as it was read, whose values are no surer."""
    words = " ".join(line.text for line in lines)
    found = answer_question(
        question,
        rows,
        words,
        table.error if table else 0.0,
        stacked=table is not None and table.is_stacked,
    )
    if found and table and table.is_sampled:
        return replace(found, text=f"{found.text} {_SAMPLED}")
    return found


def _answer_printed(question: str, rows: TableRows) -> TableAnswer | None:
    """Return the answer of a printed table, whose columns may hold different kinds of numbers.

    A first row that is surely no head counts as a row.
    """
    if not is_headless(rows):
        return answer_question(question, rows, alike=are_periods(rows[0][1:]))
    headed = (("",) * len(rows[0]), *rows)
    found = answer_question(question, headed, alike=len(rows[0]) == 2)
    return found and replace(found, cells=tuple((i - 1, j) for i, j in found.cells))


def _regions(table: ChartTable, rgb: np.ndarray) -> tuple[Region, ...]:
    return tuple(
        region_from_pixels(label, outline, rgb)
        for label, outline in zip(table.labels, table.outlines)
    )


def _lit(
    table: ChartTable, rows: TableRows, found: TableAnswer, rgb: np.ndarray
) -> tuple[Region, ...]:
    """Return the regions of the cells that an answer comes from, where the chart has these rows."""
    if _names(rows) != _names(table.rows):
        return ()  # rows or series were added, left out or renamed: their places are not known
    return tuple(
        region for region, cell in zip(_regions(table, rgb), table.cells) if cell in found.cells
    )


def _names(rows: TableRows) -> list[tuple[str, ...]]:
    return [rows[0], *((row[0],) for row in rows[1:])]


def _refusal(reason: CannotRead, lines: Sequence[TextLine]) -> str:
    text = f"No table: {reason}.\n\n{_READS} For any other, {OTHER_ENGINES}."
    if lines:
        text += "\n\nPrint in the picture, as far as it was read; it is no table:\n"
        text += "\n".join(map(marked, lines))
    return text

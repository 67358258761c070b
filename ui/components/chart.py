"""Shows a table to be edited and exported; that of a chart with the chart redrawn from it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import pandas as pd
from gradio.blocks import Block

from ui.components.result_panel import download, export_buttons, refusal
from ui.core.events import CHOICE, QUIET
from ui.core.markdown import verbatim
from vlm_backends import Answer, BadPrompt, Picture, Turn
from vlm_backends.engines.builtin.charts import axes
from vlm_backends.media.exports import FORMATS
from vlm_backends.table_prompts import write_table_prompt

if TYPE_CHECKING:
    import altair

Rows = Sequence[Sequence[str]]

_WITH_UNIT = re.compile(r"[~≈]?\s*([^\s~≈].*?)\s*[^\W\d_][^\d]{0,11}")  # such as "44 TWh"
_POWER = re.compile(r"[-+]?\d*\.?\d+[eE][-+]?\d+")
_MOST_TOLD = 3  # wrong cells that are named one by one
_GREY = "#7c8798"  # legible on white and on dark
_LEVEL_LABELS = 24  # characters of all labels together that fit side by side under a narrow chart
_EMPTY_HEADER = "\u00a0"  # Gradio numbers the columns whose header is empty


class TablePanel:
    """A table to be corrected and exported; it is hidden until an answer holds one."""

    label = "The table: correct it before you export it"

    def __init__(self) -> None:
        with gr.Column(visible=False, elem_classes="chart") as self.box:
            self._above()
            self.grid = gr.Dataframe(
                label=self.label,
                interactive=True,
                wrap=True,
                type="pandas",
                buttons=["copy"],
                elem_classes="grid",
            )
            self.files = export_buttons(["CSV", "Markdown"])
            self._below()
        self.outputs = [self.box, self.grid]
        self.files.take(export_table, self.grid, self.files, **QUIET)

    def _above(self) -> None:
        """Build what stands above the table."""

    def _below(self) -> None:
        """Build what stands below the table."""

    def show(self, answer: Answer | None) -> dict[Block, Any]:
        """Return the panel's values for an answer: its table, or a hidden panel."""
        if not answer or not answer.rows:
            return {self.box: gr.Column(visible=False), self.grid: None}
        head, *rows = answer.rows
        headers = [cell or _EMPTY_HEADER for cell in head]
        return {
            self.box: gr.Column(visible=True),
            self.grid: {"headers": headers, "data": [list(row) for row in rows]},
        }


class ChartPanel(TablePanel):
    """The table of a chart, with the chart redrawn from it, and a question about it."""

    label = "The table: correct it, and the chart follows"

    def __init__(self) -> None:
        super().__init__()
        self.outputs = [*self.outputs, self.plot, self.told]
        self.grid.input(self.redraw, self.grid, [self.plot, self.told], **CHOICE)

    def _above(self) -> None:
        self.plot = gr.Plot(
            label="Drawn again from the table", elem_classes="again", show_label=True
        )
        self.told = gr.Markdown(elem_classes="notice")

    def _below(self) -> None:
        with gr.Row(equal_height=True):
            self.question = gr.Textbox(
                label="Ask a chat model about this picture; the table goes along",
                scale=4,
                max_lines=3,
                placeholder="Which category is the largest, and by how much?",
                elem_classes="about-chart",
            )
            self.go = gr.Button("Ask", min_width=90, scale=0, elem_classes="ask-chart")

    def show(self, answer: Answer | None) -> dict[Block, Any]:
        """Return the panel's values for an answer: its table and chart, or a hidden panel."""
        return super().show(answer) | self._drawn(answer.rows if answer else ())

    def redraw(self, grid: pd.DataFrame | None) -> dict[Block, Any]:
        """Draw the chart from the corrected table, and say which cells hold no number."""
        return self._drawn(_rows(grid))

    def _drawn(self, rows: Rows) -> dict[Block, Any]:
        return {self.plot: bar_chart(rows) if rows else None, self.told: told_cells(rows)}


def bar_chart(rows: Rows) -> altair.Chart | None:
    """Draw a table as bars, its series side by side; None for a table without a number.

    The first row holds the headers, the first column the categories.
    """
    import altair  # takes half a second, and only charts need it

    values = long_form(rows)
    if all(each["value"] is None for each in values):
        return None
    turned = sum(len(row[0]) for row in rows[1:]) > _LEVEL_LABELS
    chart = altair.Chart(altair.InlineData(values)).mark_bar()
    encoded = chart.encode(
        x=altair.X(
            "category:N", sort=None, axis=altair.Axis(title=None, labelAngle=-40 if turned else 0)
        ),
        xOffset=altair.XOffset("series:N", sort=None),
        y=altair.Y("value:Q", axis=altair.Axis(title=None)),
        color=altair.Color("series:N", sort=None, title=None),
        tooltip=["category:N", "series:N", "value:Q"],
    )
    return _styled(encoded)


def _styled(chart: altair.Chart) -> altair.Chart:
    # Vega's own menu would send the table to an editor elsewhere.
    options = {"embedOptions": {"actions": False}}
    return (
        chart.properties(width="container", height=220, usermeta=options)
        .configure(background="transparent")
        .configure_axis(labelColor=_GREY, tickColor=_GREY, domainColor=_GREY, gridOpacity=0.25)
        .configure_legend(labelColor=_GREY, orient="bottom")
        .configure_view(stroke=None)
    )


def long_form(rows: Rows) -> list[dict[str, str | float | None]]:
    """Return a category, a series and a value for each cell; None where it holds no number.

    A bar without a value keeps its place.
    """
    head, *body = rows or [[]]
    read = _reading(body)
    return [
        {"category": row[0], "series": name or "value", "value": number(cell, read)}
        for row in body
        for name, cell in zip(head[1:], row[1:])
    ]


def told_cells(rows: Rows) -> str:
    """Say, in Markdown, which cells hold no number, so that their bars are missing; or nothing."""
    cells = {
        (each["category"], each["series"], str(cell))
        for each, cell in zip(long_form(rows), (cell for row in rows[1:] for cell in row[1:]))
        if each["value"] is None
    }
    wrong = [
        verbatim(f"{f'“{cell}”' if cell else 'nothing'} at {category}, {series}")
        for category, series, cell in sorted(cells)
    ]
    if not wrong:
        return ""
    more = f", and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
    return f"No number, so no bar: {'; '.join(wrong[:_MOST_TOLD])}{more}."


def number(cell: object, read: Callable[[str], float | None] = axes.number) -> float | None:
    """Read the number of a cell such as `1,200`, `12.5 %`, `$3.2k` or `44 TWh`; None without one.

    `read` knows what a comma and a point mean. What can be read in two ways, such as `(5)`, is
    none.
    """
    text = str(cell).strip()
    if _POWER.fullmatch(text):
        return float(text) if math.isfinite(float(text)) else None
    unit = _WITH_UNIT.fullmatch(text)
    value = read(text.lstrip("~≈"))
    if value is None and unit:
        value = read(unit[1])
    # In JSON, which the browser is sent, there is no infinity.
    return value if value is not None and math.isfinite(value) else None


def _reading(body: Rows) -> Callable[[str], float | None]:
    """Return how most of the cells are read: with a point or, as in `12,5`, with a comma."""
    cells = [cell for row in body for cell in row[1:]]
    return max(
        (axes.number, axes.continental_number),
        key=lambda read: sum(number(cell, read) is not None for cell in cells),
    )


def question_about(grid: pd.DataFrame | None, question: str, picture: Picture | None) -> Turn:
    """Return the question with the table of the chart, for a model that converses.

    Raises BadPrompt when the table or the question is missing.
    """
    rows = _rows(grid)
    if len(rows) < 2 or picture is None:
        raise BadPrompt("There is no table yet: turn a chart into its table first.")
    if not (question or "").strip():
        raise BadPrompt("Write what you want to know about the chart first.")
    return Turn("user", write_table_prompt(rows, question), (picture,))


def export_table(grid: pd.DataFrame | None, event: gr.EventData) -> dict[str, str]:
    """Return the table, with its corrections, as a file, for the export buttons."""
    format = FORMATS.get(getattr(event, "format", ""))
    rows = _rows(grid)
    if format and rows:
        return download(f"table.{format.extension}", format.write(None, Answer("", rows=rows)))
    return refusal("The table is empty: read a chart or a table first.")


def _rows(grid: pd.DataFrame | None) -> tuple[tuple[str, ...], ...]:
    """Return the grid's cells as text, the headers first; none for an empty grid."""
    if grid is None or grid.empty:
        return ()
    head = ["" if name == _EMPTY_HEADER else name for name in grid.columns]
    cells = [head, *grid.fillna("").to_numpy().tolist()]
    return tuple(tuple(map(str, row)) for row in cells)

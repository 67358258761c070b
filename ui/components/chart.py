"""Shows a table to be edited and exported; that of a chart with the chart redrawn from it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import pandas as pd
from gradio.blocks import Block

from ui.components.result_panel import download, export_buttons, refusal
from ui.core.gradio_compat import QUIET
from vlm_backends import Answer, BadPrompt, Picture, Turn
from vlm_backends.media.exports import FORMATS
from vlm_backends.table_prompts import write_table_prompt

if TYPE_CHECKING:
    import altair

Rows = Sequence[Sequence[str]]

_NUMBER = re.compile(r"[-+]?(?:\d[\d,\u00a0 ]*)?\.?\d+(?:[eE][-+]?\d+)?")
_MINUS = "\u2212"  # what charts print in place of a hyphen
_GREY = "#7c8798"  # legible on white and on dark
_LEVEL_LABELS = 24  # characters of all labels together that fit side by side under a narrow chart
_EMPTY_HEADER = "\u00a0"  # Gradio numbers the columns whose header is empty


class TablePanel:
    """A table to be corrected and exported; it is hidden until an answer holds one."""

    label = "The table: correct it before you take it away"

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
        self.outputs = [*self.outputs, self.plot]
        self.grid.input(lambda grid: bar_chart(_rows(grid)), self.grid, self.plot, **QUIET)

    def _above(self) -> None:
        self.plot = gr.Plot(
            label="Drawn again from the table", elem_classes="again", show_label=True
        )

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
        rows = answer.rows if answer else ()
        return super().show(answer) | {self.plot: bar_chart(rows) if rows else None}


def bar_chart(rows: Rows) -> altair.Chart | None:
    """Draw a table as bars, its series side by side; None for a table without a number.

    The first row holds the headers, the first column the categories.
    """
    import altair  # takes half a second, and only charts need it

    values = long_form(rows)
    if not values:
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


def long_form(rows: Rows) -> list[dict[str, str | float]]:
    """Return a category, a series and a value for each cell that holds a number."""
    head, *body = rows or [[]]
    found: list[dict[str, str | float]] = []
    for row in body:
        for name, cell in zip(head[1:], row[1:]):
            if (value := number(cell)) is not None:
                found.append({"category": row[0], "series": name or "value", "value": value})
    return found


def number(cell: object) -> float | None:
    """Read the number in a cell such as `1,200`, `12.5 %` or `$3.2`; None when there is none."""
    found = _NUMBER.search(str(cell).replace(_MINUS, "-"))
    value = float(re.sub(r"[,\u00a0 ]", "", found.group())) if found else math.inf
    return value if math.isfinite(value) else None


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

"""A chart's round trip: its table to edit and to take away, the chart drawn again from it, a question about it."""

import math
import re
from collections.abc import Sequence
from uuid import uuid4

import gradio as gr
import pandas as pd

from ui.components.result_panel import file, shelf
from ui.core.gradio_compat import QUIET
from vlm_backends import Answer, BadPrompt, Picture, Turn
from vlm_backends.media.exports import FORMATS

_NUMBER = re.compile(r"[-+]?(?:\d[\d,\u00a0 ]*)?\.?\d+(?:[eE][-+]?\d+)?")
_GREY = "#7c8798"  # reads on white and on dark
_FLAT = 24  # letters of all labels together that stand side by side under a narrow chart
_EMPTY = "\u00a0"  # Gradio numbers the columns whose header is empty


class Chart:
    """The parts; hidden until an answer holds a table."""

    def __init__(self) -> None:
        with gr.Column(visible=False, elem_classes="chart") as self.box:
            self.plot = gr.Plot(
                label="Drawn again from the table", elem_classes="again", show_label=True
            )
            self.grid = gr.Dataframe(
                label="The table: correct it, and the chart follows",
                interactive=True,
                wrap=True,
                type="pandas",
                buttons=["copy"],
                elem_classes="grid",
            )
            self.files = shelf(["CSV"])
            with gr.Row(equal_height=True):
                self.question = gr.Textbox(
                    label="Ask a chat model about this chart; the table goes along",
                    scale=4,
                    max_lines=3,
                    placeholder="Which category is the largest, and by how much?",
                    elem_classes="about-chart",
                )
                self.go = gr.Button("Ask", min_width=90, scale=0, elem_classes="ask-chart")
        self.outputs = [self.box, self.grid, self.plot]
        self.grid.input(lambda grid: drawn_again(_rows(grid)), self.grid, self.plot, **QUIET)
        self.files.take(taken, self.grid, self.files, **QUIET)


def charted(answer: Answer | None) -> list:
    """The values of a Chart's outputs for this answer."""
    if not answer or not answer.rows:
        return [gr.Column(visible=False), None, None]
    head, *rows = answer.rows
    grid = {"headers": [cell or _EMPTY for cell in head], "data": [list(row) for row in rows]}
    return [gr.Column(visible=True), grid, drawn_again(answer.rows)]


def drawn_again(rows: Sequence[Sequence[str]]) -> object:
    """The table as a bar chart (Altair's), its series side by side; None for a table without a number."""
    import altair  # half a second, and only charts need it

    values = long_form(rows)
    if not values:
        return None
    turned = sum(len(row[0]) for row in rows[1:]) > _FLAT
    chart = (
        altair.Chart(altair.InlineData(values))
        .mark_bar()
        .encode(
            x=altair.X(
                "category:N",
                sort=None,
                axis=altair.Axis(title=None, labelAngle=-40 if turned else 0),
            ),
            xOffset=altair.XOffset("series:N", sort=None),
            y=altair.Y("value:Q", axis=altair.Axis(title=None)),
            color=altair.Color("series:N", sort=None, title=None),
            tooltip=["category:N", "series:N", "value:Q"],
        )
    )
    plain = {
        "embedOptions": {"actions": False}
    }  # its menu would send the table to an editor elsewhere
    sized = chart.properties(width="container", height=220, usermeta=plain)
    return (
        sized.configure(background="transparent")
        .configure_axis(labelColor=_GREY, tickColor=_GREY, domainColor=_GREY, gridOpacity=0.25)
        .configure_legend(labelColor=_GREY, orient="bottom")
        .configure_view(stroke=None)
    )


def long_form(rows: Sequence[Sequence[str]]) -> list[dict]:
    """A category, a series and a value for each cell that holds a number."""
    head, *body = rows or [[]]
    cells = (
        (row[0], name or "value", number(cell))
        for row in body
        for name, cell in zip(head[1:], row[1:])
    )
    return [
        dict(zip(("category", "series", "value"), cell)) for cell in cells if cell[2] is not None
    ]


def number(cell: object) -> float | None:
    """The number in a cell such as `1,200`, `12.5 %` or `$3.2`; None when there is none."""
    found = _NUMBER.search(str(cell).replace("\u2212", "-"))
    value = float(re.sub(r"[,\u00a0 ]", "", found.group())) if found else math.inf
    return value if math.isfinite(value) else None


def asked_about(grid: pd.DataFrame, question: str, picture: Picture | None) -> Turn:
    """The question with the table that was read from the chart, for a model that converses. Raises BadPrompt."""
    rows = _rows(grid)
    if len(rows) < 2 or picture is None:
        raise BadPrompt("There is no table yet: turn a chart into its table first.")
    if not (question or "").strip():
        raise BadPrompt("Write what you want to know about the chart first.")
    table = "\n".join(" | ".join(row) for row in rows)
    return Turn(
        "user", f"The table behind this chart:\n\n{table}\n\n{question.strip()}", (picture,)
    )


def taken(grid: pd.DataFrame) -> dict:
    """The table as it stands now, as a CSV file."""
    if rows := _rows(grid):
        return file("table.csv", FORMATS["CSV"].write(None, Answer("", rows=rows)))
    return {"said": "The table is empty: turn a chart into its table first.", "turn": uuid4().hex}


def _rows(grid: pd.DataFrame | None) -> tuple[tuple[str, ...], ...]:
    if grid is None or grid.empty:
        return ()
    cells = [list(grid.columns), *grid.fillna("").to_numpy().tolist()]
    return tuple(tuple(str(cell).replace(_EMPTY, "") for cell in row) for row in cells)

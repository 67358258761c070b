"""The table of an answer on the page: it is shown and hidden, corrected, and taken away as a file."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.components.dataframe import DataframeData

from tests.support.async_tools import gather
from tests.support.paths import ASSETS
from tests.support.table_pictures import Look, table
from tests.support.updates import value_of
from ui.components.chart import ChartPanel, TablePanel, export_table
from ui.core.session import Visitor, find_engines
from ui.core.storage import store_picture
from ui.state.conversation import Conversation
from ui.state.replies import Result
from ui.state.task_run import TaskRun
from ui.tabs.task import TaskTab
from vlm_backends import Answer, Embedded, Prompt, Question, Turn, find_model
from vlm_backends.media import images

FLORENCE = find_model("microsoft/florence-2")
STAFF = (("Line", "Length", ""), ("Coast", "128", "40"), ("Valley", "64", "31"), ("Harbour", "9", "12"))  # fmt: skip


@pytest.fixture(scope="module")
def tab():
    with gr.Blocks():
        return TaskTab(FLORENCE, find_engines(Embedded()), gr.State(Visitor()))


@pytest.fixture
def drawn(tmp_path):
    path = tmp_path / "table.png"
    table(STAFF, Look(apart=60)).image.save(path)
    return str(path)


def answered(tab, run, token, path):
    """What the page is sent at the end of a run: is the panel visible, and the value of the grid."""
    run.token, run.picture = token, store_picture(path)
    tab.handlers.take(run, 1, "", 0.5, *[None] * 4)
    gather(tab.handlers.stream(run, Visitor()))
    done = tab.handlers.finish(run, Visitor())
    return value_of(done, tab.table.box).visible, value_of(done, tab.table.grid)


def test_the_table_of_read_print_is_shown_and_hidden_by_an_answer_without_one(tab, drawn):
    run = TaskRun()
    is_shown, grid = answered(tab, run, "<OCR>", drawn)
    assert is_shown and grid["headers"] == ["Line", "Length", "\u00a0"]
    assert grid["data"] == [list(row) for row in STAFF[1:]]
    assert answered(tab, run, "<OCR_WITH_REGION>", drawn) == (False, None)
    assert answered(tab, run, "<OCR>", drawn)[0]
    assert answered(tab, run, "<OCR>", str(ASSETS / "poster.jpg")) == (False, None)
    assert answered(tab, run, "<OD>", str(ASSETS / "coffee.jpg")) == (False, None)


def test_all_parts_of_the_panel_are_outputs_of_the_end(tab):
    assert set(tab.table.outputs) <= set(tab.handlers.fields.done)
    assert not tab.table.box.visible, "it is hidden until there is a table"


@pytest.fixture(params=[TablePanel, ChartPanel])
def panel(request):
    with gr.Blocks():
        return request.param()


def corrected(panel, rows, corrections=()):
    """The grid as Gradio hands it to a handler, after the visitor has changed some cells."""
    value = panel.show(Answer("x", rows=rows))[panel.grid]
    sent = DataframeData(headers=value["headers"], data=[list(row) for row in value["data"]])
    for i, j, text in corrections:
        sent.data[i][j] = text
    return panel.grid.preprocess(sent)


def taken_away(grid, format) -> str:
    value = export_table(grid, SimpleNamespace(format=format))
    return Path(value["path"]).read_bytes().decode("utf-8-sig")


def as_rows(text) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_the_buttons_give_the_corrected_table(panel):
    grid = corrected(panel, STAFF, [(1, 1, "65"), (2, 0, "Harbour | old")])
    rows = [list(row) for row in STAFF]
    rows[2][1], rows[3][0] = "65", "Harbour | old"
    assert as_rows(taken_away(grid, "CSV")) == rows
    assert taken_away(grid, "Markdown").splitlines() == [
        "| Line | Length |  |", "| --- | --- | --- |", "| Coast | 128 | 40 |", "| Valley | 65 | 31 |", "| Harbour \\| old | 9 | 12 |",
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [
    (("", "", ""), ("a", "", "1")), (("Men", "Men", "Women"), ("1", "2", "3")), (("a",), ("",)), (("", "2021"), ("", "")),
    (("Value",), ("1,200.50",)), (("Value",), ("21\u00a0000",)), (("a", "b"), ("\u00a0", "007")), (("x", "y"), ("1e5", "-0.50")),
    (("nan", "None"), ("nan", "None")), (("0", "1"), ("True", "null")),
], ids=ascii)  # fmt: skip
def test_a_table_that_nobody_corrected_is_taken_away_as_it_was_read(panel, rows):
    """Numbers keep their digits, heads may be empty or alike, and no word is taken for a missing one."""
    assert as_rows(taken_away(corrected(panel, rows), "CSV")) == [list(row) for row in rows]


def test_a_cell_that_was_emptied_is_empty(panel):
    grid = corrected(panel, STAFF, [(0, 1, None), (1, 2, "")])
    assert [row[1:] for row in as_rows(taken_away(grid, "CSV"))[1:3]] == [["", "40"], ["64", ""]]


@pytest.mark.parametrize("format", ["PDF", "", None, 7, "csv", "__class__"])
def test_a_format_that_no_button_has_gives_no_file(panel, format):
    grid = corrected(panel, STAFF)
    value = export_table(grid, SimpleNamespace(format=format))
    assert "path" not in value and value["said"]


@pytest.mark.parametrize("answer", [None, Answer("words"), Answer("", rows=())])
def test_without_a_table_the_panel_is_hidden_and_empty(panel, answer):
    shown = panel.show(answer)
    assert not shown[panel.box].visible and shown[panel.grid] is None
    assert set(shown) == set(panel.outputs), "nothing of the answer before stays"


@pytest.mark.parametrize("id, rows, said", [
    ("google/deplot", (("Year", "Value"), ("2020", "7")), "in the view “Table”"), ("google/deplot", (), ""),
    ("meta/llama-3.2-11b-vision-instruct", (), "[Ask Llama 3\\.2 Vision itself](#engine-panel)"),
])  # fmt: skip
def test_an_answer_says_where_more_can_be_had(id, rows, said):
    model, conversation = find_model(id), Conversation()
    turn = Turn("user", "Which year was best?", (images.read(ASSETS / "chart.png"),))
    question = Question(model, Prompt((turn,)))
    conversation.show(Result(question, Embedded(), Answer("Year | Value", rows=rows)))
    shown = conversation.messages[-1]["content"]
    assert said in shown and ("“Table”" in shown) == bool(rows)

"""What belongs to an answer: the facts of what was sent, files that open, code that is there, a chart's round trip."""

import json
import re
from html import unescape
from types import SimpleNamespace

import gradio as gr
import pytest
from PIL import Image

from ui.components.chart import (
    ChartPanel,
    bar_chart,
    export_table,
    long_form,
    number,
    question_about,
    told_cells,
)
from ui.components.result_panel import facts_html, listings
from ui.components.viewer import scene
from ui.state.rendering import nothing_found, small_print
from ui.state.replies import Result
from vlm_backends import (
    NVIDIA,
    Answer,
    BadPrompt,
    Prompt,
    Question,
    Region,
    Sent,
    Timing,
    Turn,
    find_model,
)
from vlm_backends.media import images

KEY = "nvapi-canary-0123456789"

PICTURE = images.read(Image.new("RGB", (640, 480), "white"))


def asked(answer, engine=None, first=0.5, total=2.5):
    prompt = Prompt((Turn("user", "x", (PICTURE,)),))
    question = Question(find_model("meta/llama-3.2-11b-vision-instruct"), prompt)
    return Result(question, engine or NVIDIA(KEY), answer, Timing(first, total))


@pytest.mark.parametrize("answer, said, unsaid", [
    (Answer("x"), ["NVIDIA", "0.50 s", "2.50 s"], ["tokens", "Picture"]),
    (Answer("x", tokens=80), ["40 tokens a second", "80 in all"], []),
    (Answer("x", sent=Sent("image/jpeg", 320, 240, 2_345_678, "inline")), ["640 × 480 PNG", "sent as 320 × 240 JPEG, 2.3 MB", "in the request"], []),
    (Answer("x", sent=Sent("image/png", 640, 480, len(PICTURE.data), "asset")), ["sent unchanged by NVIDIA&#x27;s asset store"], ["→"]),
    (Answer("x", sent=Sent("image/png", 640, 480, 9)), ["stayed on this server"], ["sent as"]),
])  # fmt: skip
def test_the_ledger_says_what_travelled_and_what_it_cost(answer, said, unsaid):
    text = facts_html(asked(answer))
    assert all(words in text for words in said), text
    assert not any(words in text for words in unsaid), text
    assert KEY not in text and facts_html(None) == ""


def test_a_note_stays_plain_words_wherever_it_is_shown():
    answer = Answer("x", note="<img src=x onerror=alert(1)>")
    for shown in (small_print("NVIDIA", answer, Timing()), nothing_found(answer)):
        assert r"\<img src\=x" in shown and "<img" not in shown.replace(r"\<", "")
    assert "<img" not in facts_html(asked(answer))
    assert scene(PICTURE, answer)["note"] == answer.note  # a text node: see answer_text.js


@pytest.mark.parametrize("answer, lines", [
    (Answer("two\nlines, \"quoted\" é </pre>"), 13),
    (Answer("x", (Region("<b>", ((0, 0), (1, 0), (1, 1))), Region("", ((0, 0), (1, 0), (1, 1)), is_mask=True))), 16),
    (Answer("x", rows=(("Year", "Sales"), ("2020", "7"), ("2021", ""))), 17),
])  # fmt: skip
def test_the_json_has_a_line_for_each_field_region_and_row(answer, lines):
    record = asked(answer)
    *_, shown = listings(SimpleNamespace(result=record))
    text = unescape(re.search(r"<code>(.*)</code>", shown, re.DOTALL)[1])
    assert json.loads(text) == record.to_dict() and text.count("\n") + 1 == lines
    assert "<b>" not in shown and KEY not in shown


def test_nothing_asked_is_a_sentence_in_place_of_code_and_json():
    assert [text[:18] for text in listings(SimpleNamespace(result=None))] == [
        "<p>Ask something f"
    ] * 3


@pytest.mark.parametrize("cell, value", [
    ("12", 12), ("1,200", 1200), ("12.5 %", 12.5), ("$3.2", 3.2), ("\u22124", -4), ("1e3", 1000), ("~ 7 TWh", 7), (".5", 0.5),
    ("44 TWh", 44), ("900k", 9e5), ("3.5M", 3.5e6), ("£1,234.50", 1234.5), ("7 km/h", 7),
    ("", None), ("n/a", None), ("-", None), (None, None), ("nan", None), ("12 or 13", None), ("abc12", None),
    ("(5)", None), ("12:30", None), ("2024-01-01", None), ("12,5", None), ("1e999", None),
    ("9" * 400, None), ("9" * 400 + " TWh", None), ("9" * 307 + "k", None),
])  # fmt: skip
def test_a_number_is_read_out_of_a_cell(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize("rows, cells", [
    ((), 0), ((("Year", "Sales"),), 0), ((("Year", "Sales"), ("2020", "x")), 1), ((("Year",), ("2020",)), 0),
    ((("Year", "Sales"), ("2020", "7"), ("2021", "8")), 2), ((("", "A", "B"), ("Q1", "1", "2"), ("Q2", "", "3")), 4),
])  # fmt: skip
def test_a_table_in_long_form(rows, cells):
    assert len(long_form(rows)) == cells
    with gr.Blocks():
        panel = ChartPanel()
    assert panel.show(Answer("x", rows=rows))[panel.box].visible == bool(rows)


@pytest.mark.parametrize("cells, values", [
    (("12,5", "1.200", "7"), (12.5, 1200, 7)), (("12.5", "1,200", "7"), (12.5, 1200, 7)), (("1", "x", "3"), (1, None, 3)),
    (("900k", "1.2M", ""), (9e5, 1.2e6, None)), (("1.200", "3", "4"), (1.2, 3, 4)),
])  # fmt: skip
def test_a_wrong_cell_keeps_its_place_and_is_told(cells, values):
    rows = (("", "A", "B", "C"), ("Q1", *cells))
    found = long_form(rows)
    assert [each["value"] for each in found] == list(values)
    told = told_cells(rows)
    wrong = [(cell, name) for cell, name, value in zip(cells, "ABC", values) if value is None]
    assert bool(told) == bool(wrong)
    assert all(f"Q1, {name}" in told and cell in told for cell, name in wrong)


def test_of_many_wrong_cells_the_first_are_named_and_all_counted():
    rows = (("", "A"), *((f"row {i}", "?") for i in range(9)))
    assert bar_chart(rows) is None and told_cells(rows).endswith("and 6 more.")


def test_an_empty_table_is_not_taken_away():
    pressed = SimpleNamespace(format="CSV")
    first, second = export_table(None, pressed), export_table(None, pressed)
    assert "table is empty" in first["said"] and first["turn"] != second["turn"], (
        "or a second click is no news"
    )


def test_a_question_about_a_chart_takes_its_table_along():
    import pandas as pd

    grid = pd.DataFrame([["2020", "7"], ["2021", None]], columns=["Year", "Sales"])
    turn = question_about(grid, " Which year? ", PICTURE)
    assert (
        "Year | Sales\n2020 | 7\n2021 | " in turn.text
        and turn.text.endswith("Which year?")
        and turn.pictures == (PICTURE,)
    )
    for bad in (
        (grid, "", PICTURE),
        (grid, "x", None),
        (None, "x", PICTURE),
        (pd.DataFrame(), "x", PICTURE),
    ):
        with pytest.raises(BadPrompt):
            question_about(*bad)

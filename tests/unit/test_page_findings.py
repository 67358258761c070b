"""A chat tab without a model lists the parts of a page, its tables, and a chart."""

import numpy as np
import pytest

from tests.support.findings import answered
from vlm_backends.engines.builtin.chart_findings import may_be_chart
from vlm_backends.engines.builtin.documents import PagePart, page_parts
from vlm_backends.engines.builtin.ocr import TextLine


def print_at(*places: tuple[str, float, float]) -> list[TextLine]:
    """Lines of 40 × 20 px whose left ends and tops are given."""
    return [
        TextLine(text, 1.0, ((x, y), (x + 40, y), (x + 40, y + 20), (x, y + 20)))
        for text, x, y in places
    ]


AXIS = [("40", 10, 0), ("30", 10, 50), ("20", 10, 100), ("10", 10, 150)]


@pytest.mark.parametrize("places, is_chart", [
    (AXIS, True), ([(text, y, 300) for text, _, y in AXIS], True), ([("12%", 5, 9), ("30%", 90, 70), ("58 %", 33, 210)], True),
    ([(text, 13 * i * i, y) for i, (text, _, y) in enumerate(AXIS)], True), ([*AXIS, ("Sales", 200, 3)], True),
    (AXIS[:2], False), ([], False), ([("Sales", 10, y) for _, _, y in AXIS], False), ([("12%", 5, 9), ("30%", 90, 70)], False),
    ([("7", 10, 0), ("9", 10, 20), ("12", 10, 150)], False), ([("7", 10, 0), ("9", 200, 31), ("12", 90, 47)], False),
    ([("7", 10, 0), ("9", 300, 31), ("12", 90, 47), ("5", 33, 210)], False), ([("7", 10, 0)] * 4, False),
])  # fmt: skip
def test_numbers_at_even_steps_or_shares_may_be_a_chart(places, is_chart):
    assert may_be_chart(print_at(*places)) is is_chart


@pytest.mark.slow
@pytest.mark.parametrize("name, rows, columns", [
    ("chart.png", 8, 2), ("grouped.png", 5, 4), ("horizontal.png", 7, 2),
])  # fmt: skip
def test_a_chart_is_listed_with_its_place(name, rows, columns):
    answer = answered(name)
    (chart,) = [region for region in answer.regions if region.label == "chart"]
    assert answer.text[slice(*chart.span)] == "Chart"
    assert f"Chart: {rows} rows and {columns} columns." in answer.text
    assert "The chart was measured: " in answer.note


@pytest.mark.slow
def test_a_page_is_listed_by_its_parts_and_has_no_chart():
    answer = answered("page.png")
    head, _, rest = answer.text.partition("Parts of this page: ")
    assert head and rest.split("\n")[0].count("text") >= 4 and "title top (" in rest
    kinds = [region.label for region in answer.regions if region.score is not None]
    assert kinds.count("title") == 1 and "figure" in kinds and "chart" not in answer.text.lower()
    assert "Parts of the page found by PP-Structure." in answer.note


@pytest.mark.parametrize("size", [(1, 1), (12_000, 8), (300, 200)], ids=str)
def test_a_picture_without_print_has_no_parts(size):
    noise = np.random.default_rng(1).integers(0, 255, (*size[::-1], 3), np.uint8)
    assert page_parts(noise, [], []) == []


def test_a_line_belongs_to_one_part_whose_box_ends_with_its_lines(monkeypatch):
    found = [PagePart("text", (0.0, 0.0, 1.0, 0.45), 0.9), PagePart("title", (0.0, 0.3, 1.0, 1.0), 0.8),
             PagePart("header", (0.0, 0.0, 1.0, 0.4), 0.7), PagePart("figure", (0.0, 0.0, 0.95, 0.95), 0.6)]  # fmt: skip
    monkeypatch.setattr("vlm_backends.engines.builtin.documents.parts._detected", lambda rgb: found)
    lines = print_at(("one", 10, 10), ("two", 10, 40), ("three", 10, 70))
    parts = page_parts(np.zeros((100, 100, 3), np.uint8), lines, [])
    assert [(part.kind, part.box) for part in parts] == [
        ("text", (0.1, 0.1, 0.5, 0.3)), ("title", (0.1, 0.4, 0.5, 0.9)),
    ]  # fmt: skip

"""Marks in empty cells that the OCR does not read are told; a cell that is empty is not."""

import pytest

from tests.support.table_pictures import DARK, LIGHT, Look, Page, table
from vlm_backends.engines.builtin.documents import find_tables

ROWS = [
    ["Hotel", "Pool", "Stars", "Rooms"],
    ["Aurora", "", "4", "120"],
    ["Bellevue", "yes", "", "64"],
    ["Central", "", "3", "85"],
    ["Dune", "yes", "5", "40"],
]
LOOKS = [
    Look(rules, edges, sheet, apart=70)
    for rules in ("all", "level", "three", "frames", "stripes", "none")
    for edges, sheet in (("l", LIGHT), ("m", DARK))
]


def marks(page: Page) -> str:
    (one,) = find_tables(page.rgb, page.lines)
    assert [list(row) for row in one.rows] == ROWS and not one.doubts
    assert one.is_sure == (not one.marks)
    return one.marks


def marked(page: Page, row: int, under: int, draw) -> None:
    """Draw a mark, which the OCR does not give, in a row and under the head of a column."""
    (left, *_), (right, *_) = page.lines[under].quad[:2]
    names = [line for line in page.lines if line.text == ROWS[row][0]]
    (_, top), _, (_, foot), _ = names[0].quad
    draw(page.pen, (left + right) / 2, (top + foot) / 2, page.sheet.ink)


def stroke(pen, x, y, ink):
    pen.line((x, y - 8, x, y + 8), ink, 3)


def dash(pen, x, y, ink):
    pen.line((x - 6, y, x + 6, y), ink, 2)


def tick(pen, x, y, ink):
    pen.line((x - 7, y, x - 2, y + 6, x + 8, y - 8), ink, 3)


def cross(pen, x, y, ink):
    pen.line((x - 6, y - 6, x + 6, y + 6), ink, 2)
    pen.line((x - 6, y + 6, x + 6, y - 6), ink, 2)


def dot(pen, x, y, ink):
    pen.ellipse((x - 5, y - 5, x + 5, y + 5), ink)


def ring(pen, x, y, ink):
    pen.ellipse((x - 7, y - 7, x + 7, y + 7), None, ink, 2)


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("draw", [stroke, dash, tick, cross, dot, ring])
def test_a_mark_that_is_not_read_is_told_with_its_cell(look, draw):
    page = table(ROWS, look)
    marked(page, 3, 1, draw)
    assert marks(page) == "A mark that was not read is in the empty cell of “Central” under “Pool”."


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_an_empty_cell_is_empty(look):
    assert not marks(table(ROWS, look))


@pytest.mark.parametrize("look", LOOKS[::2], ids=str)
def test_of_several_marks_the_number_and_the_first_are_told(look):
    page = table(ROWS, look)
    for row, column in ((1, 1), (3, 1), (2, 2)):
        marked(page, row, column, tick)
    said = marks(page)
    assert "in 3 empty cells; the first is that of “Aurora” under “Pool”" in said


def test_a_cell_over_several_is_not_empty():
    rows = [["", "Men", "", "Women", ""], *([["Age", "2021", "2022", "2021", "2022"]]), *(
        [[f"{age}", "12", "14", "15", "17"] for age in ("20–29", "30–39", "40–49")]
    )]  # fmt: skip
    page = table(rows, Look("all"), {(0, 1): (1, 2), (0, 3): (1, 2)})
    (one,) = find_tables(page.rgb, page.lines)
    assert one.is_sure


@pytest.mark.parametrize("speck", [1, 2])
def test_a_speck_is_no_mark(speck):
    page = table(ROWS, Look("level", apart=70))
    marked(page, 3, 1, lambda pen, x, y, ink: pen.rectangle((x, y, x + speck, y + speck), ink))
    assert not marks(page)

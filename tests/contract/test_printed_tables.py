"""Printed tables as the tasks answer them, read with the OCR: rows, places of cells, answers to questions, parts of a page."""

import pytest
from PIL import Image, ImageDraw

from tests.support import chart_pictures as charts
from tests.support.builtin_runs import picture, run
from tests.support.paths import ASSETS
from tests.support.print_pictures import sheet
from tests.support.questions import DEPLOT, LLAMA
from tests.support.table_pictures import DARK, Look, blank, table
from vlm_backends import Embedded, Prompt, Turn, ask, read
from vlm_backends.table_prompts import write_table_prompt

STAFF = (
    ("Line", "Length", "Staff"),
    ("Coast", "128", "40"),
    ("Valley", "64", "31"),
    ("Harbour", "9", "12"),
    ("Airport", "17", "25"),
)
RAIN = (("Town", "Rain"), ("Bergen", "225"), ("Oslo", "76"), ("Voss", "128"), ("Alta", "42"))
PROSE = ["The lines are listed by the year in which they opened.", "All lengths were measured in the last summer."]  # fmt: skip


def asked(model, question: str, image: Image.Image):
    """The last answer of a model's stand-in."""
    prompt = Prompt((Turn("user", question, (picture(image),)),))
    return list(ask(Embedded(), model, prompt))[-1]


def bare(rows) -> list[list[str]]:
    """The rows without the blanks between words, of which the OCR may lose one."""
    return [["".join(cell.split()) for cell in row] for row in rows]


# --- the task Read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [
    Look("all"), Look("three", "r", apart=60), Look("none", "m", apart=70), Look("stripes", "l", DARK, apart=50),
], ids=lambda look: look.rules)  # fmt: skip
@pytest.mark.parametrize("degrees", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_reading_print_brings_the_rows_of_its_table(look, degrees):
    answer = run("<OCR>", table(STAFF, look).turned(degrees).image)
    assert answer.rows == STAFF and answer.literal
    assert "A table is in the print: it has 5 rows and 3 columns." in answer.note


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_table_with_frames_is_read(degrees):
    """Without frames the OCR takes short cells below each other for one line of print."""
    assert run("<OCR>", table(STAFF).turned(degrees).image).rows == STAFF


@pytest.mark.slow
@pytest.mark.parametrize("rules", ["all", "level", "three", "none"])
def test_heads_over_columns_and_lines_of_cells_are_read(rules):
    rows = [["", "Summer", "", "Winter", ""], ["Harbour", "rain", "sun", "rain", "sun"], ["Bergen", "420", "510", "760", "130"],
            ["Narvik", "230", "600", "310", "20"], ["Mandal", "310", "640", "520", "180"]]  # fmt: skip
    page = table(rows, Look(rules, "m", apart=60), {(0, 1): (1, 2), (0, 3): (1, 2)})
    answer = run("<OCR>", page.image)
    spread = [["", "Summer", "Summer", "Winter", "Winter"], *rows[1:]]
    assert bare(answer.rows) == spread


def test_with_places_the_table_is_told_and_not_given():
    answer = run("<OCR_WITH_REGION>", table(STAFF, title="Railways").image)
    assert (
        not answer.rows and "it has 5 rows and 3 columns. The task “Read” gives it" in answer.note
    )
    assert {cell for row in STAFF for cell in row} < {region.label for region in answer.regions}


def test_of_two_tables_the_larger_is_given():
    upper, lower = table(RAIN[:4], Look(apart=60)), table(STAFF, Look(apart=60))
    page = blank(max(upper.image.width, lower.image.width), 800)
    page.image.paste(upper.image, (0, 0))
    page.image.paste(lower.image, (0, 380))
    answer = run("<OCR>", page.image)
    assert (
        answer.rows == STAFF and "2 tables are in the print: the largest has 5 rows" in answer.note
    )


def test_a_number_that_lost_its_point_is_told():
    rows = [["Site", "Depth"], ["Lake A", "12.8"], ["Lake B", "131"], ["Lake C", "11.9"], ["Lake D", "12.2"], ["Lake E", "0.4"]]  # fmt: skip
    answer = run("<OCR>", table(rows, Look(apart=60)).image)
    assert bare(answer.rows) == bare(rows)
    assert "“131” is written unlike the other numbers of the column" in answer.note


@pytest.mark.parametrize("image", [
    sheet(PROSE), sheet(["• bread", "• butter", "• cheese", "• pears"]), charts.pie(), Image.new("RGB", (300, 200), "white"),
], ids=["prose", "list", "chart", "nothing"])  # fmt: skip
@pytest.mark.parametrize("token", ["<OCR>", "<OCR_WITH_REGION>"])
def test_print_without_a_table_has_no_rows(image, token):
    answer = run(token, image)
    assert answer.rows == () and "table" not in answer.note


def invoice(totals, rules=(285, 345, 405, 465), step=50):
    """An invoice: a rule below its head and each item, and none between the sums below them."""
    image = Image.new("RGB", (1000, 900), "white")
    pen, columns = ImageDraw.Draw(image), (60, 480, 620, 800)
    items = ("Item", "Qty", "Price", "Amount"), ("Desk lamp", "2", "39.50", "79.00"), ("Office chair", "1", "249.00", "249.00"), ("Paper A4, box", "5", "18.20", "91.00")  # fmt: skip
    for i, row in enumerate(items):
        for x, cell in zip(columns, row):
            pen.text((x, 258 + 60 * i), cell, "black", charts.font(26), "lm")
    for y in rules:
        pen.line((60, y, 940, y), "#777", 1)
    for i, (name, amount) in enumerate(totals):
        pen.text((620, 535 + step * i), name, "black", charts.font(26), "lm")
        pen.text((800, 535 + step * i), amount, "black", charts.font(26), "lm")
    return image, items


@pytest.mark.parametrize("step", [42, 60])
@pytest.mark.parametrize("totals", [
    [("Net", "419.00"), ("VAT 19 %", "79.61"), ("Total EUR", "498.61")], [("Net", "419.00"), ("Total", "498.61")],
    [("Total", "419.00")], [("Sum", "1"), ("Tax", "2"), ("Due", "3"), ("Paid", "4")],
])  # fmt: skip
def test_the_sums_below_the_last_rule_are_rows_of_their_own(totals, step):
    image, items = invoice(totals, step=step)
    answer = run("<OCR>", image)
    assert answer.rows == (*items, *(("", "", *total) for total in totals))
    assert "unlike the other numbers" not in answer.note or len(totals) == 4


# --- in place of DePlot ----------------------------------------------------------------------------


@pytest.mark.parametrize("rows, question, said, lit", [
    (STAFF, "What is the largest length?", "For Length, the largest value is 128: Coast.", ["128"]),
    (STAFF, "What is the smallest length?", "For Length, the smallest value is 9: Harbour.", ["9"]),
    (STAFF, "What is the length of Valley?", "Valley, Length: 64.", ["64"]),
    (RAIN, "What is the value of Oslo?", "Oslo: 76.", ["76"]),
    (RAIN, "Which town has the most rain?", "The largest value is 225: Bergen.", ["225"]),
    (RAIN, "What is the total?", "The total of 4 values is 471.", ["225", "76", "128", "42"]),
])  # fmt: skip
def test_a_question_about_a_printed_table_lights_the_cells_of_its_answer(rows, question, said, lit):
    page = table(rows, Look("three", "r", apart=60))
    answer = asked(DEPLOT, question, page.image)
    assert answer.rows == rows and answer.text.startswith(f"{said}\n\nThe table:")
    assert "printed in the picture" in answer.note
    assert [region.label for region in answer.regions] == lit
    for region in answer.regions:
        (line,) = (line for line in page.lines if line.text == region.label)
        x = sum(point[0] for point in region.outline) / 4 * page.image.width
        y = sum(point[1] for point in region.outline) / 4 * page.image.height
        assert line.quad[0][0] < x < line.quad[2][0] and line.quad[0][1] < y < line.quad[2][1]


@pytest.mark.parametrize("question, said, lit", [
    ("Which is the largest value?", "The largest value is 225km: Bergen.", ["225km"]),
    ("What is the total?", "The total of 4 values is 471km.", ["225km", "76km", "128km", "42km"]),
    ("What is the value of Bergen?", "Bergen: 225km.", ["225km"]),
    ("What is the value of Alta?", "Alta: 42km.", ["42km"]),
])  # fmt: skip
@pytest.mark.parametrize("model", [DEPLOT, LLAMA], ids=["chart", "chat"])
def test_a_first_row_that_is_no_head_counts(model, question, said, lit):
    rows = tuple((town, f"{rain}km") for town, rain in RAIN[1:])
    answer = asked(model, question, table(rows, Look("all", "r", apart=60)).image)
    assert answer.rows == rows and answer.text.startswith(f"{said}\n\nThe table:")
    assert [region.label for region in answer.regions] == lit


@pytest.mark.parametrize("question", ["What is the largest?", "What is the total?", "average"])
def test_lengths_and_numbers_of_people_are_not_ranked_or_added_together(question):
    answer = asked(DEPLOT, question, table(STAFF, Look("three", "r", apart=60)).image)
    assert "The table:" not in answer.text and answer.rows == STAFF
    assert "several columns are not added or ranked together: name one" in answer.note


@pytest.mark.parametrize("question", ["Generate underlying data table of the figure below:", "Why is the line at the coast so long?"])  # fmt: skip
def test_any_other_question_gives_the_table_with_all_of_its_cells(question):
    answer = asked(DEPLOT, question, table(STAFF).image)
    assert answer.rows == STAFF and "Computed" not in answer.note
    assert ("not surely understood" in answer.note) == question.startswith("Why")
    assert sorted(region.label for region in answer.regions) == sorted(sum(STAFF, ()))


def test_empty_first_and_last_cells_stay_where_they_are():
    rows = (("", "May", "June"), ("Rain", "12", "31"), ("Snow", "4", "25"), ("Fog", "9", ""))
    assert asked(DEPLOT, "?", table(rows, Look(apart=60)).image).rows == rows


@pytest.mark.parametrize("head", ["Title", "TITLE"])
def test_a_table_of_titles_keeps_its_head(head):
    rows = ((head, "Year"), ("Emma", "1815"), ("Dracula", "1897"), ("Ulysses", "1922"))
    answer = asked(DEPLOT, "?", table(rows, Look(apart=60)).image)
    assert answer.rows == rows and "**" not in answer.text


@pytest.mark.parametrize("image", [
    charts.vertical("Sales", {"Sales": [12, 31, 24]}, ["Oslo", "Rome", "Lima"], [0, 10, 20, 30, 40]),
    charts.horizontal("Rides", {"Bus": 420, "Tram": 300, "Bike": 280, "Ferry": 120, "Taxi": 60}),
    charts.vertical("Sales", {"2023": [12, 31, 24], "2024": [14, 25, 31]}, ["Oslo", "Rome", "Lima"], [0, 10, 20, 30, 40],
                    labels=True),
], ids=["one", "level", "groups"])  # fmt: skip
def test_a_chart_is_measured_and_is_no_printed_table(image):
    answer = asked(DEPLOT, "?", image)
    assert "Drawing measured" in answer.note and "printed in the picture" not in answer.note
    assert answer.rows and answer.regions


@pytest.mark.parametrize("rows, source", [
    (STAFF, "printed in the picture"),
    ((*STAFF[:3], ("Harbour", "200", "12"), STAFF[4]), "sent with the question"),
])  # fmt: skip
def test_a_chat_is_told_where_the_table_of_its_question_is_from(rows, source):
    question = write_table_prompt(rows, "What is the largest length?")
    answer = asked(LLAMA, question, table(STAFF).image)
    assert f"from the table that was {source}" in answer.note
    largest = "128" if rows is STAFF else "200"
    assert answer.text.startswith(f"For Length, the largest value is {largest}")
    assert [region.label for region in answer.regions] == (["128"] if rows is STAFF else [])


# --- parts of a page -------------------------------------------------------------------------------


def test_a_chat_names_the_table_and_its_heads():
    answer = asked(LLAMA, "What is this?", table(STAFF, Look("three", apart=60)).image)
    assert (
        "Table: 5 rows and 3 columns. The first row: “Line”, “Length” and “Staff”." in answer.text
    )
    region = next(region for region in answer.regions if region.label == "table")
    assert answer.text[slice(*region.span)] == "Table"


def test_the_parts_of_a_page_are_proposed_with_their_kinds():
    answer = run("<REGION_PROPOSAL>", read(ASSETS / "page.png"))
    kinds = {region.label for region in answer.regions}
    assert kinds >= {"title", "text"} and answer.text.startswith("Parts of a page: ")
    assert "PP-Structure" in answer.note
    tops = [region.outline[0][1] for region in answer.regions]
    assert tops == sorted(tops), "from the top"
    for region in answer.regions:
        assert 0.5 < region.score <= 1
        assert all(0 <= side <= 1 for point in region.outline for side in point)


def test_a_table_that_was_read_is_a_part_without_a_score():
    page = table(STAFF, Look("three", apart=60), title="Railways of the coast", below=PROSE)
    regions = run("<REGION_PROPOSAL>", page.image).regions
    assert [region.score for region in regions if region.label == "table"] == [None]


@pytest.mark.parametrize("name", ["coffee.jpg", "cat.jpg", pytest.param("rocket.jpg", marks=pytest.mark.slow)])  # fmt: skip
def test_a_photograph_has_no_parts_of_a_page(name):
    answer = run("<REGION_PROPOSAL>", read(ASSETS / name))
    assert {region.label for region in answer.regions} <= {""}
    assert "Parts of a page" not in answer.text and "PP-Structure" not in answer.note


PRICES = (("Milk", "129"), ("Bread", "249"), ("Butter", "399"), ("Eggs", "289"))


def test_a_table_that_is_not_sure_answers_no_question_until_it_is_corrected():
    drawn = table(PRICES).image
    said = asked(DEPLOT, "What is the largest?", drawn).note
    assert said.startswith("No answer was computed") and "may hold values, and no heads" in said
    again = asked(LLAMA, write_table_prompt(PRICES, "What is the largest?"), drawn)
    assert again.text.startswith("No answer was computed") and "ask again" in again.text
    assert again.note == "Nothing was computed."
    mended = (("Item", "Price"), *PRICES)
    answer = asked(LLAMA, write_table_prompt(mended, "What is the largest?"), drawn)
    assert "399" in answer.text and "Butter" in answer.text and not answer.regions
    assert "sent with the question" in answer.note


def test_a_dash_in_a_cell_is_no_chinese_sign():
    rows = [["Line", "Length", "Staff"], ["Coast", "128", "—"], ["Valley", "—", "31"], ["Harbour", "9", "12"]]  # fmt: skip
    answer = run("<OCR>", table(rows, Look("all", apart=70)).image)
    assert not {"一", "ー"} & set(answer.text + "".join(map("".join, answer.rows)))
    assert [row[0] for row in answer.rows] == ["Line", "Coast", "Valley", "Harbour"]


def test_a_mark_that_is_not_read_is_told_and_the_other_cells_answer():
    rows = [list(row) for row in STAFF]
    rows[3][2] = ""
    page = table(rows, Look("level", apart=70))
    (left, *_), (right, *_) = page.lines[2].quad[:2]
    y = next(line.quad[0][1] + line.height / 2 for line in page.lines if line.text == "Harbour")
    page.pen.line(((left + right) / 2, y - 9, (left + right) / 2, y + 9), page.sheet.ink, 3)
    told = "A mark that was not read is in the empty cell of “Harbour” under “Staff”."
    answer = asked(DEPLOT, "What is the length of Valley?", page.image)
    assert (
        answer.text.startswith("Valley, Length: 64.")
        and told in answer.note
        and "not sure" not in answer.note
    )
    follow_up = write_table_prompt(answer.rows, "What is the length of Valley?")
    chat = asked(LLAMA, follow_up, page.image)
    assert "64" in chat.text and told in chat.note
    total = asked(DEPLOT, "What is the total staff?", page.image)
    assert "Cells without a number were left out: 1" in total.text and told in total.note

"""What the network is sure of and may still get wrong is said: small print, fractions, tick boxes, codes."""

import numpy as np
import pytest

from tests.support.print_pictures import rows, sheet
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr.doubts import has_sign_beside, holds_fraction, with_dashes
from vlm_backends.engines.builtin.print_notes import describe_doubts


def lines_of(rows: list[str], size: int = 28, ink="black", paper="white") -> list[TextLine]:
    return ocr.read_all(np.asarray(sheet(rows, size, ink, paper)))[0]


def line(text: str, height: float = 30.0, sign: bool = False) -> TextLine:
    quad = ((0, 0), (200, 0), (200, height), (0, height))
    return TextLine(text, 0.99, quad, has_sign_beside=sign)


# --- fractions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, ink, paper", [(20, "black", "white"), (32, "#e8e8e8", "#202428"), (44, "#224488", "#f4f0e6")])  # fmt: skip
def test_a_fraction_in_one_sign_is_never_sure(size, ink, paper):
    """Most of them are read as another: 2¼ as 2½, ¾ as 34, ⅓ as ½."""
    rows = ["1½ tsp salt", "2¼ cups flour", "¾ oz butter", "Shoe size 42½", "⅓ cup milk"]
    assert [line.text for line in lines_of(rows, size, ink, paper) if line.is_sure] == []


@pytest.mark.parametrize("size", [20, 32])
def test_percent_dates_and_written_fractions_are_not_accused(size):
    rows = ["100 % wool", "5% off today", "Page 1/2", "Open 24/7", "3/4 cup of milk", "11/2/2024", "km/h", "n/a"]  # fmt: skip
    assert [line.text for line in lines_of(rows, size) if not line.is_sure] == []


@pytest.mark.parametrize("text", ["1½ tsp", "2½/4 cups", "¾", "⅛ in"])
def test_the_sign_of_a_fraction_is_a_doubt_without_ink(text):
    assert holds_fraction(None, text, [0.5] * len(text))


def test_nothing_is_known_without_ink():
    assert not holds_fraction(None, "1/2", [0.2, 0.3, 0.4]) and not has_sign_beside(None, [0.5])


# --- signs beside the text ------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [["☑ Breakfast", "☒ Late check-out"], ["☑ I agree to the terms"], ["Dinner at seven ☒"]])  # fmt: skip
@pytest.mark.parametrize("size", [22, 36])
def test_a_tick_box_is_in_the_text_or_said_to_be_missing(rows, size):
    lines = lines_of(rows, size)
    boxes = "☐☑☒□⊠√"
    lost = [line for line in lines if line.is_sure and not set(boxes) & set(line.text)]
    assert all(line.has_sign_beside for line in lost), [line.text for line in lost]
    assert not lost or "not in the text" in describe_doubts(lines, 0)


@pytest.mark.parametrize("rows", [["Breakfast at eight", "Room 14 B"], ["TOTAL 33.40"], ["“Quoted”, – and dashed –"]])  # fmt: skip
def test_no_sign_is_missed_where_none_is(rows):
    assert not any(line.has_sign_beside for line in lines_of(rows))


# --- the note -------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines, said", [
    ([line("kT9x-Qm21-0OlI")], "as in “kT9x-Qm21-0OlI”"),
    ([line("see https://example.org/a?id=1l")], "as in “https://example.org/a?id=1l”"),
    ([line("Serial B8S0-Z2I1")], "0 and O, 1, l and I"),
    ([line("[1ink](about:blank)")], "as in “1ink”: 0 and O, 1, l and I."),
    ([line("“he11o”")], "as in “he11o”"),
    ([line("Open (kT9x0m) now")], "as in “kT9x0m”"),
    ([line("![×](a.png)")], "x and × look alike and may be mixed up, as in “![×](a.png)”."),
    ([line("× Breakfast")], "as in “× Breakfast”"),
    ([line("Příliš žluťoučký")], "Accents that Western Europe does not use"),
    ([line("istanbul'da ılık")], "(ť, İ)"),
    ([line("Fine print", 11)], "1 piece of print is less than 14 px high"),
    ([line("One", 9), line("Two", 13.9), line("Three", 14)], "2 pieces of print are less than 14 px high"),
    ([line("New modems", 23.9)], "may touch and be read as m, as in “modems”"),
    ([line("Room 2", 40), line("Bam, Stem", 18)], "as in “Bam,”"),
    ([line("Parking", sign=True)], "Beside at least 1 piece is a sign that is not in the text"),
    ([line("A", sign=True), line("B", sign=True)], "Beside at least 2 pieces are signs that are not in the text"),
])  # fmt: skip
def test_the_note_says_what_may_be_wrong_in_sure_lines(lines, said):
    assert said in describe_doubts(lines, 0)


@pytest.mark.parametrize("size", [11, 12])
def test_touching_letters_that_are_read_as_one_are_said(size):
    """Nobody can tell Bam from Barn in such print without knowing the word."""
    rows = ["Barn Corn Turn", "Return Journal", "Stern Morning"]
    lines = lines_of(rows, size)
    read = " ".join(line.text for line in lines if line.is_sure)
    is_right = all(word in read.split() for row in rows for word in row.split())
    assert is_right or "be read as m" in describe_doubts(lines, 0)


@pytest.mark.parametrize("text, height", [("Fine summer", 24), ("Open 10am", 20), ("Mike met me", 20), ("12 mm", 20), ("LAMP", 20)])  # fmt: skip
def test_no_letters_touch_in_high_print_or_at_a_words_beginning(text, height):
    assert "touch" not in describe_doubts([line(text, height)], 0)


@pytest.mark.parametrize("text", ["Open 10am to 11pm", "100ml, 1000kg", "A4 paper", "Room 14B", "TOTAL 1,000.00", "2024-10-01", "Größe 40", "1st floor", "(10min)", "“1 km”", "3 × 4 cm", "2× coffee",
                                  "Call 555 0104", "Été à Noël", "El niño", "1920x1080"])  # fmt: skip
def test_ordinary_print_needs_no_caution(text):
    assert describe_doubts([line(text)], 0) == (
        "Confidence 99%. It reads Latin script, Chinese and Japanese."
    )


# --- cells that are not there ----------------------------------------------------------------------

PRICES = [
    ["Pizza", "Small", "Large"],
    ["Funghi", "7.00", "9.00"],
    ["Calzone", "", "9.80"],
    ["Tonno", "7.50", "9.50"],
]
TRAINS = [
    ["", "101", "103", "105"],
    ["Oslo", "06:10", "08:15", "10:20"],
    ["Lund", "07:22", "", "11:27"],
]
PEOPLE = [
    ["Name", "Town", "Team", "Age"],
    ["Ada", "Paris", "Blue", "36"],
    ["Ben", "Rome", "", "41"],
]
EMPTY = "Some rows have empty cells"


def table(cells: list[list[str]], slant: float = 0.0) -> list[TextLine]:
    """The pieces of a table whose columns are 150 px apart; each row sinks by `slant` px in 100."""
    lines = []
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            (x, right), y = (150 * column, 150 * column + 14 * len(text)), 40 * row
            corners = (x, y), (right, y), (right, y + 30), (x, y + 30)
            quad = tuple((a - b * slant / 100, b + a * slant / 100) for a, b in corners)
            lines += [TextLine(text, 0.99, quad, row=row)] if text else []
    return lines


@pytest.mark.parametrize("cells", [PRICES, TRAINS, PEOPLE], ids=["prices", "trains", "people"])
@pytest.mark.parametrize("slant", [0, 8, 80])
def test_a_row_with_an_empty_cell_is_said(cells, slant):
    assert EMPTY in describe_doubts(table(cells, slant), 0)


@pytest.mark.parametrize("cells", [
    PRICES[:2] + PRICES[3:],
    [["", "Jan", "Feb"], ["Oslo", "3", "4"], ["Lund", "5", "6"]],
    [["Coffee", "3.50"], ["Tea", "2.80"], ["TOTAL", "6.30"]],
    [["Name:", "Ada"], ["E-mail:"], ["Phone:", "555"]],
    [["A line of print"], ["and another"]],
    [],
])  # fmt: skip
def test_a_whole_table_and_a_receipt_are_not_accused(cells):
    assert EMPTY not in describe_doubts(table(cells), 0)


@pytest.mark.parametrize("cells", [PRICES, PEOPLE], ids=["prices", "people"])
def test_a_drawn_table_with_an_empty_cell_is_said(cells):
    edges = [40, 260, 430, 600][: len(cells[0])]
    assert EMPTY in describe_doubts(ocr.read_all(np.asarray(rows(cells, edges)))[0], 0)
    whole = [row for row in cells if all(row)]
    assert EMPTY not in describe_doubts(ocr.read_all(np.asarray(rows(whole, edges)))[0], 0)


# --- capitals of another script ---------------------------------------------------------------------


@pytest.mark.parametrize("texts", [["KACCA", "METPO"], ["PECTOPAH"], ["TAXI AOHNA"], ["TOMATO"], ["BAHK 24", "KACCA"]])  # fmt: skip
def test_capitals_that_other_scripts_have_too_are_said(texts):
    longest = max(" ".join(texts).split(), key=len)
    assert f"“{longest}” may be Cyrillic or Greek" in describe_doubts([line(text) for text in texts], 0)  # fmt: skip


@pytest.mark.parametrize("texts", [["MENU"], ["EXIT"], ["TAXI STAND"], ["CAFE", "Open"], ["TOTAL   $33.40"], ["No", "A 4"], ["KACCA", "касса"], ["PARK ROME"]])  # fmt: skip
def test_latin_capitals_are_not_accused(texts):
    assert "Cyrillic or Greek," not in describe_doubts([line(text) for text in texts], 0)


@pytest.mark.parametrize("text, others, read", [
    ("一", ["Audit log", "Storage"], "—"),
    ("Audit log 一 一", [], "Audit log — —"),
    ("12 ー 14", ["Hospital"], "12 — 14"),
    ("一", ["第一章", "Chapter"], "一"),
    ("一 二 三", [], "一 二 三"),
    ("一", ["コーヒー"], "一"),
    ("一", [], "一"),
    ("一", ["…"], "一"),
    ("ローマ", ["Rome"], "ローマ"),
    ("十一月", ["1994"], "十一月"),
    ("統一", ["Union"], "統一"),
    ("no dash", ["一"], "no dash"),
])  # fmt: skip
def test_a_lone_one_is_a_dash_where_nothing_is_chinese(text, others, read):
    assert with_dashes(text, others) == read

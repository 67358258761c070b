"""The order of lines of print, from their boxes alone: rows stay rows, columns of prose stay columns."""

import numpy as np
import pytest

from vlm_backends.engines.builtin.ocr.reading_order import reading_rows

LETTER = 0.55  # widths of a letter by its height


def quad(x, y, text, size=30):
    width, height = LETTER * size * len(text), 1.2 * size
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], float)


def column(x, y, text, size=30, leading=1.5):
    return [(x, y + i * size * leading, line, size) for i, line in enumerate(text.split("\n"))]


def centred(middle, y, text, size=30):
    return (middle - LETTER * size * len(text) / 2, y, text, size)


def in_order(lines, turn=0.0):
    """The rows of lines (x, y, text, size), each as the texts of its pieces; the page may be turned."""
    centre, rotation = (
        np.array([500, 400]),
        np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]),
    )
    lines = sorted(lines, key=lambda line: hash(line[2]) % 97)  # the detector has no order
    quads = [(quad(*line) - centre) @ rotation + centre for line in lines]
    return ["   ".join(lines[i][2] for i in row) for row in reading_rows(quads)]


ONE = "the ferry was late on\nMonday since the fog\ndid not lift until ten\nand the captain held\nthe boat at the pier"
TWO = "rain is expected for\nthe weekend, with a\nlight wind from north\nand some sun between\nthe heavier showers"
SIX = "one apple is on the\ntable near the two\nold green chairs that\nmy aunt bought when\nshe was still young"
PROSE = f"{ONE}\n{TWO}\n{SIX}".split("\n")
THREE_COLUMNS = [*column(40, 120, ONE), *column(460, 120, TWO), *column(880, 120, SIX)]
AHEAD, AFTER = ["A heading"], ["page 12"]


@pytest.mark.parametrize("lines, expected", [
    (THREE_COLUMNS, PROSE),
    ([centred(650, 40, "A heading", 40), *THREE_COLUMNS], AHEAD + PROSE),
    ([centred(650, 60, "A heading"), *THREE_COLUMNS], AHEAD + PROSE),
    ([centred(1060, 40, "A heading", 44), *THREE_COLUMNS], AHEAD + PROSE),
    ([(40, 40, "A heading", 40), *THREE_COLUMNS], AHEAD + PROSE),
    ([*THREE_COLUMNS, centred(650, 460, "page 12", 24)], PROSE + AFTER),
    ([*THREE_COLUMNS, (40, 560, "page 12", 24)], PROSE + AFTER),
    ([*THREE_COLUMNS, (1100, 460, "page 12", 24)], PROSE + AFTER),
    ([centred(650, 40, "A heading", 40), *THREE_COLUMNS, centred(650, 470, "page 12", 20)], AHEAD + PROSE + AFTER),
    ([(40, 20, "The Herald"), (1150, 20, "12 May"), *THREE_COLUMNS], ["The Herald   12 May", *PROSE]),
], ids=["none", "large", "small", "over the last", "at the left", "footer", "footer left", "footer right", "both", "running head"])  # fmt: skip
def test_headings_and_footers_stand_outside_of_the_columns(lines, expected):
    assert in_order(lines) == expected


@pytest.mark.parametrize("lengths", [(5, 5, 2), (5, 3, 1), (2, 5, 5), (5, 5, 5), (5, 4, 3), (5, 1)])
def test_columns_of_unequal_length_stay_columns(lengths):
    texts = ["\n".join(text.split("\n")[:n]) for text, n in zip((ONE, TWO, SIX), lengths)]
    lines = [line for x, text in zip((40, 460, 880), texts) for line in column(x, 60, text)]
    assert in_order(lines) == "\n".join(texts).split("\n")


@pytest.mark.parametrize("leading", [1.35, 1.6, 2.2])
def test_columns_whose_lines_are_not_level_stay_columns(leading):
    lines = [*column(40, 60, ONE, leading=1.5), *column(460, 71, TWO, leading=leading)]
    assert in_order(lines) == [*ONE.split("\n"), *TWO.split("\n")]


@pytest.mark.parametrize("turn", [0, 5, -12, 30, 45, 89, 90, 135, 180, 181, 270])
def test_the_order_follows_the_print_however_the_page_is_turned(turn):
    lines = [centred(650, 40, "A heading", 40), *THREE_COLUMNS]
    assert in_order(lines, np.radians(turn)) == AHEAD + PROSE


RECEIPT = [("Bread", "3.20"), ("Cheese and ham", "12.00"), ("Butter", "4.05"), ("TOTAL", "19.25")]
FORM = [("Name of the passenger", "Anna-Maria Berg"), ("Street and number", "Hill Road 4"), ("Town", "Bergen"),
        ("Date of the journey", "Sunday, 3 May"), ("Seat", "14C beside the window")]  # fmt: skip
HOURS = [
    ("Monday to Thursday", "9 am to 5 pm", "free"),
    ("Friday and Saturday", "9 am to 9 pm", "$12"),
    ("Sunday", "closed", "–"),
]


@pytest.mark.parametrize("rows", [RECEIPT, FORM, HOURS], ids=["receipt", "form", "table"])
@pytest.mark.parametrize("columns", [(40, 460, 880), (40, 400, 700)])
@pytest.mark.parametrize("size, leading", [(30, 1.5), (24, 2.5), (36, 1.3)])
def test_what_stands_on_one_line_is_one_row(rows, columns, size, leading):
    lines = [
        (x, 60 + i * size * leading, text, size)
        for i, row in enumerate(rows)
        for x, text in zip(columns, row)
    ]
    assert in_order(lines) == ["   ".join(row) for row in rows]


def test_amounts_at_the_right_edge_and_in_larger_print_are_in_their_row():
    lines = [(40, 60 + i * 50, name, 26) for i, (name, _) in enumerate(RECEIPT)]
    lines += [
        (600 - LETTER * 34 * len(sum_), 56 + i * 50, sum_, 34)
        for i, (_, sum_) in enumerate(RECEIPT)
    ]
    assert in_order(lines) == ["   ".join(row) for row in RECEIPT]


def test_prose_above_a_table_is_read_before_it():
    lines = [
        *column(40, 40, ONE),
        *(
            (x, 400 + i * 45, text, 30)
            for i, row in enumerate(RECEIPT)
            for x, text in zip((40, 800), row)
        ),
    ]
    assert in_order(lines) == [*ONE.split("\n"), *("   ".join(row) for row in RECEIPT)]


@pytest.mark.parametrize("count", [0, 1, 2, 700])
def test_any_number_of_lines_has_each_of_them_once(count):
    rng = np.random.default_rng(count)
    quads = [
        quad(*rng.uniform(0, 2000, 2), "x" * rng.integers(1, 30), rng.uniform(8, 60))
        for _ in range(count)
    ]
    assert sorted(i for row in reading_rows(quads) for i in row) == list(range(count))


FIGURES = [
    (60 + 150 * column, 60 + 55 * row, f"{row}{'abcdef'[column]}", 24)
    for row in range(7)
    for column in range(6)
]


@pytest.mark.parametrize("corners", [
    [(0, 0), (1000, 90), (1000, 400), (0, 460)], [(0, 60), (1000, 0), (1000, 460), (0, 380)],
    [(150, 0), (850, 40), (1000, 460), (0, 430)], [(0, 0), (1000, 0), (1000, 460), (0, 460)],
])  # fmt: skip
def test_rows_of_a_page_that_is_seen_from_the_side_are_rows(corners):
    import cv2

    page = np.array([(0, 0), (1000, 0), (1000, 460), (0, 460)], np.float32)
    matrix = cv2.getPerspectiveTransform(page, np.array(corners, np.float32))
    quads = [
        cv2.perspectiveTransform(quad(*each)[None].astype(np.float32), matrix)[0]
        for each in FIGURES
    ]
    rows = [[FIGURES[i][2] for i in row] for row in reading_rows(quads)]
    assert rows == [[f"{row}{column}" for column in "abcdef"] for row in range(7)]

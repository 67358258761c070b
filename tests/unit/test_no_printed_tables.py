"""What is no table gives none, and no print whatever stops the search; the print is given, so that no OCR runs."""

import math

import numpy as np
import pytest
from PIL import Image

from tests.support.chart_pictures import LIGHT, font, horizontal, line_chart, pie, vertical
from tests.support.plots import Plot
from tests.support.table_pictures import Look, Page, blank, line_at, table
from vlm_backends.engines.builtin.documents import PrintedTable, find_tables
from vlm_backends.engines.builtin.ocr import TextLine

ONE = "the ferry was late on\nMonday since the fog\ndid not lift until ten\nand the captain held\nthe boat at the pier"
TWO = "rain is expected for\nthe weekend, with a\nlight wind from north\nand some sun between\nthe heavier showers"
SIX = "one apple is on the\ntable near the two\nold green chairs that\nmy aunt bought when\nshe was still young"
ITEMS = ["Water the plants in the hall", "Feed the cat at six", "Close the windows", "Leave the key with the porter"]  # fmt: skip


def tables(page: Page) -> list[PrintedTable]:
    return find_tables(page.rgb, page.lines)


def columns(xs, texts=(ONE, TWO, SIX), leading=33.0, off=0.0) -> Page:
    page = blank(1300, 500)
    for k, (x, text) in enumerate(zip(xs, texts)):
        for i, line in enumerate(text.split("\n")):
            page.text(x, 60 + k * off + i * leading, line)
    return page


def listed(marks) -> Page:
    """Items behind marks that the OCR gives as lines of their own."""
    page = blank(900, 300)
    for i, (mark, item) in enumerate(zip(marks, ITEMS)):
        page.text(40, 60 + 40 * i, mark)
        page.text(85, 60 + 40 * i, item)
    return page


def rows(*texts: str) -> Page:
    page = blank(1000, 100 + 36 * len(texts))
    for i, text in enumerate(texts):
        page.text(40 + 13 * (len(text) - len(text.lstrip())), 50 + 36 * i, text.lstrip())
    return page


def cards() -> Page:
    page = blank(1100, 420)
    texts = "Quiet rooms with\na view of the bay\nand the old pier.", "Breakfast is laid\nfrom seven until\nten each morning.", "Rowing boats may\nbe hired by the\nhour at the pier."  # fmt: skip
    for k, (head, text) in enumerate(zip(("Rooms", "Food", "Boats"), texts)):
        x = 40 + 350 * k
        page.pen.rectangle((x, 40, x + 310, 360), outline=LIGHT.ink, width=2)
        page.text(x + 20, 80, head, 30)
        for i, line in enumerate(text.split("\n")):
            page.text(x + 20, 140 + i * 34, line)
    return page


def box(*texts: str) -> Page:
    page = blank(700, 80 + 40 * len(texts))
    page.pen.rectangle((30, 30, 660, 50 + 40 * len(texts)), outline=LIGHT.ink, width=2)
    for i, text in enumerate(texts):
        page.text(50, 62 + 40 * i, text)
    return page


def form(is_ruled: bool) -> Page:
    page = blank(900, 130)
    for x in (40, 240, 440, 640, 840) if is_ruled else ():
        page.rule(x, 40, x, 90)
    for y in (40, 90) if is_ruled else ():
        page.rule(40, y, 840, y)
    for k, text in enumerate(["Name", "Anna Berg", "Seat", "14C"]):
        page.text(50 + 200 * k, 65, text)
    return page


def panes() -> Page:
    """A window of four panes, each with a name and a value beside it."""
    page = blank(900, 420)
    for y in (40, 220, 400):
        page.rule(40, y, 860, y)
    for x in (40, 450, 860):
        page.rule(x, 40, x, 400)
    for k, (name, value) in enumerate(
        [("Oil", "80°"), ("Water", "71°"), ("Speed", "12"), ("Range", "300")]
    ):
        x, y = 60 + 410 * (k % 2), 130 + 180 * (k // 2)
        page.text(x, y, name)
        page.text(x + 250, y, value)
    return page


def poster() -> Page:
    page = blank(900, 800)
    for y, text, size in ((100, "HARBOUR", 80), (220, "FESTIVAL", 80), (360, "Saturday, 12 June", 40),
                          (440, "from noon to midnight", 30), (580, "Boats   Music   Food", 30), (700, "free", 60)):  # fmt: skip
        page.text(450, y, text, size, "m")
    return page


def noise(count: int) -> Page:
    rng = np.random.default_rng(count)
    page = Page(Image.fromarray(rng.integers(0, 255, (500, 700, 3), dtype=np.uint8)))
    page.lines = [line_at(*rng.uniform(0, 480, 2), "noise") for _ in range(count)]
    return page


def thin(size: tuple[int, int], count: int, letters: int) -> Page:
    page = Page(Image.new("RGB", size, "white"))
    page.lines = [line_at(90 * i, size[1] / 2, "abc", letters) for i in range(count)]
    return page


NONE = {
    "two columns": columns((40, 460)),
    "three columns": columns((40, 460, 880)),
    "narrow gutters": columns((40, 320, 600)),
    "columns off level": columns((40, 460, 880), off=11),
    "wide leading": columns((40, 460, 880), leading=60),
    "bullets": rows(*(f"• {item}" for item in ITEMS)),
    "bullets apart": listed("••••"),
    "dashes apart": listed("––––"),
    "numbers apart": listed(["1.", "2.", "10.", "11."]),
    "letters apart": listed(["a)", "b)", "c)", "d)"]),
    "roman numbers apart": listed(["(i)", "(ii)", "(iii)", "(iv)"]),
    "code": rows("def read(path):", "    with open(path) as file:", "        words = file.read().split()",
                 "    return {", "        word: len(word)", "        for word in words", "    }"),
    "cards": cards(),
    "a box": box("Please ring the bell twice"),
    "a box around lines": box("Please ring the bell twice", "and wait for the porter.", "He sleeps until noon."),
    "a form of one row": form(False),
    "a form of one row, ruled": form(True),
    "panes of a window": panes(),
    "a poster": poster(),
    "one line": rows("One line alone"),
    "one line in parts": form(False).turned(3),
    "nothing": blank(),
    "a pixel": Page(Image.new("RGB", (1, 1))),
    "a pixel with print": Page(Image.new("RGB", (1, 1)), [line_at(0, 0, "a")]),
    "a strip": thin((12_000, 8), 0, 6),
    "a strip with print": thin((12_000, 8), 120, 6),
    "an upright strip": thin((8, 12_000), 2, 6),
    "noise": noise(0),
    "noise with print": noise(14),
    "empty lines": Page(Image.new("RGB", (300, 200)), [line_at(20, 40 * i, " " * i) for i in range(4)]),
}  # fmt: skip


@pytest.mark.parametrize("page", NONE.values(), ids=NONE)
def test_what_is_no_table_gives_none(page):
    assert tables(page) == []


@pytest.mark.parametrize("degrees", [90, 4])
@pytest.mark.parametrize("name", ["three columns", "cards", "bullets apart", "a poster"])
def test_what_is_no_table_gives_none_however_it_is_turned(name, degrees):
    assert tables(NONE[name].turned(degrees)) == []


@pytest.mark.parametrize("seed", range(40))
def test_words_that_stand_anywhere_are_no_table_or_an_unsure_one(seed):
    rng = np.random.default_rng(seed)
    page = blank(900, 700)
    for word in ONE.split()[:13]:
        page.text(rng.uniform(20, 780), rng.uniform(30, 670), word)
    assert not any(each.is_sure for each in tables(page))


@pytest.mark.parametrize("seed", [105, 138, 252])
def test_words_that_happen_to_stand_in_rows_and_fill_few_cells_are_no_table(seed):
    rng = np.random.default_rng(seed)
    page = blank(900, 700)
    words = "apple river stone window paper green seven light train cloud bread salt moon iron"
    for word in words.split():
        page.text(rng.uniform(20, 780), rng.uniform(30, 670), word)
    assert tables(page) == []


def _chart(ticks) -> Plot:
    plot = Plot(min(ticks), max(ticks))
    plot.ticks([str(tick) for tick in ticks], ticks)
    return plot


@pytest.mark.parametrize("count", [3, 5, 8])
@pytest.mark.parametrize("has_values", [False, True])
@pytest.mark.parametrize("has_legend", [False, True])
def test_the_axes_and_labels_of_a_chart_are_no_table(count, has_values, has_legend):
    values = [10 + 37 * i % 50 for i in range(count)]
    plot = _chart((0, 20, 40, 60))
    plot.names([str(2015 + i) for i in range(count)])
    plot.bars(values)
    plot.text(450, 40, "Rain in the harbour", size=26)
    for i, value in enumerate(values if has_values else ()):
        plot.text(plot.middle(i, count), plot.y(value) - 14, f"{value}")
    if has_legend:
        plot.legend(["plan", "actual"])
    assert find_tables(plot.rgb, plot.lines) == []


@pytest.mark.parametrize("picture", [
    vertical("Sales", {"2023": [12, 31, 24], "2024": [14, 25, 31]}, ["Oslo", "Rome", "Lima"], [0, 10, 20, 30, 40]),
    line_chart(), pie(),
    pytest.param(horizontal("Rides", {"Bus": 420, "Tram": 300, "Bike": 280, "Ferry": 120, "Taxi": 60}),
                 marks=pytest.mark.slow),
], ids=["groups", "line", "pie", "level bars"])  # fmt: skip
@pytest.mark.parametrize("count", [0, 1])
def test_drawn_charts_without_their_print_are_no_table(picture, count):
    lines = [line_at(450 - font(30).getlength("Sales") / 2, 40, "Sales", 30)] * count
    assert find_tables(np.asarray(picture), lines) == []


# --- properties ------------------------------------------------------------------------------------


def _quad(rng: np.random.Generator, kind: str) -> tuple:
    x, y = rng.uniform(-100, 900, 2)
    wide, high = rng.uniform(5, 300), rng.uniform(4, 60)
    level = [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
    return {
        "level": level,
        "random": list(map(tuple, rng.uniform(-500, 1500, (4, 2)))),
        "a point": [(x, y)] * 4,
        "flat": [(x, y), (x + wide, y), (x + wide, y), (x, y)],
        "narrow": [(x, y), (x, y), (x, y + high), (x, y + high)],
        "huge": list(map(tuple, rng.uniform(-1e9, 1e9, (4, 2)))),
        "tiny": list(map(tuple, rng.uniform(0, 1e-6, (4, 2)))),
        "mirrored": level[::-1],
        "upside down": level[2:] + level[:2],
        "upright": level[1:] + level[:1],
    }[kind]


KINDS = "level", "random", "a point", "flat", "narrow", "huge", "tiny", "mirrored", "upside down", "upright"  # fmt: skip
TEXTS = "a", "12.5", "", " ", "two words", "日本", "\u0301", "x" * 300, "  spaced  out  ", "\n"


@pytest.mark.parametrize("kind", [*KINDS, "all"])
@pytest.mark.parametrize("seed", range(6))
def test_no_quad_whatever_stops_the_search(kind, seed):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)
    lines = []
    for _ in range(rng.integers(1, 40)):
        text = str(rng.choice(TEXTS))
        quad = _quad(rng, kind if kind != "all" else str(rng.choice(KINDS)))
        stops = tuple(np.sort(rng.random(len(text)))) if rng.random() < 0.5 else ()
        lines.append(
            TextLine(text, 0.9, tuple(quad), stops=stops, is_sure=bool(rng.random() < 0.8))
        )
    for each in find_tables(picture, lines):
        _is_sound(each, lines)


@pytest.mark.parametrize("seed", range(25))
def test_cells_come_from_the_lines_each_of_one_table(seed):
    """Print in rows and columns that are partly disturbed: whatever is found, it is that print."""
    rng = np.random.default_rng(seed)
    page = blank(1000, 900)
    for top in (40, 480):
        for i in range(rng.integers(2, 9)):
            for j in range(rng.integers(1, 6)):
                x, y = 40 + 190 * j + rng.normal(0, 6), top + 45 * i + rng.normal(0, 3)
                page.text(x, y, f"w{len(page.lines)} x{rng.integers(9)}")
    for _ in range(rng.integers(0, 8)):
        y = rng.uniform(20, 880)
        page.rule(30, y, rng.uniform(200, 980), y)
    found = tables(page)
    for each in found:
        _is_sound(each, page.lines)
    own = [{word for row in each.rows for cell in row for word in cell.split() if word[0] == "w"} for each in found]  # fmt: skip
    assert sum(map(len, own)) == len(set().union(*own)), "a line is in two tables"


def _is_sound(found: PrintedTable, lines) -> None:
    (width,) = {len(row) for row in found.rows}
    assert width >= 2 and len(found.rows) >= 2
    printed = "".join("".join(line.text.split()) for line in lines)
    for row in found.rows:
        for cell in row:
            assert all(word in printed for word in cell.split())
    assert all(any(row) for row in found.rows) and all(any(column) for column in zip(*found.rows))
    points = [*found.outline, *(point for place in found.places.values() for point in place)]
    assert all(math.isfinite(side) for point in points for side in point)
    assert 0 < found.share <= 1
    assert {cell for cell in found.places} == {
        (i, j) for i, row in enumerate(found.rows) for j, cell in enumerate(row) if cell
    }


def test_a_table_is_not_lost_by_the_same_print_beside_it():
    """The cases above are no proof of anything if nothing is ever found."""
    words = [["Line", "Length"], ["Coast", "128 km"], ["Valley", "64 km"], ["Harbour", "9 km"]]
    assert len(tables(table(words, Look("none", apart=70)))) == 1


def board(seed: int) -> Page:
    """Labels that stand about, as on a circuit board or a plan."""
    random = np.random.default_rng(seed)
    page, taken = blank(1000, 800), []
    for number in range(70):
        text = str(random.choice(["PC", "R", "C", "LED", "GND", "VDD", "USB", "RESET"])) + str(
            number
        )
        x, y = random.integers(10, 900), random.integers(20, 780)
        if all(abs(x - a) > 110 or abs(y - b) > 26 for a, b in taken):
            taken.append((x, y))
            page.text(x, y, text, 18)
    return page


@pytest.mark.parametrize("seed", range(12))
def test_labels_that_stand_about_are_no_table(seed):
    assert tables(board(seed)) == []


@pytest.mark.parametrize("unsure, found", [(0, True), (2, False)])
def test_many_unsure_labels_with_empty_cells_between_are_no_table(unsure, found):
    """Six rows of four columns, half of them empty; some of each three labels are unsure."""
    lines = [
        line_at(
            60 + 220 * column,
            60 + 45 * row,
            f"P{row}{column}",
            is_sure=(row + column) % 3 >= unsure,
        )
        for row in range(6)
        for column in range(4)
        if (row + column) % 2 == 0
    ]
    page = blank(1000, 400)
    assert bool(find_tables(page.rgb, lines)) == found

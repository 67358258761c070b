"""Tables are found cell by cell, and what is not sure is told; the print is given, so that no OCR runs."""

import dataclasses
import math

import numpy as np
import pytest

from tests.support.table_pictures import DARK, LIGHT, Look, Page, blank, line_at, table
from vlm_backends.engines.builtin.documents import PrintedTable, find_tables
from vlm_backends.engines.builtin.printed_sums import printed_sums
from vlm_backends.engines.builtin.printed_tables import (
    cell_regions,
    describe_table,
    fills_picture,
    linearized,
    main_table,
    size_of_table,
)
from vlm_backends.readers import deplot

RULES = "all", "level", "three", "frames", "stripes", "none"
OPEN = RULES[1:]  # no frame around each cell
TRAINS = [
    ["Line", "Length", "Opened"],
    ["Coast", "128 km", "1894"],
    ["Valley", "64 km", "1901"],
    ["Harbour", "9 km", "1922"],
    ["Airport", "17 km", "1987"],
]


def found(page: Page) -> PrintedTable:
    """The only table of a page."""
    (one,) = find_tables(page.rgb, page.lines)
    return one


def cells(page: Page) -> list[list[str]]:
    return [list(row) for row in found(page).rows]


# --- shape and cells -------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("sheet", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("edges, apart", [("l", 26), ("m", 70), ("r", 40)])
def test_every_kind_of_table_is_read_cell_by_cell(rules, sheet, edges, apart):
    one = found(table(TRAINS, Look(rules, edges, sheet, apart=apart)))
    assert [list(row) for row in one.rows] == TRAINS and one.is_sure
    assert one.share == 1 and size_of_table(one) == "5 rows and 3 columns"


@pytest.mark.parametrize("rules", ["all", "three", "none"])
@pytest.mark.parametrize("size", [12, 30, 60])
def test_the_size_of_print_makes_no_difference(rules, size):
    look = Look(rules, size=size, apart=2 * size, pad=size // 2)
    assert cells(table(TRAINS, look)) == TRAINS


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("degrees", [90, 180, 270, 5, -5, 1, 92, 177])
def test_a_turned_or_tilted_table_is_read_as_if_it_were_upright(rules, degrees):
    assert cells(table(TRAINS, Look(rules, apart=70)).turned(degrees)) == TRAINS


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("share", [0.03, 0.08])
def test_a_photograph_from_the_side_is_read_as_if_it_were_level(rules, share):
    page = table(TRAINS, Look(rules, apart=70))
    assert cells(page.from_the_side(share)) == cells(page.from_below(share)) == TRAINS


@pytest.mark.parametrize("rules", ["all", "three", "none"])
def test_rows_of_a_long_table_that_fan_out_are_made_level(rules):
    rows = [["Line", "Length", "Opened", "Gauge", "Seats"]]
    rows += [
        [f"Tram {i}", f"{9 * i} km", f"{1890 + 3 * i}", "narrow", f"{40 + i}"] for i in range(14)
    ]
    assert cells(table(rows, Look(rules, apart=90, pad=4)).from_the_side(0.14)) == rows


@pytest.mark.parametrize("share, is_told", [(0.02, False), (0.3, False), (0.5, True), (0.6, True)])
def test_a_table_far_from_level_is_read_and_told_to_be_seen_from_the_side(share, is_told):
    rows = [["Line", "Length", "Opened", "Seats"]]
    rows += [[f"Tram {i}", f"{9 * i} km", f"{1890 + 3 * i}", f"{40 + i}"] for i in range(1, 9)]
    seen = found(table(rows, Look("none", apart=90)).from_below(share))
    assert [list(row) for row in seen.rows] == rows
    assert any("seen from the side" in doubt for doubt in seen.doubts) is is_told


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("title", ["", "Railways of the coast"])
@pytest.mark.parametrize("below", [
    ("The lines are listed by the year in which they were opened to all.",),
    ("All lengths were measured in the summer of last year,", "and include the sidings at the harbour."),
    ("Source: the railway office",),
])  # fmt: skip
def test_a_title_above_and_sentences_below_are_no_rows(rules, title, below):
    one = found(table(TRAINS, Look(rules, apart=70), title=title, below=below))
    assert [list(row) for row in one.rows] == TRAINS and one.share < 1


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("as_one", [(0,), (1, 3), range(5)], ids=["head", "some", "all"])
def test_rows_that_were_read_as_one_line_are_parted(rules, as_one):
    assert cells(table(TRAINS, Look(rules, apart=40), as_one=as_one)) == TRAINS


FRUIT = [
    ["", "2021", "2022", "2023"],
    ["Apples", "12", "", "15"],
    ["Pears", "", "7", "9"],
    ["Plums", "3", "4", ""],
    ["Figs", "8", "2", "6"],
]
UNNAMED = [["", "2021", "2022", ""], FRUIT[1], ["", "14", "7", "9"], *FRUIT[3:]]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("edges", ["l", "m", "r"])
def test_empty_cells_stay_where_they_are(rules, edges):
    assert cells(table(FRUIT, Look(rules, edges, apart=60))) == FRUIT


@pytest.mark.parametrize("rules", OPEN)
@pytest.mark.parametrize("edges", ["m", "r"])
def test_a_row_without_a_name_in_a_table_without_frames_is_told(rules, edges):
    """Once the names on both sides of it were joined, and heads at right edges were lost."""
    one = found(table(UNNAMED, Look(rules, edges, apart=60)))
    assert [list(row) for row in one.rows] == UNNAMED
    assert any("name in the first column" in doubt for doubt in one.doubts)
    assert "“2022” may also stand over the column to its right." in one.doubts


@pytest.mark.parametrize("edges", ["l", "m", "r"])
def test_a_frame_around_an_empty_cell_leaves_no_doubt(edges):
    one = found(table(UNNAMED, Look("all", edges, apart=60)))
    assert [list(row) for row in one.rows] == UNNAMED and one.is_sure


SPARSE = [
    ["Late", "Coast", "", "", ""],
    ["Total", "46", "", "", "58"],
    ["First", "39", "12", "7", "31"],
    ["Oslo", "19", "84", "9", ""],
    ["Other", "32", "15", "", "6"],
]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("edges", ["l", "m", "r"])
def test_first_rows_with_few_cells_are_kept(rules, edges):
    """Once they were taken for print above the table."""
    assert cells(table(SPARSE, Look(rules, edges, apart=60))) == SPARSE


@pytest.mark.parametrize("rules", OPEN)
@pytest.mark.parametrize(
    "above", [("Page 3", "May"), ("Our ref. 12", "Your ref. 7"), ("Trains", "by the year")]
)
def test_print_above_that_is_no_row_is_left_out(rules, above):
    rows = [["Late", "Coast", "Bay", "Pier", "Inn"], *SPARSE[1:]]
    page = table(rows, Look(rules, apart=60))
    page.text(55, 10, above[0], 16)
    page.text(page.image.width - 200, 10, above[1], 16)
    assert cells(page) == rows


HEADS = [
    ["", "Men", "", "Women", ""],
    ["Year", "won", "lost", "won", "lost"],
    ["2020", "11", "4", "9", "6"],
    ["2021", "8", "7", "10", "5"],
    ["2022", "12", "3", "7", "8"],
]
OVER = {(0, 1): (1, 2), (0, 3): (1, 2)}
SPREAD = [["", "Men", "Men", "Women", "Women"], *HEADS[1:]]


@pytest.mark.parametrize("rules", RULES)
def test_a_head_in_the_middle_of_columns_stands_over_each(rules):
    one = found(table(HEADS, Look(rules, "m", apart=60), OVER))
    assert [list(row) for row in one.rows] == SPREAD and one.is_sure


@pytest.mark.parametrize("rules", OPEN)
def test_a_head_over_columns_that_begins_with_the_first_is_told(rules):
    one = found(table(HEADS, Look(rules, "m", apart=60), OVER, span_edge="l"))
    assert [list(row) for row in one.rows] == SPREAD
    for head in ("Men", "Women"):
        assert f"Over how many columns “{head}” stands is not sure." in one.doubts


TOOLS = [
    ["Tool", "Use", "Weight"],
    ["Hammer", "drives nails into\nwood and stone", "800 g"],
    ["Pliers", "hold and bend", "210 g"],
    ["Level", "shows whether\na shelf is\nstraight", "340 g"],
    ["Rule", "measures", "95 g"],
]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("is_top", [True, False], ids=["top", "middle"])
@pytest.mark.parametrize("pad", [10, 16])
def test_lines_of_one_cell_are_joined(rules, is_top, pad):
    page = table(TOOLS, Look(rules, apart=40, pad=pad, is_top=is_top))
    assert cells(page) == [[cell.replace("\n", " ") for cell in row] for row in TOOLS]


@pytest.mark.parametrize("rules", ["three", "frames", "none"])
@pytest.mark.parametrize("is_top", [True, False], ids=["top", "middle"])
def test_lines_that_are_as_near_as_rows_are_told(rules, is_top):
    one = found(table(TOOLS, Look(rules, apart=40, pad=4, is_top=is_top)))
    assert len(one.rows) > len(TOOLS) and any("name in the first" in each for each in one.doubts)


TOWNS = [
    ["Region", "Town", "People"],
    ["North", "Alta", "21 000"],
    ["", "Narvik", "18 500"],
    ["South", "Arendal", "45 000"],
    ["", "Mandal", "15 600"],
    ["", "Risor", "6 800"],
]
DOWN = {(1, 0): (2, 1), (3, 0): (3, 1)}


def test_a_name_in_the_middle_of_its_framed_rows_stands_in_each():
    regions = ["Region", "North", "North", "South", "South", "South"]
    expected = [[region, *row[1:]] for region, row in zip(regions, TOWNS)]
    assert cells(table(TOWNS, Look(apart=40), DOWN)) == expected


@pytest.mark.parametrize("rules", OPEN)
@pytest.mark.parametrize("is_top", [True, False], ids=["top", "middle"])
def test_a_name_over_several_rows_without_frames_is_told(rules, is_top):
    one = found(table(TOWNS, Look(rules, apart=40, is_top=is_top), DOWN))
    assert "A name in the first column may also be that of rows without one." in one.doubts
    assert {row[1:] for row in one.rows} >= {tuple(row[1:]) for row in TOWNS}


def test_two_tables_of_a_page_are_told_apart_and_the_fuller_is_the_main_one():
    upper, lower = table(TRAINS), table(FRUIT[:4], Look("three", "r", apart=60))
    page = blank(max(upper.image.width, lower.image.width), 900)
    page.image.paste(upper.image, (0, 0))
    page.image.paste(lower.image, (0, 450))
    shift = np.array([[1.0, 0, 0], [0, 1, 450], [0, 0, 1]])
    page.lines = [*upper.lines, *lower.moved(shift, page.image.size).lines]
    tables = find_tables(page.rgb, page.lines)
    assert [[list(row) for row in each.rows] for each in tables] == [TRAINS, FRUIT[:4]]
    assert main_table(tables) is tables[0] and sum(each.share for each in tables) == 1


# --- what is not sure ------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", RULES)
def test_a_cell_that_was_not_surely_read_is_told(rules):
    one = found(table(TRAINS, Look(rules, apart=60), unsure={(2, 1), (4, 0)}))
    assert [list(row) for row in one.rows] == TRAINS
    assert set(one.unsure) == {"64 km", "Airport"} and not one.doubts and not one.is_sure
    assert "Unsure in the table: “64 km” and “Airport”." in describe_table(one)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("degrees", [0, 90, 180])
def test_a_cell_that_was_read_upside_down_is_kept_and_told(rules, degrees):
    """Once such a cell was left out, and nothing was said."""
    page = table(TRAINS, Look(rules, apart=70))
    at = next(i for i, line in enumerate(page.lines) if line.text == "9 km")
    quad = page.lines[at].quad
    page.lines[at] = dataclasses.replace(page.lines[at], quad=(*quad[2:], *quad[:2]))
    one = found(page.turned(degrees))
    assert [list(row) for row in one.rows] == TRAINS and one.unsure == ("9 km",)


def test_of_many_unsure_cells_some_are_named():
    everywhere = {(i, j) for i in range(5) for j in range(3)}
    said = describe_table(found(table(TRAINS, unsure=everywhere)))
    assert said.count("“") == 4 and "11 more" in said


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("usual, odd", [
    (["12.8", "13.1", "11.9", "12.2"], "-128"), (["12.8", "13.1", "11.9", "12.2"], "131"),
    (["4,5", "6,1", "0,3", "7,7"], "45"), (["12%", "8%", "44%", "9%"], "31"), (["7", "9", "12", "3"], "1.2"),
    (["1,200.50", "3,100.00", "99.10", "7.25"], "4100"), (["−2.5", "1.5", "3.0", "−0.5"], "−25"),
])  # fmt: skip
def test_a_number_written_unlike_its_column_is_told(rules, usual, odd):
    column = [*usual[:2], odd, *usual[2:]]
    rows = [["Site", "Depth"], *([f"Lake {name}", cell] for name, cell in zip("ABCDE", column))]
    one = found(table(rows, Look(rules, apart=60)))
    assert [list(row) for row in one.rows] == rows and one.odd == (odd,)
    assert f"“{odd}” is written unlike the other numbers of the column" in describe_table(one)


@pytest.mark.parametrize("column", [
    ["12.8", "13.1", "-11.9", "12.2", "0.4"], ["1,200", "31", "4,100", "999", "12"], ["1.200", "31", "4.100", "999", "12"],
    ["12", "n/a", "–", "9", "8"], ["1.5", "22", "3.75", "4", "5.1"], ["2.5", "31", "1.5"], ["Alta", "Bodø", "Moss", "Voss", "Røst"],
])  # fmt: skip
def test_numbers_that_are_written_alike_or_in_no_one_way_are_not_told(column):
    rows = [["Site", "Depth"], *([f"Lake {name}", cell] for name, cell in zip("ABCDE", column))]
    assert found(table(rows, Look(apart=60))).odd == ()


@pytest.mark.parametrize("off", [0.55, 0.65])
def test_a_row_that_is_off_level_is_told(off):
    page = table(TRAINS, Look("none", apart=60))
    at = next(i for i, line in enumerate(page.lines) if line.text == "64 km")
    (x, y), size = page.lines[at].quad[0], 22
    page.lines[at] = line_at(x, y + 0.65 * size + off * 0.91 * size, "64 km", size)
    one = found(page)
    assert one.doubts, one.rows


# --- places ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ["all", "three", "stripes"])
@pytest.mark.parametrize("degrees", [0, 4, 90, 180, 270])
def test_each_cell_is_outlined_where_its_print_is(rules, degrees):
    page = table(TRAINS, Look(rules, apart=70)).turned(degrees)
    one = found(page)
    middles = {line.text: np.mean(line.quad, axis=0) for line in page.lines}
    for (i, j), outline in one.places.items():
        assert np.linalg.norm(np.mean(outline, axis=0) - middles[TRAINS[i][j]]) < 8
    around = np.array(one.outline)
    sides = np.roll(around, -1, axis=0) - around
    for point in middles.values():
        (x, y), (across, down) = (point - around).T, sides.T
        assert all(across * y > down * x), "clockwise around each line"


def test_a_region_for_each_cell_and_one_for_a_head_over_two():
    page = table(HEADS, Look("all", "m", apart=60), OVER)
    regions = cell_regions(found(page), page.rgb)
    texts = sorted(cell for row in HEADS for cell in row if cell)
    assert sorted(region.label for region in regions) == texts


def test_chosen_cells_are_counted_without_the_heads():
    page = table(TRAINS)
    lit = cell_regions(found(page), page.rgb, [(1, 0), (3, 1), (9, 9)])
    assert {region.label for region in lit} == {"64 km", "1987"}
    assert all(0 <= side <= 1 for region in lit for point in region.outline for side in point)


@pytest.mark.parametrize("count, fills", [(0, True), (2, True), (12, False)])
def test_a_picture_is_one_of_a_table_when_most_of_its_print_is_in_it(count, fills):
    words = "These sentences were printed below and say nothing."
    one = found(table(TRAINS, Look(apart=70), below=[words] * (count // 2)))
    assert fills_picture(one) is fills


def test_nothing_is_the_main_one_of_no_tables():
    assert main_table([]) is None and fills_picture(None) is False


# --- DePlot's grammar ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_any_rows_come_back_from_deplots_grammar(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 9), rng.integers(2, 7)
    words = [
        "",
        "",
        "12.5",
        "-3",
        "a | b",
        "||",
        "Title",
        "title",
        "n/a",
        "x: y",
        "<b>",
        "é 日本",
        "-",
    ]
    rows = rng.choice(words, (height, width)).tolist()
    rows[0][0], rows[-1][-1] = rng.choice(["", "Title"]), ""
    for row in rows:
        if set("".join(row)) <= {"-"}:  # Markdown's rule
            row[1] = "."
    one = PrintedTable(tuple(map(tuple, rows)), (), {}, 1.0)
    kept = [[cell.replace("|", "/") for cell in row] for row in rows]
    assert [list(row) for row in deplot.read(linearized(one)).rows] == kept


@pytest.mark.parametrize("head", ["Title", "TITLE", "title"])
def test_a_head_that_is_called_title_is_no_title(head):
    """Once such a table lost its head."""
    rows = [[head, "Year"], ["Emma", "1815"], ["Dracula", "1897"]]
    one = found(table(rows, Look(apart=60)))
    answer = deplot.read(linearized(one))
    assert [list(row) for row in answer.rows] == rows and "**" not in answer.text


@pytest.mark.parametrize("rules", ["all", "none"])
def test_a_table_with_an_empty_first_and_last_cell_keeps_its_columns(rules):
    rows = [["", "May", "June"], ["Rain", "12", "31"], ["Snow", "4", "0"], ["Fog", "9", ""]]
    one = found(table(rows, Look(rules, apart=60)))
    assert [list(row) for row in deplot.read(linearized(one)).rows] == rows


# --- properties ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_cells_hold_each_line_once_whatever_the_table(seed):
    """A random table is found whole: no word of it is lost, doubled, or moved out of its row."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(3, 8), rng.integers(2, 6)
    rows = [[f"{rng.choice(list('abcdefgh'))}{i}{j}" * rng.integers(1, 4) for j in range(width)]
            for i in range(height)]  # fmt: skip
    look = Look(
        str(rng.choice(RULES)), str(rng.choice(list("lmr"))), apart=int(rng.integers(40, 90))
    )
    page = table(rows, look).turned(float(rng.uniform(-5, 5)))
    one = found(page)
    assert [list(row) for row in one.rows] == rows
    assert all(math.isfinite(side) for point in one.outline for side in point)


def test_the_same_picture_has_the_same_tables_whatever_the_order_of_its_lines():
    page = table(HEADS, Look("none", "m", apart=60), OVER)
    first = found(page)
    rng = np.random.default_rng(3)
    for _ in range(5):
        again = dataclasses.replace(
            page, lines=[page.lines[i] for i in rng.permutation(len(page.lines))]
        )
        assert found(again).rows == first.rows


SHOP = [["Day", "From", "To"], ["Mon", "9:00", "18:00"], ["Sat", "10:00", "14:00"]]


@pytest.mark.parametrize("rules", ["all", "level", "none"])
@pytest.mark.parametrize(
    "title, head, rows",
    [
        ("Prices", ["Ticket", "Price", ""], [["Adult", "12 €", ""], ["Child", "6 €", ""]]),
        ("2024", SHOP[0], [["Mon", "8:00", "19:00"]]),
        ("Winter", SHOP[0], [["Mon", "closed", "closed"]]),
    ],
)
def test_a_second_table_below_its_own_title_is_told(rules, title, head, rows):
    one = found(table([*SHOP, [title, "", ""], head, *rows], Look(rules, apart=70)))
    assert f"From “{title}” on it may be a second table" in " ".join(one.doubts)


@pytest.mark.parametrize("rules", ["all", "level", "none"])
def test_a_name_over_some_rows_is_no_second_table(rules):
    ports = [["Port", "In", "Out"], ["Europe", "", ""], ["Genoa", "410", "395"]]
    rows = [*ports, ["Gent", "220", "260"], ["Asia", "", ""], ["Busan", "1,900", "1,850"]]
    one = found(table([*rows, ["Kobe", "n/a", "1,200"]], Look(rules, apart=70)))
    assert "second table" not in " ".join(one.doubts)


# --- sums beside a table -----------------------------------------------------------------------------


@pytest.mark.parametrize("question, said", [
    ("What is the total?", ["Subtotal 133.50", "Total due: 146.85"]),
    ("How much is due?", ["Subtotal 133.50", "Total due: 146.85"]),
    ("what do I have to pay altogether", ["Subtotal 133.50", "Total due: 146.85"]),
    ("Who is it from?", []),
    ("Which item is the dearest?", []),
])  # fmt: skip
def test_sums_that_are_printed_beside_a_table_are_quoted(question, said):
    lines = [
        line_at(40, 60, "Totally fine tea 4"),
        line_at(40, 100, "Total"),  # a heading: no number stands on its line
        line_at(40, 140, "12.00"),
        line_at(40, 220, "Subtotal"),
        line_at(400, 222, "133.50"),
        line_at(600, 260, "13.35"),
        line_at(40, 300, "Total due: 146.85"),
    ]
    assert printed_sums(question, lines) == said

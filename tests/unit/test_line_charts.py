"""Line and area charts come back as the numbers that they were drawn from; what is not sure is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.support.line_pictures import (
    COLOURS,
    FINE,
    FOOT,
    LEFT,
    RIGHT,
    Looks,
    level,
    line_chart,
    place,
)
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import tables
from vlm_backends.engines.builtin.charts import axes, plot_area
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import TextBox
from vlm_backends.engines.builtin.charts.lines import read_line_chart
from vlm_backends.engines.builtin.charts.name_checks import check_names
from vlm_backends.engines.builtin.charts.plot_area import PrintedLine
from vlm_backends.engines.builtin.charts.second_look import to_text_line
from vlm_backends.engines.builtin.charts.tabulation import ChartTable
from vlm_backends.engines.builtin.ocr import TextLine

TICKS = [0, 20, 40, 60, 80, 100]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun"]
YEARS = ["2017", "2018", "2019", "2020", "2021", "2022"]
UP = {"": [12, 31, 24, 66, 58, 93]}
TWO = {"Plan": [80, 60, 44, 70, 20, 35], "Actual": [15, 38, 62, 30, 64, 88]}
BLACK, NIGHT = (20, 20, 20), (24, 28, 34)


def read(sheet):
    return read_line_chart(*sheet.done())


def assert_table(table, series, names, within=0.02) -> None:
    head, *rows = table.rows
    assert [row[0] for row in rows] == list(names)
    assert list(head[1:]) == (list(series) if len(series) > 1 else ["Value"])
    most = max(abs(v) for values in series.values() for v in values)
    for k, values in enumerate(series.values(), 1):
        for row, value in zip(rows, values, strict=True):
            assert axes.number(row[k].rstrip("%")) == pytest.approx(value, abs=within * most)
    assert len(table.outlines) == len(table.labels) == len(names) * len(series)


@pytest.mark.parametrize("series, names, ticks, looks", [
    (UP, MONTHS, TICKS, Looks()),
    (UP, YEARS, TICKS, Looks(width=1.2, colours=COLOURS[2:])),
    (UP, MONTHS, TICKS, Looks(width=4, colours=[BLACK])),
    (UP, MONTHS, TICKS, Looks(ground=NIGHT, ink=(230, 230, 230), colours=[(250, 220, 90)])),
    (UP, MONTHS, TICKS, Looks(marker=5, grid=False)),
    (UP, MONTHS, TICKS, Looks(dash=(8, 5))),
    (UP, YEARS, TICKS, Looks(dash=(2, 3), width=2.5)),
    (UP, MONTHS, TICKS, Looks(fill=True)),
    (UP, MONTHS, TICKS, Looks(unit="%")),
    ({"": [-35, 20, -10, 42, 5, -28]}, MONTHS, [-40, -20, 0, 20, 40, 60], Looks()),
    (TWO, YEARS, TICKS, Looks()),
    (TWO, MONTHS, TICKS, Looks(marker=4, width=1.5)),
    (TWO | {"Norm": [50, 52, 51, 54, 50, 49]}, MONTHS, TICKS, Looks(width=3)),
])  # fmt: skip
def test_lines_are_read_at_their_labels(series, names, ticks, looks):
    assert_table(read(line_chart(series, names, ticks, looks)), series, names)


def test_every_line_of_a_legend_has_its_own_values():
    """The colours, not the order in the legend, tell which line is which."""
    looks = Looks(colours=(COLOURS[3], COLOURS[0]))
    table = read(line_chart(TWO, YEARS, TICKS, looks))
    assert_table(table, TWO, YEARS)
    assert table.labels[0].startswith("2017, Plan: ")


def test_names_at_the_ends_of_lines_are_their_names():
    sheet = line_chart(TWO, MONTHS, TICKS, Looks(legend=False))
    for k, (name, values) in enumerate(TWO.items()):
        sheet.text(RIGHT - 12, level(values[-1], TICKS), name, "lm", COLOURS[k])
    assert_table(read(sheet), TWO, MONTHS)


@pytest.mark.parametrize("names, is_said", [(YEARS, True), (MONTHS, True), (["Oslo", "Rome", "Cairo", "Lima", "Perth", "Bonn"], False)])  # fmt: skip
def test_the_largest_value_is_that_of_the_labels_and_the_answer_says_so(
    names, is_said, monkeypatch
):
    """Between two labels of years the line may be higher."""
    rgb, printed = line_chart(UP, names, TICKS).done()
    monkeypatch.setattr(tables, "read_chart_print", lambda *_: printed)
    (chunk,) = tables.read_table(rgb, "What is the largest value?", CancelToken())
    assert chunk.text.startswith("The largest value is 9") and f": {names[-1]}." in chunk.text
    assert ("read at the labels only" in chunk.text) is is_said


def test_a_power_of_ten_above_the_axis_counts():
    sheet = line_chart(UP, MONTHS, TICKS)
    sheet.text(LEFT - 10, 35, "1e6", "rm")
    table = read(sheet)
    assert axes.number(table.rows[1][1]) == pytest.approx(12e6, abs=2e6)


def other_axis(sheet) -> None:
    for tick, text in zip(TICKS, ("5", "6", "7", "8", "9", "10")):
        sheet.text(RIGHT + 10, level(tick, TICKS), text, "lm")


def misread_axis(texts):
    """A second axis whose tick marks were read as minus signs, or whose digits were misread."""

    def change(sheet) -> None:
        for tick, text in zip(TICKS, texts):
            aside = 9 if text.startswith("-") else 0
            sheet.text(RIGHT + 14 - aside, level(tick, TICKS), text, "lm")

    return change


def two_numbers_behind(sheet) -> None:
    for y, text in ((100, "0.5"), (300, "0.1")):
        sheet.text(RIGHT + 10, y, text, "lm")


def broken_axis(sheet) -> None:
    """The upper half of the axis goes on with other numbers."""
    for tick in (60, 80, 100):
        without(f"{tick}")(sheet)
        sheet.text(LEFT - 10, level(tick, TICKS), f"{tick + 400}", "rm")


def without(name):
    def change(sheet) -> None:
        sheet.print = [line for line in sheet.print if line.text != name]
        sheet._later = [one for one in sheet._later if one[2] != name]

    return change


def power(sheet) -> None:
    sheet.text(LEFT, 35, "×10³", "rm")


def scatter(sheet) -> None:
    dice = np.random.default_rng(4)
    for x, y in dice.uniform((LEFT + 20, 80), (RIGHT - 20, FOOT - 20), (40, 2)):
        sheet.dot(x, y, 5, COLOURS[0])


def nothing(_) -> None:
    pass


@pytest.mark.parametrize("series, looks, change, why", [
    (TWO, Looks(colours=[COLOURS[0]] * 2), nothing, "one colour"),
    (TWO, Looks(legend=False), nothing, "no legend"),
    (UP, Looks(), other_axis, "two value axes"),
    (UP, Looks(), two_numbers_behind, "two value axes"),
    (UP, Looks(), misread_axis(["-26.5", "-49.5", "-72.4", "95.4", "-118.4", "164.3"]), "two value axes"),
    (UP, Looks(), misread_axis(["-1.5", "-2.5", "-3.5", "-4.5", "-5.5", "-6.5"]), "two value axes"),
    (UP, Looks(), misread_axis(["71", "12", "93", "84", "15", "36"]), "two value axes"),
    (UP, Looks(), broken_axis, "two value axes"),
    (UP, Looks(steps=True), nothing, "steps"),
    ({"": [12, 31, None, 66, 58, 93]}, Looks(), nothing, "broken"),
    (TWO, Looks(fill=True), nothing, "stacked"),
    (UP, Looks(), power, "power of ten"),
    ({"": [None] * 6}, Looks(), scatter, "line"),
    ({"": [None] * 6}, Looks(), nothing, "line"),
])  # fmt: skip
def test_a_drawing_in_doubt_is_refused_with_the_reason(series, looks, change, why):
    sheet = line_chart(series, MONTHS, TICKS, looks)
    change(sheet)
    with pytest.raises(CannotRead, match=why):
        read(sheet)


@pytest.mark.slow  # the labels are read once more
@pytest.mark.parametrize("name, why", [("Mar", "evenly"), ("Jan", "label"), ("Jun", "label")])
def test_a_label_that_is_missing_is_no_shorter_table(name, why):
    sheet = line_chart(UP, MONTHS, TICKS)
    without(name)(sheet)
    with pytest.raises(CannotRead, match=why):
        read(sheet)


@pytest.mark.parametrize("ticks", [[1, 10, 100, 1000, 10000], [1, 2, 4, 8, 16, 32]])
def test_a_logarithmic_axis_is_refused(ticks):
    sheet = line_chart(UP, MONTHS, TICKS)
    for tick in TICKS:
        without(f"{tick:g}")(sheet)
    for i, tick in enumerate(ticks):
        sheet.text(LEFT - 10, FOOT - 20 - 60 * i, f"{tick}", "rm")
    with pytest.raises(CannotRead):
        read(sheet)


@pytest.mark.slow  # the labels are read once more
@pytest.mark.parametrize("names", [["2019", "2020", "2012", "2022", "2023", "2024"], ["A", "B", "A", "C", "D", "E"]])  # fmt: skip
def test_labels_that_cannot_be_right_are_no_rows(names):
    with pytest.raises(CannotRead):
        read(line_chart(UP, names, TICKS))


def test_a_line_that_another_hides_is_not_guessed():
    """The second line lies under the first one for half of the way, and comes out of it."""
    series = {"Front": [20, 30, 40, 50, 60, 70], "Back": [20, 30, 40, 50, 30, 10]}
    looks = Looks(colours=(COLOURS[1], COLOURS[0]), width=4)
    sheet = line_chart({"Back": series["Back"], "Front": series["Front"]}, MONTHS, TICKS, looks)
    with pytest.raises(CannotRead):
        read(sheet)


def test_values_have_no_more_digits_than_pixels_tell():
    table = read(line_chart({"": [12.34, 31.77, 24.13, 66.9, 58.4, 93.2]}, MONTHS, TICKS))
    assert all(len(row[1].partition(".")[2]) <= 1 for row in table.rows[1:])
    assert "axis" in table.how


@pytest.mark.parametrize("right", [
    ["164.3", "-141.3", "-118.4", "95.4", "-72.4", "-49.5", "-26.5"], ["164.3", "1413", "1184", "954", "72.4", "495", "265"],
])  # fmt: skip
def test_a_second_axis_at_the_same_heights_is_seen_though_it_was_misread(right):
    labels = []
    for i, text in enumerate(right):
        y, minus = 229 + 118.2 * i, 10 * text.startswith("-")
        labels.append(TextBox(str(7 - i), 128, y - 15, 146, y + 15))
        labels.append(TextBox(text, 1858 - minus, y - 15, 1858 + 12 * len(text.strip("-")), y + 15))
    with pytest.raises(CannotRead, match="two value axes"):
        plot_area.find_value_axis(labels)


@pytest.mark.parametrize("beyond", [0.9, 0.96])
def test_a_line_may_end_just_before_the_place_of_a_next_label(beyond):
    """Points are often closer than labels, and the last ones have none."""
    names = ["0", "30", "60", "90", "120", "150"]
    values = [12, 31, 24, 66, 58, 60]
    sheet = line_chart({"": values[:5] + [None]}, names, TICKS)
    without("150")(sheet)
    sheet.pen.rectangle([place(4.5, 6) * FINE, (FOOT + 1) * FINE, 2400, (FOOT + 9) * FINE], "white")
    end = place(4 + beyond, 6), level(60, TICKS)
    sheet.line([(place(4, 6), level(58, TICKS)), end], COLOURS[0], 2)
    table = read(sheet)
    assert_table(table, {"": values[:5]}, names[:5])


def test_a_line_that_ends_at_a_mark_without_a_label_is_refused():
    sheet = line_chart(UP, ["0", "30", "60", "90", "120", "150"], TICKS)
    without("150")(sheet)
    with pytest.raises(CannotRead, match="label"):
        read(sheet)


@pytest.mark.parametrize("names", [
    [f"{month} '24" for month in MONTHS], [f"{month} '0{i}" for i, month in enumerate(MONTHS)],
])  # fmt: skip
def test_an_apostrophe_that_was_not_read_everywhere_is_put_back(names):
    sheet = line_chart(UP, names, TICKS)
    for i, lost in ((1, " "), (4, "'")):
        sheet.print = [
            replace(line, text=line.text.replace(" '", lost)) if line.text == names[i] else line
            for line in sheet.print
        ]
    assert_table(read(sheet), UP, names)


@pytest.mark.parametrize("text, labels", [
    ("Q1 2022Q2 2022 Q3 2022Q4 2022", ["Q1 2022", "Q2 2022", "Q3 2022", "Q4 2022"]),
    ("2015-042015-05 2015-06", ["2015-04", "2015-05", "2015-06"]),
    ("Q1 202Q2 202Q3 2022", ["Q1 202Q2 202Q3 2022"]),
    ("20152016", ["20152016"]),
    ("MonTue", ["MonTue"]),
])  # fmt: skip
def test_labels_that_are_joined_without_a_space_are_told_apart(text, labels):
    stops = tuple((i + 0.5) / len(text) for i in range(len(text)))
    line = PrintedLine(TextBox(text, 0, 0, 10 * len(text), 15), 0.0, stops)
    assert [one.box.text for one in plot_area.split_joined(line)] == labels


@pytest.mark.parametrize("ground", [(255, 255, 255), NIGHT])
def test_a_name_that_ends_where_the_grid_does_may_be_cut_off(ground):
    looks = Looks(legend=False, ground=ground, ink=(150, 150, 150))
    sheet = line_chart({"A": TWO["Plan"], "B": TWO["Actual"]}, MONTHS, TICKS, looks)
    for name, values in TWO.items():
        sheet.text(RIGHT, level(values[-1], TICKS), name[:2], "rm", looks.ink, 13)
    with pytest.raises(CannotRead, match="cut off"):
        read(sheet)


@pytest.mark.parametrize("colour", [(120, 120, 120), (84, 118, 156)])
def test_marks_below_the_axis_are_no_points_of_a_line_of_their_colour(colour):
    looks = Looks(colours=[colour], dash=(8, 5), ink=(120, 120, 120))
    sheet = line_chart(UP, MONTHS, TICKS, looks)
    for i in range(6):
        sheet.line([(place(i, 6), FOOT), (place(i, 6), FOOT + 9)], (120, 120, 120), 1.5)
    assert_table(read(sheet), UP, MONTHS)


@pytest.mark.parametrize("width, gap", [(4, 5), (5, 7)])
def test_a_steep_dotted_line_is_no_line_of_steps(width, gap):
    series = {"": [95, 12, 80, 98, 30, 60]}
    looks = Looks(dash=(width, gap), width=width, legend=False)
    assert_table(read(line_chart(series, MONTHS, TICKS, looks)), series, MONTHS)


def slanted(sheet, names, anchor: float, turn: float) -> None:
    """Move the labels below the plot so that they run slanted, without marks."""
    sheet.pen.rectangle([0, (FOOT + 1) * FINE, 2400, 1400], (255, 255, 255))
    for i, name in enumerate(names):
        without(name)(sheet)
        along, across = 9 * len(name), 14
        dx, dy = math.cos(turn), math.sin(turn)
        x, y = place(i, len(names)) - anchor * along * dx, FOOT + 18 + max(0, -along * dy)
        corners = [(0, 0), (along, 0), (along, across), (0, across)]
        quad = tuple((x + a * dx - b * dy, y + a * dy + b * dx) for a, b in corners)
        sheet.print.append(TextLine(name, 0.99, quad))


@pytest.mark.parametrize("anchor, turn", [(0.5, -0.6), (1.0, -0.75), (0.0, 0.75)])
def test_the_ends_of_a_line_tell_which_end_of_a_slanted_label_counts(anchor, turn):
    names = ["Oslo", "Nairobi", "Paris", "Sydney", "East", "Chicago"]
    sheet = line_chart(UP, names, TICKS)
    slanted(sheet, names, anchor, turn)
    assert_table(read(sheet), UP, names)


def test_slanted_labels_that_no_line_confirms_are_refused():
    names = ["Oslo", "Nairobi", "Paris", "Sydney", "East", "Chicago"]
    sheet = line_chart({"": [None, 31, 24, 66, 58, 93]}, names, TICKS)
    slanted(sheet, names, 1.0, -0.75)
    with pytest.raises(CannotRead, match="slanted"):
        read(sheet)


def cut_above(sheet, value: float) -> None:
    """Leave out what is drawn above a value: there the plot ends."""
    sheet.pen.rectangle([0, 0, 2400, level(value, TICKS) * FINE], "white")


@pytest.mark.parametrize("values, fill, at", [
    ([12, 95, 24, 66, 58, 30], True, 80),
    ([90, 40, 24, 66, 58, 30], True, 70),
    ([12, 31, 24, 66, 58, 97], False, 80),
    ([98, 31, 24, 66, 58, 20], False, 75),
])  # fmt: skip
def test_what_is_cut_off_at_the_edge_of_the_plot_is_not_read_there(values, fill, at):
    sheet = line_chart({"": values}, MONTHS, TICKS, Looks(fill=fill, grid=False))
    cut_above(sheet, at)
    with pytest.raises(CannotRead):
        read(sheet)


def test_an_area_that_is_level_from_label_to_label_is_not_cut_off():
    series = {"": [12, 95, 95, 66, 58, 30]}
    assert_table(read(line_chart(series, MONTHS, TICKS, Looks(fill=True))), series, MONTHS)


@pytest.mark.parametrize("colours", [COLOURS, COLOURS[2:]])
def test_a_corner_that_another_line_hides_has_the_height_of_that_line(colours):
    series = {"Q3": [72, 80, 44, 80, 80, 72], "Q4": [77, 80, 80, 80, 80, 71]}
    table = read(line_chart(series, MONTHS, TICKS, Looks(colours=colours)))
    assert_table(table, series, MONTHS, 0.012)


@pytest.mark.parametrize("last", [60, 35])
def test_a_line_that_runs_into_another_one_at_the_last_label_is_read_there(last):
    series = {"A": [20, 40, 50, 30, last - 12, last], "B": [80, 75, 70, 72, last + 5, last]}
    assert_table(read(line_chart(series, MONTHS, TICKS, Looks(width=3))), series, MONTHS)


def test_a_thick_line_that_goes_up_and_down_at_a_label_is_not_guessed_at():
    sheet = line_chart({"": [None] * 6}, ["0", "10", "20", "30", "40", "50"], TICKS)
    xs = np.arange(place(0, 6), place(5, 6) + 1, 4.25)
    sheet.line([(x, 230 + 45 * (-1) ** i) for i, x in enumerate(xs)], COLOURS[0], 5)
    with pytest.raises(CannotRead):
        read(sheet)


@pytest.mark.parametrize("colour", [(42, 63, 95), (120, 40, 90)])
def test_a_line_is_followed_under_print_of_another_colour(colour):
    sheet = line_chart(UP, MONTHS, TICKS, Looks(legend=False, colours=[(99, 110, 250)]))
    for i in (2, 4):
        sheet.text(place(i, 6), level(UP[""][i], TICKS) - 8, f"{UP[''][i]}", "mm", colour)
    assert_table(read(sheet), UP, MONTHS)


def test_the_frame_of_a_legend_and_what_a_line_leaves_of_the_grid_are_no_line():
    series = {"A": [70, 50, 100, 100, 100, 100], "B": [10, 20, 30, 40, 50, 60]}
    sheet = line_chart(series, MONTHS, TICKS, Looks(legend=False, width=3))
    box = [x * FINE for x in (LEFT + 6, level(100, TICKS) - 14, LEFT + 96, level(100, TICKS) + 38)]
    sheet.pen.rectangle(box, "white", (214, 214, 214), FINE)
    for k, name in enumerate(series):
        y = level(100, TICKS) + 22 * k
        sheet.line([(LEFT + 14, y), (LEFT + 40, y)], COLOURS[k], 3)
        sheet.text(LEFT + 48, y, name, "lm")
    assert_table(read(sheet), series, MONTHS)


@pytest.mark.parametrize("true, misread", [("Jun", "Jnn"), ("Cairo", "Cajro")])
def test_names_that_were_read_one_by_one_are_read_again(true, misread):
    sheet = line_chart(UP, [true, *MONTHS[:5]], TICKS)
    rgb, printed = sheet.done()
    line = next(line for line in printed if line.text == true)
    rows = (("", "Value"), (misread, "1"), ("Feb", "2"))
    table = ChartTable("", rows, (), (), (), "how", reread=(replace(line, text=misread),))
    checked = check_names(rgb, [], table)
    assert checked.rows[1][0] == true or misread in checked.how


@pytest.mark.parametrize("angle, first", [(0.0, (20, 60)), (-90.0, (20, 100)), (90.0, (40, 60))])
def test_a_label_that_was_read_alone_has_its_corners_in_reading_order(angle, first):
    line = PrintedLine(TextBox("Jun", 10, 30, 20, 50), angle)
    (x, y), *_ = to_text_line(line, 0.5).quad
    assert (x, y) == pytest.approx(first, abs=4)

"""Line and area charts come back as the numbers that they were drawn from; what is not sure is refused."""

import numpy as np
import pytest

from tests.support.line_pictures import COLOURS, FOOT, LEFT, RIGHT, Looks, level, line_chart
from vlm_backends.engines.builtin.charts import axes, plot_area
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import TextBox
from vlm_backends.engines.builtin.charts.lines import read_line_chart

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

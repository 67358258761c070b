"""Bar charts come back as the numbers that they were drawn from, and what is no bar chart is refused with a reason."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support import chart_pictures as charts
from tests.support.chart_pictures import DARK
from tests.support.paths import ASSETS
from vlm_backends.engines.builtin import tables
from vlm_backends.engines.builtin.charts import axes, bar_charts
from vlm_backends.engines.builtin.charts.axes import AxisLabel
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.readers import deplot

YEARS = ["2019", "2020", "2021", "2022", "2023"]


def read(image) -> bar_charts.ChartTable:
    rgb = np.asarray(image)
    printed = [line for line in tables.read_chart_print(rgb) if line.is_sure]
    return bar_charts.read_bar_chart(rgb, printed)


def assert_table(found: bar_charts.ChartTable, names, series, within: float) -> None:
    """Every value is off by no more than `within` of the largest."""
    head, *rows = found.rows
    assert list(head[1:]) == (list(series) if len(series) > 1 else ["Value"])
    assert [row[0] for row in rows] == list(names)
    largest = max(max(values) for values in series.values())
    for k, values in enumerate(series.values(), 1):
        for row, value in zip(rows, values, strict=True):
            assert axes.number(row[k]) == pytest.approx(value, abs=within * largest)
    assert len(found.outlines) == len(found.labels) == len(names) * len(series)


@pytest.mark.slow
@pytest.mark.parametrize("names, series, ticks, options", [
    (YEARS, {"n": [12, 31, 24, 40, 7]}, [0, 10, 20, 30, 40], {}),
    (YEARS, {"n": [12, 31, 24, 40, 7]}, [0, 10, 20, 30, 40], {"sheet": DARK}),
    (YEARS, {"n": [0.4, 1.25, 2.0, 1.1, 0.75]}, [0, 0.5, 1, 1.5, 2], {}),
    (YEARS, {"n": [1200, 3400, 2750, 4000, 900]}, [0, 1000, 2000, 3000, 4000], {}),
    (["Ana", "Ben", "Cleo"], {"n": [55, 72, 90]}, [50, 60, 70, 80, 90, 100], {}),
    (["Ana", "Ben", "Cleo"], {"n": [20, 55, 80]}, [0, 20, 40, 60, 80, 100], {"unit": "%"}),
    (["North", "South", "East", "West"], {"Solar": [10, 22, 31, 18], "Wind": [35, 28, 20, 39]}, [0, 10, 20, 30, 40], {}),
    (["Q1", "Q2", "Q3"], {"Bus": [9, 14, 11], "Tram": [17, 6, 8], "Bike": [3, 12, 19]}, [0, 5, 10, 15, 20], {}),
])  # fmt: skip
def test_bars_are_measured_on_the_axis(names, series, ticks, options):
    found = read(charts.vertical("Riders a day", series, names, ticks, **options))
    assert_table(found, names, series, within=0.02)
    assert found.title == "Riders a day" and "axis" in found.how


def test_a_unit_stays_with_its_values():
    found = read(
        charts.vertical(
            "Share", {"n": [20, 55, 80]}, ["Ana", "Ben", "Cleo"], [0, 50, 100], unit="%"
        )
    )
    assert all(row[1].endswith("%") for row in found.rows[1:])


@pytest.mark.slow
@pytest.mark.parametrize("axis", [True, False])
def test_printed_values_are_taken_as_printed(axis):
    series = {"n": [12, 31, 24, 40]}
    found = read(
        charts.vertical("Bees", series, YEARS[:4], [0, 10, 20, 30, 40], labels=True, axis=axis)
    )
    assert [row[1] for row in found.rows[1:]] == ["12", "31", "24", "40"] and "printed" in found.how


@pytest.mark.slow
def test_lying_bars():
    values = {"Harbour": 412, "Old Town": 385, "Station": 176, "Zoo": 87}
    found = read(charts.horizontal("Visitors", values))
    assert_table(found, values, {"n": list(values.values())}, within=0)
    for outline in found.outlines:
        assert min(x for x, _ in outline) == pytest.approx(220, abs=4)


@pytest.mark.slow
@pytest.mark.parametrize("thick", [3, 5])
@pytest.mark.parametrize("ink", ["black", "#777"])
@pytest.mark.parametrize(
    "series", [{"n": [12, 31, 24, 40]}, {"a": [12, 31, 24, 40], "b": [9, 14, 33, 20]}]
)
def test_the_line_that_bars_stand_on_is_no_bar(series, ink, thick):
    image = charts.vertical("Bees", series, YEARS[:4], [0, 10, 20, 30, 40])
    bare = np.asarray(image)[charts.FOOT - thick - 3] == 255
    pen = ImageDraw.Draw(image)
    for x in np.flatnonzero(bare.all(axis=-1)):
        if charts.LEFT <= x <= charts.RIGHT:
            pen.line((x, charts.FOOT - thick + 1, x, charts.FOOT), ink)
    assert_table(read(image), YEARS[:4], series, within=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0, 2, 3, 5])
def test_labels_beside_their_places_make_values_less_sure(shift):
    true = [12, 31, 24, 40]
    image = charts.vertical("Bees", {"n": true}, YEARS[:4], [0, 10, 20, 30, 40], axis=False)
    pen, letter = ImageDraw.Draw(image), charts.font(20)
    step = (charts.FOOT - charts.TOP) / 4
    for i in range(5):
        y = charts.FOOT - i * step + shift
        pen.text((charts.LEFT - 12, y), f"{10 * i}", "black", letter, "rm")
    found = read(image)
    off = max(abs(axes.number(row[1]) - value) for row, value in zip(found.rows[1:], true))
    assert off <= found.error + 0.05 and found.error < 1.2


@pytest.mark.slow
@pytest.mark.parametrize(
    "x, text", [(20, "Thousands of visitors"), (20, "By place"), (90, "In thousands")]
)
def test_a_subtitle_over_lying_bars_is_no_category(x, text):
    values = {"Harbour": 412, "Old Town": 385, "Station": 298, "Zoo": 176, "Fort": 143, "Mill": 87}
    image = charts.horizontal("", values)
    ImageDraw.Draw(image).text((x, 130 - 460 / 6), text, "black", charts.font(22), "lm")
    assert_table(read(image), values, {"n": list(values.values())}, within=0)


@pytest.mark.slow
def test_outlines_are_the_bars_of_the_picture_at_any_size():
    image = charts.vertical("Bees", {"n": [10, 40, 20]}, YEARS[:3], [0, 20, 40])
    for scale in (1, 3):  # the chart is measured at 1600 px at most
        big = image.resize((image.width * scale, image.height * scale))
        tops = [min(y for _, y in outline) / scale for outline in read(big).outlines]
        assert tops == pytest.approx([charts.FOOT - 95, charts.TOP, charts.FOOT - 190], abs=3)


def _without_category():
    image = charts.vertical("Bees", {"n": [10, 40, 20]}, YEARS[:3], [0, 10, 20, 30, 40])
    ImageDraw.Draw(image).rectangle((400, charts.FOOT + 5, 560, charts.FOOT + 50), "white")
    return image


def _without_bar(foot=charts.FOOT + 1):
    image = charts.vertical("Bees", {"n": [10, 40, 20, 30]}, YEARS[:4], [0, 10, 20, 30, 40])
    ImageDraw.Draw(image).rectangle((300, charts.TOP - 2, 480, foot), "white")
    return image


def _without_last_bar():
    image = charts.vertical("Bees", {"n": [10, 40, 20, 30]}, YEARS[:4], [0, 10, 20, 30, 40])
    ImageDraw.Draw(image).rectangle((680, charts.TOP - 2, 860, charts.FOOT + 1), "white")
    return image


def _with_false_labels():
    image = charts.vertical("Bees", {"n": [10, 40, 20]}, YEARS[:3], [0, 10, 20, 30, 40])
    pen = ImageDraw.Draw(image)
    for i, (top, text) in enumerate(((405, "40"), (120, "10"), (310, "20"))):
        pen.text((charts.LEFT + 250 * i + 125, top - 14), text, "black", charts.font(18), "mm")
    return image


@pytest.mark.slow
@pytest.mark.parametrize("draw, reason", [
    (charts.line_chart, "no solid bars"),
    (charts.pie, "no solid bars"),
    (charts.stacked, "stacked"),
    (lambda: charts.page("Nothing here")[0], "no solid bars"),
    (lambda: charts.vertical("Bees", {"n": [3, 9, 5]}, YEARS[:3], [0, 10], axis=False), "no numeric value axis"),
    (lambda: charts.vertical("Bees", {"n": [3, 9, 5]}, YEARS[:3], [0, 10]), "no numeric value axis"),
    (lambda: charts.vertical("Bees", {"n": [3, 9, 5]}, ["", "", ""], [0, 5, 10]), "no category labels"),
    (_without_category, "category label"),
    (lambda: _without_bar(foot=charts.FOOT + 50), "missing"),
    (_with_false_labels, "do not fit"),
])  # fmt: skip
def test_what_is_not_certain_is_refused(draw, reason):
    with pytest.raises(CannotRead, match=reason):
        read(draw())


@pytest.mark.slow
@pytest.mark.parametrize("draw, name", [(_without_bar, "2020"), (_without_last_bar, "2022")])
def test_a_place_without_a_bar_counts_as_zero_and_is_told(draw, name):
    found = read(draw())
    assert dict(row for row in found.rows)[name] == "0"
    assert f"no bar is seen at {name}" in found.how


@pytest.mark.parametrize("text, value", [
    ("0", 0), ("12", 12), ("1,200", 1200), ("1 200", 1200), ("12.5", 12.5), (".5", 0.5), ("-4", -4), ("−4", -4),
    ("12%", 12), ("$3k", 3000), ("2.5M", 2.5e6), ("1bn", 1e9), ("+7", 7), (" 8 ", 8), ("2,000,000", 2e6),
])  # fmt: skip
def test_numbers_as_charts_print_them(text, value):
    assert axes.number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "-", "%", "k", "Q1", "1,2", "12,34", "1.2.3", "12 apples", "2018-2024", "١٢", "1e5",
                                  "NaN", "inf", "1 2 3", "--4", "4-"])  # fmt: skip
def test_what_is_no_number(text):
    assert axes.number(text) is None


def test_an_axis_needs_three_labels_that_agree():
    line = [AxisLabel(400, "0"), AxisLabel(300, "10"), AxisLabel(200, "20")]
    assert axes.fit_labels(line).value(250) == pytest.approx(15)
    misread = AxisLabel(100, "80")
    assert axes.fit_labels([*line, misread]).value(250) == pytest.approx(15)
    for bad in (
        [],
        line[:2],
        [line[0]] * 5,
        [*line[:2], AxisLabel(200, "70")],
        [AxisLabel(5, "1")] * 3,
    ):
        assert axes.fit_labels(bad) is None


@pytest.mark.parametrize("title", ["", "Bees"])
def test_the_table_is_spelled_in_deplots_grammar(title):
    table = bar_charts.ChartTable(title, (("", "A|B", "C"), ("x", "1", "2")), (), (), (), "")
    answer = deplot.read(bar_charts.linearize(table))
    assert answer.rows == (("", "A/B", "C"), ("x", "1", "2"))
    assert "TITLE" not in answer.text


@pytest.mark.slow
def test_a_swatch_that_the_reading_takes_for_a_part_of_its_word_still_names_its_bars():
    with Image.open(ASSETS / "grouped.png") as image:
        assert read(image.convert("RGB")).rows[0] == ("", "Solar", "Wind", "Hydro")

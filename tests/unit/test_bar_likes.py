"""Pictures with rectangles that are no bars are refused, and the refusal says truly what is seen."""

import numpy as np
import pytest

from tests.support.chart_pictures import DARK, LIGHT
from tests.support.plots import FOOT, LEFT, RIGHT, TOP, Plot
from vlm_backends.engines.builtin.charts import bar_charts
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.readings import read_any_chart


@pytest.fixture(autouse=True)
def no_second_reading(monkeypatch):
    """Where print is in doubt the OCR is asked again: here it finds nothing more."""
    monkeypatch.setattr(bar_charts.ocr, "read_lines", lambda *_: [])


def refusal(plot: Plot) -> str:
    with pytest.raises(CannotRead) as refused:
        read_any_chart(plot.rgb, plot.lines)
    return str(refused.value)


def heat_map(sheet, low, high, line: int, rows: int = 5, columns: int = 6) -> Plot:
    """Cells between two colours, with a line of some width between them."""
    plot = Plot(0, 100, sheet)
    shares = np.random.default_rng(rows * line + columns).random((rows, columns))
    wide, tall = (RIGHT - LEFT) / columns, (FOOT - TOP) / rows
    for i in range(rows):
        plot.text(LEFT - 10, TOP + (i + 0.5) * tall, f"Row {i}", "rm")
        for j in range(columns):
            colour = tuple(round(a + shares[i, j] * (b - a)) for a, b in zip(low, high))
            x, y = LEFT + j * wide, TOP + i * tall
            plot.pen.rectangle((x, y, x + wide - line - 1, y + tall - line - 1), colour)
            if rows == 4:
                plot.text(x + wide / 2, y + tall / 2, f"{shares[i, j]:.2f}", size=14)
    plot.names(["Jan", "Feb", "Mar", "Apr", "May", "Jun"][:columns])
    return plot


@pytest.mark.parametrize("sheet", [LIGHT, DARK])
@pytest.mark.parametrize("low, high, line, rows", [
    ((68, 1, 84), (53, 183, 121), 0, 5), ((120, 20, 40), (250, 220, 140), 2, 4), ((20, 60, 160), (220, 60, 60), 4, 6),
])  # fmt: skip
def test_a_heat_map_is_called_one(low, high, line, rows, sheet):
    said = refusal(heat_map(sheet, low, high, line, rows))
    assert "heat map" in said and "bar chart" not in said


def histogram(colour, count) -> Plot:
    plot = Plot(0, 60)
    plot.ticks(["0", "20", "40", "60"], (0, 20, 40, 60))
    wide = (RIGHT - LEFT) // count
    for i in range(count):
        height = 55 * np.exp(-((i - count / 2) ** 2) / count)
        plot.bar(LEFT + (i + 0.5) * wide, wide - 1, 0, 4 + height, colour)
    for i in range(5):
        plot.text(LEFT + i * (RIGHT - LEFT) / 4, FOOT + 22, str(10 * i))
    return plot


@pytest.mark.parametrize("count", [9, 12, 16])
@pytest.mark.parametrize("colour", [(31, 90, 160), (225, 120, 40)])
def test_a_histogram_is_called_one(count, colour):
    said = refusal(histogram(colour, count))
    assert "histogram" in said and "looks like a bar chart" not in said


def floating(kind: str) -> Plot:
    plot = Plot(0, 100)
    plot.ticks(["0", "50", "100"], (0, 50, 100))
    plot.names(["Mon", "Tue", "Wed", "Thu", "Fri"])
    for i, (low, high) in enumerate(((20, 60), (35, 70), (10, 45), (50, 90), (30, 40))):
        x = plot.middle(i, 5)
        if kind != "waterfall":
            plot.pen.line((x, plot.y(low - 8), x, plot.y(high + 8)), "black", 2)
        plot.bar(x, 50, low, high, (200, 60, 60) if kind == "candles" and i % 2 else (40, 130, 80))
        if kind == "boxes":
            plot.pen.line((x - 25, plot.y(low + 9), x + 24, plot.y(low + 9)), "black", 3)
    return plot


@pytest.mark.parametrize("kind", ["waterfall", "candles", "boxes"])
def test_rectangles_that_float_are_called_so(kind):
    said = refusal(floating(kind))
    assert "looks like a bar chart" not in said


@pytest.mark.parametrize("shade", [(31, 90, 160), (225, 230, 236), (90, 90, 90)])
def test_a_table_with_shaded_rows_is_called_one(shade):
    plot = Plot(0, 1)
    plot.image.paste(LIGHT.ground, (0, 0, 900, 500))
    rows = [("Town", "2022", "2023", "Change")]
    rows += [
        (town, "12", "340", "7") for town in ("Oslo", "Rome", "Lima", "Cairo", "Perth", "Kyiv")
    ]
    for i, row in enumerate(rows):
        if i % 2 == 0:
            plot.pen.rectangle((60, 60 + 50 * i, 840, 109 + 50 * i), shade)
        for j, text in enumerate(row):
            plot.text(100 + 200 * j, 85 + 50 * i, text, "lm")
    said = refusal(plot)
    assert "table that is printed" in said and "bar chart" not in said


def test_shapes_without_any_number_are_not_called_bars():
    plot = Plot(0, 1)
    for i in range(4):
        plot.pen.rectangle((150 + 150 * i, 200, 240 + 150 * i, 400), (31, 90, 160))
        plot.text(195 + 150 * i, 300, ("Plan", "Build", "Test", "Ship")[i])
    assert "looks like a bar chart" not in refusal(plot)


def test_a_bar_chart_that_is_refused_is_still_called_one():
    plot = Plot(0, 60)
    plot.ticks(["0", "20", "40", "60"], (0, 20, 40, 60))
    plot.names(["Oslo", "Rome", "Oslo", "Lima"])
    plot.bars([12, 31, 24, 40])
    assert "looks like a bar chart" in refusal(plot)


@pytest.mark.parametrize("powers", [("10¹", "10²", "103", "10⁴"), ("101", "3×101", "102", "3×10²"), ("10-1", "10⁻²", "10-3")])  # fmt: skip
@pytest.mark.parametrize("values", [[12, 31, 24, 40], []])
def test_powers_of_ten_are_named_though_their_exponents_are_misread(powers, values):
    plot = Plot(0, 60)
    plot.ticks(powers, (0, 17, 34, 51))
    plot.names(["Oslo", "Rome", "Cairo", "Lima"])
    plot.bars(values)
    assert "powers of ten" in refusal(plot)


def test_numbers_from_a_hundred_on_are_no_powers():
    plot = Plot(100, 106)
    plot.ticks(["100", "102", "104", "106"], (100, 102, 104, 106))
    plot.names(["Oslo", "Rome"])
    assert "powers of ten" not in refusal(plot)


@pytest.mark.parametrize("ticks, count", [((0, 20, 40, 60), 3), ((0, 10, 20, 30, 40, 50, 60), 2)])
@pytest.mark.parametrize("sheet", [LIGHT, DARK])
def test_charts_side_by_side_are_told(ticks, count, sheet):
    plot = Plot(0, 60, sheet)
    plot.ticks([str(tick) for tick in ticks], ticks)
    plot.ticks([str(tick // 2) for tick in ticks], ticks, x=LEFT + 345)
    for i in range(count):
        for start in (LEFT + 20, LEFT + 370):
            x = start + 90 * i + 30
            plot.bar(x, 60, 0, 15 + 12 * i)
            plot.text(x, FOOT + 22, ("Oslo", "Rome", "Lima")[i])
    assert "side by side" in refusal(plot)


def test_numbers_over_the_bars_are_no_axis_between_them():
    plot = Plot(0, 60)
    plot.names(["Oslo", "Rome", "Cairo", "Lima"])
    plot.bars([12, 31, 24, 40])
    for i, text in enumerate(("12", "31", "3", "40")):  # one does not fit
        plot.text(plot.middle(i, 4), plot.y((12, 31, 24, 40)[i]) - 12, text)
    assert "side by side" not in refusal(plot)

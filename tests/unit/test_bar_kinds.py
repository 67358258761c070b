"""Each kind of bar chart is read as it was drawn, or refused; the print is given, so that no OCR runs."""

import pytest

from tests.support.chart_pictures import DARK, LIGHT, font
from tests.support.plots import COLOURS, FOOT, LEFT, RIGHT, TOP, Plot
from vlm_backends.engines.builtin.charts import axes, bar_charts
from vlm_backends.engines.builtin.charts.bars import Rectangle, lay_out
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.readings import read_any_chart

TOWNS, FRUIT = ["Oslo", "Rome", "Cairo", "Lima"], ["Plums", "Figs", "Pears", "Kiwis"]


@pytest.fixture(autouse=True)
def no_second_reading(monkeypatch):
    """Where print is in doubt the OCR is asked again: here it finds nothing more."""
    monkeypatch.setattr(bar_charts.ocr, "read_lines", lambda *_: [])


def table(plot: Plot) -> dict[str, list[float]]:
    return {row[0]: [axes.number(cell) for cell in row[1:]] for row in read(plot).rows[1:]}


def read(plot: Plot) -> bar_charts.ChartTable:
    return bar_charts.read_bar_chart(plot.rgb, plot.lines)


def single(values, names=TOWNS, ticks=(0, 20, 40, 60), sheet=LIGHT, write=str) -> Plot:
    plot = Plot(min(ticks), max(ticks), sheet)
    plot.ticks([write(tick) for tick in ticks], ticks)
    plot.names(names)
    plot.bars(values)
    return plot


@pytest.mark.parametrize("values, names, ticks, sheet", [
    ([12, 31, 24, 40], TOWNS, (0, 20, 40, 60), LIGHT),
    ([55, 8, 33], ["2021", "2022", "2023"], (0, 20, 40, 60), DARK),
    ([5, -3, 2, -1], FRUIT, (-4, -2, 0, 2, 4, 6), LIGHT),
    ([-25, -60, -10, -45], TOWNS, (-80, -60, -40, -20, 0), LIGHT),
    ([900, 250, 610, 480], ["South Korea", "New York", "Cape Town", "Hong Kong"], (0, 500, 1000), DARK),
])  # fmt: skip
def test_bars_and_their_signs(values, names, ticks, sheet):
    found = table(single(values, names, ticks, sheet))
    most = max(map(abs, values))
    assert found == {n: [pytest.approx(v, abs=0.02 * most)] for n, v in zip(names, values)}


@pytest.mark.parametrize("write, factor", [
    (lambda v: f"{v * 500:,.0f}".replace(",", "."), 500), (lambda v: f"{v * 500:,.0f}", 500),
    (lambda v: f"{v * 500:,.0f}".replace(",", " "), 500), (lambda v: f"{v}k", 1000), (lambda v: f"${v}M", 1e6),
    (lambda v: f"{v / 10}".replace(".", ","), 0.1), (lambda v: f"{v} %", 1), (lambda v: f"€{v * 1000:,}", 1000),
])  # fmt: skip
def test_the_axis_decides_how_its_numbers_are_written(write, factor):
    ticks = (0, 1, 2, 3, 4, 5, 6) if factor == 500 else (0, 20, 40, 60)
    values = [ticks[-1] * share for share in (0.2, 0.85, 0.4, 0.65)]
    found = table(single(values, ticks=ticks, write=write))
    top = 0.02 * ticks[-1] * factor
    assert found == {n: [pytest.approx(v * factor, abs=top)] for n, v in zip(TOWNS, values)}


@pytest.mark.parametrize("power", ["1e7", "x 1e7", "×1e7"])
def test_a_power_of_ten_above_the_axis_multiplies(power):
    plot = single([12, 31, 24, 40])
    plot.text(LEFT + 10, 68, power)
    assert table(plot)["Rome"] == [pytest.approx(31e7, rel=0.02)]


@pytest.mark.parametrize(
    "power", ["×10³", "x10 6", "x107", "103", "1e7 Sales", "107", "1c7", "×1O4", "+1e5", "+100000"]
)
@pytest.mark.parametrize("sheet", [LIGHT, DARK])
def test_a_power_of_ten_that_is_not_surely_read_is_no_silent_loss(power, sheet):
    plot = single([12, 31, 24, 40], sheet=sheet)
    plot.text(LEFT + 20, 68, power)
    with pytest.raises(CannotRead, match="power of ten"):
        read(plot)


@pytest.mark.parametrize("power", ["1e7", "×10³", "1e-5"])
@pytest.mark.parametrize("sheet", [LIGHT, DARK])
def test_print_at_the_end_of_the_axis_that_was_not_read_is_no_silent_loss(power, sheet):
    plot = single([12, 31, 24, 40], sheet=sheet)
    plot.text(LEFT + 10, 68, power)
    plot.lines.pop()
    with pytest.raises(CannotRead, match="end of the value axis"):
        read(plot)


@pytest.mark.parametrize("words", ["kWh", "Sales by town", "€", "in %", "2024: a record", "Mio. €"])
def test_words_at_the_end_of_the_axis_are_no_power(words):
    plot = single([12, 31, 24, 40])
    plot.text(LEFT + 10, 60, words)
    assert table(plot)["Rome"] == [pytest.approx(31, abs=0.8)]


@pytest.mark.parametrize(
    "words", ["Sales in thousands", "Mio. €", "Revenue (millions)", "in Tsd.", "£'000", "USD bn"]
)
def test_words_that_multiply_are_told(words):
    plot = single([12, 31, 24, 40])
    plot.text(LEFT + 40, 40, words)
    found = read_any_chart(plot.rgb, plot.lines)
    assert f"“{words}”" in found.how and "not multiplied" in found.how


def two(values, others, stacked, names=("plan", "actual"), legend=True) -> Plot:
    low = min(0, *others)
    plot = Plot(low, 100)
    ticks = [tick for tick in (-60, -40, -20, 0, 20, 40, 60, 80, 100) if tick >= low]
    plot.ticks([str(tick) for tick in ticks], ticks)
    plot.names(FRUIT)
    for i, (one, other) in enumerate(zip(values, others)):
        x = plot.middle(i, len(values))
        if stacked:
            plot.bar(x, 60, 0, one, COLOURS[0])
            plot.bar(
                x,
                60,
                one if other > 0 else 0,
                max(one, 0) + other if other > 0 else other,
                COLOURS[1],
            )
        else:
            plot.bar(x - 25, 50, 0, one, COLOURS[0])
            plot.bar(x + 25, 50, 0, other, COLOURS[1])
    if legend:
        plot.legend(names)
    return plot


@pytest.mark.parametrize("others, stacked", [
    ([25, 32, 34, 20], False), ([25, 32, 34, 20], True), ([-25, -32, -54, -20], True), ([25, -32, 34, -20], False),
])  # fmt: skip
@pytest.mark.parametrize("names", [("plan", "actual"), ("2023", "2024")])
def test_two_series(others, stacked, names):
    values = [20, 34, 30, 35]
    plot = two(values, others, stacked, names)
    assert read(plot).rows[0][1:] == names
    near = {
        n: [pytest.approx(a, abs=0.8), pytest.approx(b, abs=0.8)]
        for n, a, b in zip(FRUIT, values, others)
    }
    assert table(plot) == near


def test_series_without_names_are_numbered_and_that_is_told():
    found = read(two([20, 34, 30, 35], [25, 32, 34, 20], False, legend=False))
    assert found.rows[0][1:] == ("Series 1", "Series 2")
    assert "no legend was read, so the series are numbered" in found.how


@pytest.mark.parametrize("names", [("plan", "actual"), ("2023", "2024")])
def test_a_legend_whose_words_were_not_read_is_no_silent_loss(names):
    plot = two([20, 34, 30, 35], [25, 32, 34, 20], False, names)
    plot.lines = [line for line in plot.lines if line.text not in names]
    with pytest.raises(CannotRead, match="names in the legend could not be read"):
        read(plot)


def test_two_alternating_colours_are_no_series():
    plot = single([])
    for i, value in enumerate([30, 50, 40, 20]):
        plot.bar(plot.middle(i, 4), 60, 0, value, COLOURS[i % 2])
    assert table(plot) == {n: [pytest.approx(v, abs=0.5)] for n, v in zip(TOWNS, [30, 50, 40, 20])}


def test_values_have_the_digits_that_pixels_tell_apart():
    found = read(single([41.11, 20.37, 33.333, 7.77]))  # a pixel is 0.18
    assert all(len(row[1].partition(".")[2]) <= 1 for row in found.rows[1:])
    assert found.how.startswith("values measured on the axis, to about ±0.4")


def test_printed_values_are_taken_and_called_so():
    plot = single([41.1, 20.4, 33.3, 7.7])
    for i, value in enumerate([41.1, 20.4, 33.3, 7.7]):
        plot.text(plot.middle(i, 4), plot.y(value) - 14, f"{value}")
    assert [row[1] for row in read(plot).rows[1:]] == ["41.1", "20.4", "33.3", "7.7"]
    assert read(plot).how == "values as printed at the bars"


def _trend(plot: Plot) -> None:
    points = [(plot.middle(i, 4), plot.y(value)) for i, value in enumerate((22, 18, 30, 26))]
    plot.pen.line(points, "black", 3)


def _error_bars(plot: Plot) -> None:
    for i, value in enumerate((28, 41, 24, 50)):
        x, low, high = plot.middle(i, 4), plot.y(value - 5), plot.y(value + 5)
        plot.pen.line([(x, low), (x, high)], plot.sheet.ink, 2)
        for y in (low, high):
            plot.pen.line([(x - 7, y), (x + 7, y)], plot.sheet.ink, 2)


def _dashed_target(plot: Plot) -> None:
    for x in range(LEFT, RIGHT, 12):
        plot.pen.line([(x, plot.y(13)), (x + 7, plot.y(13))], "red", 2)


def _target(plot: Plot) -> None:
    plot.pen.line([(LEFT, plot.y(13)), (RIGHT, plot.y(13))], "red", 2)


def _unread_print(plot: Plot) -> None:
    plot.pen.text((plot.middle(3, 4), plot.y(25)), "n = 12", "white", font(16), "mm")


OVER = _trend, _error_bars, _dashed_target, _target, _unread_print


@pytest.mark.parametrize("draw", OVER, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("sheet", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_over_bars_are_told(draw, sheet):
    plot = single([28, 41, 24, 50], sheet=sheet)
    draw(plot)
    assert "drawn over the bars that is not in the table" in read(plot).how


def _grid(plot: Plot) -> None:
    for value in (20, 40, 60):
        plot.pen.line([(LEFT, plot.y(value)), (RIGHT, plot.y(value))], (225, 225, 225), 1)


def _dashed_grid(plot: Plot) -> None:
    for value in (20, 40, 60):
        for x in range(LEFT, RIGHT, 5):
            plot.pen.line([(x, plot.y(value)), (x + 2, plot.y(value))], (210, 210, 210), 1)
    for i in range(4):
        for y in range(TOP, FOOT, 5):
            plot.pen.line([(plot.middle(i, 4), y), (plot.middle(i, 4), y + 2)], (210, 210, 210), 1)


def _outlines(plot: Plot) -> None:
    for i, value in enumerate((28, 41, 24, 50)):
        x = plot.middle(i, 4)
        plot.pen.rectangle((x - 30, plot.y(value), x + 29, FOOT), outline="black", width=2)


def _values_inside(plot: Plot) -> None:
    for i, value in enumerate((28, 41, 24, 50)):
        plot.text(plot.middle(i, 4), plot.y(value) + 20, str(value))


@pytest.mark.parametrize("draw", [_grid, _dashed_grid, _outlines, _values_inside], ids=lambda draw: draw.__name__)  # fmt: skip
def test_grid_outlines_and_read_print_are_no_marks(draw):
    plot = single([28, 41, 24, 50])
    draw(plot)
    assert "drawn over" not in read(plot).how


@pytest.mark.parametrize("wrong, at", [("62", "Cairo: 24"), ("9", "Lima: 49.8")])
def test_a_printed_number_that_does_not_fit_its_bar_is_told(wrong, at):
    values = [28, 41, 24, 50]
    plot = single(values)
    for i, value in enumerate(values):
        is_wrong = at.startswith(TOWNS[i])
        plot.text(plot.middle(i, 4), plot.y(value) - 14, wrong if is_wrong else str(value))
    found = read(plot)
    assert f"at the bar “{at}” stands “{wrong}”" in found.how
    assert table(plot) == {n: [pytest.approx(v, abs=0.5)] for n, v in zip(TOWNS, values)}


def _twin():
    plot = single([12, 31, 24, 40])
    plot.ticks(["0", "1", "2", "3"], [0, 20, 40, 60], x=775)
    return plot


def _waterfall():
    plot = single([])
    for i, (start, end) in enumerate(((0, 50), (50, 35), (35, 55), (55, 20))):
        plot.bar(plot.middle(i, 4), 60, start, end)
    return plot


def _flat_waterfall():
    """Its steps are so low that each looks like the swatch of a legend."""
    plot = single([])
    for i, (start, end) in enumerate(((0, 50), (50, 53), (53, 58), (0, 58))):
        plot.bar(plot.middle(i, 4), 130, start, end, COLOURS[i in (1, 2)])
    return plot


def _logarithmic():
    return single([10, 35, 52, 24], write=lambda tick: str(10 ** (tick // 20)))


def _ambiguous():
    return single(
        [12, 31, 24, 40],
        ticks=(0.5, 20, 40, 60),
        write=lambda t: {0.5: "", 20: "1.500", 40: "3.000", 60: "4.500"}[t],
    )


def _unnamed_stack():
    return two([20, 34, 30, 35], [25, 32, 34, 20], True, legend=False)


def _legend_with_a_line():
    plot = two([20, 34, 30, 35], [25, 32, 34, 20], False)
    plot.text(808, 166, "target", "lm")
    return plot


def _covered():
    plot = single([12, 31, 24, 58])
    plot.pen.rectangle((600, 80, 760, 180), (150, 90, 90))
    return plot


def _cut_off():
    plot = single([12, 60, 24, 40])
    plot.pen.rectangle((LEFT, plot.y(60) - 2, 760, FOOT), outline="black", width=2)
    return plot


def _without_a_name():
    plot = single([12, 31, 24, 40])
    (rome,) = (line for line in plot.lines if line.text == "Rome")
    plot.lines.remove(rome)
    plot.pen.rectangle((*rome.quad[0], *rome.quad[2]), "white")
    return plot


def _named_twice():
    return single([12, 31, 24, 40], ["Oslo", "Rome", "Oslo", "Lima"])


@pytest.mark.parametrize("draw, reason", [
    (_twin, "two value axes"), (_waterfall, "line of the others|something covers"), (_flat_waterfall, "line of the others"), (_logarithmic, "logarithmic"),
    (_ambiguous, "thousands or decimals"), (_unnamed_stack, "no legend"), (_legend_with_a_line, "colour is that of no bar"),
    (_covered, "covers|line of the others"), (_cut_off, "cut off"), (_without_a_name, "label"), (_named_twice, "one name"),
])  # fmt: skip
def test_what_is_not_certain_is_refused(draw, reason):
    with pytest.raises(CannotRead, match=reason):
        read(draw())


@pytest.mark.parametrize("count", [0, 1, 12])
def test_slivers_alone_are_laid_out_without_bars(count):
    slivers = [Rectangle(20 * i, 100, 20 * i + 12, 104, 1) for i in range(count)]
    assert len(lay_out(slivers, False).stacks) == count

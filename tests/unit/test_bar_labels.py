"""Labels that OCR joined, missed or invented, and lines near them, do not make a bar chart's table wrong."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.support.chart_pictures import BLUE, DARK, GREEN, LIGHT, ORANGE, font
from tests.support.plots import FOOT, LEFT, RIGHT, Plot
from vlm_backends.engines.builtin.charts import axes, bar_charts, short_labels
from vlm_backends.engines.builtin.charts.alignment import line_of
from vlm_backends.engines.builtin.charts.bar_ends import exact_end
from vlm_backends.engines.builtin.charts.bars import Rectangle
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.ocr import TextLine

TICKS = (0, 20, 40, 60)


@pytest.fixture(autouse=True)
def no_second_reading(monkeypatch):
    """Where print is in doubt the whole picture is read again: here that finds nothing more."""
    monkeypatch.setattr(bar_charts.ocr, "read_lines", lambda *_: [])


def plot_of(values, names=(), sheet=LIGHT) -> Plot:
    plot = Plot(min(0, *values), 60, sheet)
    plot.ticks([str(tick) for tick in TICKS], TICKS)
    plot.names(names)
    plot.bars(values)
    return plot


def table(plot: Plot) -> dict[str, list[float]]:
    rows = bar_charts.read_bar_chart(plot.rgb, plot.lines).rows[1:]
    return {row[0]: [axes.number(cell) for cell in row[1:]] for row in rows}


def about(names, values) -> dict:
    return {name: [pytest.approx(value, abs=1)] for name, value in zip(names, values)}


@pytest.mark.parametrize("names, title, size", [
    (["Mar", "Apr", "May"], "Region", 18), (["Oslo", "Rome", "Lima"], "City", 20),
    (["2021", "2022", "2023", "2024", "2025"], "Year", 16),
])  # fmt: skip
@pytest.mark.parametrize("sheet", [LIGHT, DARK])
def test_the_name_of_the_axis_is_no_part_of_the_middle_label(names, title, size, sheet):
    values = [55, 20, 33, 12, 48][: len(names)]
    plot = plot_of(values, names, sheet)
    plot.text((LEFT + RIGHT) / 2, FOOT + 39, title, size=size)
    assert table(plot) == about(names, values)


@pytest.mark.parametrize("names, title", [
    (["Tea", "Coffee and cocoa", "Milk"], "not sold"), (["Figs", "Everything that is", "Plums"], "left over"),
    (["Oats", "Rye", "Wheat"], "bread"),
])  # fmt: skip
def test_a_line_that_may_be_either_is_in_doubt(names, title):
    plot = plot_of([55, 20, 33], names)
    plot.text((LEFT + RIGHT) / 2, FOOT + 36, title)
    with pytest.raises(CannotRead, match="may name the axis"):
        table(plot)


def joined(plot: Plot, names, text: str) -> None:
    """Give the names as one line, in which blanks may be lost, each letter where it stands."""
    middles = [plot.middle(i, len(names)) for i in range(len(names))]
    places = []
    for name, middle in zip(names, middles):
        plot.pen.text((middle, FOOT + 22), name, plot.sheet.ink, font(18), "mm")
        width = font(18).getlength(name)
        places += [middle - width / 2 + font(18).getlength(name[:i]) + font(18).getlength(name[i]) / 2
                   for i in range(len(name))]  # fmt: skip
    left, right = places[0] - 6, places[-1] + 6
    letters = iter(places)
    stops, last = [], places[0]
    for char in text:
        last = last + 5 if char == " " else next(letters)
        stops.append((last - left) / (right - left))
    quad = ((left, FOOT + 10), (right, FOOT + 10), (right, FOOT + 34), (left, FOOT + 34))
    plot.lines.append(TextLine(text, 1.0, quad, 0, tuple(stops)))


@pytest.mark.parametrize("names, text", [
    (["Lima", "South", "Tokyo", "Perth", "Oslo", "Rome", "Madrid"], "Lima South Tokyo Perth Oslo Rome Madrid"),
    (["Kiwis", "Water", "Bread", "Health", "Transport", "Nuclear", "Tea"], "Kiwis Water Bread Health TransportNuclear Tea"),
    (["Mamma", "Willi", "Summit", "Illinois", "Commerce", "Lyon"], "MammaWilliSummitIllinoisCommerceLyon"),
])  # fmt: skip
def test_labels_that_were_joined_are_parted_where_the_bars_are(names, text):
    values = [12, 50, 31, 44, 8, 27, 55][: len(names)]
    plot = plot_of(values)
    joined(plot, names, text)
    assert table(plot) == about(names, values)


@pytest.mark.parametrize("stroke", ["1", "l", "|", "L", "-"])
@pytest.mark.parametrize("between", [0, 1, 2])
def test_a_tick_that_was_read_as_a_letter_is_left_out(stroke, between):
    names, values = ["Jan", "Feb", "Mar", "Apr"], [12, 50, 31, 44]
    plot = plot_of(values, names)
    x = (plot.middle(between, 4) + plot.middle(between + 1, 4)) / 2
    plot.lines.append(TextLine(stroke, 0.9, ((x - 4, FOOT + 8), (x + 4, FOOT + 8), (x + 4, FOOT + 30), (x - 4, FOOT + 30))))  # fmt: skip
    assert table(plot) == about(names, values)


def test_numbers_that_name_the_bars_are_no_strokes():
    plot = plot_of([12, 50, 31], ["1", "2", "3"])
    assert table(plot) == about("123", [12, 50, 31])


def slanted(plot: Plot, names, angle: float, size: int = 18) -> None:
    """Draw the names aslant, degrees counterclockwise; they are missing in the print that is given."""
    for i, name in enumerate(names):
        stamp = Image.new("L", (160, 160))
        ImageDraw.Draw(stamp).text((80, 80), name, 255, font(size), "mm")
        stamp = stamp.rotate(angle, Image.Resampling.BICUBIC)
        plot.image.paste(plot.sheet.ink, (round(plot.middle(i, len(names))) - 80, FOOT + 28 - 80), stamp)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("names, angle", [
    (["Q1", "Q2", "Q3", "Q4"], 45), (["Q1", "Q2", "Q3", "Q4"], 30), (["Mon", "Tue", "Wed"], -45),
    (["A1", "B2", "C3"], 90), (["Jan", "Feb", "Mar", "Apr", "May"], 0),
])  # fmt: skip
@pytest.mark.parametrize("sheet", [LIGHT, DARK])
def test_short_labels_that_were_missed_are_read_one_by_one(names, angle, sheet):
    values = [55, 20, 33, 12, 48][: len(names)]
    plot = plot_of(values, sheet=sheet)
    slanted(plot, names, angle)
    assert table(plot) == about(names, values)


@pytest.mark.slow
@pytest.mark.parametrize("names, angle", [
    (["Рост", "Сок", "Вес"], 0), (["Köln", "Łódź", "Århus"], 0), (["Đà", "Huế", "Vĩnh"], 0), (["6", "8", "9"], 90),
    (["Осло", "Рим"], 45),
])  # fmt: skip
def test_what_may_be_misread_is_not_taken_from_one_angle(names, angle):
    plot = plot_of([55, 20, 33][: len(names)])
    slanted(plot, names, angle)
    with pytest.raises(CannotRead, match="label"):
        table(plot)


def pairs(values, names=()) -> Plot:
    """Draw two thin bars a category."""
    plot = Plot(0, 60)
    plot.ticks([str(tick) for tick in TICKS], TICKS)
    for i, (one, other) in enumerate(values):
        plot.bar(plot.middle(i, len(values)) - 11, 20, 0, one, BLUE)
        plot.bar(plot.middle(i, len(values)) + 11, 20, 0, other, GREEN)
    plot.names(names)
    for i, (name, colour) in enumerate((("North", BLUE), ("South", GREEN))):
        plot.pen.rectangle((780, 100 + 30 * i, 800, 112 + 30 * i), colour)
        plot.text(808, 106 + 30 * i, name, "lm")
    return plot


@pytest.mark.slow
def test_outer_labels_of_thin_bars_are_read_whole():
    plot = pairs([(30, 20), (44, 51), (12, 25)])
    names = ["Norway", "Germany", "Sweden"]
    slanted(plot, names, 0)
    assert list(table(plot)) == names


@pytest.mark.slow
def test_labels_of_two_words_are_not_cut_into_one_for_each_bar():
    plot = Plot(0, 60)
    plot.ticks([str(tick) for tick in TICKS], TICKS)
    for i in range(4):
        for aside in (-22, 22):
            plot.bar(plot.middle(i, 4) + aside, 40, 0, 30 + 6 * i + aside / 4)
    plot.names(["New York", "Los Angeles", "San Diego", "Las Vegas"])
    with pytest.raises(CannotRead):
        table(plot)


def test_joined_labels_of_two_words_do_not_become_twice_as_many():
    words = ["Mineral", "Water", "Orange", "Juice", "Green", "Tea", "Red", "Wine", "White", "Beer"]
    plot = plot_of([12, 50, 31, 44, 8])
    joined(plot, words, " ".join(words))
    with pytest.raises(CannotRead):
        table(plot)


def test_the_number_of_a_name_is_no_stroke():
    plot = plot_of([12, 50, 31, 44, 8])
    for i in range(5):
        plot.text(plot.middle(i, 5) - 6, FOOT + 22, "Phase")
        plot.text(plot.middle(i, 5) + 30, FOOT + 22, str(i + 1))
    with pytest.raises(CannotRead):
        table(plot)


@pytest.mark.parametrize("title, is_refused", [("Average score", False), ("Trend", True)])
def test_a_title_below_a_legend_in_one_row_is_no_name_of_it(title, is_refused):
    plot = Plot(0, 60)
    plot.ticks([str(tick) for tick in TICKS], TICKS)
    plot.names(["Oslo", "Rome", "Lima"])
    for i, (one, other) in enumerate(((30, 20), (44, 51), (12, 25))):
        plot.bar(plot.middle(i, 3) - 25, 46, 0, one, BLUE)
        plot.bar(plot.middle(i, 3) + 25, 46, 0, other, GREEN)
    left = 380 if title == "Average score" else 180  # the second is another entry of the legend
    for x, name, colour in ((left, "North", BLUE), (left + 150, "South", GREEN)):
        plot.pen.rectangle((x - 30, 20, x - 8, 32), colour)
        plot.text(x, 26, name, "lm")
    plot.text(left, 56, title, "lm")
    if is_refused:
        with pytest.raises(CannotRead, match="colour is that of no bar"):
            table(plot)
    else:
        assert list(table(plot)) == ["Oslo", "Rome", "Lima"]


@pytest.mark.parametrize("place", [(640, 26), (130, 26)])
@pytest.mark.parametrize("colours", [(GREEN, ORANGE), (ORANGE, GREEN, (150, 60, 160))])
def test_a_legend_of_colours_that_no_bar_has_is_no_silent_loss(colours, place):
    """The bars that it names are hidden, or were not seen."""
    plot = plot_of([55, 20, 33], ["Oslo", "Rome", "Lima"])
    left, top = place
    for i, colour in enumerate(colours):
        plot.pen.rectangle((left, top + 24 * i - 6, left + 22, top + 24 * i + 6), colour)
        plot.text(left + 32, top + 24 * i, ("North", "South", "East")[i], "lm")
    with pytest.raises(CannotRead, match="colours that no bar has"):
        table(plot)


def test_a_swatch_where_the_bars_begin_is_no_bar():
    plot = Plot(0, 60)
    image, pen = plot.image, plot.pen
    for i, tick in enumerate(TICKS):
        plot.text(150 + 180 * i, 470, str(tick))
    for i, (one, other) in enumerate(((30, 20), (44, 51), (12, 25))):
        y = 130 + 110 * i
        pen.rectangle((150, y, 150 + 9 * one, y + 29), BLUE)
        pen.rectangle((150, y + 32, 150 + 9 * other, y + 61), GREEN)
        plot.text(140, y + 31, ("Oslo", "Rome", "Lima")[i], "rm")
    for x, name, colour in ((150, "North", BLUE), (350, "South", GREEN)):
        pen.rectangle((x, 60, x + 21, 81), colour)
        plot.text(x + 30, 71, name, "lm")
    assert image.size == (900, 500)
    assert table(plot) == {
        "Oslo": [pytest.approx(30, abs=1), pytest.approx(20, abs=1)],
        "Rome": [pytest.approx(44, abs=1), pytest.approx(51, abs=1)],
        "Lima": [pytest.approx(12, abs=1), pytest.approx(25, abs=1)],
    }


@pytest.mark.parametrize("slope, said", [
    (1e-10, "±0.0000000002"), (0.1, "±0.2"), (13.3, "±30"), (2.5, "±5"), (130, "±300"),
])  # fmt: skip
def test_the_error_is_told_with_one_digit_however_small(slope, said):
    assert axes.accuracy(axes.Axis(slope, 0.0).error) == f"to about {said}"


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_label_that_is_not_there_is_not_made_up(lost):
    plot = plot_of([55, 20, 33, 12])
    names = ["Q1", "Q2", "Q3", "Q4"]
    names[lost] = " "
    slanted(plot, names, 45)
    with pytest.raises(CannotRead, match="label"):
        table(plot)


def test_slivers_along_the_axis_are_no_bars():
    values = [55, 20, 33, 12]
    plot = plot_of(values, ["Oslo", "Rome", "Cairo", "Lima"])
    for i in range(3):  # more than the bars
        left = plot.middle(i, 4) + 34
        for x in (left, left + 33, left + 66):
            plot.pen.rectangle((x, FOOT - 2, x + 27, FOOT + 1), (190, 200, 215))
    assert table(plot) == about(["Oslo", "Rome", "Cairo", "Lima"], values)


def test_bars_stand_where_they_end_though_all_have_a_joint_at_one_height():
    plot = Plot(0, 60)
    plot.ticks(["0", "20", "40", "60"], TICKS)
    plot.names(["Oslo", "Rome", "Lima"])
    plot.bars([30, 30, 30])
    plot.bars([24, 8, 15], starts=[30, 30, 30], colour=GREEN)
    for i, (name, colour) in enumerate((("Wind", BLUE), ("Hydro", GREEN))):
        plot.pen.rectangle((780, 100 + 30 * i, 800, 112 + 30 * i), colour)
        plot.text(808, 106 + 30 * i, name, "lm")
    found = table(plot)
    assert {name: row[0] + row[1] for name, row in found.items()} == {
        name: pytest.approx(total, abs=1) for name, total in (("Oslo", 54), ("Rome", 38), ("Lima", 45))
    }  # fmt: skip
    assert [row[0] for row in found.values()] == [pytest.approx(30, abs=1)] * 3


@pytest.mark.parametrize("shift", [5, 9, -7])
def test_labels_beside_their_ticks_at_the_ends_do_not_tilt_the_axis(shift):
    ticks = range(0, 70, 10)
    points = [axes.AxisLabel(400 - 5 * tick, str(tick), 18) for tick in ticks]
    points[0] = axes.AxisLabel(400 + shift, "0", 18)
    points[-1] = axes.AxisLabel(100 - shift, "60", 18)
    axis = axes.fit_labels(points)
    assert (
        axis
        and axis.pixel(0) == pytest.approx(400, abs=0.3)
        and axis.pixel(60) == pytest.approx(100, abs=0.3)
    )


@pytest.mark.parametrize("count, aside", [(5, 1), (5, 3), (6, 1), (6, 4), (7, 5)])
@pytest.mark.parametrize("shift", [3, -3.4])
def test_a_label_between_others_that_stands_aside_takes_the_ends_off_no_axis(count, aside, shift):
    """Nothing tells then which labels stand at their ticks: all of them count."""
    pixels, values = 400 - 50.0 * np.arange(count), 10.0 * np.arange(count)
    moved = pixels + shift * (np.arange(count) == aside)
    slope, offset = line_of(moved, values)
    assert abs(slope * pixels + offset - values).max() / abs(slope) < 1.5  # px


@pytest.mark.parametrize("top", [100.0, 100.3, 100.5, 100.8])
@pytest.mark.parametrize(
    "ground, bar", [((255, 255, 255), (40, 90, 200)), ((20, 20, 24), (240, 180, 40))]
)
def test_the_end_of_a_bar_is_measured_to_a_part_of_a_pixel(top, ground, bar):
    picture = np.empty((300, 200, 3), np.uint8)
    picture[:] = ground
    picture[101:200, 50:100] = bar
    picture[100, 50:100] = np.array(bar) * (101 - top) + np.array(ground) * (top - 100)
    sharp = Image.fromarray(picture)
    soft = [sharp.filter(ImageFilter.GaussianBlur(radius)) for radius in (0.7, 1.2)]
    for seen, within in ((sharp, 0.1), (soft[0], 0.3), (soft[1], 0.3), (as_jpeg(sharp), 0.7)):
        pixels = np.asarray(seen)
        for given in (99, 100, 101, 102):
            end = exact_end(pixels, Rectangle(50, given, 100, 200, 1), True)
            assert end == pytest.approx(top, abs=within)
        end = exact_end(pixels, Rectangle(50, 100, 100, 199, 1), False)
        assert end == pytest.approx(200, abs=within)


def as_jpeg(image: Image.Image) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=60)
    return Image.open(data).convert("RGB")


@pytest.mark.parametrize("ticks, joined", [
    ((0, 20, 40, 60), ["0", "20", "40 60"]), ((0, 500, 1000), ["0", "500 1000"]), ((0, 100, 200, 300), ["0", "100", "200 300"]), ((0, 500, 1000), ["0", "500", "1 000"]),
])  # fmt: skip
def test_two_numbers_of_a_lying_axis_in_one_piece_are_two(ticks, joined):
    step = axes.usual_step([str(tick) for tick in ticks])
    parts = [part.text for text in joined for part in bar_charts._numbers_apart(_box(text), step)]
    assert parts == (joined if "1 000" in joined else [str(tick) for tick in ticks])


@pytest.mark.parametrize("text, step, parts", [
    ("500 500", 0.0, ["500 500"]), ("500 500", 500.0, ["500 500"]), ("0,5 1,0", 0.0, ["0,5", "1,0"]), ("12.5 13.1", 0.6, ["12.5", "13.1"]),
    ("1 500", 500.0, ["1 500"]), ("260 280", 20.0, ["260", "280"]), ("260 280", 100.0, ["260 280"]), ("7", 1.0, ["7"]),
])  # fmt: skip
def test_numbers_with_a_blank_are_parted_by_the_step_of_the_others(text, step, parts):
    assert [part.text for part in bar_charts._numbers_apart(_box(text), step)] == parts


def _box(text: str):
    return bar_charts.to_print_box(TextLine(text, 1.0, ((10, 10), (10 + 12 * len(text), 10), (10 + 12 * len(text), 30), (10, 30))))  # fmt: skip


@pytest.mark.parametrize("heights, kept", [
    ([(0, 12), (15, 14)], 2),  # the digit and the letter of an upright "Q1"
    ([(0, 12), (18, 12)], 1), ([(0, 14)], 1), ([(0, 10), (13, 12), (30, 12)], 2), ([(0, 4), (9, 12)], 1),
])  # fmt: skip
def test_the_first_row_of_labels_ends_where_a_line_does(heights, kept):
    inked = [np.arange(top, top + height) for top, height in heights]
    row = short_labels._first_row(np.concatenate(inked))
    assert row.tolist() == np.concatenate(inked[:kept]).tolist()

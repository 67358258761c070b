"""The names in a chart's table are the printed ones, or they are told as unsure; the first reading is given."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.support.chart_pictures import DARK, LIGHT
from tests.support.plots import Plot
from vlm_backends.engines.builtin.charts.readings import read_any_chart

NAMES = ["Nuclear", "Dallas", "Illinois", "Comic"]


def chart(names, sheet=LIGHT) -> Plot:
    plot = Plot(0, 60, sheet)
    plot.ticks(["0", "20", "40", "60"], (0, 20, 40, 60))
    plot.names(names)
    plot.bars([12, 31, 24, 40][: len(names)])
    return plot


def misread(plot: Plot, pairs: dict[str, str]) -> Plot:
    plot.lines = [replace(one, text=pairs.get(one.text, one.text)) for one in plot.lines]
    return plot


def smeared(plot: Plot, name: str) -> np.ndarray:
    """The picture, whose print of this name is too coarse to be read."""
    line = next(line for line in plot.lines if line.text == name)
    (x0, y0), _, (x1, y1), _ = line.quad
    box = round(x0) - 4, round(y0) - 4, round(x1) + 4, round(y1) + 4
    part = plot.image.crop(box)
    small = part.resize((part.width // 4, part.height // 4), Image.Resampling.BILINEAR)
    image = plot.image.copy()
    image.paste(small.resize(part.size, Image.Resampling.BICUBIC), box)
    return np.asarray(image)


def names_of(table) -> list[str]:
    return [row[0] for row in table.rows[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("sheet", [LIGHT, DARK])
@pytest.mark.parametrize("read, printed", [
    ("Nuciear", "Nuclear"), ("Dailas", "Dallas"), ("Comie", "Comic"), ("0maha", "Omaha"),
    ("South Korca", "South Korea"),
])  # fmt: skip
def test_a_misread_name_is_mended_where_the_enlarged_print_is_sure(read, printed, sheet):
    names = ["Oslo", printed, "Zagreb"]
    plot = misread(chart(names, sheet), {printed: read})
    found = read_any_chart(plot.rgb, plot.lines)
    assert names_of(found) == names and "unsure" not in found.how
    assert found.labels[1].startswith(f"{printed}: ")


def test_names_that_are_read_alike_are_left_and_nothing_is_told():
    plot = chart(NAMES)
    found = read_any_chart(plot.rgb, plot.lines)
    assert names_of(found) == NAMES and "unsure" not in found.how


@pytest.mark.parametrize("names, unsure", [
    (["May", "jul", "Aug", "Oct"], "jul"), (["North", "Lima", "Oslo", "kiev"], "kiev"),
    (["apples", "plums", "kiwis"], ""), (["Salt and sugar", "Oil", "Rice"], ""),
])  # fmt: skip
def test_a_small_letter_that_may_be_a_capital_is_told_beside_capitals(names, unsure):
    """In rotated labels s, j and others come out small where capitals are printed."""
    plot = chart(names)
    how = read_any_chart(plot.rgb, plot.lines).how
    assert f"the name “{unsure}” is unsure" in how if unsure else "unsure" not in how


@pytest.mark.parametrize("mark", [" .", " ·", " '"])
@pytest.mark.parametrize("names", [["2017", "2018", "2019"], ["Oslo", "Rome", "Zagreb"]])
def test_a_tick_behind_a_label_is_no_part_of_the_name(names, mark):
    plot = misread(chart(names), {names[1]: names[1] + mark})
    found = read_any_chart(plot.rgb, plot.lines)
    assert names_of(found) == names and found.labels[1].startswith(f"{names[1]}: ")


@pytest.mark.parametrize("name", ["Nuclear", "Dallas", "Illinois"])
def test_a_name_too_coarse_to_be_read_twice_alike_is_told(name):
    plot = chart(NAMES)
    found = read_any_chart(smeared(plot, name), plot.lines)
    assert f"the name “{name}” is unsure" in found.how
    assert all(f"“{other}”" not in found.how for other in NAMES if other != name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lllinois", "0maha", "1taly", "DaIlas", "B0ston"])
def test_letters_that_look_alike_are_told_where_others_would_be_usual(name):
    plot = chart(["Oslo", name, "Zagreb"])  # so it is printed, and so it is read
    found = read_any_chart(plot.rgb, plot.lines)
    assert "unsure" in found.how or names_of(found)[1] != name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Q1", "H2O", "10th", "1st", "Type1", "A1"])
def test_usual_names_with_such_letters_are_not_doubted(name):
    plot = chart(["Oslo", name, "Zagreb"])
    found = read_any_chart(plot.rgb, plot.lines)
    assert names_of(found)[1] == name and "unsure" not in found.how


@pytest.mark.parametrize("read, printed", [("2008.", "2008"), ("2019:", "2019")])
def test_a_tick_that_is_read_with_a_year_is_left_out(read, printed):
    plot = misread(chart(["2007", printed, "2031"]), {printed: read})
    assert names_of(read_any_chart(plot.rgb, plot.lines)) == ["2007", printed, "2031"]


def test_a_point_that_is_read_with_a_name_is_left_out():
    plot = misread(chart(["Oslo", "Berlin", "Zagreb"]), {"Berlin": "Berlin•"})
    assert names_of(read_any_chart(plot.rgb, plot.lines)) == ["Oslo", "Berlin", "Zagreb"]


def test_a_series_is_mended_like_a_category():
    plot = Plot(0, 60)
    plot.ticks(["0", "20", "40", "60"], (0, 20, 40, 60))
    plot.names(["Oslo", "Rome", "Lima"])
    for i, (one, other) in enumerate(((20, 30), (40, 15), (10, 50))):
        x = plot.middle(i, 3)
        plot.bar(x - 25, 50, 0, one)
        plot.bar(x + 25, 50, 0, other, (225, 120, 40))
    plot.legend(["Retail", "Online"])
    misread(plot, {"Retail": "Retaii"})
    assert read_any_chart(plot.rgb, plot.lines).rows[0] == ("", "Retail", "Online")

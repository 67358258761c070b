"""Powers and footnotes that the OCR read level are told as unsure; plain digits are not."""

from dataclasses import replace

import pytest
from PIL import ImageDraw

from tests.support.chart_pictures import font
from tests.support.table_pictures import DARK, LIGHT, Look, Page, table
from vlm_backends.engines.builtin.documents import find_tables

ROWS = [
    ["Town", "Area", "Count"],
    ["Oslo", "454 km", "13"],
    ["Bergen", "465 km", "280"],
    ["Narvik", "2023 km", "-98.5%"],
    ["Bodo", "1395 km", "1,495"],
]


def raise_digit(page: Page, text: str, digit: str, share: float, size: int) -> None:
    """Print a small digit behind a text, high, and have the OCR read it as one of the text's."""
    at = next(i for i, line in enumerate(page.lines) if line.text == text)
    line = page.lines[at]
    (left, top), (right, _), (_, foot), _ = line.quad
    small = font(round(share * size))
    ImageDraw.Draw(page.image).text(
        (right + 2, (top + foot) / 2 - 0.1 * size), digit, page.sheet.ink, small, "lb"
    )
    wide = right + 2 + small.getlength(digit)
    middle = (right + wide) / 2
    stops = (
        *(stop * (right - left) / (wide - left) for stop in line.stops),
        (middle - left) / (wide - left),
    )
    quad = (left, top), (wide, top), (wide, foot), (left, foot)
    page.lines[at] = replace(line, text=text + digit, quad=quad, stops=stops)


@pytest.mark.parametrize("sheet", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("size", [16, 22, 40])
@pytest.mark.parametrize("share", [0.5, 0.62, 0.7])
@pytest.mark.parametrize("digit", list("123"))
def test_a_raised_digit_makes_its_cell_unsure(sheet, size, share, digit):
    page = table(ROWS, Look("level", "l", sheet, size, apart=4 * size))
    raise_digit(page, "13", digit, share, size)
    (one,) = find_tables(page.rgb, page.lines)
    assert one.unsure == (f"13{digit}",)


@pytest.mark.parametrize("sheet", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("size", [12, 16, 22, 40])
@pytest.mark.parametrize("rules", ["all", "none", "stripes"])
def test_plain_digits_are_sure(sheet, size, rules):
    rows = [["", *(f"Week {n}" for n in range(1, 5))]]
    rows += [
        [name, *(f"{n}{k}{9 - n},{k}9{n}.{n}" for n in range(1, 5))]
        for k, name in enumerate(("Rye", "Oats", "Corn", "Rice"))
    ]
    page = table(rows, Look(rules, "r", sheet, size, apart=4 * size))
    (one,) = find_tables(page.rgb, page.lines)
    assert one.unsure == ()

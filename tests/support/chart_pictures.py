"""Draws the charts of the tests with Pillow alone, from known values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_FONT = Path(__file__).parents[2] / "vlm_backends" / "media" / "fonts" / "DejaVuSans.ttf"
BLUE, ORANGE, GREEN, GREY = (31, 90, 160), (225, 120, 40), (60, 140, 80), (200, 205, 210)
LEFT, RIGHT, TOP, FOOT = 110, 860, 120, 500  # px: the plot within 900 x 600


@dataclass(frozen=True)
class Sheet:
    """The colours of a chart."""

    ground: tuple[int, int, int] = (255, 255, 255)
    ink: tuple[int, int, int] = (30, 40, 50)


LIGHT, DARK = Sheet(), Sheet((24, 28, 34), (230, 232, 236))


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONT, size)


def page(title: str, sheet: Sheet = LIGHT) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (900, 600), sheet.ground)
    pen = ImageDraw.Draw(image)
    pen.text((450, 40), title, sheet.ink, font(30), "mm")
    return image, pen


def vertical(title: str, series: Mapping[str, Sequence[float]], names: Sequence[str], ticks: Sequence[float],
             *, sheet: Sheet = LIGHT, unit: str = "", labels: bool = False, axis: bool = True) -> Image.Image:  # fmt: skip
    """Draw groups of vertical bars, one colour a series, with a legend when there are several."""
    image, pen = page(title, sheet)
    colours = [BLUE, ORANGE, GREEN][: len(series)]
    pitch = (RIGHT - LEFT) / len(names)
    width = 0.7 * pitch / len(series)
    for tick in ticks if axis else ():
        y = _level(tick, ticks)
        pen.line((LEFT, y, RIGHT, y), GREY, 1)
        pen.text((LEFT - 12, y), f"{tick:g}{unit}", sheet.ink, font(20), "rm")
    for i, name in enumerate(names):
        start = LEFT + (i + 0.15) * pitch
        pen.text((LEFT + (i + 0.5) * pitch, FOOT + 26), name, sheet.ink, font(20), "mm")
        for k, (colour, values) in enumerate(zip(colours, series.values())):
            x, y = start + k * width, _level(values[i], ticks)
            pen.rectangle((round(x), round(y), round(x + width) - 2, FOOT), colour)
            if labels:
                pen.text((x + width / 2, y - 14), f"{values[i]:g}{unit}", sheet.ink, font(18), "mm")
    if len(series) > 1:
        for k, (colour, name) in enumerate(zip(colours, series)):
            pen.rectangle((160 + 220 * k, 75, 184 + 220 * k, 93), colour)
            pen.text((196 + 220 * k, 84), name, sheet.ink, font(20), "lm")
    return image


def horizontal(title: str, values: Mapping[str, float]) -> Image.Image:
    """Draw horizontal bars from an axis at the left, each with its value printed at its end."""
    image, pen = page(title)
    for i, (name, value) in enumerate(values.items()):
        y = 110 + 460 * i / len(values)
        pen.text((200, y + 20), name, LIGHT.ink, font(22), "rm")
        end = 220 + 560 * value / max(values.values())
        pen.rectangle((220, y, end, y + 40), GREEN)
        pen.text((end + 10, y + 20), f"{value:g}", LIGHT.ink, font(22), "lm")
    return image


def line_chart() -> Image.Image:
    """Draw the axes and labels of a bar chart, with one line instead of bars."""
    image = vertical("Rain", {"mm": [0] * 4}, ["Mon", "Tue", "Wed", "Thu"], [0, 10, 20, 30])
    points = [(200, 420), (390, 250), (580, 310), (770, 160)]
    ImageDraw.Draw(image).line(points, BLUE, 4)
    return image


def pie() -> Image.Image:
    image, pen = page("Share of rides")
    for start, end, colour in ((0, 150, BLUE), (150, 260, ORANGE), (260, 360, GREEN)):
        pen.pieslice((270, 120, 630, 480), start, end, colour)
    for x, y, text in ((700, 380, "Bus 42%"), (180, 400, "Tram 30%"), (640, 130, "Bike 28%")):
        pen.text((x, y), text, LIGHT.ink, font(22), "mm")
    return image


def stacked() -> Image.Image:
    image = vertical(
        "Energy", {"Solar": [20, 25, 28, 18]}, ["Q1", "Q2", "Q3", "Q4"], [0, 10, 20, 30, 40]
    )
    pen, pitch = ImageDraw.Draw(image), (RIGHT - LEFT) / 4
    for i, (low, high) in enumerate(((20, 31), (25, 36), (28, 33), (18, 29))):
        x = LEFT + (i + 0.15) * pitch
        box = round(x), _level(high, (0, 40)), round(x + 0.7 * pitch) - 2, _level(low, (0, 40)) - 1
        pen.rectangle([round(v) for v in box], ORANGE)
    return image


def _level(value: float, ticks: Sequence[float]) -> float:
    return FOOT - (FOOT - TOP) * (value - ticks[0]) / (ticks[-1] - ticks[0])

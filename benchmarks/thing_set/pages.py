"""Draws pages with nothing on them but print, lines and patches of colour, by seed."""

import random

import numpy as np
from PIL import Image, ImageDraw

from benchmarks._pictures import _font, _lines

_PAPERS = "white", "#f4efe4", "#e8eef5", "#1e1e22", "#fff7d6"
_TONES = "#1f77b4", "#d62728", "#2ca02c", "#8c564b", "#555555"


def page(seed: int) -> np.ndarray:
    """Return a letter, a form, a table, a receipt or an application's window (H×W×3, uint8)."""
    dice = random.Random(seed)
    size = dice.randint(500, 1400), dice.randint(500, 1600)
    paper = dice.choice(_PAPERS)
    image = Image.new("RGB", size, paper)
    draw = dice.choice((_letter, _form, _table, _receipt, _window))
    draw(ImageDraw.Draw(image), size, "white" if paper == "#1e1e22" else "black", dice)
    return np.asarray(image)


def _letter(pen: ImageDraw.ImageDraw, size: tuple[int, int], ink: str, dice: random.Random) -> None:
    letter = dice.randint(14, 30)
    lines = _lines(max(20, int(size[0] * 1.5 / letter)))
    start = dice.randrange(50)
    pen.text((60, 40), lines[start][:30].title(), font=_font(letter * 2), fill=ink)
    for i, y in enumerate(range(60 + letter * 4, size[1] - 60, int(letter * 1.5))):
        if i % 9 != 8:
            pen.text((60, y), lines[start + i], font=_font(letter), fill=ink)


def _form(pen: ImageDraw.ImageDraw, size: tuple[int, int], ink: str, dice: random.Random) -> None:
    words = dice.choice(_lines(300)).split()
    for i, y in enumerate(range(50, size[1] - 60, 64)):
        pen.text((40, y), words[i % len(words)].title(), font=_font(20), fill=ink)
        pen.rectangle((size[0] // 3, y - 6, size[0] - 40, y + 34), outline=ink, width=2)


def _table(pen: ImageDraw.ImageDraw, size: tuple[int, int], ink: str, dice: random.Random) -> None:
    columns, row = dice.randint(3, 7), dice.randint(30, 60)
    width = (size[0] - 40) // columns
    pen.rectangle((20, 20, 20 + width * columns, 20 + row), fill=dice.choice(_TONES))
    for y in range(20, size[1] - row, row):
        pen.line((20, y, 20 + width * columns, y), fill=ink)
        for column in range(columns):
            text = f"{dice.uniform(0, 9999):.2f}"
            pen.text((28 + column * width, y + 6), text, font=_font(row // 2), fill=ink)


def _receipt(
    pen: ImageDraw.ImageDraw, size: tuple[int, int], ink: str, dice: random.Random
) -> None:
    left = size[0] // 4
    pen.rectangle((left, 0, size[0] - left, size[1]), fill="white", outline="grey")
    for y in range(40, size[1] - 40, 34):
        word = dice.choice(_lines(40))[:14]
        pen.text((left + 16, y), word, font=_font(20), fill="black")
        pen.text(
            (size[0] - left - 90, y), f"{dice.uniform(1, 99):.2f}", font=_font(20), fill="black"
        )


def _window(pen: ImageDraw.ImageDraw, size: tuple[int, int], ink: str, dice: random.Random) -> None:
    tone = dice.choice(_TONES)
    pen.rectangle((0, 0, size[0], 56), fill=tone)
    pen.rectangle((0, 56, size[0] // 5, size[1]), fill="#dddddd")
    for i, y in enumerate(range(80, size[1] - 80, 90)):
        pen.ellipse((20, y, 56, y + 36), fill=dice.choice(_TONES))
        pen.text((size[0] // 5 + 30, y), _lines(60)[i], font=_font(20), fill=ink)
        pen.rounded_rectangle((size[0] - 160, y, size[0] - 30, y + 44), 8, fill=tone)

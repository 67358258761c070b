"""Draws print with Pillow for the tests of the built-in reader: in rows, in columns, turned, in other scripts."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.support.chart_pictures import font

_CJK = Path(__file__).parent / "fonts" / "NotoSansCJK-part.otf"


@lru_cache
def cjk_font(size: int) -> ImageFont.FreeTypeFont:
    """A part of Noto Sans CJK: only the characters that the tests draw."""
    return ImageFont.truetype(_CJK, size)


def sheet(
    lines: Sequence[str], size=26, ink="black", paper="white", face=font, leading=1.6, pad=30
) -> Image.Image:
    """Lines one below the other, on a sheet that they fill."""
    width = max(int(face(size).getlength(line)) for line in lines) + 2 * pad
    image = Image.new("RGB", (width, int(2 * pad + leading * size * len(lines))), paper)
    for i, line in enumerate(lines):
        ImageDraw.Draw(image).text((pad, pad + i * leading * size), line, ink, face(size))
    return image


def rows(cells: Sequence[Sequence[str]], edges: Sequence[int], size=26, width=700) -> Image.Image:
    """Cells in rows; each column begins at its edge, and the last one ends there."""
    image = Image.new("RGB", (width, int(80 + 1.9 * size * len(cells))), "white")
    pen = ImageDraw.Draw(image)
    for i, row in enumerate(cells):
        for text, edge in zip(row, edges):
            pen.text(
                (edge, 40 + i * 1.9 * size),
                text,
                "black",
                font(size),
                anchor="ra" if edge == edges[-1] else "la",
            )
    return image


def upright_columns(columns: Sequence[str], size=34) -> Image.Image:
    """Vertical Chinese or Japanese: the first column stands at the right."""
    height = 60 + int(1.1 * size * max(map(len, columns)))
    image = Image.new("RGB", (60 + int(1.8 * size) * len(columns), height), "white")
    for i, column in enumerate(columns):
        for k, char in enumerate(column):
            place = image.width - 30 - size - i * 1.8 * size, 30 + k * 1.1 * size
            ImageDraw.Draw(image).text(place, char, "black", cjk_font(size))
    return image


def turned(image: Image.Image, degrees: float) -> Image.Image:
    """The picture turned clockwise, on white."""
    return image.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")

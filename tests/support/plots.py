"""Draws bar charts with Pillow and keeps their print, so that they are read without OCR."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from tests.support.chart_pictures import BLUE, GREEN, LIGHT, ORANGE, Sheet, font
from vlm_backends.engines.builtin.ocr import TextLine

LEFT, RIGHT, TOP, FOOT = 110, 760, 90, 430  # px: the plot within 900 x 500
COLOURS = BLUE, ORANGE, GREEN


class Plot:
    """An upright plot whose value axis runs from `low` to `high`."""

    def __init__(self, low: float, high: float, sheet: Sheet = LIGHT) -> None:
        self.low, self.high, self.sheet = low, high, sheet
        self.image = Image.new("RGB", (900, 500), sheet.ground)
        self.pen = ImageDraw.Draw(self.image)
        self.lines: list[TextLine] = []

    def y(self, value: float) -> float:
        return FOOT - (FOOT - TOP) * (value - self.low) / (self.high - self.low)

    def text(self, x: float, y: float, text: str, anchor: str = "mm", size: int = 18) -> None:
        letters = font(size)
        self.pen.text((x, y), text, self.sheet.ink, letters, anchor)
        x0, y0, x1, y1 = self.pen.textbbox((x, y), text, letters, anchor)
        quad = ((x0, y0 - 2), (x1, y0 - 2), (x1, y1 + 2), (x0, y1 + 2))
        self.lines.append(TextLine(text, 1.0, quad))

    def ticks(self, texts: Sequence[str], values: Sequence[float], x: float = LEFT - 10) -> None:
        for text, value in zip(texts, values):
            self.text(x, self.y(value), text, "rm" if x < LEFT else "lm")

    def names(self, names: Sequence[str]) -> None:
        for i, name in enumerate(names):
            self.text(self.middle(i, len(names)), FOOT + 22, name)

    def middle(self, i: int, count: int) -> float:
        return LEFT + (RIGHT - LEFT) * (i + 0.5) / count

    def bar(self, x: float, width: float, start: float, end: float, colour=BLUE) -> None:
        top, foot = sorted((self.y(start), self.y(end)))
        box = round(x - width / 2), round(top), round(x + width / 2) - 1, round(foot) - 1
        self.pen.rectangle(box, colour)

    def bars(self, values: Sequence[float], starts: Sequence[float] = (), colour=BLUE) -> None:
        for i, value in enumerate(values):
            start = starts[i] if starts else 0.0
            self.bar(self.middle(i, len(values)), 60, start, start + value, colour)

    def legend(self, names: Sequence[str]) -> None:
        for i, (name, colour) in enumerate(zip(names, COLOURS)):
            self.pen.rectangle((780, 100 + 30 * i, 800, 112 + 30 * i), colour)
            self.text(808, 106 + 30 * i, name, "lm")

    @property
    def rgb(self) -> np.ndarray:
        return np.asarray(self.image)

"""Draws line, area and pie charts with Pillow alone, with the places of their print, from known values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from tests.support.chart_pictures import font
from vlm_backends.engines.builtin.ocr import TextLine

FINE = 3  # times larger while it is drawn, for soft edges
COLOURS = (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40)
LEFT, RIGHT, TOP, FOOT = 90, 640, 60, 400  # px: the plot within 760 x 460
SIZE = 760, 460


@dataclass
class Looks:
    """How a line chart is drawn."""

    colours: Sequence[tuple[int, int, int]] = COLOURS
    ground: tuple[int, int, int] = (255, 255, 255)
    ink: tuple[int, int, int] = (40, 40, 40)
    width: float = 2.0
    dash: tuple[float, float] | None = None  # px drawn and left out
    marker: float = 0.0  # radius
    fill: bool = False
    steps: bool = False
    legend: bool = True
    grid: bool = True
    unit: str = ""
    points: int = 1  # drawn for each one that is given, on the straight between
    extra: dict = field(default_factory=dict)


PLAIN = Looks()


class Sheet:
    """A picture that is drawn large and then made small, and the lines of print on it."""

    def __init__(self, ground: tuple[int, int, int]) -> None:
        self.image = Image.new("RGB", (SIZE[0] * FINE, SIZE[1] * FINE), ground)
        self.pen = ImageDraw.Draw(self.image)
        self.print: list[TextLine] = []
        self._later: list[tuple] = []

    def line(self, points, colour, width) -> None:
        self.pen.line(
            [(x * FINE, y * FINE) for x, y in points], colour, round(width * FINE), "curve"
        )

    def dot(self, x, y, radius, colour) -> None:
        box = [(x - radius) * FINE, (y - radius) * FINE, (x + radius) * FINE, (y + radius) * FINE]
        self.pen.ellipse(box, colour)

    def text(self, x, y, words, anchor="mm", colour=(40, 40, 40), size=14) -> None:
        self._later.append((x, y, words, anchor, colour, size))
        left, top, right, bottom = self.pen.textbbox((x, y), words, font(size), anchor)
        quad = (
            (left - 2, top - 2),
            (right + 2, top - 2),
            (right + 2, bottom + 2),
            (left - 2, bottom + 2),
        )
        self.print.append(TextLine(words, 0.99, quad))

    def done(self) -> tuple[np.ndarray, list[TextLine]]:
        small = self.image.resize(SIZE, Image.Resampling.BOX)
        pen = ImageDraw.Draw(small)
        for x, y, words, anchor, colour, size in self._later:
            pen.text((x, y), words, colour, font(size), anchor)
        return np.asarray(small), self.print


def level(value: float, ticks: Sequence[float]) -> float:
    return FOOT - 10 - (FOOT - TOP - 20) * (value - ticks[0]) / (ticks[-1] - ticks[0])


def place(i: float, count: int) -> float:
    return LEFT + 20 + (RIGHT - LEFT - 40) * i / (count - 1)


def line_chart(series: Mapping[str, Sequence[float | None]], names: Sequence[str], ticks: Sequence[float], looks: Looks = PLAIN):  # fmt: skip
    """Draw lines over tick labels; None in a series leaves a gap. Returns pixels and print."""
    sheet = Sheet(looks.ground)
    for tick in ticks:
        y = level(tick, ticks)
        if looks.grid:
            sheet.line([(LEFT, y), (RIGHT, y)], (215, 215, 215), 1)
        sheet.text(LEFT - 10, y, f"{tick:g}{looks.unit}", "rm", looks.ink)
    sheet.line([(LEFT, FOOT), (RIGHT, FOOT)], looks.ink, 1)
    for i, name in enumerate(names):
        x = place(i, len(names))
        sheet.line([(x, FOOT), (x, FOOT + 5)], looks.ink, 1)
        sheet.text(x, FOOT + 20, name, "mm", looks.ink)
    for k, (name, values) in enumerate(series.items()):
        draw_series(sheet, values, len(names), ticks, looks.colours[k], looks)
        if len(series) > 1 and looks.legend:
            sheet.line([(RIGHT + 15, 80 + 24 * k), (RIGHT + 40, 80 + 24 * k)], looks.colours[k], 2)
            sheet.text(RIGHT + 48, 80 + 24 * k, name, "lm", looks.ink)
    return sheet


def draw_series(sheet: Sheet, values, count: int, ticks, colour, looks: Looks) -> None:
    points = [(place(i, count), level(v, ticks)) for i, v in enumerate(values) if v is not None]
    runs, run = [], []
    for i, value in enumerate(values):
        if value is None:
            runs.append(run)
            run = []
        else:
            run.append((place(i, count), level(value, ticks)))
    for part in [run for run in [*runs, run] if len(run) > 1]:
        if looks.steps:
            part = [p for a, b in zip(part, part[1:]) for p in (a, (b[0], a[1]))] + [part[-1]]
        if looks.fill:
            foot = level(0, ticks)
            ring = [*part, (part[-1][0], foot), (part[0][0], foot)]
            sheet.pen.polygon([(x * FINE, y * FINE) for x, y in ring], colour)
        for piece in dashes(part, looks.dash) if looks.dash else [part]:
            sheet.line(piece, colour, looks.width)
    for x, y in points if looks.marker else ():
        sheet.dot(x, y, looks.marker, colour)


def dashes(points, dash):
    """Cut a polyline into pieces: `dash` px are drawn, then some are left out."""
    on, off = dash
    pieces, piece, left, drawn = [], [points[0]], on, True
    for (xa, ya), (xb, yb) in zip(points, points[1:]):
        length, at = math.hypot(xb - xa, yb - ya), 0.0
        while length - at > left:
            at += left
            here = xa + (xb - xa) * at / length, ya + (yb - ya) * at / length
            if drawn:
                pieces.append([*piece, here])
            piece, drawn, left = [here], not drawn, off if drawn else on
        left -= length - at
        if drawn:
            piece.append((xb, yb))
    return [*pieces, piece] if drawn and len(piece) > 1 else pieces


def pie_chart(values: Mapping[str, float], printed: Mapping[str, str], *, hole: float = 0.0, edge: int = 0, colours=COLOURS, explode: bool = False, turn: float = 0.0, names: bool = True):  # fmt: skip
    """Draw a pie: `printed` is written into its sectors, the names stand beside them."""
    sheet = Sheet((255, 255, 255))
    x, y, radius, start = 330.0, 240.0, 150.0, turn
    total = sum(values.values())
    for k, (name, value) in enumerate(values.items()):
        end = start + 360 * value / total
        middle = math.radians((start + end) / 2)
        off = 25 if explode and k == 1 else 0
        cx, cy = x + off * math.cos(middle), y + off * math.sin(middle)
        box = [
            (cx - radius) * FINE,
            (cy - radius) * FINE,
            (cx + radius) * FINE,
            (cy + radius) * FINE,
        ]
        sheet.pen.pieslice(box, start, end, colours[k], (255, 255, 255), edge * FINE)
        inner = radius * (0.6 if not hole else (1 + hole) / 2)
        if name in printed:
            at = x + inner * math.cos(middle), y + inner * math.sin(middle)
            sheet.text(*at, printed[name], "mm", (255, 255, 255))
        side = "l" if math.cos(middle) > 0 else "r"
        at = x + 1.1 * radius * math.cos(middle), y + 1.1 * radius * math.sin(middle)
        if names:
            sheet.text(*at, name, side + "m")
        start = end
    if hole:
        sheet.dot(x, y, hole * radius, (255, 255, 255))
    return sheet

"""Draws the sample pictures of this folder that are not photographs.

Run as `python assets/make.py`. Needs Pillow, NumPy and OpenCV; the output is the same each time.
The charts and slides are drawn here, the rest in scenes.py.
"""

import scenes
from canvas import CORAL, GOLD, GREY, INK, NAVY, PAPER, RULE, SAND, SLATE, TEAL, Canvas

AID = {"2018": 1.8, "2019": 2.4, "2020": 3.9, "2021": 5.2, "2022": 4.6, "2023": 3.1, "2024": 2.7}
POWER = {"Solar": (12, 31, 38, 17), "Wind": (44, 29, 24, 41), "Hydro": (22, 35, 27, 20)}
VISITORS = {
    "Science Center": 412,
    "City Art Museum": 385,
    "Natural History": 298,
    "Maritime Museum": 176,
    "Railway Museum": 143,
    "Toy Museum": 87,
}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
RIDES = [
    46,
    51,
    72,
    95,
    124,
    142,
    158,
    151,
    131,
    104,
    70,
    48,
]  # thousands a month, 1.2 million in all
AGENDA = [
    ("How we counted rides", "120 sensors, twelve months"),
    ("Where people ride", "The river path leads"),
    ("When people ride", "Summer and rush hour"),
    ("What we recommend", "Three new protected lanes"),
]
FIGURES = [
    ("1.2 million", "rides in 2025"),
    ("158,000", "rides in July"),
    ("46,000", "rides in January"),
]


def headed(title, subtitle, source):
    """A white chart sheet with its title above and its source below."""
    c = Canvas(1000, 640)
    c.rect(50, 0, 100, 12, CORAL)
    c.text(49, 68, title, 34, INK, bold=0.6)
    c.text(50, 104, subtitle, 21, SLATE)
    c.text(50, 616, source, 16, GREY)
    return c


def grid(c, left, right, top, bottom, ticks, label):
    """Horizontal rules with labels; gives the function from a value to its height on the sheet."""

    def height(value):
        return bottom - (bottom - top) * value / ticks[-1]

    for tick in ticks:
        c.line(
            [(left, height(tick)), (right, height(tick))], RULE if tick else INK, 1 if tick else 2
        )
        c.text(left - 14, height(tick), label(tick), 22, SLATE, "rm")
    return height


def chart():
    c = headed(
        "Economic assistance by year",
        "Billions of dollars, fiscal years 2018 to 2024",
        "Illustrative data",
    )
    height = grid(c, 110, 950, 150, 540, range(7), "{:.1f}".format)
    for i, (year, value) in enumerate(AID.items()):
        x = 170 + 120 * i
        c.rect(x - 38, height(value), x + 38, 540, NAVY)
        c.text(x, 572, year, 22, INK, "ms")
    c.line([(110, 540), (950, 540)], INK, 2)
    c.save("chart.png")


def grouped():
    c = headed(
        "Electricity generation by source", "Terawatt-hours per quarter, 2024", "Illustrative data"
    )
    height = grid(c, 110, 950, 190, 540, range(0, 51, 10), str)
    x = 110
    for (name, values), color in zip(POWER.items(), (GOLD, TEAL, NAVY)):
        c.rect(x, 134, x + 20, 154, color, 3)
        c.text(x + 30, 151, name, 21, INK)
        x += 66 + c.width(name, 21)
        at = list(POWER).index(name) - 1
        for quarter, value in enumerate(values):
            middle = 215 + 210 * quarter + 50 * at
            c.rect(middle - 22, height(value), middle + 22, 540, color)
    for quarter in range(4):
        c.text(215 + 210 * quarter, 572, f"Q{quarter + 1}", 22, INK, "ms")
    c.line([(110, 540), (950, 540)], INK, 2)
    c.save("grouped.png")


def horizontal():
    c = headed("Museum visitors in 2024", "Thousands of visitors", "Illustrative data")
    for i, (name, value) in enumerate(VISITORS.items()):
        y = 172 + 76 * i
        c.text(240, y, name, 22, INK, "rm")
        c.rect(258, y - 23, 258 + 1.5 * value, y + 23, TEAL)
        c.text(258 + 1.5 * value + 14, y, str(value), 24, INK, "lm", 0.4)
    c.line([(258, 136), (258, 588)], INK, 2)
    c.save("horizontal.png")


def sheet(number, title):
    c = Canvas(1280, 720)
    c.rect(0, 0, 18, 720, CORAL)
    c.text(98, 132, title, 60, NAVY, bold=0.6)
    c.text(100, 676, "A Year of City Cycling", 18, GREY)
    c.text(1180, 676, str(number), 18, GREY, "rs")
    return c


def slide1():
    c = Canvas(1280, 720, NAVY)
    c.disc(1000, 500, 250, GOLD)
    for x, wide, top in [
        (700, 80, 430),
        (790, 60, 360),
        (860, 90, 460),
        (960, 70, 400),
        (1040, 100, 470),
        (1150, 70, 380),
        (1230, 50, 440),
    ]:
        c.rect(x, top, x + wide, 620, "#2b6cb0")
        for y in range(top + 24, 580, 40):
            for at in range(x + 14, x + wide - 20, 24):
                c.rect(at, y, at + 10, y + 14, "#5592cc")
    c.rect(0, 590, 1280, 720, "#143a68")
    c.bike(985, 560, 1.15, PAPER, 9)
    c.text(98, 236, "A Year of", 84, PAPER, bold=0.6)
    c.text(98, 334, "City Cycling", 84, PAPER, bold=0.6)
    c.rect(100, 372, 180, 380, CORAL)
    c.text(100, 432, "What 1.2 million rides tell us", 34, "#d5e3f2")
    c.text(100, 664, "Transport Planning Team   |   March 2026", 22, "#d5e3f2")
    c.save("slide1.png")


def slide2():
    c = sheet(2, "Agenda")
    for i, (head, note) in enumerate(AGENDA):
        y = 232 + 108 * i
        c.disc(132, y, 32, (CORAL, GOLD, TEAL, NAVY)[i])
        c.text(132, y, str(i + 1), 32, PAPER, "mm", 0.6)
        c.text(196, y - 4, head, 36, INK, bold=0.3)
        c.text(196, y + 32, note, 24, SLATE)
    c.rect(820, 190, 1180, 590, SAND, 16)
    c.disc(1000, 384, 110, "#f1d9a0")
    c.line([(860, 500), (1140, 500)], TEAL, 4)
    c.bike(1000, 440, 0.9, TEAL, 8)
    c.save("slide2.png")


def slide3():
    c = sheet(3, "Rides peak in July")
    c.text(100, 182, "Thousands of rides per month, 2025", 24, SLATE)
    height = grid(c, 150, 830, 240, 570, range(0, 161, 40), str)
    points = [(182 + 56 * i, height(value)) for i, value in enumerate(RIDES)]
    c.poly([(182, 569), *points, (798, 569)], "#d5ece9")
    c.line(points, TEAL, 5)
    for (x, y), month in zip(points, MONTHS):
        c.disc(x, y, 6, TEAL)
        c.text(x, 604, month, 21, INK, "ms")
    c.disc(*points[6], 11, CORAL)
    for i, (value, note) in enumerate(FIGURES):
        y = 224 + 124 * i
        c.rect(900, y, 1180, y + 108, SAND, 12)
        c.text(928, y + 54, value, 40, (TEAL, CORAL, NAVY)[i], bold=0.6)
        c.text(928, y + 86, note, 22, SLATE)
    c.save("slide3.png")


if __name__ == "__main__":
    for draw in (
        scenes.sign,
        scenes.receipt,
        scenes.page,
        scenes.poster,
        chart,
        grouped,
        horizontal,
        slide1,
        slide2,
        slide3,
    ):
        draw()

"""Draw a random table: ruled or not, light or dark, tilted, turned, with print around it."""

import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.table_set.cells import Content, random_content

STYLES = "ruled", "half-ruled", "three rules", "borderless", "striped"
_FACES = (
    "DejaVuSans",
    "DejaVuSerif",
    "DejaVuSansMono",
    "STIXGeneral",
)
_LIGHT = (("#ffffff", "#111111", "#555555"), ("#fbf8f0", "#222222", "#bbbbbb"))
_DARK = (("#15181d", "#e6e6e6", "#4a5058"), ("#202a44", "#f4f4f4", "#7a86a8"))
_PROSE = (
    "All figures are taken from the yearly report and were rounded.",
    "The table below lists what was counted between March and May.",
    "Values in this list may change when late entries are added.",
)


@dataclass(frozen=True)
class SampleTable:
    """Hold a picture of a table (PNG or JPEG), the cells that are printed in it, and its kind."""

    picture: bytes
    rows: tuple[tuple[str, ...], ...]
    kind: str  # one of STYLES
    traits: tuple[str, ...]  # such as "dark", "tilted", "turned", "spanning head"


@dataclass(frozen=True)
class _Look:
    style: str
    paper: str
    ink: str
    rule: str
    face: str
    size: int
    pad: tuple[float, float]  # beside and above the text, in sizes
    thick: int


def table_picture(seed: int) -> SampleTable:
    """Return a random table; the same seed gives the same picture."""
    dice = np.random.default_rng(seed)
    content = random_content(dice)
    dark = dice.random() < 0.2
    paper, ink, rule = (_DARK if dark else _LIGHT)[dice.integers(2)]
    look = _Look(
        STYLES[seed % len(STYLES)],
        paper,
        ink,
        rule,
        _FACES[dice.integers(len(_FACES))],
        int(dice.integers(18, 31)),
        (float(dice.uniform(0.5, 1.4)), float(dice.uniform(0.25, 0.7))),
        int(dice.integers(1, 4)),
    )
    image = _page(dice, content, look)
    traits = ["dark"] * dark + ["spanning head"] * bool(content.spans)
    if any(not cell for row in content.rows[content.head_rows :] for cell in row):
        traits.append("empty cells")
    if dice.random() < 0.3:
        traits.append("tilted")
        image = image.rotate(dice.uniform(-5, 5), Image.Resampling.BICUBIC, True, fillcolor=paper)
    if dice.random() < 0.2:
        traits.append("turned")
        image = image.rotate(int(dice.choice([90, 180, 270])), expand=True)
    data = io.BytesIO()
    if dice.random() < 0.4:
        image.save(data, "JPEG", quality=int(dice.integers(60, 95)))
    else:
        image.save(data, "PNG")
    return SampleTable(data.getvalue(), content.rows, look.style, tuple(traits))


def _page(dice: np.random.Generator, content: Content, look: _Look) -> Image.Image:
    """Draw the table alone, or with a title above and a sentence below."""
    face, bold = _font(look), _font(look, bold=bool(dice.random() < 0.6))
    widths = _widths(content, face, bold, look)
    pitch = round(look.size * (1.25 + 2 * look.pad[1]))
    margin, title = int(dice.integers(15, 90)), bool(dice.random() < 0.4)
    above = margin + round(3.2 * look.size) * title
    size = (
        max(sum(widths), round(max(map(face.getlength, _PROSE)) if title else 0)) + 2 * margin,
        above + pitch * len(content.rows) + margin + round(3 * look.size) * title,
    )
    image = Image.new("RGB", size, look.paper)
    pen = ImageDraw.Draw(image)
    lefts = margin + np.cumsum([0, *widths])
    tops = above + pitch * np.arange(len(content.rows) + 1)
    _draw_ground(pen, content, look, lefts, tops)
    _draw_cells(dice, pen, content, look, (face, bold), lefts, tops)
    if title:
        pen.text((margin, margin), "Table 3. Overview", look.ink, bold)
        text = str(dice.choice(_PROSE))
        pen.text((margin, tops[-1] + 1.2 * look.size), text, look.ink, face)
    return image


def _font(look: _Look, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = look.face + ("Bol" if look.face.startswith("STIX") else "-Bold") * bold
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / f"{name}.ttf", look.size)


def _widths(
    content: Content, face: ImageFont.FreeTypeFont, bold: ImageFont.FreeTypeFont, look: _Look
) -> list[int]:
    beside = 2 * look.pad[0] * look.size
    widths = [
        max(
            (bold if i < content.head_rows else face).getlength(row[column])
            for i, row in enumerate(content.rows)
            if not any(i == span[0] and span[1] <= column <= span[2] for span in content.spans)
        )
        + beside
        for column in range(len(content.rows[0]))
    ]
    for row, first, last in content.spans:
        lack = bold.getlength(content.rows[row][first]) + beside - sum(widths[first : last + 1])
        for column in range(first, last + 1):
            widths[column] += max(0.0, lack) / (last + 1 - first)
    return [round(width) for width in widths]


def _draw_ground(
    pen: ImageDraw.ImageDraw, content: Content, look: _Look, lefts: np.ndarray, tops: np.ndarray
) -> None:
    """Draw fills and rules."""
    left, right = int(lefts[0]), int(lefts[-1])
    if look.style == "striped":
        tint = Image.blend(
            Image.new("RGB", (1, 1), look.paper), Image.new("RGB", (1, 1), look.rule), 0.18
        ).getpixel((0, 0))
        for i in range(content.head_rows, len(content.rows), 2):
            pen.rectangle((left, int(tops[i]), right, int(tops[i + 1])), tint)
    levels = {
        "ruled": range(len(tops)),
        "half-ruled": range(len(tops)),
        "three rules": (0, content.head_rows, len(tops) - 1),
    }.get(look.style, ())
    for i in levels:
        is_inner = look.style == "ruled" and 0 < i < content.head_rows
        start = int(lefts[min(span[1] for span in content.spans)]) if is_inner else left
        pen.line((start, int(tops[i]), right, int(tops[i])), look.rule, look.thick)
    if look.style == "ruled":
        for j, x in enumerate(lefts):
            inside = [row for row, first, last in content.spans if first < j <= last]
            top = tops[max(inside) + 1] if inside else tops[0]
            pen.line((int(x), int(top), int(x), int(tops[-1])), look.rule, look.thick)


def _draw_cells(
    dice: np.random.Generator,
    pen: ImageDraw.ImageDraw,
    content: Content,
    look: _Look,
    faces: tuple[ImageFont.FreeTypeFont, ImageFont.FreeTypeFont],
    lefts: np.ndarray,
    tops: np.ndarray,
) -> None:
    numbers = dice.choice(["r", "r", "m", "l"])
    for i, row in enumerate(content.rows):
        spans = [span for span in content.spans if span[0] == i]
        face = faces[i < content.head_rows]
        for j, text in enumerate(row):
            span = next((span for span in spans if span[1] <= j <= span[2]), None)
            if span and j > span[1]:
                continue
            left, right = lefts[j], lefts[(span[2] if span else j) + 1]
            where = "m" if span else "l" if not content.formats[j] else numbers
            beside = look.pad[0] * look.size
            x = {"l": left + beside, "r": right - beside, "m": (left + right) / 2}[where]
            pen.text((x, (tops[i] + tops[i + 1]) / 2), text, look.ink, face, f"{where}m")

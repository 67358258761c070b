"""Makes the pictures of the benchmarks: photographs with a sensor's noise, and drawn print."""

import io
import random
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parent.parent
_FONT = ROOT / "vlm_backends" / "media" / "fonts" / "DejaVuSans.ttf"
_WORDS = "\n".join(page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))).split()


def photograph(name: str, megapixels: float) -> bytes:
    """Return a sample picture at this size with Poisson-Gaussian noise.

    It is a JPEG as cameras write it: quality 92, 4:2:0.
    """
    dice = np.random.default_rng(1)
    image = Image.open(ROOT / "assets" / name).convert("RGB")
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = [round(side * scale / 16) * 16 for side in image.size]
    pixels = np.asarray(image.resize(size, Image.LANCZOS)).copy()
    for top in range(0, len(pixels), 256):  # in bands: 48 MP of floats are half a gigabyte
        band = pixels[top : top + 256].astype(np.float32)
        noise = dice.standard_normal(band.shape, dtype=np.float32) * np.sqrt(0.08 * band + 2)
        pixels[top : top + 256] = np.clip(band + noise + 0.5, 0, 255)
    return _saved(Image.fromarray(pixels), "JPEG", quality=92, subsampling=2)


def code(width: int = 3840, height: int = 2160, letter: int = 30) -> bytes:
    """Return a screenshot of a dark code editor, as PNG."""
    image, dice = Image.new("RGB", (width, height), (30, 30, 30)), random.Random(1)
    pen, lines = ImageDraw.Draw(image), _lines(95)
    tones = [(212, 212, 212), (86, 156, 214), (206, 145, 120), (106, 153, 85), (220, 220, 170)]
    pen.rectangle((0, 0, width * 15 // 100, height), fill=(37, 37, 38))
    for i, y in enumerate(range(8, height - letter, int(letter * 1.6))):
        pen.text((width * 16 // 100, y), lines[i], font=_font(letter), fill=dice.choice(tones))
        pen.text((10, y), f"file_{i:03d}.py", font=_font(letter), fill=(180, 180, 180))
    return _saved(image, "PNG")


def chart(width: int = 2400, height: int = 1500) -> bytes:
    """Return bars, lines, a scatter plot and a table on white, as PNG."""
    image, dice = Image.new("RGB", (width, height), "white"), random.Random(2)
    pen, tones = ImageDraw.Draw(image), ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"]
    for i in range(40):
        x, y = 100 + i * 26, dice.randint(100, 600)
        pen.rectangle((x, y, x + 18, 640), fill=tones[0])
        pen.text((x, 650), f"C{i}", font=_font(14), fill="black")
        pen.text((60, 90 + i * 14), str(600 - i * 14), font=_font(12), fill="black")
    for tone in tones:
        heights = np.cumsum([dice.gauss(0, 12) for _ in range(300)]) + 350
        pen.line([(1300 + 3.4 * x, y) for x, y in enumerate(heights)], fill=tone, width=3)
    for _ in range(1500):
        x, y = dice.gauss(600, 160), dice.gauss(1100, 110)
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=dice.choice(tones))
    for row in range(14):
        cells = (f"{dice.uniform(0, 1000):.2f}" for _ in range(6))
        pen.text((1300, 800 + 44 * row), "    ".join(cells), font=_font(26), fill="black")
    pen.text((100, 30), "Economic assistance by country (USD m)", font=_font(36), fill="black")
    return _saved(image, "PNG")


def document(width: int = 2480, height: int = 3508, letter: int = 44) -> bytes:
    """Return an A4 page scanned at 300 dpi with the paper's noise, as JPEG."""
    image = Image.new("L", (width, height), 244)
    pen, lines = ImageDraw.Draw(image), _lines(78)
    for i, y in enumerate(range(200, height - 200, int(letter * 1.5))):
        pen.text((220, y), lines[i], font=_font(letter), fill=25)
    noise = np.random.default_rng(1).standard_normal((height, width), dtype=np.float32) * 4
    grey = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    return _saved(Image.fromarray(grey).convert("RGB"), "JPEG", quality=90)


def _lines(width: int) -> list[str]:
    """Return lines of plain words, all of them different."""
    words, lines = [word for word in _WORDS if word.isalpha() and word.isascii()], [""]
    for word in words:
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:-1]


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONT, size)


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()

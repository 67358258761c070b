"""A small drawing surface with smooth edges, and the colors that all sample pictures share."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
FINE = 4  # how many times larger than the result everything is drawn
INK, SLATE, GREY, RULE, PAPER = "#1f2d3d", "#5b6b7b", "#8a97a5", "#d9dfe5", "#ffffff"
NAVY, TEAL, CORAL, GOLD, SAND = "#1d4e89", "#2a9d8f", "#e76f51", "#e9b44c", "#f7f2e8"


class Canvas:
    """A picture drawn at FINE times its size, for smooth edges; takes the result's coordinates."""

    def __init__(self, width, height, fill=PAPER, mode="RGB"):
        self.image = Image.new(mode, (FINE * width, FINE * height), fill)
        self.draw = ImageDraw.Draw(self.image)

    def text(self, x, y, words, size, fill=INK, anchor="ls", bold=0.0, track=0.0):
        font = ImageFont.load_default(FINE * size)
        stroke = FINE * bold * size * 0.025
        if track:
            x -= {"l": 0, "m": 0.5, "r": 1}[anchor[0]] * (
                self.width(words, size) + track * (len(words) - 1)
            )
        for part in words if track else [words]:
            self.draw.text(
                (FINE * x, FINE * y),
                part,
                fill,
                font,
                "l" + anchor[1] if track else anchor,
                stroke_width=stroke,
                stroke_fill=fill,
            )
            x += self.width(part, size) + track

    @staticmethod
    def width(words, size):
        return ImageFont.load_default(FINE * size).getlength(words) / FINE

    def rect(self, x0, y0, x1, y1, fill, radius=0, outline=None, width=0.0):
        box = [FINE * x0, FINE * y0, FINE * x1 - 1, FINE * y1 - 1]
        self.draw.rounded_rectangle(box, FINE * radius, fill, outline, round(FINE * width))

    def line(self, points, fill=RULE, width=1.0):
        self.draw.line(
            [(FINE * x, FINE * y) for x, y in points], fill, round(FINE * width), "curve"
        )

    def poly(self, points, fill):
        self.draw.polygon([(FINE * x, FINE * y) for x, y in points], fill)

    def oval(self, x, y, a, b, fill=None, outline=None, width=1.0):
        box = [FINE * (x - a), FINE * (y - b), FINE * (x + a), FINE * (y + b)]
        self.draw.ellipse(box, fill, outline, round(FINE * width))

    def disc(self, x, y, r, fill=None, outline=None, width=1.0):
        self.oval(x, y, r, r, fill, outline, width)

    def finish(self, size=None):
        return self.image.resize(size, Image.Resampling.BOX) if size else self.image.reduce(FINE)

    def save(self, name, colors=None, size=None):
        image = self.finish(size)
        if name.endswith(".png"):
            if colors:
                image = image.quantize(colors, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            image.save(HERE / name, optimize=True)
        else:
            image.save(HERE / name, quality=90, optimize=True, subsampling=0)

    def bike(self, x, y, scale, color, width):
        """A bicycle that heads to the right; (x, y) lies midway between the two hubs."""
        rear, front, pedal, saddle, head = (-90, 0), (90, 0), (-8, 4), (-38, -84), (62, -86)
        paths = [
            [rear, pedal, head, saddle, rear],
            [(-46, -106), pedal],
            [(56, -110), head, front],
            [(32, -112), (56, -112), (88, -108), (90, -96)],
            [(-72, -108), (-24, -108)],
            [pedal, (8, 30)],
            [(-4, 30), (20, 30)],
        ]
        for hub in (rear, front):
            at = x + hub[0] * scale, y + hub[1] * scale
            self.disc(*at, 62 * scale, None, color, width)
            self.disc(*at, 9 * scale, color)
        for path in paths:
            self.line([(x + a * scale, y + b * scale) for a, b in path], color, width)

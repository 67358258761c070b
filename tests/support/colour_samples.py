"""Colours with the names that people accept for them: patches, photographs, and signs in any light."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tests.support.chart_pictures import font
from tests.support.paths import ASSETS

PATCHES = {  # sRGB in hexadecimal digits: names, the modifiers light and dark aside
    # well-known values of CSS
    "000000": "black", "ffffff": "white", "808080": "grey", "a9a9a9": "grey", "d3d3d3": "grey",
    "696969": "grey", "ff0000": "red", "8b0000": "red", "dc143c": "red, pink", "b22222": "red",
    "cd5c5c": "red, pink", "fa8072": "pink, orange", "ff6347": "red, orange", "ff4500": "orange, red",
    "ff8c00": "orange", "ffa500": "orange", "ffd700": "yellow", "ffff00": "yellow",
    "daa520": "yellow, orange, brown", "f0e68c": "yellow, beige", "f5f5dc": "beige, white",
    "d2b48c": "beige, brown", "deb887": "beige, brown, orange", "8b4513": "brown", "a0522d": "brown",
    "d2691e": "orange, brown", "cd853f": "brown, orange", "808000": "olive, green",
    "556b2f": "green, olive", "9acd32": "green", "7cfc00": "green", "008000": "green",
    "228b22": "green", "2e8b57": "green", "006400": "green", "90ee90": "green", "00ff7f": "green, turquoise",
    "008080": "teal, turquoise", "20b2aa": "turquoise, teal", "40e0d0": "turquoise", "00ffff": "turquoise, blue",
    "87ceeb": "blue", "b0e0e6": "blue, turquoise", "4682b4": "blue", "1e90ff": "blue", "4169e1": "blue",
    "0000ff": "blue", "000080": "blue", "191970": "blue", "6a5acd": "blue, purple", "8a2be2": "purple",
    "4b0082": "purple", "800080": "purple", "9370db": "purple", "dda0dd": "purple, pink",
    "ee82ee": "purple, pink, magenta", "ff00ff": "magenta, pink", "c71585": "magenta, pink", "ff1493": "pink, magenta",
    "ff69b4": "pink", "ffc0cb": "pink", "ffe4e1": "pink, white", "bc8f8f": "pink, brown, grey",
    # things that most people have seen
    "006e46": "green", "00529b": "blue", "c8102e": "red", "f7b500": "yellow, orange", "5a3723": "brown",
    "2f3e2f": "green, grey", "3c4a5a": "blue, grey", "e8c4a8": "beige, pink, orange", "1c2331": "blue, black",
    "705090": "purple", "c19a6b": "beige, brown",
}  # fmt: skip


@dataclass(frozen=True)
class ColourSample:
    """A box (left, top, right, bottom, pixels) of a picture, and names for its largest colour."""

    picture: str
    thing: str
    box: tuple[int, int, int, int]
    names: str
    never: str = ""  # names that would be wrong for any colour in the box

    def pixels(self) -> np.ndarray:
        """Return the box's pixels (H×W×3, uint8)."""
        return np.asarray(Image.open(ASSETS / self.picture).convert("RGB").crop(self.box))


REGIONS = [
    ColourSample("astronaut.jpg", "suit", (60, 270, 140, 420), "orange", "green, blue, purple"),
    ColourSample("astronaut.jpg", "face", (195, 95, 245, 150), "beige, pink, brown, orange", "green, blue, purple"),
    ColourSample("astronaut.jpg", "hair", (165, 40, 290, 70), "brown, beige", "blue, purple, red"),
    ColourSample("astronaut.jpg", "helmet", (330, 400, 440, 500), "black", "green, red, orange"),
    ColourSample("astronaut.jpg", "wall", (310, 20, 350, 90), "grey, white, beige", "green, blue, red"),
    ColourSample("astronaut.jpg", "flag's stripes", (0, 290, 30, 500), "red", "green, blue"),
    ColourSample("astronaut.jpg", "badge", (140, 350, 205, 420), "purple, blue", "green, yellow"),
    ColourSample("cat.jpg", "fur", (230, 110, 280, 200), "brown, beige, orange", "green, blue, purple"),
    ColourSample("cat.jpg", "nose", (248, 232, 276, 252), "brown, red, pink, orange", "green, blue, purple"),
    ColourSample("cat.jpg", "iris", (150, 105, 165, 130), "olive, green, yellow, brown", "blue, purple, red"),
    ColourSample("coffee.jpg", "saucer", (100, 180, 160, 260), "red, brown, orange", "green, blue, purple"),
    ColourSample("coffee.jpg", "coffee", (225, 110, 320, 150), "orange, brown, beige", "green, blue, purple"),
    ColourSample("coffee.jpg", "table", (480, 60, 590, 200), "brown, orange", "green, blue, purple"),
    ColourSample("coffee.jpg", "cup's inside", (190, 60, 225, 110), "white, beige, grey, brown", "green, blue, purple"),
    ColourSample("rocket.jpg", "evening sky", (230, 10, 300, 150), "blue", "green, red, brown"),
    ColourSample("rocket.jpg", "sky near the ground", (340, 250, 430, 330), "blue, grey, purple", "green, red, brown"),
    ColourSample("rocket.jpg", "rocket", (313, 200, 330, 390), "white, grey, beige", "green, red, purple"),
    ColourSample("sign.jpg", "wood behind", (20, 150, 180, 500), "green", "blue, red, purple"),
    ColourSample("sign.jpg", "board", (300, 540, 900, 600), "brown", "green, blue, purple"),
    ColourSample("sign.jpg", "arrow", (312, 380, 345, 402), "yellow, orange", "green, blue, purple"),
    ColourSample("sign.jpg", "path", (520, 880, 850, 940), "grey, beige, brown", "blue, red, purple"),
    ColourSample("poster.jpg", "night sky", (30, 30, 870, 100), "blue", "green, red, brown"),
    ColourSample("poster.jpg", "sun", (350, 520, 550, 650), "yellow", "green, blue, red"),
    ColourSample("poster.jpg", "mountain", (20, 700, 150, 800), "purple", "green, yellow, brown"),
]  # fmt: skip


def family(name: str) -> str:
    """Return a colour's name without "light" or "dark"."""
    return name.removeprefix("light ").removeprefix("dark ")


SIGNS = {
    "green": [(0, 110, 70), (20, 120, 50), (0, 150, 90), (30, 80, 45), (120, 190, 40)],
    "red": [(190, 20, 30), (160, 15, 20)],
    "blue": [(0, 60, 150), (20, 30, 90), (0, 110, 200)],
    "brown": [(90, 55, 35), (110, 70, 40)],
    "orange": [(240, 120, 20)],
    "yellow": [(250, 200, 20)],
    "purple": [(100, 40, 130)],
}
LIGHTS = {  # how bright at the left and at the right edge; a tint of red, green and blue
    "even": (1.0, 1.0, (1, 1, 1)),
    "shaded": (1.15, 0.45, (1, 1, 1)),
    "deep shade": (1.0, 0.2, (1, 1, 1)),
    "lamp": (1.0, 0.8, (1.25, 1, 0.7)),
    "cold sky": (1.0, 0.7, (0.85, 1, 1.25)),
}


def photographed_sign(colour, light: str, seed: int) -> np.ndarray:
    """A sign with light print, lit from one side, with a tint, grain and JPEG's traces."""
    left, right, tint = LIGHTS[light]
    image = Image.new("RGB", (360, 240), colour)
    ImageDraw.Draw(image).text((40, 90), "EXIT 12", "white", font(40))
    ImageDraw.Draw(image).rectangle((8, 8, 351, 231), outline="white", width=4)
    linear = (np.asarray(image) / 255) ** 2.2
    linear = linear * np.linspace(left, right, 360)[None, :, None] * np.array(tint)
    grain = np.random.RandomState(seed).normal(0, 8, linear.shape)
    pixels = (linear.clip(0, 1) ** (1 / 2.2) * 255 + grain).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))

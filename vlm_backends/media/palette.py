"""Choose a colour for each label, and black or white for the letters on it."""

import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int]  # red, green and blue, 0..255 each

_PALETTE: tuple[Colour, ...] = (  # distinct on photographs and on paper
    (230, 25, 75),
    (0, 130, 200),
    (60, 160, 60),
    (245, 130, 48),
    (145, 30, 180),
    (0, 150, 150),
    (200, 30, 160),
    (150, 90, 20),
    (70, 80, 220),
    (128, 128, 0),
    (255, 99, 71),
    (0, 100, 80),
    (190, 140, 0),
    (105, 65, 225),
)


def colours(labels: Sequence[str]) -> dict[str, Colour]:
    """Give each label a colour, the same one in every picture where that is possible.

    When an earlier label of this picture has it already, the label gets the next free colour of
    the palette. Case and outer blanks make no difference.
    """
    chosen: dict[str, Colour] = {}
    free = set(_PALETTE)
    for name in map(_normalised, labels):
        if name not in chosen:
            index = zlib.crc32(name.encode()) % len(_PALETTE)
            candidates = _PALETTE[index:] + _PALETTE[:index]
            chosen[name] = next((each for each in candidates if each in free), _PALETTE[index])
            free.discard(chosen[name])
    return {label: chosen[_normalised(label)] for label in labels}


def ink(ground: Colour) -> str:
    """Return "black" or "white", whichever has more contrast on this colour (WCAG 2)."""
    red, green, blue = map(_linear, ground)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "black" if luminance > 0.179 else "white"


def css_colour(colour: Colour) -> str:
    """Write the colour as CSS and SVG do, such as `rgb(230,25,75)`."""
    return "rgb({},{},{})".format(*colour)


def _normalised(label: str) -> str:
    return label.strip().lower()


def _linear(channel: int) -> float:
    """Return an sRGB channel, 0..255, as linear light in 0..1."""
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

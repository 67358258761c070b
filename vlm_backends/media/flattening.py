"""Turn decoded pixels into what everyone sees: upright, RGB, 8 bits a channel, on a ground."""

import math
from typing import NamedTuple

from PIL import Image, ImageChops, ImageFilter

from vlm_backends.errors import BadPrompt
from vlm_backends.media.decoding import orientation
from vlm_backends.media.files import deep

_STRIP_ROWS = 256  # rows that are flattened at a time
_TRANSPOSITIONS = {  # by Exif's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ROWS_BECOME_COLUMNS = 5, 6, 7, 8  # orientations
_LAST_BECOMES_FIRST = 3, 4, 6, 7  # orientations: the stored first row ends at the far side

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and its value for negatives

_GROUNDS = {255: "white", 24: "near black", 128: "grey"}  # by grey level, the usual one first
_USUAL = 255
_SAMPLE = 512, 512  # px: at most, of the copy that shows how light a transparent picture is
_OPAQUE = 250  # of 255: what is less changes its colour on a ground
_FEW = 0.005  # of a picture: so little is no part, but the soft edge of something
_SEEN = 25  # of 255: what is more transparent is hardly seen
_CONTRAST = 2.2  # to one, by WCAG's measure, which asks for 3: below it large print is hard to read
_GAMMA = 2.2  # of grey levels
_BETTER = 0.05  # of the edges: how much more must stand out on a less usual ground


class _Levels(NamedTuple):
    """The values of black and white; a negative has the larger one for black."""

    black: float
    white: float


def flatten(image: Image.Image) -> Image.Image:
    """Return an upright copy, RGB with 8 bits a channel.

    Numbers of more than 8 bits are scaled to the range that their data has. Transparency becomes
    white, near black or grey: the one from which the edges of what can be seen stand out best.
    """
    image.load()  # Pillow itself turns a TIFF upright here
    turn, (width, height) = orientation(image), image.size
    swaps = turn in _ROWS_BECOME_COLUMNS
    levels = _levels(image)
    ground = _ground(image) if image.has_transparency_data else _USUAL
    upright = Image.new("RGB", (height, width) if swaps else (width, height))
    for top in range(0, height, _STRIP_ROWS):  # so that at most two whole copies are held
        bottom = min(top + _STRIP_ROWS, height)
        strip = _as_rgb(image.crop((0, top, width, bottom)), levels, ground)
        if turn in _TRANSPOSITIONS:
            strip = strip.transpose(_TRANSPOSITIONS[turn])
        offset = height - bottom if turn in _LAST_BECOMES_FIRST else top
        upright.paste(strip, (offset, 0) if swaps else (0, offset))
    return upright


def ground_name(image: Image.Image) -> str:
    """Name the colour that the transparent parts get; empty for a picture without any."""
    if not image.has_transparency_data:
        return ""
    alpha = _sample(image).getchannel("A").histogram()
    is_clear = sum(alpha[:_OPAQUE]) > _FEW * sum(alpha)
    return _GROUNDS[_ground(image)] if is_clear else ""


def _sample(image: Image.Image) -> Image.Image:
    """Return a small copy, RGBA."""
    small = image.convert("RGBA")
    small.thumbnail(_SAMPLE, Image.Resampling.NEAREST)
    return small


def _levels(image: Image.Image) -> _Levels:
    """Return black and white for pixels that are numbers of more than 8 bits.

    Cameras and scanners store 10, 12 or 14 bits in 16: white is then the most that such bits hold.
    """
    if not image.mode.startswith(("I", "F")):
        return _Levels(0.0, 255.0)
    # Pillow looks for the extremes of I;16 in this machine's own byte order only
    low, high = (image if image.mode in ("I", "F", "I;16") else image.convert("I")).getextrema()
    if isinstance(low, tuple) or isinstance(high, tuple):
        raise TypeError(f"an image of mode {image.mode} has one channel")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadPrompt(
            "This picture holds values that are no numbers: save it with 8 or 16 bits a channel."
        )
    levels = _Levels(low, high)
    if image.mode != "F" and low >= 0 and high <= deep.WHITES[-1]:
        levels = _Levels(0.0, deep.white_of(high))
    tags = getattr(image, "tag_v2", {})
    negative = tags.get(_PHOTOMETRIC, 1) == _WHITE_IS_ZERO
    return _Levels(levels.white, levels.black) if negative else levels


def _ground(image: Image.Image) -> int:
    """Return the grey level from which the edges of what can be seen stand out.

    The edges count: a white area inside of a picture is seen against the picture itself.
    """
    small = _sample(image)
    seen = small.getchannel("A").point([255 * (alpha >= _SEEN) for alpha in range(256)])
    framed = Image.new("L", (small.width + 2, small.height + 2))
    framed.paste(seen, (1, 1))
    inner = framed.filter(ImageFilter.MinFilter(3)).crop((1, 1, small.width + 1, small.height + 1))
    edges = small.convert("L").histogram(mask=ImageChops.subtract(seen, inner))
    lost = {
        ground: sum(edges[level] for level in range(256) if _contrast(level, ground) < _CONTRAST)
        for ground in _GROUNDS
    }
    best = min(_GROUNDS, key=lambda ground: lost[ground])
    return best if lost[best] + _BETTER * sum(edges) < lost[_USUAL] else _USUAL


def _contrast(one: int, other: int) -> float:
    """Return the contrast of two grey levels as WCAG 2 defines it, from 1 to 21."""
    dark, light = sorted((level / 255) ** _GAMMA + 0.05 for level in (one, other))
    return light / dark


def _as_rgb(image: Image.Image, levels: _Levels, ground: int) -> Image.Image:
    """Return the same pixels as RGB with 8 bits a channel, transparency on the ground."""
    if image.mode.startswith(("I;16", "I", "F")):
        black, white = levels
        scale = 255 / ((white - black) or 1)
        image = image.convert("F").point(lambda value: value * scale - black * scale).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (ground,) * 3), image)
    return image if image.mode == "RGB" else image.convert("RGB")

"""Keep colour of 10, 12 or 14 bits that is stored in 16: read as 16 bits it would be black."""

from collections.abc import Callable

from PIL import Image, ImageChops, ImageFile

WHITES = 255.0, 1023.0, 4095.0, 16383.0, 65535.0  # the most that 8, 10, 12, 14, 16 bits hold
_DARK = 64  # of 255: below it, the upper bytes hold no more than 14 bits
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B"}  # of two bytes; N is what the machine itself uses
_PNG, _PNG_DEPTH = b"\x89PNG", 24  # its first bytes, and where its header has the bits of a channel
_COLOURS = "RGB", "RGBA", "RGBX"


def is_deep_png(data: bytes) -> bool:
    """Return True for a PNG of 16 bits a channel: Pillow calls one in colour RGB, as any other."""
    return data.startswith(_PNG) and data[_PNG_DEPTH : _PNG_DEPTH + 1] == b"\x10"


def white_of(highest: float) -> float:
    """Return the most that the fewest usual bits hold which hold this number too."""
    return next(white for white in WHITES if highest <= white)


def stretched(image: Image.Image, open_again: Callable[[], Image.Image]) -> Image.Image | None:
    """Return the picture with its data's own range stretched to 8 bits a channel.

    None for a picture that needs no stretching. Pillow keeps the upper byte of each number, which
    is next to nothing here; `open_again` gives the same file, to read the lower bytes.
    """
    if not _is_deep(image):
        return None
    image.load()
    upper = image.split()
    highest = max(_extremes(band)[1] for band in upper[:3])
    if highest >= _DARK:
        return None
    with open_again() as again:
        lower = _lower_bytes(again).split()
    differences = (ImageChops.difference(*pair) for pair in zip(upper, lower, strict=True))
    if not any(_extremes(band)[1] for band in differences):
        return None  # a dark picture of 8 bits, written as 16: both bytes are the same
    white = white_of(highest * 256 + 255)
    bands = [_joined(*pair, white) for pair in zip(upper, lower, strict=True)]
    made = Image.merge(image.mode, bands)
    made.info, made.format = image.info, "TIFF"  # no file that may be sent as it is
    return made


def _raw_mode(image: Image.Image) -> str:
    """Return how the file spells pixels, such as "RGB;16B"."""
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    given = tiles[0].args if tiles else ""
    return str(given[0] if isinstance(given, tuple) and given else given)


def _is_deep(image: Image.Image) -> bool:
    colours, _, depth = _raw_mode(image).partition(";16")
    return colours in _COLOURS and depth in _OTHER_ORDER


def _lower_bytes(image: Image.Image) -> Image.Image:
    """Decode the lower byte of each number, by telling Pillow the other order of bytes."""
    if not isinstance(image, ImageFile.ImageFile):
        raise TypeError("only an open file can be decoded")
    form = _raw_mode(image)
    other = form[:-1] + _OTHER_ORDER[form[-1]]
    image.tile = [
        tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other)
        for tile in image.tile
    ]
    image.load()
    return image


def _joined(upper: Image.Image, lower: Image.Image, white: float) -> Image.Image:
    """Return both bytes of each number as one of 8 bits, 255 for white."""
    scale = 255 / white
    high = [min(255, round(value * 256 * scale)) for value in range(256)]
    low = [int(value * scale) for value in range(256)]
    return ImageChops.add(upper.point(high), lower.point(low))


def _extremes(band: Image.Image) -> tuple[float, float]:
    low, high = band.getextrema()
    if isinstance(low, tuple) or isinstance(high, tuple):
        raise TypeError("one channel has two extremes")
    return low, high

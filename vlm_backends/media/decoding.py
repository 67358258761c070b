"""A stranger's file as an image whose pixels are worth decoding: what it would cost is judged by its header first.

A few bytes can stand for gigabytes or minutes. Two copies of the largest picture fit into half a gigabyte.
"""

import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError, features

from vlm_backends.errors import BadPrompt

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF") + (
    ("AVIF",) if features.check("avif") else ()
)
MOST_PIXELS = (
    50_000_000  # of a JPEG: what the largest phones take; Pillow holds four bytes for each
)
_FEWER = 25_000_000  # of most others: WebP's and AVIF's decoders hold four copies, and a PNG is slow to write again
_PIXELS = {"JPEG": MOST_PIXELS, "MPO": MOST_PIXELS, "GIF": 15_000_000}  # a GIF is slow to read
MOST_BYTES = 64 * 2**20
_MOST_VISITS = 3_000_000_000  # pixels times scans of a JPEG: each scan visits all of them
_PARTS, _PIECES = (
    4_000,
    200_000,
)  # reads of the file: while its parts are listed, and while its pixels are decoded
_MOST_LISTED = (
    100_000  # numbers in one entry of a TIFF's directory, such as the places of its strips
)
_BYTES = 1, 2, 6, 7  # types of such an entry that are one piece, however long
_MOST_EXIF = 2**20  # bytes: a camera's is 64 kB at most
_ROWS = 256  # flattened at a time
_TURNS = {  # by Exif's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS, _FROM_END = (
    (5, 6, 7, 8),
    (3, 4, 6, 7),
)  # orientations: rows become columns; the first comes last


def contents(source: bytes | str | Path) -> bytes:
    """The file's bytes. Raises BadPrompt when it is gone or too large."""
    try:
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        if size > MOST_BYTES:
            raise BadPrompt(
                f"This file is too large: at most {MOST_BYTES >> 20} MB. Make it smaller first."
            )
        return source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError:
        raise BadPrompt(
            "The picture is no longer there, or cannot be read: give it again."
        ) from None


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """The file, open; whatever goes wrong while it is read becomes a BadPrompt."""
    try:
        if _listed(data) > _MOST_LISTED:
            raise _too_many()
        file = _File(data)
        with Image.open(file, formats=FORMATS) as image:
            _judge(image, data)
            file.left = _PIECES
            yield image
    except BadPrompt:
        raise
    except Image.DecompressionBombError:
        raise _too_large(_FEWER, f", as a JPEG {MOST_PIXELS // 10**6}") from None
    except UnidentifiedImageError:
        kinds = "JPEG, PNG, WebP, GIF, BMP, TIFF" + (" or AVIF" if "AVIF" in FORMATS else "")
        raise BadPrompt(f"This file is not a picture that can be read here. Use {kinds}.") from None
    except Exception:  # Pillow's decoders raise whatever a broken file makes them stumble over
        raise BadPrompt(
            "This picture is broken or cut off: save it anew and upload it again."
        ) from None


def orientation(image: Image.Image) -> int:
    """Exif's number for how the stored pixels lie, from 1, upright, to 8; 1 when that is not told in full."""
    if image.format == "PNG":
        image.load()  # its Exif may stand behind its pixels
    if len(image.info.get("exif", b"")) > _MOST_EXIF:
        return 1
    try:
        told = image.getexif().get(0x0112)
    except (
        Exception
    ):  # whatever a broken Exif makes its parser stumble over: the pixels may be whole
        return 1
    return told if isinstance(told, int) and told in _TURNS else 1


def flatten(image: Image.Image) -> Image.Image:
    """The image upright, 8 bits, RGB, transparency on white; the given image is untouched."""
    image.load()  # Pillow turns a TIFF then
    turn, (wide, high) = orientation(image), image.size
    levels = _levels(image)
    upright = Image.new("RGB", (high, wide) if turn in _SWAPS else (wide, high))
    for top in range(0, high, _ROWS):  # so that at most two whole copies are held
        bottom = min(top + _ROWS, high)
        strip = _plain(image.crop((0, top, wide, bottom)), *levels)
        at = high - bottom if turn in _FROM_END else top
        strip = strip.transpose(_TURNS[turn]) if turn in _TURNS else strip
        upright.paste(strip, (at, 0) if turn in _SWAPS else (0, at))
    return upright


class _File(io.BytesIO):
    """The bytes, which let themselves be read so often: a million tiny parts would take minutes."""

    left = _PARTS

    def read(self, size: int | None = -1) -> bytes:
        """As a file does."""
        self.left -= 1
        if self.left < 0:
            raise _too_many()
        return super().read(size)


def _listed(data: bytes) -> int:
    """How many numbers the longest entry of a TIFF's first directory lists: Pillow makes an object of each."""
    order, big = {b"II": "<", b"MM": ">"}.get(data[:2]), 43 in data[2:4]
    if not order or not 42 <= max(data[2:4], default=0) <= 43:
        return 0
    head, size, entry = ("Q", "Q", "HHQ8x") if big else ("I", "H", "HHI4x")
    try:
        (start,) = struct.unpack_from(order + head, data, 8 if big else 4)
        (count,) = struct.unpack_from(order + size, data, start)
        start, wide = start + struct.calcsize(order + size), struct.calcsize(order + entry)
        whole = min(count, (len(data) - start) // wide)
        entries = struct.iter_unpack(order + entry, data[start : start + whole * wide])
        return max((listed for _, kind, listed in entries if kind not in _BYTES), default=0)
    except (struct.error, OverflowError):  # no directory: Pillow will say so
        return 0


def _judge(image: Image.Image, data: bytes) -> None:
    """Raises BadPrompt for what costs more to decode than any honest picture."""
    jpeg = image.format in ("JPEG", "MPO")
    most = _PIXELS.get(image.format, _FEWER)
    most = most * 3 // 4 if image.mode == "CMYK" else most
    pixels = image.width * image.height
    if pixels > most:
        raise _too_large(most)
    if jpeg and data.count(b"\xff\xda") * pixels > _MOST_VISITS:
        raise BadPrompt(
            "This JPEG is stored in too many passes to be read here: save it anew, not progressive."
        )
    if image.format == "BMP" and image.tile and image.tile[0][0] == "bmp_rle":
        raise BadPrompt("This BMP is packed in a way that is not read here: save it as PNG.")


def _too_many() -> BadPrompt:
    return BadPrompt("This picture is made of too many small parts to be read here: save it anew.")


def _too_large(most: int, more: str = "") -> BadPrompt:
    return BadPrompt(
        f"This picture is too large: at most {most // 10**6} megapixels{more}. Make it smaller first."
    )


def _levels(image: Image.Image) -> tuple[float, float]:
    """The values that stand for black and white where a pixel is a number of more than 8 bits."""
    if image.mode != "F":
        return 0.0, 65535.0
    low, high = image.getextrema()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadPrompt(
            "This picture holds values that are no numbers: save it with 8 or 16 bits a channel."
        )
    return low, high


def _plain(image: Image.Image, low: float, high: float) -> Image.Image:
    """The same pixels, 8 bits, RGB, on white."""
    if image.mode.startswith(("I;16", "I", "F")):
        scale = 255 / ((high - low) or 1)
        image = image.convert("F").point(lambda value: value * scale - low * scale).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")

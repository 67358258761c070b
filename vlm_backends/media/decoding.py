"""Open an untrusted picture safely: estimate from its header what it would cost to decode.

A few bytes can encode gigabytes of pixels or for minutes of work. With these limits, two decoded
copies of the largest picture fit into half a gigabyte.
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
MAX_BYTES = 64 * 2**20
MAX_JPEG_PIXELS = 50_000_000  # what the largest phones take; Pillow holds four bytes for each
_MAX_PIXELS = 25_000_000  # WebP's and AVIF's decoders hold four copies, and PNG is slow to write
_MAX_PIXELS_OF = {
    "JPEG": MAX_JPEG_PIXELS,
    "MPO": MAX_JPEG_PIXELS,
    "GIF": 15_000_000,  # slow to read
}
_MAX_SCAN_PIXELS = 3_000_000_000  # a JPEG's pixels times its scans: each scan visits all of them
_MAX_HEADER_READS, _MAX_DECODING_READS = 4_000, 200_000  # calls of a file's `read`
_MAX_EXIF = 2**20  # bytes: a camera's has 64 kB at most
_STRIP_ROWS = 256  # rows that are flattened at a time

_WHITES = 255.0, 1023.0, 4095.0, 16383.0, 65535.0  # the most that 8, 10, 12, 14, 16 bits hold
_WHITE, _NEAR_BLACK = (255, 255, 255), (24, 24, 24)
_SAMPLE = 512, 512  # px: at most, of the copy that shows how light a transparent picture is
_LIGHT, _MOSTLY = 200, 0.8  # of 255; of the opaque pixels: a picture of these is lost on white

_MAX_TIFF_LIST = 100_000  # numbers in one entry of a TIFF's directory, such as strip offsets
_TIFF_BYTE_TYPES = 1, 2, 6, 7  # an entry of these types becomes one object, however long it is
_CLASSIC_TIFF, _BIG_TIFF = 42, 43  # the version in a TIFF's header

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


def read_bytes(source: bytes | str | Path) -> bytes:
    """Return the file's bytes. Raises BadPrompt when it is gone or larger than 64 MB."""
    try:
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        if size > MAX_BYTES:
            raise BadPrompt(
                f"This file is too large: at most {MAX_BYTES >> 20} MB. Make it smaller first."
            )
        return source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError:
        raise BadPrompt(
            "The picture is no longer there, or cannot be read: give it again."
        ) from None


@contextmanager
def open_picture(data: bytes) -> Iterator[Image.Image]:
    """Open the file after checking its cost; its pixels are decoded by the caller.

    Whatever goes wrong inside the `with` block is raised as BadPrompt.
    """
    try:
        if _longest_tiff_list(data) > _MAX_TIFF_LIST:
            raise _too_many_parts()
        file = _LimitedFile(data)
        with Image.open(file, formats=FORMATS) as image:
            _check_cost(image, data)
            file.reads_left = _MAX_DECODING_READS
            yield image
    except BadPrompt:
        raise
    except Image.DecompressionBombError:
        raise _too_large(_MAX_PIXELS, f", as a JPEG {MAX_JPEG_PIXELS // 10**6}") from None
    except UnidentifiedImageError:
        kinds = "JPEG, PNG, WebP, GIF, BMP, TIFF" + (" or AVIF" if "AVIF" in FORMATS else "")
        raise BadPrompt(f"This file is not a picture that can be read here. Use {kinds}.") from None
    except Exception:  # a broken file can raise anything in Pillow's decoders
        raise BadPrompt(
            "This picture is broken or cut off: save it anew and upload it again."
        ) from None


def orientation(image: Image.Image) -> int:
    """Return Exif's orientation, from 1, upright, to 8; 1 when the file names no valid one."""
    if image.format == "PNG":
        image.load()  # its Exif may come after its pixels
    if len(image.info.get("exif", b"")) > _MAX_EXIF:
        return 1
    try:
        value = image.getexif().get(0x0112)
    except Exception:  # a broken Exif can raise anything, and the pixels may be whole
        return 1
    return value if isinstance(value, int) and value in _TRANSPOSITIONS else 1


def flatten(image: Image.Image) -> Image.Image:
    """Return an upright copy, RGB with 8 bits a channel.

    Transparency is put on white, or on near black where what can be seen is nearly white.
    """
    image.load()  # Pillow itself turns a TIFF upright here
    turn, (width, height) = orientation(image), image.size
    swaps = turn in _ROWS_BECOME_COLUMNS
    black, white = _black_and_white(image)
    ground = _ground(image) if image.has_transparency_data else _WHITE
    upright = Image.new("RGB", (height, width) if swaps else (width, height))
    for top in range(0, height, _STRIP_ROWS):  # so that at most two whole copies are held
        bottom = min(top + _STRIP_ROWS, height)
        strip = _as_rgb(image.crop((0, top, width, bottom)), black, white, ground)
        if turn in _TRANSPOSITIONS:
            strip = strip.transpose(_TRANSPOSITIONS[turn])
        offset = height - bottom if turn in _LAST_BECOMES_FIRST else top
        upright.paste(strip, (offset, 0) if swaps else (0, offset))
    return upright


class _LimitedFile(io.BytesIO):
    """A file that can be read a limited number of times: a million tiny parts take minutes."""

    reads_left = _MAX_HEADER_READS

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does. Raises BadPrompt after too many calls."""
        self.reads_left -= 1
        if self.reads_left < 0:
            raise _too_many_parts()
        return super().read(size)


def _longest_tiff_list(data: bytes) -> int:
    """Count the numbers in the longest entry of a TIFF's first directory; 0 for other files.

    Pillow makes an object for each of them.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    version = max(data[2:4], default=0)
    if not order or version not in (_CLASSIC_TIFF, _BIG_TIFF):
        return 0
    is_big = _BIG_TIFF in data[2:4]
    offset, count, entry = ("Q", "Q", "HHQ8x") if is_big else ("I", "H", "HHI4x")
    try:
        (start,) = struct.unpack_from(order + offset, data, 8 if is_big else 4)
        (entries,) = struct.unpack_from(order + count, data, start)
        start, size = start + struct.calcsize(order + count), struct.calcsize(order + entry)
        whole = min(entries, (len(data) - start) // size)
        rows = struct.iter_unpack(order + entry, data[start : start + whole * size])
        lengths = (length for _, kind, length in rows if kind not in _TIFF_BYTE_TYPES)
        return max(lengths, default=0)
    except (struct.error, OverflowError):  # no directory: Pillow reports it
        return 0


def _check_cost(image: Image.Image, data: bytes) -> None:
    """Raise BadPrompt for a picture that costs too much to decode."""
    most = _MAX_PIXELS_OF.get(image.format or "", _MAX_PIXELS)
    most = most * 3 // 4 if image.mode == "CMYK" else most
    pixels = image.width * image.height
    if pixels > most:
        raise _too_large(most)
    is_jpeg = image.format in ("JPEG", "MPO")
    if is_jpeg and data.count(b"\xff\xda") * pixels > _MAX_SCAN_PIXELS:  # starts of scans
        raise BadPrompt(
            "This JPEG is stored in too many passes to be read here: save it anew, not progressive."
        )
    tiles = getattr(image, "tile", None)
    if image.format == "BMP" and tiles and tiles[0][0] == "bmp_rle":
        raise BadPrompt("This BMP is packed in a way that is not read here: save it as PNG.")


def _too_many_parts() -> BadPrompt:
    return BadPrompt("This picture is made of too many small parts to be read here: save it anew.")


def _too_large(most: int, more: str = "") -> BadPrompt:
    return BadPrompt(
        f"This picture is too large: at most {most // 10**6} megapixels{more}. "
        "Make it smaller first."
    )


def _black_and_white(image: Image.Image) -> tuple[float, float]:
    """Return the values of black and white for pixels that are numbers of more than 8 bits.

    Cameras and scanners store 10 or 12 bits in 16: white is then the most that such bits can hold.
    """
    if not image.mode.startswith(("I", "F")):
        return 0.0, 255.0
    low, high = image.getextrema()
    if isinstance(low, tuple) or isinstance(high, tuple):
        raise TypeError(f"an image of mode {image.mode} has one channel")
    if image.mode != "F" and low >= 0 and high <= _WHITES[-1]:
        return 0.0, next(white for white in _WHITES if high <= white)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadPrompt(
            "This picture holds values that are no numbers: save it with 8 or 16 bits a channel."
        )
    return low, high


def _ground(image: Image.Image) -> tuple[int, int, int]:
    """Return a colour to put a transparent picture on, from which what can be seen stands out."""
    small = image.convert("RGBA")
    small.thumbnail(_SAMPLE, Image.Resampling.NEAREST)
    lightness, alpha = small.convert("L"), small.getchannel("A")
    seen = lightness.histogram(mask=alpha.point(lambda value: 255 if value > 127 else 0))
    light = sum(seen[_LIGHT:])
    return _NEAR_BLACK if light > _MOSTLY * sum(seen) else _WHITE


def _as_rgb(
    image: Image.Image, black: float, white: float, ground: tuple[int, int, int]
) -> Image.Image:
    """Return the same pixels as RGB with 8 bits a channel, transparency on the ground."""
    if image.mode.startswith(("I;16", "I", "F")):
        scale = 255 / ((white - black) or 1)
        image = image.convert("F").point(lambda value: value * scale - black * scale).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
    return image if image.mode == "RGB" else image.convert("RGB")

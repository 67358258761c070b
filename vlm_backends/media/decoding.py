"""Open an untrusted picture safely: estimate from its header what it would cost to decode.

A few bytes can encode gigabytes of pixels or for minutes of work. With these limits, two decoded
copies of the largest picture fit into half a gigabyte.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from PIL import Image, UnidentifiedImageError, features

from vlm_backends.errors import BadPrompt, VLMError
from vlm_backends.media.files import animation, deep, pages, pdf, tiff
from vlm_backends.media.files.kinds import kind_of
from vlm_backends.types import Page

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
_MAX_COUNTING_READS = 600_000  # a GIF of the largest size has two for each of its blocks
_MAX_EXIF = 2**20  # bytes: a camera's has 64 kB at most
_KINDS = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, PDF" + (" or AVIF" if "AVIF" in FORMATS else "")


def read_bytes(source: bytes | str | Path) -> bytes:
    """Return the file's bytes. Raises BadPrompt when it is gone or larger than 64 MB."""
    try:
        check_size(len(source) if isinstance(source, bytes) else Path(source).stat().st_size)
        return source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError:
        raise BadPrompt(
            "The picture is no longer there, or cannot be read: give it again."
        ) from None


def check_size(size: int) -> None:
    """Raise BadPrompt for a file of more bytes than are read."""
    if size > MAX_BYTES:
        raise BadPrompt(
            f"This file is too large: at most {MAX_BYTES >> 20} MB. Make it smaller first."
        )


@contextmanager
def open_picture(data: bytes) -> Iterator[Image.Image]:
    """Open the file, as `open_page` does its first page."""
    with open_page(data, 1) as (image, _):
        yield image


@contextmanager
def open_page(data: bytes, number: int) -> Iterator[tuple[Image.Image, Page]]:
    """Open a page or frame of the file, from 1; its pixels are decoded by the caller.

    What it costs is checked first. Whatever goes wrong, also inside the `with` block, is raised as
    BadPrompt; only a PDF that has waited too long for others is Refused.
    """
    try:
        image, page = _opened(data, pages.whole_number(number))
        with image:
            yield image, page
    except VLMError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(_MAX_PIXELS, f", as a JPEG {MAX_JPEG_PIXELS // 10**6}") from None
    except UnidentifiedImageError:
        raise BadPrompt(
            f"This file is not a picture that can be read here. Use {_KINDS}."
        ) from None
    except Exception:  # a broken file can raise anything in Pillow's decoders
        raise BadPrompt(
            "This picture is broken or cut off: save it anew and upload it again."
        ) from None


def first_page(data: bytes) -> Page:
    """Say what the first page of a file is, and how many there are, without decoding it.

    Raises BadPrompt; Refused for a PDF that has waited too long for others.
    """
    if kind_of(data) == "pdf":
        return pages.chosen(1, pdf.count_pages(data))
    with open_page(data, 1) as (_, page):
        return page


def _opened(data: bytes, number: int) -> tuple[Image.Image, Page]:
    match kind_of(data):
        case "pdf":
            return pdf.page_of(data, number)
        case "svg":
            raise BadPrompt(
                "SVG drawings are not read here: open it in a browser, save it as PNG or take a "
                "screenshot, and give that."
            )
        case "heif":
            return _opened_heif(data, number)
        case "tiff":
            data, page = tiff.page_of(data, number)
            return _stretched(_opened_by_pillow(data), data), page
        case _:
            image = _opened_by_pillow(data)
            again = _LimitedFile(data, _MAX_COUNTING_READS)
            check = partial(_check_cost, data=data)  # frames may differ in size
            page = animation.go_to(image, data, number, again, check)
            return (_stretched(image, data) if page.count == 1 else image), page


def _opened_by_pillow(data: bytes) -> Image.Image:
    file = _LimitedFile(data, _MAX_HEADER_READS)
    image = Image.open(file, formats=FORMATS)
    _check_cost(image, data)
    file.reads_left = _MAX_DECODING_READS
    return image


def _stretched(image: Image.Image, data: bytes) -> Image.Image:
    return deep.stretched(image, lambda: _opened_by_pillow(data)) or image


def _opened_heif(data: bytes, number: int) -> tuple[Image.Image, Page]:
    try:
        from vlm_backends.media.files import heif  # libheif takes a while to load
    except ImportError:
        raise BadPrompt("HEIC pictures need pi-heif: pip install pi-heif") from None
    image, page = heif.open_heif(io.BytesIO(data), number)
    _check_cost(image, data)
    return image, page


def orientation(image: Image.Image) -> int:
    """Return Exif's orientation, from 1, upright, to 8; 1 when the file names no valid one."""
    if image.format == "PNG":
        image.load()  # its Exif may come after its pixels
    if len(image.info.get("exif") or b"") > _MAX_EXIF:
        return 1
    try:
        value = image.getexif().get(0x0112)
    except Exception:  # a broken Exif can raise anything, and the pixels may be whole
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


class _LimitedFile(io.BytesIO):
    """A file that can be read a limited number of times: a million tiny parts take minutes."""

    def __init__(self, data: bytes, reads: int) -> None:
        super().__init__(data)
        self.reads_left = reads

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does. Raises BadPrompt after too many calls."""
        self.reads_left -= 1
        if self.reads_left < 0:
            raise tiff.too_many_parts()
        return super().read(size)


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


def _too_large(most: int, more: str = "") -> BadPrompt:
    return BadPrompt(
        f"This picture is too large: at most {most // 10**6} megapixels{more}. "
        "Make it smaller first."
    )

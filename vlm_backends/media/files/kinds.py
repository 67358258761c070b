"""Tell from its first bytes which kind of file something is: its name and its label may lie."""

import re
import zlib
from typing import Literal

Kind = Literal["picture", "tiff", "heif", "pdf", "svg", "unknown"]

_PICTURES = b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF"
_TIFFS = b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II\0*", b"MM*\0"  # Pillow takes the last two
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_ANY_CODEC_BRANDS = {b"mif1", b"msf1"}  # the container of HEIC and AVIF; another brand says which
_AVIF_BRANDS = {b"avif", b"avis"}
_PDF_WITHIN = 1024  # bytes: readers accept other bytes before the header of a PDF
_SVG_WITHIN = 65_536  # bytes: a drawing program may write long declarations first
_SVG_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE\s+svg|(?:\w+:)?svg[\s>])")
_SVG_ELEMENT = re.compile(rb"<(?:\w+:)?svg[\s>]")
_GZIP, _GZIP_WINDOW = b"\x1f\x8b", 31  # the magic number; zlib's name for gzip's own header
_WIDE_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def kind_of(data: bytes) -> Kind:
    """Return the kind of a file; "unknown" for what no rule here knows."""
    if data.startswith(_TIFFS):
        return "tiff"
    if data.startswith(_PICTURES):
        return "picture"
    if data[4:8] == b"ftyp":
        return "heif" if _is_heif(data) else "picture"
    if b"%PDF-" in data[:_PDF_WITHIN]:
        return "pdf"
    return "svg" if _is_svg(data) else "unknown"


def _is_heif(data: bytes) -> bool:
    size = int.from_bytes(data[:4], "big")
    brands = {data[at : at + 4] for at in range(8, min(size, 256), 4)}
    if brands & _HEVC_BRANDS:
        return True
    return bool(brands & _ANY_CODEC_BRANDS) and not brands & _AVIF_BRANDS


def _is_svg(data: bytes) -> bool:
    head = data[:_SVG_WITHIN]
    if head.startswith(_GZIP):
        head = _unpacked(head)
    if encoding := _WIDE_MARKS.get(head[:2]):
        head = head[2:].decode(encoding, "ignore").encode()
    return bool(_SVG_START.match(head) and _SVG_ELEMENT.search(head))


def _unpacked(head: bytes) -> bytes:
    """Return the beginning of what was packed by gzip; nothing when it is broken."""
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(head, _SVG_WITHIN)
    except zlib.error:
        return b""

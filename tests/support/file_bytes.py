"""Builds malformed picture files, byte by byte: wrong headers, too many parts, hostile tables."""

import io
import struct
import zlib

from PIL import Image

PNG, JPEG_END = b"\x89PNG\r\n\x1a\n", b"\xff\xd9"


def saved(image: Image.Image, format: str, **options) -> bytes:
    """Return the image as a file of this format."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return a chunk of a PNG with its correct checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *more: bytes, depth: int = 8, colour: int = 2, rows: bytes = b""
) -> bytes:
    """Return a PNG with this header and these chunks before its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PNG + header + b"".join(more) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND")


def with_chunks(data: bytes, *more: bytes) -> bytes:
    """Return the PNG with these chunks right after its header."""
    return data[:33] + b"".join(more) + data[33:]


def segment(marker: int, data: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def with_segments(data: bytes, *more: bytes) -> bytes:
    """Return the JPEG with these segments right after its start."""
    return data[:2] + b"".join(more) + data[2:]


def resized(data: bytes, width: int, height: int) -> bytes:
    """Return the JPEG with another size in its header."""
    at = next(
        at for at in range(len(data) - 1) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2)
    )
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def scans(width: int, height: int, count: int) -> bytes:
    """Return a grey progressive JPEG whose few bytes make a decoder visit all its blocks `count` times."""
    blocks = -(-width // 8) * -(-height // 8)
    tables = b"".join(
        segment(0xC4, bytes((kind, 1)) + bytes(15) + bytes((symbol,)))
        for kind, symbol in ((0x00, 0), (0x10, 0xE0))
    )
    frame = segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes((1, 0x11, 0)))
    first = segment(0xDA, bytes((1, 1, 0, 0, 0, 0))) + bytes(-(-blocks // 8))
    bits = ("0" + "1" * 14) * -(-blocks // 32767)
    packed = int(bits + "1" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big")
    again = segment(0xDA, bytes((1, 1, 0, 1, 63, 0))) + packed.replace(b"\xff", b"\xff\0")
    return (
        b"\xff\xd8"
        + segment(0xDB, bytes((0,)) + bytes([1]) * 64)
        + frame
        + tables
        + first
        + again * count
        + JPEG_END
    )


def tiff(entries: list[tuple[int, int, int, int]], more: bytes = b"", next: int = 0) -> bytes:
    """Return a little-endian TIFF of one directory at byte 8, its entries (tag, type, count, value), then `more`."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + packed + struct.pack("<I", next) + more
    )


def grey_tiff(
    width: int, height: int, *more: tuple, bits: int = 8, next: int = 0, data: bytes = b""
) -> bytes:
    """Return a grey TIFF in one strip, right after its directory unless `more` says otherwise."""
    given = {tag: (tag, kind, count, value) for tag, kind, count, value in more}
    count = len({256, 257, 258, 259, 262, 273, 277, 278, 279} | given.keys())
    plain = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1),
             (273, 4, 1, 14 + 12 * count), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(data))]  # fmt: skip
    return tiff(sorted(({entry[0]: entry for entry in plain} | given).values()), data, next)


def bmp(width: int, height: int, packing: int = 0, bits: int = 8, data: bytes = b"") -> bytes:
    """Return a BMP with a palette of greys and this header."""
    palette = b"".join(bytes((i, i, i, 0)) for i in range(256)) if bits == 8 else b""
    start = 54 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, len(data), 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + header + palette + data


def gif(width: int, height: int, frame: bytes = b"", before: bytes = b"") -> bytes:
    """Return a GIF with this screen size, extensions before its one frame, and that frame."""
    screen = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0x80, 0, 0) + bytes(
        (0, 0, 0, 255, 255, 255)
    )
    return screen + before + frame + b"\x3b"


def gif_frame(width: int, height: int, left: int = 0, top: int = 0) -> bytes:
    """Return a GIF frame of this size without pixels."""
    return struct.pack("<BHHHHB", 0x2C, left, top, width, height, 0) + b"\x02\x02\x4c\x01\x00"


def stretched(data: bytes, width: int, height: int) -> bytes:
    """Return the AVIF with another size in its header."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]

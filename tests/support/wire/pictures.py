"""Reads the kind and size of pictures from their first bytes, for the local NVIDIA server."""

import struct
import zlib
from dataclasses import dataclass

_NO_SIZE = (0xC4, 0xC8, 0xCC)  # JPEG markers among C0..CF that do not start a frame


@dataclass(frozen=True)
class Bitmap:
    """A picture's kind and its size in pixels, as it was sent."""

    kind: str
    width: int
    height: int
    bytes: int


def measure(data: bytes) -> Bitmap:
    """Read the header of a PNG or JPEG. Raises ValueError for anything else."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
            return Bitmap("PNG", *struct.unpack(">II", data[16:24]), len(data))
        if data[:2] == b"\xff\xd8":
            return Bitmap("JPEG", *_frame(data), len(data))
    except (struct.error, IndexError):
        pass
    raise ValueError("neither PNG nor JPEG")


def _frame(data: bytes) -> tuple[int, int]:
    """Return the width and height from the first start-of-frame segment."""
    at = 2
    while True:
        while data[at] == data[at + 1] == 0xFF:
            at += 1
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length


def plain_png(
    width: int = 8, height: int = 8, colour: tuple[int, int, int] = (200, 40, 40)
) -> bytes:
    """Return a PNG of one colour."""

    def part(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    rows = (b"\x00" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", head)
        + part(b"IDAT", zlib.compress(rows))
        + part(b"IEND", b"")
    )

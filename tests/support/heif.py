"""Builds HEIC files: the boxes of the container, around HEVC streams of `tests/support/hevc`.

The boxes are those of ISO/IEC 23008-12 and 14496-12: an item for each picture, with its size, the
decoder's settings and, where wanted, a rotation or a mirror; Exif is an item of its own.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

HEVC = Path(__file__).parent / "hevc"
SIZES = {
    "scene": (96, 64),
    "scene-10-bits": (96, 64),
    "gate": (480, 160),
    "total": (640, 160),
    "large": (4096, 4096),
}
_PARAMETER_SETS = 32, 33, 34  # types of NAL units: VPS, SPS, PPS
_STILL_PICTURES = range(16, 24)  # types of NAL units that need no other picture


@dataclass(frozen=True)
class HeifPicture:
    """A picture of the file: a stream of the folder, and what the container says of it."""

    stream: str = "scene"
    size: tuple[int, int] | None = None  # that the container claims; None: the true one
    turn: int | None = None  # quarters, against the clock (irot)
    mirror: int | None = None  # 0: top and bottom change places, 1: left and right (imir)
    exif: bytes = b""


def heic(
    *pictures: HeifPicture, brand: bytes = b"heic", primary: int = 1, codec: bytes = b"hvc1"
) -> bytes:
    """Return a file of these pictures; `primary` is the number, from 1, of the main one."""
    payloads, entries, properties, links, references = [], [], [], [], []
    for number, picture in enumerate(pictures or (HeifPicture(),), 1):
        units = _units((HEVC / f"{picture.stream}.hevc").read_bytes())
        mine = [
            _settings(units),
            _full(b"ispe", struct.pack(">II", *(picture.size or SIZES[picture.stream]))),
        ]
        mine += [_box(b"irot", bytes((picture.turn,)))] if picture.turn is not None else []
        mine += [_box(b"imir", bytes((picture.mirror,)))] if picture.mirror is not None else []
        first = len(properties) + 1
        properties += mine
        linked = bytes(index | 0x80 for index in range(first, first + len(mine)))
        links.append(struct.pack(">HB", number, len(mine)) + linked)
        entries.append(_item(number, codec))
        payloads.append(
            (
                number,
                b"".join(
                    struct.pack(">I", len(u)) + u for u in units if _kind(u) in _STILL_PICTURES
                ),
            )
        )
        if picture.exif:
            other = 100 + number
            entries.append(_item(other, b"Exif"))
            payloads.append((other, struct.pack(">I", 0) + picture.exif))
            references.append(_box(b"cdsc", struct.pack(">HHH", other, 1, number)))
    start = _box(b"ftyp", brand + bytes(4) + b"mif1" + (brand if brand != b"mif1" else b"heic"))
    parts = [
        _full(b"hdlr", struct.pack(">I4s12xx", 0, b"pict")),
        _full(b"pitm", struct.pack(">H", primary)),
        _full(b"iinf", struct.pack(">H", len(entries)) + b"".join(entries)),
        _box(b"iprp", _box(b"ipco", b"".join(properties)) + _full(b"ipma", struct.pack(">I", len(links)) + b"".join(links))),
        *([_full(b"iref", b"".join(references))] if references else []),
    ]  # fmt: skip
    meta = len(_meta(parts, payloads, 0))
    return (
        start
        + _meta(parts, payloads, len(start) + meta + 8)
        + _box(b"mdat", b"".join(data for _, data in payloads))
    )


def _meta(parts: list[bytes], payloads: list[tuple[int, bytes]], at: int) -> bytes:
    """Return the box that says what there is; the data begins at `at`."""
    places = b""
    for number, data in payloads:
        places += struct.pack(">HHHII", number, 0, 1, at, len(data))
        at += len(data)
    return _full(
        b"meta",
        b"".join(parts) + _full(b"iloc", struct.pack(">BBH", 0x44, 0, len(payloads)) + places),
    )


def _item(number: int, kind: bytes) -> bytes:
    return _full(b"infe", struct.pack(">HH4sx", number, 0, kind), version=2)


def _settings(units: list[bytes]) -> bytes:
    """Return the box of the decoder's settings, made from the stream's own parameter sets."""
    sets = [unit for unit in units if _kind(unit) in _PARAMETER_SETS]
    profile = next(unit for unit in sets if _kind(unit) == 33).replace(b"\0\0\3", b"\0\0")[3:15]
    depth = 2 if profile[0] & 31 == 2 else 0  # Main 10 has two bits more than eight
    fixed = (
        b"\1"
        + profile
        + struct.pack(
            ">HBBBBHBB", 0xF000, 0xFC, 0xFD, 0xF8 | depth, 0xF8 | depth, 0, 0x0F, len(sets)
        )
    )
    return _box(
        b"hvcC", fixed + b"".join(struct.pack(">BHH", 0x80 | _kind(u), 1, len(u)) + u for u in sets)
    )


def _units(stream: bytes) -> list[bytes]:
    """Return the NAL units of a stream in Annex B's form, without their start codes."""
    return [part.rstrip(b"\0") for part in stream.split(b"\0\0\1")[1:]]


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 63


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data


def _full(kind: bytes, data: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes((version, 0, 0, 0)) + data)

"""Builds PDFs: pages of print and colours, forms, annotations, passwords, and faults."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

A4 = 595, 842  # points
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_PERMISSIONS = b"\xfc\xff\xff\xff"


@dataclass
class PdfPage:
    """A page: its words (text, size, left, bottom; points), and what else is drawn."""

    words: Sequence[tuple[str, float, float, float]] = ()
    size: tuple[float, float] = A4
    drawing: str = ""  # operators, drawn first
    turn: int = 0  # degrees, with the clock
    annotations: Sequence[str] = field(default_factory=tuple)  # their dictionaries


def pdf(
    *pages: PdfPage, catalogue: str = "", password: str | None = None, more: Sequence[str] = ()
) -> bytes:
    """Return a file of these pages; with a password, also an empty one, it is encrypted (RC4, 40 bits).

    `more` are further objects, which get the numbers from 4.
    """
    objects = [
        b"",
        b"",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *(each.encode() for each in more),
    ]
    identity = hashlib.md5(b"tests").digest()
    key, owner = _key(password, identity) if password is not None else (b"", b"")
    kids = []
    for page in pages:
        content = page.drawing + "".join(
            f" BT /F {size:g} Tf {x:g} {y:g} Td ({text}) Tj ET" for text, size, x, y in page.words
        )
        number = len(objects) + 1
        data = (
            _crypted(content.encode("latin-1"), key, number) if key else content.encode("latin-1")
        )
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(data), data))
        box = f"0 0 {page.size[0]:g} {page.size[1]:g}"
        notes = f"/Annots[{' '.join(page.annotations)}]" if page.annotations else ""
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Rotate {page.turn}/Contents {number} 0 R"
            f"/Resources<</Font<</F 3 0 R>>>>{notes}>>".encode()
        )
        kids.append(f"{number + 1} 0 R")
    objects[0] = f"<</Type/Catalog/Pages 2 0 R{catalogue}>>".encode()
    objects[1] = f"<</Type/Pages/Count {len(pages)}/Kids[{' '.join(kids)}]>>".encode()
    lock = b""
    if key:
        user = _rc4(key, _PADDING)
        objects.append(
            b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>"
            % (owner.hex().encode(), user.hex().encode())
        )
        lock = b"/Encrypt %d 0 R/ID[<%s><%s>]" % (len(objects), *(identity.hex().encode(),) * 2)
    return _assembled(objects, lock)


def _assembled(objects: Sequence[bytes], trailer: bytes) -> bytes:
    data, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer,
        len(data),
    )
    return data + head + table + end


def _key(password: str, identity: bytes) -> tuple[bytes, bytes]:
    """Return the key of the contents and the owner's entry, by algorithms 2 and 3 of PDF 1.7."""
    padded = (password.encode() + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    return hashlib.md5(padded + owner + _PERMISSIONS + identity).digest()[:5], owner


def _crypted(data: bytes, key: bytes, number: int) -> bytes:
    own = hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[: len(key) + 5]
    return _rc4(own, data)


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)

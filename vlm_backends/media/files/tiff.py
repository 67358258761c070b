"""Find the pages of a TIFF, and make one of them its first: Pillow then reads that page alone.

A TIFF is a chain of directories; each describes a picture and says where the next directory is.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from vlm_backends.errors import BadPrompt
from vlm_backends.media.files import pages
from vlm_backends.types import Page

_CLASSIC, _BIG = 42, 43  # the version in the header
# Directories, and entries in all of them: more would be looked through for seconds.
_MAX_PAGES, _MAX_ENTRIES = 10_000, 500_000
_MAX_LIST = 100_000  # numbers in one entry, such as strip offsets: Pillow makes an object of each
_BYTE_TYPES = 1, 2, 6, 7  # an entry of these types becomes one object, however long it is
_SUBFILE_TYPE, _SUB_DIRECTORIES = 254, 330  # tags
_CANON_RAW = b"CR"  # at byte 8 of a CR2, whose pages are previews
_REDUCED_OR_MASK = 0b101  # bits of the first: a smaller copy of another picture, or a mask of it


class _Form(NamedTuple):
    """The spelling of numbers in a file: for `struct`, and where the first offset stands."""

    order: str
    offset: str
    entries: str  # how many entries a directory has
    entry: str  # tag, type, count; the value follows
    value: int  # bytes
    start: int


class _Directory(NamedTuple):
    """The place of a directory, and what matters of it here."""

    at: int
    longest: int  # numbers in its longest entry
    is_copy: bool  # a smaller copy or a mask of another picture
    has_more: bool  # pictures below it, outside the chain


def page_of(data: bytes, number: int) -> tuple[bytes, Page]:
    """Return the file with the page of this number, from 1, as its first. Raises BadPrompt.

    Smaller copies and masks of other pages are no pages. Of a file without a single readable
    directory, page 1 is the file itself: Pillow reports what is wrong.
    """
    if data[8:10] == _CANON_RAW:
        raise _raw_file()
    form = _form(data)
    directories = list(_chain(data, form)) if form else []
    if form is None or not directories:
        return data, pages.chosen(number, 1)
    found = [directory for directory in directories if not directory.is_copy]
    if not found and any(directory.has_more for directory in directories):
        raise _raw_file()
    found = found or directories
    page = pages.chosen(number, len(found))
    directory = found[number - 1]
    if directory.longest > _MAX_LIST:
        raise too_many_parts()
    return _with_first(data, form, directory.at), page


def too_many_parts() -> BadPrompt:
    """Return the error for a file that would take minutes to look through."""
    return BadPrompt("This picture is made of too many small parts to be read here: save it anew.")


def _raw_file() -> BadPrompt:
    return BadPrompt(
        "This is a camera's raw file, or one of its kind, with no more than a preview that can be "
        "read here: export it as JPEG or PNG, and give that."
    )


def _form(data: bytes) -> _Form | None:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if not order:
        return None
    if _BIG in data[2:4]:
        return _Form(order, "Q", "Q", "HHQ", 8, 8)
    return _Form(order, "I", "H", "HHI", 4, 4) if _CLASSIC in data[2:4] else None


def _chain(data: bytes, form: _Form) -> Iterator[_Directory]:
    """Yield the directories; a chain that leaves the file or comes back to itself ends there."""
    seen: set[int] = set()
    entries = 0
    offset = _number(data, form.order + form.offset, form.start)
    while offset and offset not in seen:
        seen.add(offset)
        if len(seen) > _MAX_PAGES:
            raise too_many_parts()
        count = _number(data, form.order + form.entries, offset)
        if count is None:
            return
        first = offset + struct.calcsize(form.order + form.entries)
        size = struct.calcsize(form.order + form.entry) + form.value
        whole = min(count, (len(data) - first) // size)
        entries += whole
        if entries > _MAX_ENTRIES:
            raise too_many_parts()
        yield _directory(data, form, offset, first, whole)
        offset = _number(data, form.order + form.offset, first + count * size)


def _directory(data: bytes, form: _Form, at: int, first: int, count: int) -> _Directory:
    """Read the entries of a directory that lie in the file."""
    layout = struct.Struct(f"{form.order}{form.entry}{form.value}s")
    rows = layout.iter_unpack(data[first : first + count * layout.size])
    longest, is_copy, has_more = 0, False, False
    for tag, kind, length, value in rows:
        longest = max(longest, length if kind not in _BYTE_TYPES else 0)
        has_more = has_more or tag == _SUB_DIRECTORIES
        if tag == _SUBFILE_TYPE:
            bits = int.from_bytes(value[:4], "little" if form.order == "<" else "big")
            is_copy = bool(bits & _REDUCED_OR_MASK)
    return _Directory(at, longest, is_copy, has_more)


def _number(data: bytes, form: str, at: int) -> int | None:
    """Return the number at this place; None outside of the file."""
    end = at + struct.calcsize(form)
    return struct.unpack_from(form, data, at)[0] if end <= len(data) else None


def _with_first(data: bytes, form: _Form, at: int) -> bytes:
    """Return the file with the directory at this place as its first."""
    if at == _number(data, form.order + form.offset, form.start):
        return data
    place = struct.pack(form.order + form.offset, at)
    return data[: form.start] + place + data[form.start + len(place) :]

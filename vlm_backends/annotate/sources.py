"""List the pictures of a data set: files, folders, patterns, zips and Parquet tables.

Nothing is opened before it is read, so that a million pictures take no more memory than a few.
"""

import glob
import hashlib
import os
import re
import threading
import unicodedata
import zipfile
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeVar

from vlm_backends.annotate import parquet
from vlm_backends.annotate.parquet import TableCell
from vlm_backends.errors import BadPrompt
from vlm_backends.media import images
from vlm_backends.media.decoding import check_size, first_page, read_bytes
from vlm_backends.types import PAGE_MARK, Picture, page_title

SUFFIXES = {".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpeg", ".jpg", ".pdf"}
SUFFIXES |= {".png", ".tif", ".tiff", ".webp"}
_SUFFIXES_OF_PAGES = {".pdf", ".tif", ".tiff"}  # files that are looked into for further pages
MOST = 100  # pictures of one visitor's batch
_LONGEST = 80  # bytes of a name, its ending and its number left out
_UNSAFE = re.compile(r'[<>:"|?*]')
# Windows allows no file of these names
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_unzipping = threading.Lock()  # a ZipFile counts its readers without a lock


@dataclass(frozen=True)
class Source:
    """The file of a picture, and its name in all results.

    The name is safe in any folder, and no other picture has its stem.
    """

    name: str
    path: Path
    page: int = 1

    def read(self) -> Picture:
        """Return the upright picture. Raises BadPrompt."""
        return images.read(self.path, self.page)

    def data(self) -> bytes:
        """Return the file's bytes. Raises BadPrompt."""
        return read_bytes(self.path)


@dataclass(frozen=True)
class ZipMember:
    """A picture inside a zip: the last of its name, as when the zip is unpacked."""

    name: str
    path: Path
    member: str
    page: int = 1

    def read(self) -> Picture:
        """Return the upright picture. Raises BadPrompt."""
        return images.read(self.data(), self.page)

    def data(self) -> bytes:
        """Return the member's bytes. Raises BadPrompt."""
        try:
            with _unzipping:
                bundle = _zip(*parquet.cache_key(self.path))
                check_size(bundle.getinfo(self.member).file_size)  # before it is unpacked
                return bundle.read(self.member)
        except BadPrompt:
            raise
        except Exception as error:  # a broken file makes zipfile and its decoders raise anything
            raise BadPrompt(f"{self.name} cannot be taken out of its zip: {error}.") from None


AnySource = Source | ZipMember | TableCell
SomeFile = TypeVar("SomeFile", bound=Source | ZipMember)


def pictures(paths: Iterable[str], column: str = "", again: bool = False) -> Iterator[AnySource]:
    """Yield what is to be annotated, each name once. Raises BadPrompt for a path without pictures.

    `again`: each path held something before. One that has vanished is yielded nevertheless, so that
    reading it fails with its own sentence.
    """
    seen: set[str] = set()
    for path in paths:
        found = False
        for source in _at(path, column):
            found = True
            if source.name not in seen:
                seen.add(source.name)
                yield source
        if not found and again and not glob.has_magic(path):
            yield Source(path, Path(path))
        elif not found and not again:
            raise BadPrompt(
                f"No picture is at “{path[:200]}”. "
                "Give files, folders, patterns, zips or Parquet tables."
            )


def with_pages(sources: Iterable[AnySource]) -> Iterator[AnySource]:
    """Yield each source, and the further pages of a PDF or TIFF, as pictures of their own.

    The first page has the name of the file, the second one "scan.tif#page=2". A file is opened when
    it is reached. The frames of an animation are no pages.
    """
    for source in sources:
        yield source
        if not isinstance(source, TableCell):
            yield from islice(_pages_of(source, _count_pages(source)), 1, None)


def _pages_of(source: SomeFile, count: int) -> Iterator[SomeFile]:
    for page in range(1, count + 1):
        yield replace(source, name=page_title(source.name, page), page=page)


def may_have_pages(name: str) -> bool:
    """Return True for the name of a file that is looked into for further pages."""
    return Path(name).suffix.lower() in _SUFFIXES_OF_PAGES


def _count_pages(source: Source | ZipMember) -> int:
    if not may_have_pages(source.name):
        return 1
    try:
        first = first_page(source.data())
    except BadPrompt:  # reading it explains the error
        return 1
    return first.count if first.unit == "page" else 1


def _at(given: str, column: str) -> Iterator[AnySource]:
    path = Path(given)
    if given and path.is_dir():
        for file in _files(path):
            yield from _inside(file, column, in_folder=True)
    elif path.is_file():
        yield from _inside(path, column)
    elif glob.has_magic(given):
        for file in map(Path, sorted(glob.glob(given, recursive=True))):
            if file.is_file():
                yield from _inside(file, column)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in the order of their names.

    Hidden ones are left out, and links to folders are not followed.
    """
    with os.scandir(folder) as entries:
        ordered = sorted(
            (entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name
        )
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file():  # not a pipe, on which reading would block
            yield Path(entry.path)


def _inside(path: Path, column: str, in_folder: bool = False) -> Iterator[AnySource]:
    """Yield the pictures of one file; one found `in_folder` may hold none."""
    # JSON holds valid UTF-8 only
    name = os.fsencode(path).decode(errors="backslashreplace")
    match path.suffix.lower():
        case ".zip":
            yield from _members(path, name)
        case ".parquet":
            yield from _cells(path, name, column, in_folder)
        case suffix if suffix in SUFFIXES or not in_folder:
            yield Source(name, path)


def _members(path: Path, name: str) -> Iterator[ZipMember]:
    try:
        with _unzipping:
            members = dict.fromkeys(_zip(*parquet.cache_key(path)).namelist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise BadPrompt(f"“{path}” is no zip, or a broken one: {error}.") from None
    for member in members:
        hidden = any(part.startswith((".", "__MACOSX")) for part in member.split("/"))
        if Path(member).suffix.lower() in SUFFIXES and not hidden:
            yield ZipMember(f"{name}/{member}", path, member)


@lru_cache(maxsize=4)
def _zip(path: Path, *_: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _cells(path: Path, name: str, column: str, in_folder: bool) -> Iterator[TableCell]:
    known = parquet.columns(path)
    if column in known or known and not column:
        yield from parquet.cells(path, name, column or known[0])
    elif not in_folder:
        hint = f" Name one that does: --column {'|'.join(known)[:200]}" if known else ""
        raise BadPrompt(
            f"“{path}” has no column{f' “{column}”' * bool(column)} that holds pictures.{hint}"
        )


def sources(paths: Iterable[str | Path]) -> tuple[Source, ...]:
    """Return the files with their names, each content once, each page of a PDF or TIFF for itself.

    Raises BadPrompt for no file, and for more than MOST pictures.
    """
    paths = [Path(path) for path in paths]
    if not paths:
        raise BadPrompt(f"Add pictures first: drop or choose up to {MOST} of them.")
    if len(paths) > MOST:
        raise BadPrompt(
            f"These are {len(paths)} pictures; a batch takes {MOST}. "
            f"Remove {len(paths) - MOST} of them."
        )
    once: dict[str, Path] = {}
    for path in paths:
        once.setdefault(_content(path), path)
    named: dict[str, Source] = {}  # by what no other name may be called
    for path in once.values():
        file = Source(safe_name(path.name), path)
        count = _count_pages(file)
        if len(named) + count > MOST:
            raise BadPrompt(
                f"A batch takes {MOST} pictures, and each page of a PDF or TIFF is one: these "
                "files hold more. Remove some of them."
            )
        file = replace(file, name=_free(file.name, count, named))
        named |= {_key(page.name): page for page in _pages_of(file, count)}
    return tuple(named.values())


def stem_of(name: str) -> str:
    """Return a name for the files about a picture: without its ending, "scan-page-2" for a page."""
    file, mark, page = name.rpartition(PAGE_MARK)
    return f"{Path(file).stem}-page-{page}" if mark else Path(name).stem


def safe_name(name: str) -> str:
    """Return a visitor's file name as a safe one.

    Without folders, control characters, marks of direction, and names that a file system forbids.
    """
    shown = (
        char for char in unicodedata.normalize("NFC", name) if unicodedata.category(char)[0] != "C"
    )
    last = _UNSAFE.sub("", re.split(r"[/\\]", "".join(shown))[-1]).strip(" .-")
    stem, _, ending = last.rpartition(".") if "." in last else (last, "", "")
    stem = stem.encode()[:_LONGEST].decode(errors="ignore").strip(" .-") or "picture"
    stem = f"_{stem}" if _DEVICES.fullmatch(stem.partition(".")[0]) else stem
    ending = "".join(char for char in ending if char.isascii() and char.isalnum())[:8]
    return f"{stem}.{ending}" if ending else stem


def _free(name: str, count: int, taken: Container[str]) -> str:
    """Return the name of a file of so many pages.

    It has a number behind its stem when that, or a page's, is taken, in any case.
    """
    path, number = Path(name), 1
    while any(_key(page_title(name, page)) in taken for page in range(1, count + 1)):
        number += 1
        name = f"{path.stem}-{number}{path.suffix}"
    return name


def _key(name: str) -> str:
    """Return what no other picture's name may have in common with this one."""
    return stem_of(name).casefold()


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # it is kept: reading it explains the error
        return str(path)

"""The pictures of a data set, one after the other: files, folders, patterns, zips and Parquet tables.

Nothing is opened before it is read, so that a million pictures take no more memory than a few.
"""

import glob
import hashlib
import re
import unicodedata
import zipfile
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vlm_backends import images
from vlm_backends.errors import BadPrompt
from vlm_backends.types import Picture

SUFFIXES = {".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
MOST = 100  # pictures of one visitor's batch
_MOST_BYTES = 200 * 2**20  # of a zip's member
_LONGEST = 80  # bytes of a name, its ending and its number left out
_UNSAFE = re.compile(r'[<>:"|?*]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # no file may be called so under Windows


@dataclass(frozen=True)
class Source:
    """The file of a picture, and its name in all results: safe in any folder, its stem no other's."""

    name: str
    path: Path

    def read(self) -> Picture:
        """The upright picture. Raises BadPrompt."""
        return images.read(self.path)


@dataclass(frozen=True)
class Member:
    """A picture inside a zip."""

    name: str
    path: Path
    member: str

    def read(self) -> Picture:
        """The upright picture. Raises BadPrompt."""
        try:
            bundle = _zip(self.path)
            if bundle.getinfo(self.member).file_size > _MOST_BYTES:
                raise BadPrompt(f"{self.name} is larger than {_MOST_BYTES >> 20} MB.")
            data = bundle.read(self.member)
        except (OSError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise BadPrompt(f"{self.name} cannot be taken out of its zip: {error}.") from None
        return images.read(data)


@dataclass(frozen=True)
class Cell:
    """A picture inside a Parquet table: bytes, or a struct with bytes as the Hugging Face hub's data sets have it."""

    name: str
    path: Path
    column: str
    group: int
    row: int

    def read(self) -> Picture:
        """The upright picture. Raises BadPrompt."""
        value = _cells(self.path, self.column, self.group)[self.row].as_py()
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise BadPrompt(f"{self.name} holds no bytes of a picture.")
        return images.read(data)


def pictures(paths: Iterable[str], column: str = "") -> Iterator[Source | Member | Cell]:
    """What is to be annotated, each once. Raises BadPrompt for a path where nothing is."""
    seen: set[str] = set()
    for path in paths:
        for source in _at(path, column):
            if source.name not in seen:
                seen.add(source.name)
                yield source


def _at(given: str, column: str) -> Iterator[Source | Member | Cell]:
    path = Path(given)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        yield from (Source(str(file), file) for file in files)
    elif path.is_file():
        yield from _inside(path, column)
    elif glob.has_magic(given) and (found := sorted(glob.glob(given, recursive=True))):
        yield from (source for file in found if Path(file).is_file() for source in _inside(Path(file), column))
    else:
        raise BadPrompt(f"There is nothing at “{given[:200]}”. Give files, folders, patterns, zips or Parquet tables.")


def _inside(path: Path, column: str) -> Iterator[Source | Member | Cell]:
    match path.suffix.lower():
        case ".zip":
            yield from _members(path)
        case ".parquet":
            yield from _rows(path, column)
        case _:
            yield Source(str(path), path)


def _members(path: Path) -> Iterator[Member]:
    try:
        names = _zip(path).namelist()
    except (OSError, zipfile.BadZipFile):
        raise BadPrompt(f"“{path}” is no zip, or a broken one.") from None
    for name in names:
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith("__MACOSX/"):
            yield Member(f"{path}/{name}", path, name)


@lru_cache(maxsize=4)
def _zip(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _rows(path: Path, column: str) -> Iterator[Cell]:
    table = _parquet(path)
    names = table.schema_arrow.names
    column = column or next((name for name in ("image", "bytes", "img", "picture") if name in names), "")
    if column not in names:
        known = "|".join(names)[:200]
        raise BadPrompt(f"“{path}” has no such column. Name the one with the pictures: --column {known}")
    count = 0
    for group in range(table.num_row_groups):
        for row in range(table.metadata.row_group(group).num_rows):
            yield Cell(f"{path}#{count}", path, column, group, row)
            count += 1


@lru_cache(maxsize=4)
def _parquet(path: Path) -> object:
    try:
        import pyarrow.parquet  # heavy, and only such tables need it
    except ImportError:
        raise BadPrompt("Parquet tables need pyarrow: pip install pyarrow") from None
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise BadPrompt(f"“{path}” is no Parquet table: {str(error)[:200]}") from None


@lru_cache(maxsize=2)
def _cells(path: Path, column: str, group: int) -> object:
    """The pictures of one row group, which are read together."""
    return _parquet(path).read_row_group(group, columns=[column]).column(0)


def sources(paths: Iterable[str | Path]) -> tuple[Source, ...]:
    """The files with their names, each content once. Raises BadPrompt for no file, and for more than MOST."""
    paths = [Path(path) for path in paths]
    if not paths:
        raise BadPrompt(f"Add pictures first: drop or choose up to {MOST} of them.")
    if len(paths) > MOST:
        raise BadPrompt(f"These are {len(paths)} pictures; a batch takes {MOST}. Remove {len(paths) - MOST} of them.")
    once: dict[str, Path] = {}
    for path in paths:
        once.setdefault(_content(path), path)
    named: dict[str, Source] = {}  # by what no other name may be called
    for path in once.values():
        name = _free(safe_name(path.name), named)
        named[Path(name).stem.casefold()] = Source(name, path)
    return tuple(named.values())


def safe_name(name: str) -> str:
    """A stranger's file name without folders, controls, marks of direction, and what a file system trips over."""
    shown = (char for char in unicodedata.normalize("NFC", name) if unicodedata.category(char)[0] != "C")
    last = _UNSAFE.sub("", re.split(r"[/\\]", "".join(shown))[-1]).strip(" .-")
    stem, _, ending = last.rpartition(".") if "." in last else (last, "", "")
    stem = stem.encode()[:_LONGEST].decode(errors="ignore").strip(" .-") or "picture"
    stem = f"_{stem}" if _DEVICES.fullmatch(stem.partition(".")[0]) else stem
    ending = "".join(char for char in ending if char.isascii() and char.isalnum())[:8]
    return f"{stem}.{ending}" if ending else stem


def _free(name: str, taken: Container[str]) -> str:
    """The name, with a number behind its stem when that is taken, in whatever case."""
    path, number = Path(name), 1
    while Path(name).stem.casefold() in taken:
        number += 1
        name = f"{path.stem}-{number}{path.suffix}"
    return name


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # it is asked about nevertheless, and fails with its own sentence
        return str(path)

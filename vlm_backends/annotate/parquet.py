"""Read the pictures in a Parquet table: bytes, or a struct with bytes.

Data sets of the Hugging Face hub have such structs.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

from vlm_backends.errors import BadPrompt
from vlm_backends.media import images
from vlm_backends.types import Picture

_USUAL = "image", "img", "picture", "bytes"  # names of the column with the pictures
_BATCH_ROWS = 16  # rows that are read at once
_MAX_CACHED = 8  # batches that are kept for threads that are a little behind


@dataclass(frozen=True)
class TableCell:
    """A picture in a row of a table."""

    name: str
    path: Path
    column: str
    row: int

    def read(self) -> Picture:
        """Return the upright picture. Raises BadPrompt."""
        try:
            value = _cursor(self.column, *cache_key(self.path)).value(self.row)
        except OSError as error:
            raise BadPrompt(f"{self.name} cannot be read: {error.strerror}.") from None
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise BadPrompt(f"{self.name} holds no bytes of a picture.")
        return images.read(data)


def columns(path: Path) -> list[str]:
    """List the columns that may hold pictures, the likeliest first.

    Raises BadPrompt for any other file.
    """
    with _opened(path) as table:
        found = [field.name for field in table.schema_arrow if _holds_bytes(field.type)]
    return sorted(
        found,
        key=lambda name: _USUAL.index(name.lower()) if name.lower() in _USUAL else len(_USUAL),
    )


def cells(path: Path, name: str, column: str) -> Iterator[TableCell]:
    """Yield the table's rows, each named by the table's name and its own number, from 0."""
    with _opened(path) as table:
        count = table.metadata.num_rows
    yield from (TableCell(f"{name}#{row}", path, column, row) for row in range(count))


def cache_key(path: Path) -> tuple[Path, int, int]:
    """Return a file's path, mtime in ns and size: another file in its place differs.

    Raises OSError.
    """
    about = path.stat()
    return path.absolute(), about.st_mtime_ns, about.st_size


def _opened(path: Path) -> Any:
    """Open the table and read nothing of it yet. Raises BadPrompt."""
    try:
        import pyarrow.parquet  # heavy, and only such tables need it
    except ImportError:
        raise BadPrompt("Parquet tables need pyarrow: pip install pyarrow") from None
    try:  # without buffers for all columns, of which one is read
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=2**20)
    except (OSError, pyarrow.ArrowException) as error:
        raise BadPrompt(
            f"“{path}” is no Parquet table, or a broken one: {str(error)[:200]}"
        ) from None


def _holds_bytes(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return types.is_binary(kind) or types.is_large_binary(kind)


@lru_cache(maxsize=2)
def _cursor(column: str, path: Path, *_: int) -> "ColumnCursor":
    return ColumnCursor(path, column)


class ColumnCursor:
    """Reads a column forward, with a few rows in memory: a row group may be larger than memory."""

    def __init__(self, path: Path, column: str) -> None:
        self._table, self._column, self._path, self._lock = _opened(path), column, path, Lock()
        about = self._table.metadata
        self._starts = [
            0,
            *accumulate(about.row_group(group).num_rows for group in range(about.num_row_groups)),
        ]
        self._cached: deque[tuple[int, Any]] = deque(
            maxlen=_MAX_CACHED
        )  # first rows, and the batches
        self._next = 0
        self._batches: Iterator[Any] = iter(())

    def value(self, row: int) -> object:
        """Return the row's value; safe among threads. Raises BadPrompt."""
        with self._lock:
            try:
                self._seek(self._starts[bisect_right(self._starts, row) - 1], row)
                while self._next <= row:
                    batch = next(self._batches)
                    self._cached.append((self._next, batch))
                    self._next += batch.num_rows
            except Exception as error:  # a broken page can raise anything in Arrow
                self._cached.clear()
                raise BadPrompt(
                    f"“{self._path}” is broken at row {row}: {str(error)[:200] or 'it ends'}."
                ) from None
            first, batch = next(each for each in reversed(self._cached) if each[0] <= row)
            return batch.column(0)[row - first].as_py()

    def _seek(self, start: int, row: int) -> None:
        """Go to the row group that begins at `start`.

        Stays where it is when the row is cached, or lies ahead in the current group.
        """
        if self._cached and self._cached[0][0] <= row and start <= self._next:
            return
        groups = range(self._starts.index(start), len(self._starts) - 1)
        self._batches = self._table.iter_batches(_BATCH_ROWS, groups, [self._column])
        self._next = start
        self._cached.clear()

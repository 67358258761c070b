"""Write JSON lines so that each picture has one complete line, even after an interruption."""

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from vlm_backends.errors import BadPrompt

_START = b'{"file": "'  # of every line


@contextlib.contextmanager
def resumable_jsonl(
    path: Path, question: Mapping[str, object]
) -> Iterator[tuple[set[str], Callable[[dict], None]]]:
    """Yield the names of the pictures that are answered already, and a function that adds a line.

    Failed ones and a line that was cut off are taken out first, to be asked again. Raises BadPrompt
    when another run writes to the same file, and when that holds anything but answers to this
    question.
    """
    path = path.resolve()  # so that a symbolic link and its target share one lock
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path):
        done = _keep_answered(path, question)
        with open(path, "ab", buffering=0) as out:

            def write(entry: dict) -> None:
                if entry["file"] not in done:
                    _append(
                        out, json.dumps(entry, ensure_ascii=False).encode(errors="replace") + b"\n"
                    )
                    done.add(entry["file"])

            try:
                yield done, write
            finally:
                os.fsync(out.fileno())


def entries(path: Path) -> Iterator[dict]:
    """Yield the entries of a file's whole lines; a line that was cut off is left out."""
    with open(path, "rb") as file:
        yield from filter(None, map(_entry, file))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file that replaces `path` when it is complete; after an error it is deleted."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        with open(fresh, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _lock(path: Path) -> contextlib.AbstractContextManager:
    """Return a lock that the system releases when the process dies. Raises BadPrompt."""
    try:
        return FileLock(path.with_name(f".{path.name}.lock")).acquire(timeout=0)
    except Timeout:
        raise BadPrompt(
            f"Another run writes to “{path}” now. Wait for its end, or give another --out."
        ) from None


def _keep_answered(path: Path, question: Mapping[str, object]) -> set[str]:
    """Leave only the whole lines without an error in the file; return their names."""
    names: set[str] = set()
    if not path.exists():
        return names
    with open(path, "rb") as old, replacing(path) as new:
        for text in old:
            entry = _entry(text)
            if entry is None and not _is_cut(text):
                raise BadPrompt(f"“{path}” holds something else than answers. Give another --out.")
            if entry and any(entry.get(name) != value for name, value in question.items()):
                raise BadPrompt(f"“{path}” answers another question already. Give another --out.")
            if entry and not entry.get("error") and entry["file"] not in names:
                names.add(entry["file"])
                new.write(text)
    return names


def _entry(text: bytes) -> dict | None:
    """Return the line's entry; None for anything else than a complete line."""
    if not text.startswith(_START) or not text.endswith(b"\n"):
        return None
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(text)
        if isinstance(entry["file"], str):
            return entry
    return None


def _is_cut(text: bytes) -> bool:
    """Return True for the beginning of a line; after a power loss, zeros may follow it."""
    start = text.rstrip(b"\0")
    return not text.endswith(b"\n") and (start.startswith(_START) or _START.startswith(start))


def _append(out: io.FileIO, line: bytes) -> None:
    """Write all of the line or nothing. Raises OSError, such as on a full disk."""
    end = out.seek(0, os.SEEK_END)
    try:
        while line:
            line = line[out.write(line) :]
    except OSError:
        out.truncate(end)
        raise

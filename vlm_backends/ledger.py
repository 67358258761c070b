"""A file of JSON lines with one whole line a picture, whatever interrupts the run that writes it."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from vlm_backends.errors import BadPrompt


@contextlib.contextmanager
def ledger(path: Path) -> Iterator[tuple[set[str], Callable[[dict], None]]]:
    """The names of the pictures that are answered already, and what writes one more line.

    Failed ones and a line that was cut off are taken out first, to be asked again. Raises BadPrompt when another run
    writes to the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_name(f".{path.name}.lock"), path):
        done = _kept(path)
        with open(path, "ab", buffering=0) as out:

            def write(entry: dict) -> None:
                if entry["file"] not in done:
                    out.write((json.dumps(entry, ensure_ascii=False) + "\n").encode(errors="replace"))
                    done.add(entry["file"])

            try:
                yield done, write
            finally:
                os.fsync(out.fileno())


@contextlib.contextmanager
def _alone(lock: Path, path: Path) -> Iterator[None]:
    """No other run writes meanwhile; on Windows nobody sees to it."""
    with contextlib.suppress(ImportError):
        import fcntl

        with open(lock, "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                    raise FileNotFoundError
            except OSError:
                busy = f"Another run writes to “{path}” now. Wait for its end, or give another --out."
                raise BadPrompt(busy) from None
            yield
            lock.unlink()
        return
    yield


def _kept(path: Path) -> set[str]:
    """The names of the whole lines without an error; only those are left in the file, which is replaced at once."""
    names: set[str] = set()
    if not path.exists():
        return names
    fresh = path.with_name(f".{path.name}.part")
    with open(path, "rb") as old, open(fresh, "wb") as new:
        for text in old:
            entry = _entry(text)
            if entry and not entry.get("error") and entry["file"] not in names:
                names.add(entry["file"])
                new.write(text)
        new.flush()
        os.fsync(new.fileno())
    os.replace(fresh, path)
    return names


def _entry(text: bytes) -> dict | None:
    """The line's entry; None for a line that was cut off."""
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(text) if text.endswith(b"\n") else None
        if isinstance(entry, dict) and isinstance(entry.get("file"), str):
            return entry
    return None


def entries(path: Path) -> Iterator[dict]:
    """The lines of a finished file."""
    with open(path, "rb") as file:
        yield from filter(None, map(_entry, file))

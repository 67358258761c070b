"""Files from strangers: each picture of the corpus is answered rightly or refused in one sentence, quickly and in little."""

import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.support.broken_files import Case, cases
from tests.support.measured_reading import MOST_MB, MOST_S, Reader
from tests.support.rows import Row

_SENTENCE = re.compile(r"[A-Z][^\n]{10,200}\.")
_NEAR = 42  # levels of 255: JPEG at its worst stays below


def rows(short: bool) -> Iterator[Row]:
    """One row for all files; the short run takes every second one of those that are quick to make."""
    chosen = [case for case in cases() if not case.heavy][::2] if short else list(cases())
    with (
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as stack,
        ThreadPoolExecutor(2) as pool,
    ):
        readers = [stack.enter_context(Reader()) for _ in range(2)]
        halves = [
            pool.submit(_tried, chosen[i::2], reader, Path(folder))
            for i, reader in enumerate(readers)
        ]
        found = [pair for half in halves for pair in half.result()]
    lost = [f"{case.name}: {fault}" for case, told in found if (fault := _fault(case, told))]
    slowest = max(
        ((took, case.name, step) for case, told in found for step, took in told["steps"].items())
    )
    largest = max((told["mb"], case.name) for case, told in found)
    answered = sum(told["ended"] == "seen" for _, told in found)
    remark = (f"{answered} answered, {len(found) - answered} refused; slowest {slowest[0]:.1f} s ({slowest[1]}, {slowest[2]}), "
              f"largest {largest[0]} MB ({largest[1]})")  # fmt: skip
    yield Row("a stranger's file: a right answer or one sentence, each step in 2 s and 600 MB", len(found),
              len(found) - len(lost), remark="; ".join([remark, *lost]))  # fmt: skip


def _tried(chosen: list[Case], read: Reader, folder: Path) -> list[tuple[Case, dict]]:
    found = []
    for number, case in enumerate(chosen):
        path = folder / f"{id(read)}-{number}{case.suffix}"
        path.write_bytes(case.make())
        found.append((case, read(path)))
        path.unlink()
    return found


def _fault(case: Case, told: dict) -> str:
    """What is not as promised; nothing when all is."""
    slow = {name: took for name, took in told["steps"].items() if took > MOST_S}
    if slow or told["mb"] > MOST_MB:
        return f"{told['ended']}, {slow or told['steps']}, {told['mb']} MB"
    if told["ended"] not in ("seen", "refused") or case.becomes not in ("either", told["ended"]):
        return f"{told['ended']} {told.get('said', '')}"
    if told["ended"] == "refused":
        return "" if _SENTENCE.fullmatch(told["said"]) else f"no sentence: {told['said']}"
    return (
        ""
        if case.becomes == "either" or _is_right(case, told)
        else f"wrong: {told['size']}, {told['corners']}"
    )


def _is_right(case: Case, told: dict) -> bool:
    pairs = zip(told["corners"], case.corners, strict=True)
    return tuple(told["size"]) == case.size and all(
        abs(a - b) <= _NEAR for seen, meant in pairs for a, b in zip(seen, meant)
    )

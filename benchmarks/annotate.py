"""Measures annotating a data set beside a plain loop: pictures a second, and the time to the first.

Two engines keep a core busy: a stand-in of pure Python, which threads cannot share, and the
built-in tools, whose libraries release the interpreter's lock. `--ray local` starts new processes
for each run.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from PIL import Image

from benchmarks._measure import installed, markdown_table, take_turns
from tests.support.fake_engine import FakeEngine
from vlm_backends import (
    CancelToken,
    Chunk,
    Embedded,
    Engine,
    Model,
    Prompt,
    ask,
    find_task,
    read,
    write_task,
)
from vlm_backends.annotate.command import annotate_here
from vlm_backends.annotate.jsonl import resumable_jsonl
from vlm_backends.annotate.records import AnnotationQuestion
from vlm_backends.annotate.sources import pictures
from vlm_backends.engines.base import Traits

# answers a second, seconds to the first, seconds of this process's processor time for each
Throughput = tuple[float, float, float]
PLAIN = "`for file: ask()`"
_SAMPLE = Path(__file__).parent.parent / "assets" / "cat.jpg"
_MASK = "<REGION_TO_SEGMENTATION>"
_CUT = AnnotationQuestion(
    "microsoft/florence-2", write_task(find_task(_MASK), "", (0.2, 0.1, 0.8, 0.9)), _MASK
)


class BusyEngine(FakeEngine):
    """An engine in place of a tiny model: keeps one core busy for some milliseconds."""

    name = "A tiny stand-in"
    traits = Traits("builtin", concurrency=256)

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield one answer after some arithmetic."""
        yield Chunk(str(sum(number * number for number in range(200_000))), literal=True)


def tables(rounds: int) -> Iterator[str]:
    """Yield one table for each engine; with Ray in fewer rounds, since each starts it anew."""
    with TemporaryDirectory() as root:
        folder = Path(root)
        yield _table(
            "a stand-in of pure Python",
            _sides(BusyEngine(), _pictures_in(folder / "many", 60)),
            rounds,
        )
        few, engine = _pictures_in(folder / "few", 16), Embedded()
        sides = _sides(engine, few)
        if installed("ray"):
            from vlm_backends.annotate.ray import annotate_on_ray

            on_ray = partial(annotate_on_ray, address="local", setting="embedded")
            sides["annotate --ray local --parallel 2"] = partial(_annotated, on_ray, engine, few, 2)
        yield _table("the embedded engine, a mask", sides, (rounds + 1) // 2)
    if not installed("ray"):
        yield "`--ray local` is not measured: ray is not installed."


def _table(engine: str, sides: Mapping[str, Callable[[], Throughput]], rounds: int) -> str:
    found = {
        name: [*map(median, zip(*each))]
        for name, each in take_turns(sides, rounds, warm=False).items()
    }
    rows = [
        (name, f"{rate:.2f}", f"{rate / found[PLAIN][0]:.2f}", f"{first:.2f}", f"{work * 1e3:.1f}")
        for name, (rate, first, work) in found.items()
    ]
    head = (
        "pictures a second",
        "ratio",
        "to the first, s",
        "processor of this process, ms a picture",
    )
    return markdown_table((f"{engine}, {os.cpu_count()} cores", *head), rows)


def _sides(engine: Engine, folder: Path) -> dict[str, Callable[[], Throughput]]:
    """Return the plain loop, and the command's own in this process."""
    return {PLAIN: lambda: _throughput(_plain(engine, folder))} | {
        f"annotate --parallel {parallel}": partial(
            _annotated, annotate_here, engine, folder, parallel
        )
        for parallel in (1, 2)
    }


def _plain(engine: Engine, folder: Path) -> Iterator[object]:
    """Yield the answers, one file after the other; keep nothing and handle no failure."""
    model, question, task = _CUT.for_engine(engine)
    for file in sorted(folder.iterdir()):
        *_, answer = ask(engine, model, question(read(file)), task)
        yield answer


def _annotated(
    lines: Callable[..., Iterator[dict]], engine: Engine, folder: Path, parallel: int
) -> Throughput:
    """Measure the command's lines, written to a new file."""
    with (
        TemporaryDirectory() as root,
        resumable_jsonl(Path(root) / "out.jsonl", _CUT.fields) as (_, write),
    ):
        sources = pictures([str(folder)])
        made = lines(engine, _CUT, sources, CancelToken(), parallel=parallel)
        return _throughput(map(partial(_kept, write), made))


def _kept(write: Callable[[dict], None], entry: dict) -> None:
    if entry["error"]:
        raise RuntimeError(entry["error"])
    write(entry)


def _throughput(answers: Iterator[object]) -> Throughput:
    """Measure the second half, when all processes are warm, and processor time over all."""
    start, before = perf_counter(), process_time()
    moments = [perf_counter() for _ in answers]
    half = len(moments) // 2
    work = (process_time() - before) / len(moments)
    return half / (moments[-1] - moments[-1 - half]), moments[0] - start, work


def _pictures_in(folder: Path, count: int) -> Path:
    """Write small pictures that all differ; return their folder."""
    folder.mkdir()
    with Image.open(_SAMPLE) as image:
        small = image.convert("RGB")
    small.thumbnail((120, 120))
    for i in range(count):
        small.putpixel((0, 0), (i, 0, 0))
        small.save(folder / f"{i:03}.png")
    return folder

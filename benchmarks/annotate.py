"""What a data set costs beside the plain loop: pictures a second while it runs, and how long the first one takes.

Engines that keep a core busy: a stand-in of pure Python, which threads cannot share, and the embedded one, whose
libraries let them. On Ray, `--ray local`: processes that are started anew for each run.
"""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from PIL import Image

from benchmarks._sides import installed, table, turns
from vlm_backends import (
    CATALOGUE,
    CancelToken,
    Chunk,
    Embedded,
    Engine,
    Model,
    Prompt,
    Task,
    ask,
    find_task,
    read,
    write_task,
)
from vlm_backends.annotate.command import here
from vlm_backends.annotate.jsonl import ledger
from vlm_backends.annotate.records import Job
from vlm_backends.annotate.sources import pictures
from vlm_backends.engines.base import Capability, Traits

SlidingWindow = tuple[
    float, float, float
]  # answers a second, seconds to the first, processor time of each in this process
PLAIN = "`for file: ask()`"
_SAMPLE = Path(__file__).parent.parent / "assets" / "cat.jpg"
_MASK = "<REGION_TO_SEGMENTATION>"
_CUT = Job("microsoft/florence-2", write_task(find_task(_MASK), "", (0.2, 0.1, 0.8, 0.9)), _MASK)


class Busy:
    """Stands in for a tiny model: Python that keeps one core busy for some milliseconds."""

    name = "A tiny stand-in"

    def models(self) -> Sequence[Model]:
        """All of the catalogue."""
        return CATALOGUE

    @property
    def traits(self) -> Traits:
        """It is here, and needs nothing."""
        return Traits("builtin")

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Always the same."""
        return Capability(True, "counts")

    def state(self, model: Model, task: Task | None = None) -> str:
        """Always the same."""
        return self.capability(model, task).summary

    def stream(
        self, model: Model, prompt: Prompt, stop: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Nothing but arithmetic."""
        yield Chunk(str(sum(number * number for number in range(200_000))), literal=True)


def tables(rounds: int) -> Iterator[str]:
    """A table an engine; its sides take turns. Ray has rounds of its own kind, fewer of them: each starts it anew."""
    with TemporaryDirectory() as root:
        folder = Path(root)
        yield _table(
            "a stand-in of pure Python", _sides(Busy(), _painted(folder / "many", 60)), rounds
        )
        few, engine = _painted(folder / "few", 16), Embedded()
        sides = _sides(engine, few)
        if installed("ray"):
            from vlm_backends.annotate import ray as ray_runner

            sides["annotate --ray local --parallel 2"] = partial(
                _annotated, ray_runner.lines, engine, few, 2
            )
        yield _table("the embedded engine, a mask", sides, (rounds + 1) // 2)
    if not installed("ray"):
        yield "`--ray local` is not measured: ray is not installed."


def _table(engine: str, sides: Mapping[str, Callable[[], SlidingWindow]], rounds: int) -> str:
    found = {
        name: [*map(median, zip(*each))] for name, each in turns(sides, rounds, warm=False).items()
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
    return table((f"{engine}, {os.cpu_count()} cores", *head), rows)


def _sides(engine: Engine, folder: Path) -> dict[str, Callable[[], SlidingWindow]]:
    """The loop that one would write, and the command's in this process."""
    return {PLAIN: lambda: _paced(_plain(engine, folder))} | {
        f"annotate --parallel {parallel}": partial(_annotated, here, engine, folder, parallel)
        for parallel in (1, 2)
    }


def _plain(engine: Engine, folder: Path) -> Iterator[object]:
    """The answers, one file after the other; nothing is kept, nothing can fail."""
    model, question, task = _CUT.asked(engine)
    for file in sorted(folder.iterdir()):
        *_, answer = ask(engine, model, question(read(file)), task)
        yield answer


def _annotated(
    lines: Callable[..., Iterator[dict]], engine: Engine, folder: Path, parallel: int
) -> SlidingWindow:
    """The lines as the command writes them, to a file of their own."""
    given = Namespace(parallel=parallel, rpm=None, ray="local", engine="embedded")
    with TemporaryDirectory() as root, ledger(Path(root) / "out.jsonl", _CUT.fields) as (_, write):
        return _paced(
            map(
                partial(_kept, write),
                lines(engine, _CUT, pictures([str(folder)]), CancelToken(), given),
            )
        )


def _kept(write: Callable[[dict], None], entry: dict) -> None:
    if entry["error"]:
        raise RuntimeError(entry["error"])
    write(entry)


def _paced(answers: Iterator[object]) -> SlidingWindow:
    """The pace of the second half, when all processes are warm; what others do on the machine is not in the work."""
    start, before = perf_counter(), process_time()
    moments = [perf_counter() for _ in answers]
    half = len(moments) // 2
    work = (process_time() - before) / len(moments)
    return half / (moments[-1] - moments[-1 - half]), moments[0] - start, work


def _painted(folder: Path, count: int) -> Path:
    """Small pictures that all differ."""
    folder.mkdir()
    with Image.open(_SAMPLE) as image:
        small = image.convert("RGB")
    small.thumbnail((120, 120))
    for i in range(count):
        small.putpixel((0, 0), (i, 0, 0))
        small.save(folder / f"{i:03}.png")
    return folder

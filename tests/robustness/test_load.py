"""Load: many visitors at once; no answer is lost, none reaches another visitor, nothing is left behind."""

import json
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from PIL import Image

from tests.support.child_processes import Held, child, figures, held, page
from tests.support.rows import Row

WHO = {"hosted": "a crowd at NVIDIA's models", "embedded": "a crowd at this machine's engine"}
_PHOTOS = 8
_POOLS = 24  # threads that pools keep: asyncio's, and those that Gradio's handlers had last
_LATER = 12  # who come later may be answered earlier by so many: the seats of the engine, and the crowd at the door
_GROWTH, _MEGABYTES = 0.05, 20  # of the page's memory in the second half of a run


@dataclass(frozen=True)
class Crowd:
    """How many visitors come, and for how long; times are in seconds."""

    visitors: int
    seconds: float
    think: float  # between two questions of one visitor
    quiet: float  # after all have gone
    window: float = 0.05  # between two pieces of a stream


_FIRST = Crowd(
    2, 1, 0.1, 5
)  # before the count begins: what stays open from the first use of a library is no leak
_FULL = Crowd(200, 600, 120, 60, window=0.2), Crowd(12, 120, 2, 20)
_SHORT = Crowd(10, 8, 1, 10, window=0.005), Crowd(4, 5, 0.2, 10)


def rows(short: bool) -> Iterator[Row]:
    """The figures against NVIDIA's wire, then on the embedded engine."""
    hosted, embedded = _SHORT if short else _FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos(folder / "photos")
        with child("-m", "tests.support.fast_wire", "--pace", hosted.window) as upstream:
            address = upstream.stdout.readline().strip()
            env = {"NVIDIA_API_KEY": "nvapi-load", "NVIDIA_BASE_URL": address}
            yield from _figures(hosted, "hosted", folder, not short, address, **env)
        yield from _figures(embedded, "embedded", folder, not short, VLM_ENGINE="embedded")


def _figures(
    crowd: Crowd, engine: str, folder: Path, memory: bool, upstream: str = "", **env: str
) -> Iterator[Row]:
    with page(folder, **env) as (url, process):
        _come_and_gone(_FIRST, url, engine, folder, process)
        before = held(process)
        found, samples = _come_and_gone(crowd, url, engine, folder, process)
        spent = (samples[-1].seconds - before.seconds) / found["asked"]
        yield from _answers(crowd, engine, found, spent)
        if memory:
            yield _flat(engine, samples)
        yield _left_behind(
            engine, before, held(process), samples, figures(upstream) if upstream else {}
        )
    if "Traceback" in (log := (folder / "page.log").read_text()):
        yield Row(
            f"{WHO[engine]}: the log has no fault",
            1,
            0,
            remark=log[log.index("Traceback") :][:2000],
        )


def _come_and_gone(
    crowd: Crowd, url: str, engine: str, folder: Path, process: subprocess.Popen
) -> tuple[dict, list[Held]]:
    """The figures of a crowd, when all is quiet again, and what the page held in each second of it."""
    arguments = (
        "--visitors",
        crowd.visitors,
        "--seconds",
        crowd.seconds,
        "--think",
        crowd.think,
        "--photos",
        folder / "photos",
    )
    with child(
        "-m", "tests.support.many_visitors", url, engine, *arguments, log=folder / "crowd.log"
    ) as visitors:
        samples = watched(visitors, process)
        said = visitors.stdout.read()
    if not said:
        raise RuntimeError((folder / "crowd.log").read_text())
    time.sleep(crowd.quiet)
    return json.loads(said), samples


def _answers(crowd: Crowd, engine: str, found: dict, spent: float) -> Iterator[Row]:
    remark = (
        f"{crowd.visitors} visitors for {crowd.seconds:.0f} s, {found['left']} left in mid-stream, {found['stopped']} pressed stop; "
        f"first words p95 {found['first_p95']:.1f} s; {spent:.2f} s of a processor a question"
    )
    faults = "; ".join(f"{count}× {fault}" for fault, count in found["faults"])
    yield Row(
        f"{WHO[engine]}: each question gets its answer",
        found["asked"],
        found["asked"] - found["lost"],
        remark=f"{remark} {faults}".strip(),
    )
    yield Row(
        f"{WHO[engine]}: no answer reaches another visitor",
        found["asked"],
        found["asked"],
        found["leaked"],
        f"{found['visits']} visits",
    )
    if engine == "embedded":
        fair = f"at most {found['overtaken']} who came later were answered earlier"
        yield Row(
            f"{WHO[engine]}: first come, first served",
            1,
            int(found["overtaken"] <= _LATER),
            remark=fair,
        )


def _flat(engine: str, samples: list[Held]) -> Row:
    half = [sample.megabytes for sample in samples[len(samples) // 2 :]]
    growth = slope(half) * len(half)
    kept = growth < max(_GROWTH * mean(half), _MEGABYTES)
    remark = f"{mean(half):,.0f} MB, {growth:+.0f} MB by its slope over {len(half)} s; at the start {samples[0].megabytes:.0f} MB"
    return Row(f"{WHO[engine]}: memory is flat in the second half", 1, int(kept), remark=remark)


def _left_behind(
    engine: str, before: Held, after: Held, samples: list[Held], upstream: dict
) -> Row:
    excess = {
        "files": after.files - before.files,
        "sockets": after.sockets - before.sockets,
        "threads": after.threads - before.threads - _POOLS,
        "assets": upstream.get("assets", 0),
        "connections upstream": upstream.get("sockets", 0),
    }
    leaked = sum(max(0, count) for count in excess.values())
    most = f"at most {max(s.sockets for s in samples)} sockets and {max(s.threads for s in samples)} threads"
    counted = f"{upstream['deletes']} of {upstream['uploads']} assets deleted; " if upstream else ""
    names = ", ".join(f"{count} {name}" for name, count in excess.items() if count > 0)
    remark = f"{counted}{most}; afterwards {after.files} files, {after.sockets} sockets, {after.threads} threads {names}".strip()
    return Row(f"{WHO[engine]}: nothing is left behind", len(excess), len(excess), leaked, remark)


def watched(crowd: subprocess.Popen, process: subprocess.Popen) -> list[Held]:
    """What the process held, each second until the crowd has gone."""
    samples = []
    while crowd.poll() is None:
        samples.append(held(process))
        time.sleep(1)
    return samples


def slope(values: list[float]) -> float:
    """The rise from one value to the next, by least squares."""
    middle, average = (len(values) - 1) / 2, mean(values)
    spread = sum((at - middle) ** 2 for at in range(len(values)))
    return (
        sum((at - middle) * (value - average) for at, value in enumerate(values)) / spread
        if spread
        else 0.0
    )


def photos(folder: Path) -> None:
    """Photographs of 12 megapixels, each of a size of its own, by which an answer is known to be about it."""
    folder.mkdir()
    for number in range(_PHOTOS):
        noise = Image.frombytes("RGB", (250, 188), random.Random(number).randbytes(250 * 188 * 3))
        noise.resize((4000, 3000 + number), Image.BICUBIC).save(
            folder / f"{number}.jpg", quality=95
        )

"""Load: many visitors at once; no answer is lost, none reaches another visitor, nothing is left behind."""

import json
import random
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from PIL import Image

from tests.support.child_processes import Held, child, figures, held, page

_PHOTOS = 8
_POOLS = 24  # threads that pools keep: asyncio's, and those that Gradio's handlers had last
_LATER = 12  # how many later questions may be answered first: as many as the engine answers at once, and those that wait
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


def test_a_crowd_at_nvidias_models(tmp_path, long_form):
    crowd = (_FULL if long_form else _SHORT)[0]
    with child("-m", "tests.support.fast_wire", "--pace", crowd.window) as upstream:
        address = upstream.stdout.readline().strip()
        env = {"NVIDIA_API_KEY": "nvapi-load", "NVIDIA_BASE_URL": address}
        _assert_served(crowd, "hosted", tmp_path, long_form, address, **env)


def test_a_crowd_at_this_machines_engine(tmp_path, long_form):
    crowd = (_FULL if long_form else _SHORT)[1]
    _assert_served(crowd, "embedded", tmp_path, long_form, VLM_ENGINE="embedded")


def _assert_served(
    crowd: Crowd, engine: str, folder: Path, memory: bool, upstream: str = "", **env: str
) -> None:
    """Assert that each question got its own answer, that nothing is left behind, and that the log is clean."""
    photos(folder / "photos")
    with page(folder, **env) as (url, process):
        _come_and_gone(_FIRST, url, engine, folder, process)
        before = held(process)
        found, samples = _come_and_gone(crowd, url, engine, folder, process)
        _report(crowd, found, samples, before)
        assert found["asked"] and not found["lost"], found["faults"]
        assert not found["leaked"], "an answer reached another visitor"
        if engine == "embedded":
            assert found["overtaken"] <= _LATER, "first come, first served"
        if memory:
            _assert_flat(samples)
        _assert_nothing_left(before, held(process), figures(upstream) if upstream else {})
    assert "Traceback" not in (folder / "page.log").read_text()


def _report(crowd: Crowd, found: dict, samples: list[Held], before: Held) -> None:
    """Print the figures of a crowd, which `pytest -s` or `-rP` shows."""
    spent = (samples[-1].seconds - before.seconds) / max(1, found["asked"])
    print(f"{crowd.visitors} visitors for {crowd.seconds:.0f} s, {found['asked']} questions,")
    print(f"{found['left']} left in mid-stream, {found['stopped']} pressed stop;")
    print(f"first words p95 {found['first_p95']:.1f} s; {spent:.2f} s of a processor a question;")
    print(f"at most {max(sample.sockets for sample in samples)} sockets")
    print(f"and {max(sample.threads for sample in samples)} threads")


def _come_and_gone(
    crowd: Crowd, url: str, engine: str, folder: Path, process: subprocess.Popen
) -> tuple[dict, list[Held]]:
    """Return the figures of a crowd after it has gone, and what the page held in each second."""
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


def _assert_flat(samples: list[Held]) -> None:
    """Assert that the page's memory does not grow in the second half."""
    half = [sample.megabytes for sample in samples[len(samples) // 2 :]]
    growth = slope(half) * len(half)
    assert growth < max(_GROWTH * mean(half), _MEGABYTES), f"{growth:+.0f} MB of {mean(half):.0f}"


def _assert_nothing_left(before: Held, after: Held, upstream: dict) -> None:
    excess = {
        "files": after.files - before.files,
        "sockets": after.sockets - before.sockets,
        "threads": after.threads - before.threads - _POOLS,
        "assets": upstream.get("assets", 0),
        "connections upstream": upstream.get("sockets", 0),
    }
    assert not {name: count for name, count in excess.items() if count > 0}


def watched(crowd: subprocess.Popen, process: subprocess.Popen) -> list[Held]:
    """Return what the process held, each second until the crowd has gone."""
    samples = []
    while crowd.poll() is None:
        samples.append(held(process))
        time.sleep(1)
    return samples


def slope(values: list[float]) -> float:
    """Return the rise from one value to the next, by least squares."""
    middle, average = (len(values) - 1) / 2, mean(values)
    spread = sum((at - middle) ** 2 for at in range(len(values)))
    return (
        sum((at - middle) * (value - average) for at, value in enumerate(values)) / spread
        if spread
        else 0.0
    )


def photos(folder: Path) -> None:
    """Write photographs of 12 megapixels, each of another size, so that an answer shows which one it is about."""
    folder.mkdir()
    for number in range(_PHOTOS):
        noise = Image.frombytes("RGB", (250, 188), random.Random(number).randbytes(250 * 188 * 3))
        noise.resize((4000, 3000 + number), Image.BICUBIC).save(
            folder / f"{number}.jpg", quality=95
        )

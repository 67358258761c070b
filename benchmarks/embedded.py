"""Measures reading text with the built-in tools beside rapidocr: one visitor, and four at once."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
import psutil
from PIL import Image

from benchmarks._measure import goals_table, markdown_table, medians, ratio, wall_time
from benchmarks._pictures import ROOT

OURS, BARE = "**this engine**", "rapidocr, called bare"
_VISITORS = 4
_PICTURE = ROOT / "assets" / "sign.jpg"


def ours() -> object:
    """Read all lines of the picture with their places, through the public function."""
    from vlm_backends import Embedded, Prompt, Turn, ask, find_model, find_task, read

    prompt = Prompt((Turn("user", "<OCR_WITH_REGION>", (read(_PICTURE),)),))
    *_, answer = ask(
        Embedded(), find_model("microsoft/florence-2"), prompt, find_task("<OCR_WITH_REGION>")
    )
    return answer


def bare() -> Callable[[], object]:
    """Return the library's own call, with the same weights and settings."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read() -> object:
        pixels = cv2.cvtColor(np.asarray(Image.open(_PICTURE).convert("RGB")), cv2.COLOR_RGB2BGR)
        return engine(pixels, use_det=True, use_cls=True, use_rec=True)

    return read


def at_once(work: Callable[[], object]) -> None:
    """Let several visitors ask at once."""
    visitors = [threading.Thread(target=work) for _ in range(_VISITORS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()


def tables(rounds: int) -> Iterator[str]:
    """Yield the times, the memory after several visitors, and the goals."""
    sides = {OURS: ours, BARE: bare()}
    times = medians({name: partial(wall_time, work) for name, work in sides.items()}, rounds)
    process = psutil.Process()
    before = process.memory_info().rss
    crowd = wall_time(partial(at_once, ours))
    grown = (process.memory_info().rss - before) / 2**20
    shown = times | {f"{_VISITORS} visitors at once, this engine": crowd}
    yield markdown_table(
        ("reading assets/sign.jpg", "ms"),
        [[name, f"{value * 1e3:.0f}"] for name, value in shown.items()],
    )
    yield goals_table(
        [
            ("time of the bare call", ratio(times, OURS, BARE), 1.05),
            (
                f"{_VISITORS} visitors at once, of the same one after another",
                crowd / times[OURS] / _VISITORS,
                1.05,
            ),
        ]
    )
    yield goals_table([(f"MiB that stay after {_VISITORS} visitors", grown, 200)], "MiB")

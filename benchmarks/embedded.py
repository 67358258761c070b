"""Reading print with this machine's engine, beside rapidocr called bare; one visitor, and four at once."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
import psutil
from PIL import Image

from benchmarks._pictures import ROOT
from benchmarks._sides import alternated, goals, ratio, seconds, table

OURS, BARE = "**this engine**", "rapidocr, called bare"
_VISITORS = 4
_PICTURE = ROOT / "assets" / "sign.jpg"


def ours() -> object:
    """All lines of the picture with their places, by the public way."""
    from vlm_backends import Embedded, Prompt, Turn, ask, find_model, find_task, read

    prompt = Prompt((Turn("user", "<OCR_WITH_REGION>", (read(_PICTURE),)),))
    *_, answer = ask(
        Embedded(), find_model("microsoft/florence-2"), prompt, find_task("<OCR_WITH_REGION>")
    )
    return answer


def bare() -> Callable[[], object]:
    """The library's own call on the file's pixels, with the same weights and settings."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read() -> object:
        pixels = cv2.cvtColor(np.asarray(Image.open(_PICTURE).convert("RGB")), cv2.COLOR_RGB2BGR)
        return engine(pixels, use_det=True, use_cls=True, use_rec=True)

    return read


def at_once(work: Callable[[], object]) -> None:
    """Several visitors, each with a question."""
    visitors = [threading.Thread(target=work) for _ in range(_VISITORS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()


def tables(rounds: int) -> Iterator[str]:
    """Times, memory with several visitors, and the goals."""
    sides = {OURS: ours, BARE: bare()}
    times = alternated({name: partial(seconds, work) for name, work in sides.items()}, rounds)
    process = psutil.Process()
    before = process.memory_info().rss
    crowd = seconds(partial(at_once, ours))
    grown = (process.memory_info().rss - before) / 2**20
    shown = times | {f"{_VISITORS} visitors at once, this engine": crowd}
    yield table(
        ("reading assets/sign.jpg", "ms"),
        [[name, f"{value * 1e3:.0f}"] for name, value in shown.items()],
    )
    yield goals(
        [
            ("time of the bare call", ratio(times, OURS, BARE), 1.05),
            (
                f"{_VISITORS} visitors at once, of the same one after another",
                crowd / times[OURS] / _VISITORS,
                1.05,
            ),
        ]
    )
    yield goals([(f"MiB that stay after {_VISITORS} visitors", grown, 200)], "MiB")

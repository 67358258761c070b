"""Measures the built-in tools beside the bare calls of their networks, and with four visitors."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
import psutil
from PIL import Image

from benchmarks._measure import cpu_time, goals_table, markdown_table, medians, ratio, wall_time
from benchmarks._pictures import ROOT, photograph

READING, BARE = "**lines of print**", "rapidocr, called bare"
_ANSWER = "the whole answer: lines, codes, tables"
_VISITORS = 4
_PICTURE = ROOT / "assets" / "sign.jpg"
_TWELVE = 12  # megapixels


def answer(token: str, picture: object, words: str = "") -> object:
    """Answer a task of Florence-2 here, decoding included, through the public functions."""
    from vlm_backends import Embedded, Prompt, Turn, ask, find_model, find_task, read

    prompt = Prompt((Turn("user", f"{token}{words}", (read(picture),)),))
    *_, found = ask(Embedded(), find_model("microsoft/florence-2"), prompt, find_task(token))
    return found


def read_answer() -> object:
    """Read all lines of the picture with their places."""
    return answer("<OCR_WITH_REGION>", _PICTURE)


def read_lines() -> object:
    """Read the lines alone, which is what rapidocr does."""
    from vlm_backends.engines.builtin import ocr

    return ocr.read_all(np.asarray(Image.open(_PICTURE).convert("RGB")))


def bare() -> Callable[[], object]:
    """Return the library's own call, with the same weights and settings."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read() -> object:
        pixels = cv2.cvtColor(np.asarray(Image.open(_PICTURE).convert("RGB")), cv2.COLOR_RGB2BGR)
        return engine(pixels, use_det=True, use_cls=True, use_rec=True)

    return read


def steps() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return each step beside the bare run of its network, on a photograph of 1280 × 960."""
    from vlm_backends.engines.builtin.documents import page_parts
    from vlm_backends.engines.builtin.masks.people import person_probability
    from vlm_backends.engines.builtin.networks import LOADED, session
    from vlm_backends.engines.builtin.things.detector import detect

    rgb = np.asarray(Image.open(_PICTURE).convert("RGB"))
    person_probability(rgb, (0, 0, 1, 1))  # loads the network
    seen = np.zeros((1, 3, 300, 300), np.float32)
    page = np.zeros((1, 3, 800, 608), np.float32)
    blob = np.zeros((1, 3, 256, 256), np.float32)

    def person() -> object:
        network = LOADED.get("selfie_segmentation.tflite", lambda: None)
        network.setInput(blob)
        return network.forward()

    return {
        "things, one look": (
            lambda: detect(rgb, flipped_too=False),
            lambda: session("ssdlite.onnx").run(None, {"image": seen}),
        ),
        "people, one look": (lambda: person_probability(rgb, (0, 0, 1, 1)), person),
        "parts of a page": (
            lambda: page_parts(rgb, [], []),
            lambda: session("layout.onnx").run(None, {"image": page}),
        ),
    }


def at_once(work: Callable[[], object]) -> None:
    """Let several visitors ask at once."""
    visitors = [threading.Thread(target=work) for _ in range(_VISITORS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()


def tables(rounds: int) -> Iterator[str]:
    """Yield the times, the memory after several visitors, and the goals."""
    sides = {READING: read_lines, BARE: bare(), _ANSWER: read_answer}
    times = medians({name: partial(wall_time, work) for name, work in sides.items()}, rounds)
    process = psutil.Process()
    before = process.memory_info().rss
    crowd = wall_time(partial(at_once, read_answer))
    grown = (process.memory_info().rss - before) / 2**20
    shown = times | {f"{_VISITORS} visitors at once": crowd}
    yield markdown_table(
        ("reading assets/sign.jpg", "ms"),
        [[name, f"{value * 1e3:.0f}"] for name, value in shown.items()],
    )
    yield goals_table(
        [
            ("lines of print, of the bare call", ratio(times, READING, BARE), 1.05),
            (
                f"{_VISITORS} visitors at once, of the same one after another",
                crowd / times[_ANSWER] / _VISITORS,
                1.05,
            ),
        ]
    )
    yield goals_table([(f"MiB that stay after {_VISITORS} visitors", grown, 200)], "MiB")
    yield from _of_networks(rounds)


def _of_networks(rounds: int) -> Iterator[str]:
    rows, goals = [], []
    for name, (ours, alone) in steps().items():
        sides = {"ours": partial(cpu_time, ours), "alone": partial(cpu_time, alone)}
        times = medians(sides, 5 * rounds)
        rows.append((name, *(f"{times[side] * 1e3:.1f}" for side in ("ours", "alone"))))
        goals.append((name, times["ours"] / times["alone"], 1.15))
    yield markdown_table(("processor time, ms", "this project", "the network's run alone"), rows)
    yield goals_table(goals)
    photo = photograph("coffee.jpg", _TWELVE)
    seconds = medians({"things": partial(cpu_time, partial(answer, "<OD>", photo))}, rounds)
    yield goals_table([("things on 12 MP, decoding included", seconds["things"], 0.4)], "s")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        grown = pool.apply(loaded_memory)
    yield goals_table([("MiB that all networks take, once used", grown, 350)], "MiB")


def loaded_memory() -> float:
    """Use each network once, on pictures of this project; return how memory grew, in MiB."""
    from vlm_backends.engines.builtin import tasks  # noqa: F401  # the code itself is not counted

    process = psutil.Process()
    before = process.memory_info().rss
    answer("<OD>", ROOT / "assets" / "coffee.jpg")
    answer("<REFERRING_EXPRESSION_SEGMENTATION>", ROOT / "assets" / "astronaut.jpg", "person")
    answer("<REGION_PROPOSAL>", ROOT / "assets" / "page.png")
    return (process.memory_info().rss - before) / 2**20

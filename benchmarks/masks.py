"""Measures how well things are cut out, and how well the cut's sureness tells good from poor.

Outlines drawn by hand are compared with masks by their overlap (IoU): the cut of the built-in
tools, and the one before it. Half a was used to develop the cut, to fit what its measures weigh,
and to choose from which sureness on a mask is shown; docs/benchmarks.md says what was decided by
half b. Boxes where there is no thing
count for the sureness only: any mask there is poor.
"""

import json
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import version
from statistics import mean, median
from time import process_time
from typing import NamedTuple, TypeVar

import cv2
import numpy as np

from benchmarks._measure import markdown_table
from benchmarks.mask_set.before import mask_in_box
from benchmarks.mask_set.collect import HERE, PICTURES
from vlm_backends.engines.builtin.masks import CLEAN, Cut, cut_box
from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box, bounds

_ROOM = 0.05  # of the thing's sides, at most: how loosely boxes are drawn around it
_MOVED = 0.08  # of a box without a thing: how far its sides are moved
_GOOD, _FAIR = 0.8, 0.6  # overlap
_PERSON = "person"
_T = TypeVar("_T")


class Sample(NamedTuple):
    """A box in a picture, and what was cut out there."""

    half: str
    kind: str  # "nothing" for a box without a thing
    name: str
    before: float  # overlap with the drawn outline
    after: float
    sureness: float
    seconds: float  # of processor time


def tables(rounds: int) -> Iterator[str]:
    """Yield the overlaps, and how good the masks are that are shown and that are not.

    Each thing gets as many boxes as there are rounds.
    """
    given = json.loads((HERE / "outlines.json").read_text())
    missing = sum(not (PICTURES / name).is_file() for name in given["pictures"])
    if missing:
        yield f"{missing} pictures are missing: see `python -m benchmarks.mask_set.collect`."
        return
    cv2.setNumThreads(1)
    samples = [sample for box in range(rounds) for sample in _samples(given, box)]
    things, nothing = len(given["outlines"]), len(given["nothing"])
    yield (
        f"{things} things and {nothing} boxes without one, {rounds} boxes each; OpenCV "
        f"{version('opencv-python-headless')}, one thread; {platform.system()}."
    )
    yield _overlaps(samples)
    yield _sureness(samples)
    worst = sorted(samples, key=lambda sample: sample.after - sample.sureness)
    wrong = [sample for sample in worst if sample.sureness >= CLEAN and sample.after < _GOOD]
    yield "Shown with less than 0.8: " + ", ".join(
        f"{sample.name} ({sample.half}) {sample.after:.2f}" for sample in wrong
    )


def _samples(given: dict, box: int) -> Iterator[Sample]:
    for entry in given["outlines"]:
        rgb = _read(entry["picture"])
        truth = _filled(entry["outline"], rgb)
        region = _loose(bounds(entry["outline"]), entry["name"], box)
        yield _compared(entry["half"], entry["kind"], entry["name"], rgb, region, truth)
    for entry in given["nothing"]:
        rgb = _read(entry["picture"])
        region = _moved(tuple(entry["box"]), box)
        truth = np.zeros(rgb.shape[:2], bool)
        yield _compared(entry["half"], "nothing", entry["picture"], rgb, region, truth)


def _compared(
    half: str, kind: str, name: str, rgb: np.ndarray, box: Box, truth: np.ndarray
) -> Sample:
    start = process_time()
    cut = _or_nothing(lambda: cut_box(rgb, box, kind == _PERSON))
    seconds = process_time() - start
    before = _or_nothing(lambda: mask_in_box(rgb, box)) if kind != "nothing" else None
    height, width = rgb.shape[:2]
    old = 0.0 if before is None else _overlap(_enlarged(before, width, height), truth)
    new = 0.0 if cut is None else _overlap(_whole(cut, width, height), truth)
    return Sample(half, kind, name, old, new, cut.sureness if cut else 0.0, seconds)


def _overlaps(samples: list[Sample]) -> str:
    rows = []
    for half in "ab":
        for title, chosen in (("people", True), ("other things", False)):
            group = [
                sample
                for sample in samples
                if sample.half == half
                and sample.kind != "nothing"
                and (sample.kind == _PERSON) == chosen
            ]
            rows.append(
                [
                    f"{half}, {title}",
                    len(group),
                    f"{mean(sample.before for sample in group):.2f}",
                    f"{mean(sample.after for sample in group):.2f}",
                    f"{mean(sample.before >= _GOOD for sample in group):.0%}",
                    f"{mean(sample.after >= _GOOD for sample in group):.0%}",
                    f"{median(sample.seconds for sample in group):.2f} s",
                    f"{max(sample.seconds for sample in group):.2f} s",
                ]
            )
    heads = "half", "boxes", "overlap before", "now", "good before", "now", "median", "longest"
    return markdown_table(heads, rows)


def _sureness(samples: list[Sample]) -> str:
    rows = []
    for half in "ab":
        for title, shown in (("shown", True), ("not shown", False)):
            group = [
                sample
                for sample in samples
                if sample.half == half and (sample.sureness >= CLEAN) == shown
            ]
            real = [sample.after for sample in group if sample.kind != "nothing"]
            rows.append(
                [
                    f"{half}, {title}",
                    sum(after >= _GOOD for after in real),
                    sum(_FAIR <= after < _GOOD for after in real),
                    sum(after < _FAIR for after in real),
                    sum(sample.kind == "nothing" for sample in group),
                ]
            )
    heads = f"half, sureness from {CLEAN}", "good (0.8 on)", "fair (0.6 on)", "poor", "no thing"
    return markdown_table(heads, rows)


def _read(name: str) -> np.ndarray:
    bgr = cv2.imread(str(PICTURES / name))
    if bgr is None:
        raise FileNotFoundError(name)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _filled(outline: list[list[float]], rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(outline) * (width, height)).astype(np.int32)], 1)
    return mask > 0


def _loose(box: Box, name: str, number: int) -> Box:
    """Return the box as a person may draw it, another one for each number."""
    left, top, right, bottom = box
    random = np.random.default_rng(sum(map(ord, name)) + 1000 * number)
    room = random.uniform(0, _ROOM, 4) * ([right - left, bottom - top] * 2)
    moved = np.array(box) + room * (-1, -1, 1, 1)
    x0, y0, x1, y1 = np.clip(moved, 0, 1).tolist()
    return x0, y0, x1, y1


def _moved(box: tuple[float, ...], number: int) -> Box:
    left, top, right, bottom = box
    by = np.random.default_rng(number).uniform(-_MOVED, _MOVED, 4) * (number > 0)
    moved = np.array(box) + by * ([right - left, bottom - top] * 2)
    x0, y0, x1, y1 = np.clip(moved, 0, 1).tolist()
    return x0, y0, x1, y1


def _or_nothing(work: Callable[[], _T]) -> _T | None:
    try:
        return work()
    except BadPrompt:
        return None


def _enlarged(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    small = mask.astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _whole(cut: Cut, width: int, height: int) -> np.ndarray:
    """Return the mask of a cut on the whole picture."""
    sides = zip(cut.frame, (width, height, width, height))
    left, top, right, bottom = (round(at * side) for at, side in sides)
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = _enlarged(cut.mask, right - left, bottom - top)
    return mask


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))

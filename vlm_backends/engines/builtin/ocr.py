"""Printed text with its places, by PP-OCRv6, whose weights come in rapidocr's wheel."""

import math
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.config import thread_limit
from vlm_backends.engines.builtin.reading_order import reading_order

Corner = tuple[float, float]

SURE = 0.8  # junk scores up to 0.67, true lines from 0.83
_SIDE = 2400  # px: larger pictures are read at this size, so that memory is bounded
_SMALLEST = 10  # px: nothing is printed below it
_SLIM = 0.2  # of its longer side: what is slimmer gets a margin, since the detector wants 736 px on the shorter side
_GROUP = 4  # lines recognised between two hand-overs
_lock = threading.Lock()


@dataclass(frozen=True)
class Line:
    """A line of print; its corners are in pixels, clockwise from the top left of the text."""

    text: str
    score: float
    quad: tuple[Corner, ...]


def read_lines(rgb: np.ndarray, stop: CancelToken | None = None) -> list[Line]:
    """All lines of the picture (H, W, 3; uint8) in reading order; those that score below 0.8 are left out."""
    return [line for group in stream_lines(rgb, stop) for line in group]


def joined(lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    """Both readings of one picture in reading order; where they overlap, the first."""
    places = [cv2.boundingRect(np.float32(line.quad)) for line in lines]
    new = [
        line
        for line in others
        if not any(_holds(place, np.mean(line.quad, axis=0)) for place in places)
    ]
    both = [*lines, *new]
    return [both[i] for i in reading_order([np.asarray(line.quad, np.float32) for line in both])]


def _holds(place: Sequence[int], point: np.ndarray) -> bool:
    x, y, width, height = place
    return x <= point[0] <= x + width and y <= point[1] <= y + height


def stream_lines(rgb: np.ndarray, stop: CancelToken | None = None) -> Iterator[list[Line]]:
    """The lines in reading order, a few at a time as they are recognised, until the stop."""
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    if min(rgb.shape[:2]) * scale < _SMALLEST:
        return
    small = (
        rgb
        if scale == 1
        else cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )
    bgr = _widened(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    found = _run(bgr, use_det=True, use_rec=False)
    quads = [] if found.boxes is None else [np.asarray(box, np.float32) for box in found.boxes]
    ordered = [quads[i] for i in reading_order(quads)]
    for start in range(0, len(ordered), _GROUP):
        if stop and stop.is_set():
            return
        group = ordered[start : start + _GROUP]
        yield [line for quad in group if (line := _recognise(bgr, quad, scale))]


def _widened(bgr: np.ndarray) -> np.ndarray:
    """The picture, with a margin on the right or below where it is slim."""
    least = math.ceil(_SLIM * max(bgr.shape[:2]))
    below, right = (max(0, least - side) for side in bgr.shape[:2])
    return (
        cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_REPLICATE) if below or right else bgr
    )


def _recognise(bgr: np.ndarray, quad: np.ndarray, scale: float) -> Line | None:
    """The line in this quad, unless it is not sure."""
    strip = _straightened(bgr, quad)
    found = _run(strip, use_det=False, use_rec=True)
    text, score = (found.txts[0].strip(), float(found.scores[0])) if found.txts else ("", 0.0)
    if not text or score < SURE:
        return None
    return Line(text, score, tuple((float(x), float(y)) for x, y in quad / scale))


def _straightened(bgr: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The quad's pixels as an upright strip; a tall one is turned on its side."""
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    width, height = max(2, round(max(sides[0], sides[2]))), max(2, round(max(sides[1], sides[3])))
    target = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    turn = cv2.getPerspectiveTransform(quad, target)
    strip = cv2.warpPerspective(
        bgr, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.rot90(strip).copy() if height > 1.5 * width else strip


def _run(bgr: np.ndarray, use_det: bool, use_rec: bool) -> object:
    """One call of the engine; the next visitor waits in line. All flags are given: the engine keeps the last ones."""
    with _lock:
        return _engine()(bgr, use_det=use_det, use_cls=use_rec, use_rec=use_rec, text_score=0.0)


@lru_cache(maxsize=1)
def _engine() -> object:
    os.environ.setdefault(
        "ORT_DISABLE_TELEMETRY", "1"
    )  # or onnxruntime, from 1.29 on, tells Microsoft what it loads
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": _threads()}
    return RapidOCR(params={"Global.log_level": "critical"} | threads)


def _threads() -> int:
    """Return how many cores a call may use, -1 for all.

    onnxruntime does not look at OMP_NUM_THREADS itself.
    """
    return thread_limit() or -1

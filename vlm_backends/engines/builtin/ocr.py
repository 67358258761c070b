"""Read printed text with its places, by PP-OCRv6, whose weights come in rapidocr's wheel."""

import math
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.config import thread_limit
from vlm_backends.engines.builtin.reading_order import reading_order
from vlm_backends.types import Point

MIN_SCORE = 0.8  # junk scores up to 0.67, true lines from 0.83
_MAX_SIDE = 2400  # px: larger pictures are read at this size, so that memory is bounded
_MIN_SIDE = 10  # px: nothing is printed below it
_MIN_ASPECT = 0.2  # shorter by longer side; the detector enlarges the shorter one to 736 px
_LINES_AT_A_TIME = 4  # recognised before they are yielded together
_TALL = 1.5  # height by width: a line of print that is taller stands on its side
_lock = threading.Lock()


@dataclass(frozen=True)
class TextLine:
    """A line of print; its corners are in pixels, clockwise from the top left of the text."""

    text: str
    score: float  # 0..1
    quad: tuple[Point, ...]


def read_lines(rgb: np.ndarray, cancel: CancelToken | None = None) -> list[TextLine]:
    """Return the lines of the picture (H×W×3, uint8) in reading order.

    Those that score below 0.8 are left out.
    """
    return [line for group in stream_lines(rgb, cancel) for line in group]


def stream_lines(rgb: np.ndarray, cancel: CancelToken | None = None) -> Iterator[list[TextLine]]:
    """Yield the lines as `read_lines` returns them, a few at a time; end when cancelled."""
    scale = min(1.0, _MAX_SIDE / max(rgb.shape[:2]))
    if min(rgb.shape[:2]) * scale < _MIN_SIDE:
        return
    small = rgb
    if scale < 1:
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    bgr = _padded(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    found = _run(bgr, use_det=True, use_rec=False)
    quads = [] if found.boxes is None else [np.asarray(box, np.float32) for box in found.boxes]
    ordered = [quads[i] for i in reading_order(quads)]
    for start in range(0, len(ordered), _LINES_AT_A_TIME):
        if cancel and cancel.is_set():
            return
        group = ordered[start : start + _LINES_AT_A_TIME]
        yield [line for quad in group if (line := _recognise(bgr, quad, scale))]


def merge_lines(lines: Sequence[TextLine], others: Sequence[TextLine]) -> list[TextLine]:
    """Join two readings of one picture, in reading order; where they overlap, the first is kept."""
    places = [cv2.boundingRect(np.array(line.quad, np.float32)) for line in lines]
    new = [
        line
        for line in others
        if not any(_contains(place, np.mean(line.quad, axis=0)) for place in places)
    ]
    both = [*lines, *new]
    return [both[i] for i in reading_order([np.asarray(line.quad, np.float32) for line in both])]


def _contains(rectangle: Sequence[int], point: np.ndarray) -> bool:
    x, y, width, height = rectangle
    return bool(x <= point[0] <= x + width and y <= point[1] <= y + height)


def _padded(bgr: np.ndarray) -> np.ndarray:
    """Return the picture, with a margin on the right or below where it is too slim."""
    least = math.ceil(_MIN_ASPECT * max(bgr.shape[:2]))
    below, right = (max(0, least - side) for side in bgr.shape[:2])
    if not (below or right):
        return bgr
    return cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_REPLICATE)


def _recognise(bgr: np.ndarray, quad: np.ndarray, scale: float) -> TextLine | None:
    """Return the line in this quad (4×2, pixels of `bgr`), None when it is not sure."""
    found = _run(_rectified(bgr, quad), use_det=False, use_rec=True)
    text, score = (found.txts[0].strip(), float(found.scores[0])) if found.txts else ("", 0.0)
    if not text or score < MIN_SCORE:
        return None
    return TextLine(text, score, tuple((float(x), float(y)) for x, y in quad / scale))


def _rectified(bgr: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Return the quad's pixels as an upright rectangle; a tall one is turned on its side."""
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    width, height = max(2, round(max(sides[0], sides[2]))), max(2, round(max(sides[1], sides[3])))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    upright = cv2.warpPerspective(
        bgr,
        cv2.getPerspectiveTransform(quad, target),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.rot90(upright).copy() if height > _TALL * width else upright


def _run(bgr: np.ndarray, use_det: bool, use_rec: bool) -> Any:
    """Call the engine: find the lines of a picture, or recognise the one line that it shows.

    One call at a time. All flags are given, since the engine keeps the last ones.
    """
    with _lock:
        return _engine()(bgr, use_det=use_det, use_cls=use_rec, use_rec=use_rec, text_score=0.0)


@lru_cache(maxsize=1)
def _engine() -> Any:
    # otherwise onnxruntime, from 1.29 on, sends telemetry to Microsoft
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": _threads()}
    return RapidOCR(params={"Global.log_level": "critical"} | threads)


def _threads() -> int:
    """Return how many cores a call may use, -1 for all.

    onnxruntime does not look at OMP_NUM_THREADS itself.
    """
    return thread_limit() or -1

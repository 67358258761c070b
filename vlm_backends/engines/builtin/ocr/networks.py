"""Run the two networks of PP-OCRv6: one marks where print is, the other spells one line of it."""

import os
import threading
from functools import lru_cache
from typing import Any

import numpy as np

from vlm_backends.config import thread_limit
from vlm_backends.engines.builtin.networks import LOADED
from vlm_backends.engines.builtin.ocr.scripts import recogniser_settings

_MULTIPLE = 32  # px: the network that finds print takes sides of that multiple
_LEVELS = 255  # the map's values are 0..255, so that a large picture's takes a byte a pixel
_MIN_PRINT, _MIN_BOX = 0.3, 0.5  # rapidocr's own thresholds: of a pixel, of a box's mean
_UNCLIP = 1.6  # rapidocr's own: the network marks the core of a line
_MOST_BOXES = 5000  # in one picture
_STRIP_HEIGHT, _LEAST_WIDTH = 48, 320  # px: of the strips that the speller takes
_lock = threading.Lock()  # one call at a time: more would only take more memory


def print_map(bgr: np.ndarray) -> np.ndarray:
    """Return how likely each pixel (H×W×3, uint8) is print, as H×W, 0..255."""
    height, width = bgr.shape[:2]
    below, right = -height % _MULTIPLE, -width % _MULTIPLE
    padded = np.pad(bgr, ((0, below), (0, right), (0, 0)), mode="edge")
    pixels = (padded.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
    with _lock:
        found = _engine().text_det.session(pixels)
    return (found[0, 0, :height, :width] * _LEVELS).astype(np.uint8)


def boxes_of(found: np.ndarray) -> list[np.ndarray]:
    """Return the boxes of a map's lines: quads (4×2, pixels), in no order."""
    boxes, _ = _box_finder()(found[None, None], found.shape)
    return [np.asarray(box, np.float32) for box in boxes]


def spell(strip: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the characters of one line of print (H×W×3, uint8 BGR, left to right).

    With each character: how sure it is (0..1), and where its middle is (fraction of the width).
    """
    speller = _speller()
    ratio = strip.shape[1] / strip.shape[0]
    widest = max(_LEAST_WIDTH / _STRIP_HEIGHT, ratio)
    with _lock:
        steps = speller.session(speller.resize_norm_img(strip, widest)[None])[0]
    best, sure = steps.argmax(axis=1), steps.max(axis=1)
    kept = best != 0  # the first class is "no character"
    kept[1:] &= best[1:] != best[:-1]
    text = "".join(speller.postprocess_op.character[i] for i in best[kept])
    places = (np.flatnonzero(kept) + 0.5) / len(best) * widest / ratio
    return text, sure[kept], places


def _engine() -> Any:
    return LOADED.get("rapidocr", _load_engine)


def _load_engine() -> Any:
    # otherwise onnxruntime, from 1.29 on, sends telemetry to Microsoft
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": _threads()}
    quiet = {"Global.log_level": "critical"}
    engine = RapidOCR(params=quiet | threads | recogniser_settings())
    blank = np.zeros((_STRIP_HEIGHT, _LEAST_WIDTH, 3), np.uint8)
    engine(blank, use_det=True, use_cls=False, use_rec=False)  # it loads what it is asked for
    engine(blank, use_det=False, use_cls=False, use_rec=True)
    return engine


def _speller() -> Any:
    return _engine().text_rec


@lru_cache(maxsize=1)
def _box_finder() -> Any:
    from rapidocr.ch_ppocr_det.utils import DBPostProcess

    return DBPostProcess(
        _MIN_PRINT * _LEVELS, _MIN_BOX * _LEVELS, _MOST_BOXES, _UNCLIP, use_dilation=True
    )


def _threads() -> int:
    """Return how many cores a call may use, -1 for all.

    onnxruntime does not look at OMP_NUM_THREADS itself.
    """
    return thread_limit() or -1

"""Run a detector of the owner's own: an ONNX file of YOLOX, or of SSD with its boxes sorted out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vlm_backends.engines.builtin.networks import LOADED, open_session
from vlm_backends.engines.builtin.things.detector import Detections
from vlm_backends.errors import BadPrompt

_PAD = 114  # of 255: what YOLOX was trained with around a picture
_STRIDES = 8, 16, 32, 64  # px: of YOLOX's grids; the last one in its largest kind only
_USUAL_SIDE = 640  # px: for a file that takes any size
_REFUSED = "VLM_DETECTOR: {} is neither a detector of YOLOX nor of SSD that can be run here."


def look(path: Path, kinds: Sequence[str], rgb: np.ndarray) -> Detections:
    """Return what the detector of this file sees in a picture (H×W×3, uint8).

    Raises BadPrompt for a file that is no such detector.
    """
    try:
        session = LOADED.get(path, lambda: open_session(path))
        seen = _run(session, len(kinds), rgb)
    except Exception:  # onnxruntime has an error of its own for each fault of a file
        raise BadPrompt(_REFUSED.format(path.name)) from None
    if seen.scores.shape[1] != len(kinds):
        raise BadPrompt(
            f"VLM_DETECTOR: {path.name} knows {seen.scores.shape[1]} kinds, and "
            f"{path.with_suffix('.txt').name} names {len(kinds)}."
        )
    return seen


def _run(session: Any, kinds: int, rgb: np.ndarray) -> Detections:
    (taken,) = session.get_inputs()
    high, wide = _side(taken.shape, -2), _side(taken.shape, -1)
    if len(session.get_outputs()) == 1:
        pixels, scale = _letterboxed(rgb, high, wide)
        (found,) = session.run(None, {taken.name: pixels})
        return _of_yolox(found[0], (high, wide), rgb.shape[:2], scale)
    pixels = cv2.resize(rgb, (wide, high)).astype(np.float32).transpose(2, 0, 1) / 255
    batch = pixels if len(taken.shape) == 3 else pixels[None]
    return _of_ssd(session.run(None, {taken.name: batch}), kinds, (high, wide))


def _side(shape: Sequence[object], axis: int) -> int:
    side = shape[axis] if len(shape) >= 3 else None
    return side if isinstance(side, int) else _USUAL_SIDE


def _letterboxed(rgb: np.ndarray, high: int, wide: int) -> tuple[np.ndarray, float]:
    """Return the picture in the top left corner of YOLOX's input (1×3×H×W, BGR), and its scale."""
    scale = min(high / rgb.shape[0], wide / rgb.shape[1])
    size = max(1, int(rgb.shape[1] * scale)), max(1, int(rgb.shape[0] * scale))
    canvas = np.full((high, wide, 3), _PAD, np.float32)
    canvas[: size[1], : size[0]] = cv2.resize(rgb, size)[:, :, ::-1]
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None]), scale


def _of_yolox(
    found: np.ndarray, side: tuple[int, int], picture: tuple[int, int], scale: float
) -> Detections:
    """Return YOLOX's rows (N×(5+kinds): middle, size, is a thing, kinds) as boxes and scores."""
    cells, strides = [], []
    for stride in _STRIDES:
        rows, columns = side[0] // stride, side[1] // stride
        ys, xs = np.mgrid[:rows, :columns]
        cells.append(np.stack([xs, ys], axis=-1).reshape(-1, 2))
        strides.append(np.full((rows * columns, 1), stride))
        if sum(map(len, cells)) == len(found):
            break
    grid, step = np.concatenate(cells), np.concatenate(strides)
    middle, half = (found[:, :2] + grid) * step, np.exp(found[:, 2:4]) * step / 2
    size = np.array([picture[1], picture[0], picture[1], picture[0]]) * scale
    boxes = np.concatenate([middle - half, middle + half], axis=1) / size
    return Detections(found[:, 4:5] * found[:, 5:], boxes.clip(0, 1))


def _of_ssd(outputs: Sequence[np.ndarray], kinds: int, side: tuple[int, int]) -> Detections:
    """Return an SSD's boxes (n×4, pixels of the input), scores and numbers of kinds (n each)."""
    boxes = next(each for each in outputs if each.shape[-1] == 4 and each.ndim > 1).reshape(-1, 4)
    flat = [each.reshape(-1) for each in outputs if each.size == len(boxes)]
    numbers = next(each for each in flat if np.issubdtype(each.dtype, np.integer))
    scores = next(each for each in flat if np.issubdtype(each.dtype, np.floating))
    table = np.zeros((len(boxes), kinds))
    table[np.arange(len(boxes)), numbers] = scores
    return Detections(table, (boxes / (side[1], side[0], side[1], side[0])).clip(0, 1))

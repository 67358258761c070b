"""Run SSDLite MobileNet v2, which finds things of 80 kinds, on a picture or a part of it."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from vlm_backends.engines.builtin.networks import WEIGHTS, session
from vlm_backends.engines.builtin.things.categories import NAMES

SIDE = 300  # px: what the network takes
_MIDDLE_SCALE, _SIZE_SCALE = 0.1, 0.2  # of the shifts that it gives, as it was trained
_GRIDS = (19, 3), (10, 6), (5, 6), (3, 6), (2, 6), (1, 6)  # cells a side, anchors a cell
_CLASSES = np.array(sorted(NAMES))


@dataclass(frozen=True)
class Detections:
    """The scores and the boxes that the network gives at each of its anchors.

    `scores` is N×80 (0..1, columns as `KINDS`), `boxes` N×4: left, top, right, bottom in 0..1.
    """

    scores: np.ndarray
    boxes: np.ndarray


KINDS: tuple[str, ...] = tuple(NAMES[number] for number in sorted(NAMES))


def detect(rgb: np.ndarray, flipped_too: bool = True) -> Detections:
    """Return what the network sees in a picture (H×W×3, uint8).

    `flipped_too` looks at the mirrored picture as well and averages the two: fewer slips, twice
    the time.
    """
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    scores, boxes = _run(small)
    if flipped_too:
        mirror = _mirrored_anchors()
        others, places = _run(small[:, ::-1])
        scores = (scores + others[mirror]) / 2
        boxes = (boxes + _mirrored(places)[mirror]) / 2
    return Detections(scores, boxes.clip(0, 1))


def _run(small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middles, sizes = _anchors()
    pixels = (small.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
    shifts, logits = session("ssdlite.onnx").run(None, {"image": pixels})
    middle = shifts[0, :, :2] * _MIDDLE_SCALE * sizes + middles
    half = np.exp(shifts[0, :, 2:] * _SIZE_SCALE) * sizes / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1)[:, [1, 0, 3, 2]]
    return 1 / (1 + np.exp(-logits[0][:, _CLASSES])), boxes


def _mirrored(boxes: np.ndarray) -> np.ndarray:
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)


@lru_cache(maxsize=1)
def _anchors() -> tuple[np.ndarray, np.ndarray]:
    """Return the middles and the sizes of the anchors (N×2 each; y before x)."""
    corners = np.load(WEIGHTS / "ssdlite_anchors.npy")
    return (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]


@lru_cache(maxsize=1)
def _mirrored_anchors() -> np.ndarray:
    """Return for each anchor the index of the one in its mirrored place."""
    indices, first = [], 0
    for side, each in _GRIDS:
        grid = first + np.arange(side * side * each).reshape(side, side, each)
        indices.append(grid[:, ::-1].ravel())
        first += grid.size
    return np.concatenate(indices)

"""Tell how likely each pixel is a person's, by MediaPipe's selfie segmentation."""

import threading
from typing import Any

import cv2
import numpy as np

from vlm_backends.engines.builtin.networks import LOADED, WEIGHTS
from vlm_backends.engines.builtin.regions import part_of, widened
from vlm_backends.media.geometry import Box

_FILE = "selfie_segmentation.tflite"
_SIDE = 256  # px: the network's input
_ASIDE, _ABOVE = 0.2, 0.125  # of the box's width and height: surroundings that the network is shown
_lock = threading.Lock()  # a network of OpenCV holds its input and output


def person_probability(rgb: np.ndarray, box: Box) -> tuple[np.ndarray, Box]:
    """Return how likely a pixel is a person's (256×256, 0..1), and the part of the picture shown.

    The part is the box (0..1) with some surroundings, in 0..1 of the picture (H×W×3, uint8). All
    people in it count, not only the one that the box is around.
    """
    part = widened(box, _ASIDE, _ABOVE)
    small = cv2.resize(part_of(rgb, part), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    blob = cv2.dnn.blobFromImage(small, 1 / 255, (_SIDE, _SIDE))
    with _lock:
        network = LOADED.get(_FILE, _load)
        network.setInput(blob)
        return network.forward()[0, 0].copy(), part


def in_frame(probability: np.ndarray, part: Box, frame: Box, shape: tuple[int, int]) -> np.ndarray:
    """Return the probability (h×w, 0 outside of its part) at the pixels of another frame.

    `part` and `frame` are in 0..1 of the same picture, `shape` is the frame's height and width.
    """
    height, width = shape
    xs = frame[0] + (np.arange(width) + 0.5) / width * (frame[2] - frame[0])
    ys = frame[1] + (np.arange(height) + 0.5) / height * (frame[3] - frame[1])
    columns = (xs - part[0]) / (part[2] - part[0]) * probability.shape[1] - 0.5
    rows = (ys - part[1]) / (part[3] - part[1]) * probability.shape[0] - 0.5
    across, down = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return cv2.remap(probability, across, down, cv2.INTER_LINEAR, borderValue=(0.0,))


def _load() -> Any:
    return cv2.dnn.readNetFromTFLite(str(WEIGHTS / _FILE))

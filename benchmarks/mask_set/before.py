"""The cut of the built-in tools before 2026-11-29, to compare with: GrabCut from the whole box."""

import cv2
import numpy as np

from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box

_SIDE = 512  # px: the size at which the colours are compared
_ROUNDS = 5
_MIN_SIDE = 4  # px, of a region and of what is around it
_MIN_HOLE = 0.03  # of the object's area: smaller parts only look like the background
_MIN_HOLE_WIDTH = 9  # px
_BACKGROUND_RATIO = 3.0  # so much more frequent outside than inside: a colour of the background


def mask_in_box(rgb: np.ndarray, box: Box) -> np.ndarray:
    """Return a bool mask (h×w) of the object in the box (0..1) of a picture (H×W×3, uint8).

    The mask covers the whole picture, at 512 px or less on the longer side; it is the same each
    time. Raises BadPrompt when too little is inside or outside of the box to compare the two.
    """
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    x0, y0, x1, y1 = (round(v * side) for v, side in zip(box, (width, height, width, height)))
    if x1 - x0 < _MIN_SIDE or y1 - y0 < _MIN_SIDE:
        raise BadPrompt("This region is too small for a mask. Draw it larger.")
    if height * width - (x1 - x0) * (y1 - y0) < _MIN_SIDE * max(height, width):
        raise BadPrompt(
            "This region is nearly the whole picture. Leave some surroundings outside, to "
            "compare with."
        )
    labels = _grab_cut(small, (x0, y0, x1 - x0, y1 - y0))
    mask = _without_holes(small, labels == cv2.GC_PR_FGD, labels == cv2.GC_BGD)
    return cv2.medianBlur(mask.astype(np.uint8), 5) > 0


def _grab_cut(rgb: np.ndarray, rectangle: tuple[int, int, int, int]) -> np.ndarray:
    """Return GrabCut's label of each pixel (h×w); the rectangle is x, y, width, height in px."""
    cv2.setRNGSeed(1)
    labels = np.zeros(rgb.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))  # of background and object, to be filled
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    cv2.grabCut(bgr, labels, rectangle, *models, _ROUNDS, cv2.GC_INIT_WITH_RECT)
    return labels


def _without_holes(rgb: np.ndarray, mask: np.ndarray, surroundings: np.ndarray) -> np.ndarray:
    """Return the mask without large parts in the colours of the surroundings.

    GrabCut takes a hole, through which the background is seen, for a part of the object.
    """
    cells = (cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) // 16).astype(np.int32) @ (256, 16, 1)
    outside, inside = (np.bincount(cells[part], minlength=4096) for part in (surroundings, mask))
    shared = outside * inside.sum() > _BACKGROUND_RATIO * inside * outside.sum()
    alike = (mask & shared[cells]).astype(np.uint8)
    kernel = np.ones((_MIN_HOLE_WIDTH, _MIN_HOLE_WIDTH), np.uint8)
    holes = cv2.morphologyEx(alike, cv2.MORPH_OPEN, kernel)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(holes)
    large = stats[:, cv2.CC_STAT_AREA] >= _MIN_HOLE * inside.sum()
    large[0] = False  # what is no hole
    return mask & ~large[parts]

"""See the holes of a thing, through which the background shows."""

import cv2
import numpy as np

from vlm_backends.engines.builtin.masks.windows import BoxWindow, colour_cells

_MIN_HOLE = 0.02  # of the thing's area: smaller parts only look like the background
_MIN_WIDTH = 7  # px
_RATIO = 3.0  # so much more frequent outside than inside: a colour of the background
_EDGE, _ON_EDGES = (
    75,
    0.6,
)  # percentile of the gradient; share of a hole's border that lies on edges


def without_holes(window: BoxWindow, mask: np.ndarray) -> np.ndarray:
    """Return the mask (h×w, bool) without large parts that have the colours of the surroundings.

    A hole has to end at edges: a white shirt before a white wall is none.
    """
    lab = cv2.cvtColor(window.rgb, cv2.COLOR_RGB2LAB)
    cells = colour_cells(window.rgb)
    surroundings = ~window.inside
    if not mask.any() or not surroundings.any():
        return mask
    outside, inside = (np.bincount(cells[part], minlength=4096) for part in (surroundings, mask))
    shared = outside * inside.sum() > _RATIO * inside * outside.sum()
    alike = (mask & shared[cells]).astype(np.uint8)
    kernel = np.ones((_MIN_WIDTH, _MIN_WIDTH), np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(alike, cv2.MORPH_OPEN, kernel)
    )
    light = cv2.GaussianBlur(lab.astype(np.float32), (0, 0), 1)
    steps = cv2.Sobel(light, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(light, cv2.CV_32F, 0, 1) ** 2
    edges = cv2.dilate(steps.sum(axis=2), kernel)
    strong = edges > np.percentile(edges, _EDGE)
    left = mask.copy()
    for i in range(1, len(stats)):
        hole = parts == i
        border = hole & (cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
        if stats[i, cv2.CC_STAT_AREA] >= _MIN_HOLE * mask.sum() and (
            strong[border].mean() >= _ON_EDGES
        ):
            left &= ~hole
    return left

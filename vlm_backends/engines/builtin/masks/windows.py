"""Look at the part of a picture around a box, made small."""

from dataclasses import dataclass

import cv2
import numpy as np

from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box

_MARGIN = 0.25  # of the box's longer side: surroundings that are looked at
_MIN_SIDE = 4  # px, of a box and of what is around it
_SIDE = 512  # px: the size at which surroundings are measured


@dataclass(frozen=True, eq=False)
class BoxWindow:
    """A part of a picture: its pixels (h×w×3, uint8), and where it is.

    `frame` is the part in 0..1 of the picture, `box` the box in the window's pixels: left, top,
    right and bottom, the last two exclusive.
    """

    rgb: np.ndarray
    frame: Box
    box: tuple[int, int, int, int]

    @property
    def inside(self) -> np.ndarray:
        """Return a bool mask (h×w) of the box."""
        left, top, right, bottom = self.box
        mask = np.zeros(self.rgb.shape[:2], bool)
        mask[top:bottom, left:right] = True
        return mask


def window_around(rgb: np.ndarray, box: Box, side: int) -> BoxWindow:
    """Return the box (0..1) of a picture (H×W×3, uint8) with what is around it.

    Its longer side is `side` px, or less when there are no more pixels.
    """
    height, width = rgb.shape[:2]
    sizes = np.array([width, height, width, height])
    edges = np.array(box) * sizes
    margin = _MARGIN * max(edges[2] - edges[0], edges[3] - edges[1])
    left, top = np.maximum(np.floor(edges[:2] - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(edges[2:] + margin), sizes[:2]).astype(int)
    part = rgb[top:bottom, left:right]
    scale = min(1.0, side / max(part.shape[:2]))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if scale < 1 else part
    offsets = np.array([left, top, left, top])
    steps = np.array([size[0] / (right - left), size[1] / (bottom - top)] * 2)
    x0, y0, x1, y1 = np.round((edges - offsets) * steps).astype(int).tolist()
    frame = (
        float(left / width),
        float(top / height),
        float(right / width),
        float(bottom / height),
    )
    # a thin box has one pixel at least, wherever rounding moved it
    x0, y0 = min(x0, size[0] - 1), min(y0, size[1] - 1)
    return BoxWindow(np.ascontiguousarray(small), frame, (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))


def check_size(rgb: np.ndarray, box: Box) -> None:
    """Raise BadPrompt for a box (0..1) that is too small for a mask of the picture (H×W×3)."""
    height, width = rgb.shape[:2]
    if (box[2] - box[0]) * width < _MIN_SIDE or (box[3] - box[1]) * height < _MIN_SIDE:
        raise BadPrompt("This region is too small for a mask. Draw it larger.")


def has_surroundings(rgb: np.ndarray, box: Box) -> bool:
    """Return True when enough of the picture (H×W×3) is outside of the box (0..1) to compare."""
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    height, width = (side * scale for side in rgb.shape[:2])
    outside = height * width * (1 - (box[2] - box[0]) * (box[3] - box[1]))
    return outside >= _MIN_SIDE * max(height, width)


def colour_cells(rgb: np.ndarray) -> np.ndarray:
    """Return the cell of CIELAB, of 4096, that each pixel (h×w×3, uint8) is in."""
    return (cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) // 16).astype(np.int32) @ (256, 16, 1)

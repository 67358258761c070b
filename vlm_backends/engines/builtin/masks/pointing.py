"""Cut out what is at a point, where no box says how large it is."""

from collections.abc import Iterator

import cv2
import numpy as np

from vlm_backends.engines.builtin.masks.cutting import Cut, cut_box
from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box
from vlm_backends.types import Point

_SIDE = 256  # px: the size at which the area around the point is found
_TOLERANCES = 4, 8, 14, 22  # of 255: how far colours may go from a pixel to the next
_LEAST, _MOST = 0.001, 0.6  # of the picture: areas that are looked at
_ROOM = 0.06  # of the area's sides: what is added around it
_OTHER = 1.3  # so much larger is another area
_MOST_CUTS = 2


def cut_at(rgb: np.ndarray, point: Point) -> tuple[Cut, Box] | None:
    """Cut what is at a point (0..1) out of a picture (H×W×3, uint8); None when nothing is found.

    Areas of even colour are grown from the point, and what is in the box around each is cut. The
    surest cut that holds the point counts; the box in 0..1 comes with it.
    """
    best: tuple[Cut, Box] | None = None
    for box in list(_areas(rgb, point))[-_MOST_CUTS:]:
        try:
            cut = cut_box(rgb, box)
        except BadPrompt:
            continue
        if cut.holds(point) and (best is None or cut.sureness > best[0].sureness):
            best = cut, box
    return best


def _areas(rgb: np.ndarray, point: Point) -> Iterator[Box]:
    """Yield boxes around areas of even colour that hold the point, each much larger than before."""
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    small = cv2.bilateralFilter(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), 5, 40, 4)
    width, height = size
    seed = min(int(point[0] * width), width - 1), min(int(point[1] * height), height - 1)
    last = 0.0
    for tolerance in _TOLERANCES:
        filled = np.zeros((height + 2, width + 2), np.uint8)
        flags = 8 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY
        cv2.floodFill(small, filled, seed, 0, (tolerance,) * 3, (tolerance,) * 3, flags)
        x, y, wide, high = cv2.boundingRect(filled[1:-1, 1:-1])
        area = wide * high / (width * height)
        if _LEAST <= area <= _MOST and area >= last * _OTHER:
            last = area
            aside, above = _ROOM * wide + 1, _ROOM * high + 1
            yield (
                max(0.0, (x - aside) / width),
                max(0.0, (y - above) / height),
                min(1.0, (x + wide + aside) / width),
                min(1.0, (y + high + above) / height),
            )

"""Convert outlines in pixels to regions in 0..1."""

from collections.abc import Iterable, Sequence

import numpy as np

from vlm_backends.media.geometry import Box, area, clamp, corners
from vlm_backends.types import Region

_THIRDS = 1 / 3, 2 / 3
_WHOLE = 0.75  # of the picture: a larger box is not said to be at a side


def region_from_pixels(
    label: str,
    outline: Iterable[Sequence[float] | np.ndarray],
    rgb: np.ndarray,
    span: tuple[int, int] | None = None,
) -> Region:
    """Return a region of the picture (H×W×3) from its outline in the picture's pixels.

    Points outside of the picture are moved to its border. `span` is where the label is in the
    answer's text.
    """
    height, width = rgb.shape[:2]
    points = tuple((clamp(float(x) / width), clamp(float(y) / height)) for x, y in outline)
    return Region(label, points, span=span)


def widened(box: Box, aside: float, above: float) -> Box:
    """Return a box (0..1) with surroundings, within the picture.

    `aside` and `above` are what is added at each end, as shares of its width and height.
    """
    left, top, right, bottom = box
    wide, high = aside * (right - left), above * (bottom - top)
    return clamp(left - wide), clamp(top - high), clamp(right + wide), clamp(bottom + high)


def pixel_box(rgb: np.ndarray, box: Box) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box in 0..1 in pixels; it holds at least one."""
    height, width = rgb.shape[:2]
    left, top = min(round(box[0] * width), width - 1), min(round(box[1] * height), height - 1)
    right, bottom = max(round(box[2] * width), left + 1), max(round(box[3] * height), top + 1)
    return left, top, right, bottom


def part_of(rgb: np.ndarray, box: Box) -> np.ndarray:
    """Return the part of a picture (H×W×3) in a box in 0..1."""
    left, top, right, bottom = pixel_box(rgb, box)
    return rgb[top:bottom, left:right]


def place_of(box: Box) -> str:
    """Return where a box (0..1) is in the picture, such as "top left", or that it is most of it."""
    if area(corners(box)) >= _WHOLE:
        return "most of the picture"
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    across = "left" if x < _THIRDS[0] else "right" if x > _THIRDS[1] else ""
    down = "top" if y < _THIRDS[0] else "bottom" if y > _THIRDS[1] else ""
    return f"{down} {across}".strip() or "middle"

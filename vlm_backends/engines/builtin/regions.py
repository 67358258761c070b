"""Convert outlines in pixels to regions in 0..1."""

from collections.abc import Iterable, Sequence

import numpy as np

from vlm_backends.media.geometry import Box, clamp
from vlm_backends.types import Region


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

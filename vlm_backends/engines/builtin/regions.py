"""Convert outlines in pixels to regions in 0..1."""

from collections.abc import Iterable, Sequence

import numpy as np

from vlm_backends.media.geometry import clamp
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

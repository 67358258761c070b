"""Trace the outlines of a mask as polygons."""

from collections.abc import Iterator

import cv2
import numpy as np

from vlm_backends.media.geometry import Outline

_MIN_PART = 0.002  # of the mask's area: specks are left out
_TOLERANCE = 0.0015  # of the contour's length: how far an outline may leave the pixels
_MOST_TOLERANCE = 1.0  # px: legs and handles of a large thing stay


def outlines(mask: np.ndarray) -> Iterator[Outline]:
    """Yield the parts of a bool mask (h×w) as polygons in 0..1, the largest first.

    A polygon goes around its holes too, over a bridge to each.
    """
    contours, tree = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    least = _MIN_PART * mask.sum()
    areas = [cv2.contourArea(contour) for contour in contours]
    rings = [i for i, area in enumerate(areas) if tree[0][i][3] < 0 and area > least]
    for i in sorted(rings, key=lambda i: -areas[i]):
        outer = _simplified(contours[i])
        for j, area in enumerate(areas):
            if tree[0][j][3] == i and area > least:
                outer = _bridged(outer, _simplified(contours[j]))
        if len(outer) >= 3:
            height, width = mask.shape
            yield tuple((float((x + 0.5) / width), float((y + 0.5) / height)) for x, y in outer)


def _simplified(contour: np.ndarray) -> np.ndarray:
    tolerance = min(_TOLERANCE * cv2.arcLength(contour, True), _MOST_TOLERANCE)
    return cv2.approxPolyDP(contour, tolerance, True)[:, 0, :]


def _bridged(outer: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Return one ring (N×2) around the outer one and the hole, joined where they are nearest."""
    distances = np.linalg.norm(outer[:, None, :] - hole[None, :, :], axis=2)
    i, j = np.unravel_index(distances.argmin(), distances.shape)
    around = np.concatenate([hole[j:], hole[: j + 1]])
    return np.concatenate([outer[: i + 1], around, outer[i:]])

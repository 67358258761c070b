"""A mask by colour: GrabCut learns the colours inside and outside of a box, and draws the line between them."""

from collections.abc import Iterator

import cv2
import numpy as np

Points = tuple[tuple[float, float], ...]

_SIDE = 512  # px: the size at which the colours are compared
_ROUNDS = 5
_SMALLEST = 0.002  # of the box: specks are left out
_SMOOTH = 0.003  # of the contour's length: how far an outline may leave the pixels


def mask_in_box(rgb: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """A (h, w) bool mask of the object in the box (x0, y0, x1, y1 in 0..1), at 512 px or less; the same each time."""
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    height, width = small.shape[:2]
    x0, y0, x1, y1 = (round(v * side) for v, side in zip(box, (width, height, width, height)))
    if x1 - x0 < 4 or y1 - y0 < 4 or min(height, width) < 8:
        return np.zeros((height, width), bool)
    cv2.setRNGSeed(1)
    mask, models = np.zeros((height, width), np.uint8), (np.zeros((1, 65)), np.zeros((1, 65)))
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    cv2.grabCut(bgr, mask, (x0, y0, x1 - x0, y1 - y0), *models, _ROUNDS, cv2.GC_INIT_WITH_RECT)
    inside = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.medianBlur(inside, 5) > 0


def outlines(mask: np.ndarray) -> Iterator[Points]:
    """The mask's parts as polygons in 0..1, the largest first; a bridge leads to each hole, so that it stays one."""
    contours, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    least = _SMALLEST * mask.sum()
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
    return cv2.approxPolyDP(contour, _SMOOTH * cv2.arcLength(contour, True), True)[:, 0, :]


def _bridged(outer: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """One ring around the outer one and back around the hole, joined where the two are nearest."""
    distances = np.linalg.norm(outer[:, None, :] - hole[None, :, :], axis=2)
    i, j = np.unravel_index(distances.argmin(), distances.shape)
    around = np.concatenate([hole[j:], hole[: j + 1]])
    return np.concatenate([outer[: i + 1], around, outer[i:]])

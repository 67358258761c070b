"""A mask by colour: GrabCut learns the colours inside and outside of a box, and draws the line between them."""

from collections.abc import Iterator

import cv2
import numpy as np

from vlm_backends.errors import BadPrompt

Points = tuple[tuple[float, float], ...]

_SIDE = 512  # px: the size at which the colours are compared
_ROUNDS = 5
_LEAST = 4  # px: the least width and height of a region, and of what is around it
_HOLE, _WIDE = 0.03, 9  # of the thing, px: what is smaller or narrower is no hole but a likeness
_TELLING = (
    3.0  # times: a colour that is so much more frequent outside of the box is the background's
)
_SMALLEST = 0.002  # of the box: specks are left out
_SMOOTH = 0.003  # of the contour's length: how far an outline may leave the pixels


def mask_in_box(rgb: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """A (h, w) bool mask of the object in the box (x0, y0, x1, y1 in 0..1), at 512 px or less; the same each time.

    Raises BadPrompt when too little is inside or outside of the box to compare the two.
    """
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    x0, y0, x1, y1 = (round(v * side) for v, side in zip(box, (width, height, width, height)))
    if x1 - x0 < _LEAST or y1 - y0 < _LEAST:
        raise BadPrompt("This region is too small for a mask. Draw it larger.")
    if height * width - (x1 - x0) * (y1 - y0) < _LEAST * max(height, width):
        raise BadPrompt(
            "This region is nearly the whole picture. Leave some surroundings outside, to compare with."
        )
    cv2.setRNGSeed(1)
    mask, models = np.zeros((height, width), np.uint8), (np.zeros((1, 65)), np.zeros((1, 65)))
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    cv2.grabCut(bgr, mask, (x0, y0, x1 - x0, y1 - y0), *models, _ROUNDS, cv2.GC_INIT_WITH_RECT)
    thing = _without_holes(small, mask == cv2.GC_PR_FGD, mask == cv2.GC_BGD)
    return cv2.medianBlur(thing.astype(np.uint8), 5) > 0


def _without_holes(rgb: np.ndarray, thing: np.ndarray, surroundings: np.ndarray) -> np.ndarray:
    """The mask without large parts in the colours of the surroundings: GrabCut takes a hole for a part of the thing."""
    cells = (cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) // 16).astype(np.int32) @ (256, 16, 1)
    around, inside = (np.bincount(cells[part], minlength=4096) for part in (surroundings, thing))
    shared = around * inside.sum() > _TELLING * inside * around.sum()
    alike = (thing & shared[cells]).astype(np.uint8)
    holes = cv2.morphologyEx(alike, cv2.MORPH_OPEN, np.ones((_WIDE, _WIDE), np.uint8))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(holes)
    large = stats[:, cv2.CC_STAT_AREA] >= _HOLE * inside.sum()
    large[0] = False  # what is no hole
    return thing & ~large[parts]


def outlines(mask: np.ndarray) -> Iterator[Points]:
    """The mask's parts as polygons in 0..1, the largest first; a bridge leads to each hole, so that it stays one."""
    contours, tree = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
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

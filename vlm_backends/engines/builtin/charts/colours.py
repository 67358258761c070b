"""Part a picture into the flat colours that it is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# in CIELAB as OpenCV has it with 8 bits, where all three channels run from 0 to 255
_SAME_COLOUR = 11.0  # colours that are closer count as one
_NEAR = 14.0  # a pixel that is farther from every colour has none: it is on an edge, or noise
_FLAT = 7.0  # a pixel whose neighbours differ by less lies inside of a flat area

_CALM_COST = 2.0  # a pixel counts as its neighbours' median where that is nearer by this
_LENIENT, _CLEAR = 45.0, 0.5  # how far a swatch's colour may be, and of the distance to the next
_STEP = 2  # of the channels, in which distances are computed
_MAX_COLOURS = 24  # the most frequent ones are looked at
_MIN_SHARE = 0.00015  # of the picture that a colour fills


@dataclass(frozen=True)
class ColourMap:
    """The flat colours of a picture, the most frequent first, and each pixel's colour.

    `lab` is N×3 (float32, CIELAB in 0..255); `nearest` is H×W (int16), -1 where no colour is near.
    """

    lab: np.ndarray
    nearest: np.ndarray


def colour_map(rgb: np.ndarray) -> ColourMap:
    """Return the flat colours of a picture (H×W×3, uint8)."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    calm = cv2.medianBlur(lab, 3)
    colours = _flat_colours(lab, calm)
    nearest, distance = _nearest(lab, colours)
    calm_nearest, calm_distance = _nearest(calm, colours)
    noisy = calm_distance + _CALM_COST < distance
    nearest[noisy] = calm_nearest[noisy]
    return ColourMap(colours, nearest)


def clearly_nearest(rgb: np.ndarray, colours: ColourMap, among: Sequence[int]) -> np.ndarray:
    """Return for each pixel (H×W) which of some colours is clearly the nearest, or -1."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    distances = np.stack([np.linalg.norm(lab - colour, axis=2) for colour in colours.lab])
    order = np.argsort(distances, axis=0)[:2]
    best, second = np.take_along_axis(distances, order, axis=0)
    clear = (best < _LENIENT) & (best < _CLEAR * second) & np.isin(order[0], list(among))
    return np.where(clear, order[0], -1)


def _nearest(lab: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each pixel the number of the nearest colour, -1 for none, and the distance."""
    wide = (lab // _STEP).astype(np.int32)
    keys = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    values, inverse = np.unique(keys.ravel(), return_inverse=True)
    cells = np.stack([values >> 16, (values >> 8) & 255, values & 255], axis=1)
    cells = cells.astype(np.float32) * _STEP + (_STEP - 1) / 2
    best = np.full(len(cells), _NEAR, np.float32)
    nearest = np.full(len(cells), -1, np.int16)
    for i, colour in enumerate(colours):
        distance = np.linalg.norm(cells - colour, axis=1)
        closer = distance < best
        best[closer], nearest[closer] = distance[closer], i
    shape = lab.shape[:2]
    return nearest[inverse].reshape(shape), best[inverse].reshape(shape)


def _flat_colours(lab: np.ndarray, calm: np.ndarray) -> np.ndarray:
    """Return the colours (N×3, float32) of areas whose pixels are like their neighbours."""
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(lab, kernel).astype(np.int16) - cv2.erode(lab, kernel)
    flat = calm[spread.max(axis=2) <= _FLAT]
    cells = (flat // 4).astype(np.int64)
    keys = cells[:, 0] * 4096 + cells[:, 1] * 64 + cells[:, 2]
    values, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(inverse, flat[:, i]) for i in range(3)], axis=1)
    colours: list[np.ndarray] = []
    for key in counts.argsort()[::-1]:
        if counts[key] < max(12, _MIN_SHARE * calm[..., 0].size) or len(colours) == _MAX_COLOURS:
            break
        colour = sums[key] / counts[key]
        if all(np.linalg.norm(colour - other) > _SAME_COLOUR for other in colours):
            colours.append(colour.astype(np.float32))
    return np.array(colours, np.float32).reshape(-1, 3)


# of a plot's background
_MIN_WIDTH, _MIN_HEIGHT = 0.35, 0.3  # of the picture
_MIN_EDGE = 0.6  # of its upper edge and its sides that it fills
_MIN_GROUND = 0.04  # of its rectangle that bars leave free
_SQUARE = np.ones((7, 7), np.uint8)
_LINE = 6  # px: a grid line is no thicker


def backgrounds(colours: ColourMap) -> list[int]:
    """Return the colours of the page and, where it has one of its own, of the plot's ground."""
    near = colours.nearest
    edge = np.concatenate([near[0], near[-1], near[:, 0], near[:, -1]])
    edge = edge[edge >= 0]
    page = int(np.bincount(edge).argmax()) if len(edge) else 0
    areas = {i: _ground_area(near == i, near == page) for i in range(len(colours.lab)) if i != page}
    plot = max(areas, key=areas.__getitem__, default=page)
    return [page, plot] if areas.get(plot) else [page]


def _ground_area(mask: np.ndarray, page: np.ndarray) -> int:
    """Return the area of the colour's rectangle if it is that of a plot's ground, else 0."""
    height, width = mask.shape
    # the soft edges of print have the colour too; grid lines part the ground
    solid = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _SQUARE[:5, :5])
    numbers = cv2.connectedComponents(cv2.dilate(solid, _SQUARE), connectivity=4)[1] * solid
    sizes = np.bincount(numbers.ravel())[1:]
    if not len(sizes):
        return 0
    left, top, width_, height_ = cv2.boundingRect(
        (numbers == 1 + int(sizes.argmax())).astype(np.uint8)
    )
    right, bottom = left + width_, top + height_
    if right - left < _MIN_WIDTH * width or bottom - top < _MIN_HEIGHT * height:
        return 0
    if mask[top:bottom, left:right].mean() < _MIN_GROUND:
        return 0
    inner = np.s_[top:bottom, left:right]
    edges = [
        (mask[inner][line], page[inner][line])
        for line in (np.s_[1], np.s_[-2], np.s_[:, 1], np.s_[:, -2])
    ]
    # the bars may stand on the fourth edge and cover it
    free = sum(line.mean() >= _MIN_EDGE and _longest_run(gap) <= _LINE for line, gap in edges)
    return int((right - left) * (bottom - top)) if free >= 3 else 0


def _longest_run(line: np.ndarray) -> int:
    """Return the length of the longest run of True."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))

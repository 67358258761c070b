"""Choose the best of several cuts of a thing, and tell how sure it is.

Cuts that were made in different ways and agree are right more often than others, and so are those
whose border lies on edges of the picture. What each measure weighs was fitted to hand-drawn masks:
`benchmarks/masks.py` has them, and says how well it does on those that were not used.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np

from vlm_backends.engines.builtin.masks.windows import BoxWindow

_EDGE = 70  # percentile of the picture's gradient: more is an edge
_FLAT = 2.0  # of CIELAB's gradient: less is no texture
_MIN_AREA = 10  # px
_LOOSE = 0.08  # of a box's side: so much room is in many boxes
_FREE = 0.5  # of an outline: with less of it inside of the picture, nothing surrounds the thing
# of Measures' fields in their order, then a constant
_CHOICE = (0.23, 0.20, 0.10, -0.09, -0.60, 0.15, 0.46)
_SURENESS = (0.83, 0.14, 0.12, -0.31, -0.46, 0.14, -0.01)


@dataclass(frozen=True)
class Measures:
    """Measures of a cut; each is 0..1 but for `contrast`."""

    agreement: float  # mean overlap (IoU) with the other cuts
    edges: float  # share of the border that lies on edges
    contrast: float  # logarithm of the gradient at the border over that within
    compactness: float  # 1 for a disc, less for what is long or ragged
    gap: float  # the largest between the cut and a side of its box, beyond what loose boxes have
    person: float  # overlap (IoU) with where the network sees a person; else the agreement


@dataclass(frozen=True, eq=False)
class Verdict:
    """The chosen cut (bool, h×w), and the overlap (0..1) that is expected with the true outline."""

    mask: np.ndarray
    sureness: float


def choose(
    window: BoxWindow, masks: Sequence[np.ndarray], person: np.ndarray | None = None
) -> Verdict | None:
    """Return the best of the cuts (h×w, bool) of the window's box; None when all are empty.

    `person` says how likely each pixel is a person's (h×w, 0..1), where the thing is one.
    """
    gradient = _gradient(window.rgb)
    judged = [
        (measure(window, gradient, i, masks, person), mask)
        for i, mask in enumerate(masks)
        if mask.sum() >= _MIN_AREA
    ]
    if not judged:
        return None
    measures, mask = max(judged, key=lambda pair: _weighed(pair[0], _CHOICE))
    sureness = min(1.0, max(0.0, _weighed(measures, _SURENESS)))
    return Verdict(mask, sureness * min(1.0, _free_share(mask) / _FREE))


def measure(
    window: BoxWindow,
    gradient: np.ndarray,
    index: int,
    masks: Sequence[np.ndarray],
    person: np.ndarray | None,
) -> Measures:
    """Return the measures of one of the masks (h×w, bool), beside the others."""
    mask = masks[index]
    small = mask.astype(np.uint8)
    padded = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    within = cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    border = mask & ~within  # without what lies at the picture's own border
    at_border, inner = gradient[border], gradient[within]
    contrast = np.log((_mean(at_border) + _FLAT) / (_mean(inner) + _FLAT))
    contours, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(contour, True) for contour in contours)
    agreement = _mean(
        np.array([overlap(mask, other) for i, other in enumerate(masks[:-1]) if i != index])
    )
    return Measures(
        agreement,
        _mean(at_border > np.percentile(gradient, _EDGE)),
        float(contrast),
        4 * np.pi * float(mask.sum()) / max(1.0, length) ** 2,
        max(0.0, float(gaps_to_box(window, mask).max()) - _LOOSE),
        agreement if person is None else overlap(mask, person > 0.5),
    )


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the area that two masks share, of the area that they cover together (IoU)."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def gaps_to_box(window: BoxWindow, mask: np.ndarray) -> np.ndarray:
    """Return how far a mask stays from the box's left, top, right and bottom, of its sides."""
    if not mask.any():
        return np.ones(4)
    left, top, right, bottom = window.box
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    near = columns[0] - left, rows[0] - top, right - 1 - columns[-1], bottom - 1 - rows[-1]
    wide, high = right - left, bottom - top
    return np.maximum(np.array(near) / (wide, high, wide, high), 0.0)


def height_reached(window: BoxWindow, mask: np.ndarray) -> float:
    """Return the share of the rows of the window's box that hold a part of the mask, 0..1."""
    _, top, _, bottom = window.box
    return float(mask[top:bottom].any(axis=1).mean())


def _gradient(rgb: np.ndarray) -> np.ndarray:
    """Return the gradient of the colours (h×w), in CIELAB; the largest of each neighbourhood."""
    lab = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32), (0, 0), 1)
    steps = cv2.Sobel(lab, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(lab, cv2.CV_32F, 0, 1) ** 2
    return cv2.dilate(np.sqrt(steps.sum(axis=2)), np.ones((3, 3), np.uint8))


def _free_share(mask: np.ndarray) -> float:
    """Return the share of the outline that is not where the window, so the picture, ends."""
    padded = np.pad(mask, 1)
    ends = mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum()
    steps = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    return 1 - float(ends) / max(1.0, float(steps))


def _weighed(measures: Measures, weights: Sequence[float]) -> float:
    return float(np.dot((*astuple(measures), 1.0), weights))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0

"""Turn the boxes of lines to the way in which the print runs.

A quad (4×2, pixels) has its corners clockwise; its first side is the top of the text once it is
turned. Angles are in radians, clockwise from the picture's x axis.
"""

from collections.abc import Sequence

import cv2
import numpy as np

TALL = 1.5  # height by width: a box that is taller stands across the page's lines
_UPRIGHT_SHARE = 0.15  # of all lines' length: with that much level print a page is not turned


def turned(quad: np.ndarray, quarters: int) -> np.ndarray:
    """Return the same quad for text that is turned by so many quarters, clockwise."""
    return np.roll(quad, -quarters, axis=0)


def size_of(quad: np.ndarray) -> tuple[float, float]:
    """Return width and height of a quad, in pixels: the longer ones of its opposite sides."""
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    return float(max(sides[0], sides[2])), float(max(sides[1], sides[3]))


def is_tall(quad: np.ndarray) -> bool:
    """Return True when the quad is clearly taller than wide."""
    width, height = size_of(quad)
    return height > TALL * width


def rectified(bgr: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Return the quad's pixels as an upright rectangle, its first side on top."""
    width, height = (max(2, round(side)) for side in size_of(quad))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return cv2.warpPerspective(
        bgr,
        cv2.getPerspectiveTransform(quad.astype(np.float32), target),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def page_angle(quads: Sequence[np.ndarray]) -> float:
    """Return the angle at which most of the print runs, its sign still open.

    Between level and slightly slanted it points to the right, else downwards.
    """
    long = [np.asarray(q, float) for q in quads if max(size_of(q)) > TALL * min(size_of(q))]
    axes = np.array([q[1] - q[0] if not is_tall(q) else q[2] - q[1] for q in long])
    if not len(axes):
        return 0.0
    lengths = np.hypot(axes[:, 0], axes[:, 1])
    angles = np.arctan2(axes[:, 1], axes[:, 0])
    most = _mean_axis(angles, lengths)
    across = np.abs(np.cos(angles - most)) < np.sqrt(0.5)
    if abs(np.cos(most)) < np.sqrt(0.5) and lengths[across].sum() > _UPRIGHT_SHARE * lengths.sum():
        most = _mean_axis(angles[across], lengths[across])
    if abs(np.cos(most)) < np.sqrt(0.5):
        return most if np.sin(most) > 0 else most + np.pi
    return most if np.cos(most) > 0 else most + np.pi


def _mean_axis(angles: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean of angles that count the same when they are turned by a half."""
    return float(np.angle((weights * np.exp(2j * angles)).sum()) / 2)


def along(quad: np.ndarray, angle: float) -> np.ndarray:
    """Return the quad turned so that its first side runs as much as can be along the angle."""
    sides = np.roll(quad, -1, axis=0) - quad
    towards = sides @ [np.cos(angle), np.sin(angle)]
    return turned(quad, int(np.argmax(towards / np.maximum(np.linalg.norm(sides, axis=1), 1))))

"""Make columns upright that lean, or run together as in a photograph taken from below."""

import numpy as np

from vlm_backends.engines.builtin.ocr import line_fit, weighted_median

_BELOW = 4.0  # in heights of a line: pieces of one column that show how it leans
_MOST = 0.7  # x by y: what leans more is no column
_MIN_PAIRS = 6
_MOST_SHRUNK = 0.3  # of its size
_FITS, _MOSTLY = 0.25, 0.4  # in heights of a line, and of the pairs: they lean as one page does
_BETTER = 0.2  # of the pairs: so many more must fit than do without leaning
_LITTLE = 0.6  # in heights of a line: columns that are off by no more stay


def upright_matrix(boxes: np.ndarray) -> np.ndarray:
    """Return the matrix (3×3, homogeneous) that makes columns upright.

    `boxes` (N×4: left, top, right, bottom, pixels) are around pieces of print in level rows. Of two
    pieces below each other, the edges or middles that are least apart show how their column leans.
    """
    pairs = _pairs(boxes)
    if len(pairs) < _MIN_PAIRS:
        return np.eye(3)
    x, lean, weight = pairs.T
    fan, offset = line_fit(x, lean, weight)
    if not fan:
        offset = weighted_median(lean, weight)
    ends = offset + fan * np.array([x.min(), x.max()])
    line, high = np.median(boxes[:, 3] - boxes[:, 1]), np.ptp(boxes[:, [1, 3]])
    fits = np.abs(lean - offset - fan * x) * weight <= _FITS * line
    stands = np.abs(lean) * weight <= _FITS * line
    is_sure = fits.mean() >= max(_MOSTLY, stands.mean() + _BETTER)
    if not is_sure or np.abs(ends).max() * high <= _LITTLE * line:
        return np.eye(3)
    if np.abs(ends).max() > _MOST or (1 + fan * boxes[:, [1, 3]]).min() < _MOST_SHRUNK:
        return np.eye(3)
    return np.array([[1.0, -offset, 0.0], [0.0, 1.0, 0.0], [0.0, fan, 1.0]])


def _pairs(boxes: np.ndarray) -> np.ndarray:
    """Return a row for each two pieces below each other: x at y = 0, lean, distance (N×3)."""
    found = []
    levels = (boxes[:, 1] + boxes[:, 3]) / 2
    edges = np.stack([boxes[:, 0], (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 2]], axis=1)
    for (left, top, right, bottom), y, own in zip(boxes, levels, edges):
        below = (boxes[:, 1] >= bottom) & (boxes[:, 1] <= bottom + _BELOW * (bottom - top))
        below &= (boxes[:, 0] < right) & (boxes[:, 2] > left)
        if below.any():
            nearest = np.flatnonzero(below)[levels[below].argmin()]
            aside = edges[nearest] - own
            edge = int(np.abs(aside).argmin())
            high = levels[nearest] - y
            lean = aside[edge] / high
            found.append((own[edge] - lean * y, lean, high))
    return np.array(found, float).reshape(-1, 3)

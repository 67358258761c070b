"""Make rows of print level that are tilted, or run together as in a photograph from the side."""

import numpy as np

_NEIGHBOURS = 12.0  # in heights of a line: pieces that show together how the page is tilted
_MOST_TILT = float(np.tan(np.radians(6)))  # that a second look may correct
_MIN_PAIRS = 6  # of neighbours, to see that rows are not parallel
_ONE_ROW = 32.0  # px: points that are no farther apart are of one row
_ROUNDS = 5  # of a fit that takes no notice of outliers
_MOST_SHRUNK = 0.3  # of its size: what is farther away than that is no page
_SURE = 4.0  # times its own error: so much must rows run together


def levelling_matrix(boxes: np.ndarray) -> np.ndarray:
    """Return the matrix (3×3, homogeneous) that makes rows level.

    `boxes` (N×4: left, top, right, bottom, pixels) are around pieces of print that run about level.
    The slopes are those between pieces that stand side by side.
    """
    pairs = _neighbours(boxes)
    if not len(pairs):
        return np.eye(3)
    y, slope, weight = pairs.T
    fan, tilt = line_fit(y, slope, weight) if len(pairs) >= _MIN_PAIRS else (0.0, 0.0)
    if not fan:
        tilt = weighted_median(slope, weight)
    if max(abs(tilt + fan * y.min()), abs(tilt + fan * y.max())) > _MOST_TILT:
        return np.eye(3)
    if (1 + fan * boxes[:, [0, 2]]).min() < _MOST_SHRUNK:
        return np.eye(3)
    return np.array([[1.0, 0.0, 0.0], [-tilt, 1.0, 0.0], [fan, 0.0, 1.0]])


def transformed(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return points (N×2) moved by a matrix (3×3, homogeneous)."""
    found = points @ matrix[:, :2].T + matrix[:, 2]
    return found[:, :2] / found[:, 2:]


def _neighbours(boxes: np.ndarray) -> np.ndarray:
    """Return a row for each two neighbours: y at x = 0, slope, distance (N×3)."""
    found = []
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for (_, top, right, bottom), (x, y) in zip(boxes, middles):
        far = right + _NEIGHBOURS * (bottom - top)
        beside = (boxes[:, 0] >= right) & (boxes[:, 0] <= far)
        beside &= (boxes[:, 1] < y) & (y < boxes[:, 3])
        if beside.any():
            nearest = np.flatnonzero(beside)[boxes[beside, 0].argmin()]
            x1, y1 = middles[nearest]
            if x1 > x:
                slope = (y1 - y) / (x1 - x)
                found.append((y - slope * x, slope, x1 - x))
    return np.array(found, float).reshape(-1, 3)


def line_fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of the line through most points; a slope of 0 when it is not sure."""
    if np.ptp(x) < _ONE_ROW:
        return 0.0, 0.0
    (slope, offset), off = np.polyfit(x, y, 1, w=weights), np.zeros(len(x))
    for _ in range(_ROUNDS):
        off = np.abs(y - slope * x - offset)
        usual = weights / (1 + (off / (1.5 * np.median(off) + 1e-4)) ** 2)
        slope, offset = np.polyfit(x, y, 1, w=usual)
    error = 1.5 * np.median(off) / (np.sqrt(len(x)) * x.std() + 1e-9)
    return (float(slope), float(offset)) if abs(slope) > _SURE * error else (0.0, 0.0)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the value with half of the weight on each side."""
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])

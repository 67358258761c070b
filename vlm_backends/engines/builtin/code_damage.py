"""Tell a QR code that is seen and cannot be read from other things with squares in them."""

import cv2
import numpy as np

_CELLS, _CELL = 8, 8  # cells each way, and the pixels of one
_MIXED = 0.1, 0.9  # of a cell's pixels are light: it holds modules of both colours
_MIN_MIXED = 0.55  # of the cells: a blot may cover the others
_LIGHT = 0.25, 0.75  # of all pixels; signs on paper leave more of it
_MAX_OBLONG = 1.15  # times as long as wide


def looks_like_code(corners: np.ndarray, grey: np.ndarray) -> bool:
    """Return True for a square (corners 4×2, pixels) that is full of dark and light modules.

    Three buttons or targets on a page stand like the corners of a QR code, with paper between them.
    """
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    if not 0 < sides.max() <= _MAX_OBLONG * sides.min():
        return False
    side = _CELLS * _CELL
    target = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    flat = cv2.warpPerspective(grey, matrix, (side, side), flags=cv2.INTER_AREA)
    _, light = cv2.threshold(flat, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    cells = light.reshape(_CELLS, _CELL, _CELLS, _CELL).mean(axis=(1, 3))
    mixed = (cells > _MIXED[0]) & (cells < _MIXED[1])
    return bool(mixed.mean() >= _MIN_MIXED and _LIGHT[0] <= light.mean() <= _LIGHT[1])

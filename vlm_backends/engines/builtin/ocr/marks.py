"""Find where a picture has marks that may be print, without a network."""

from collections.abc import Sequence

import cv2
import numpy as np

Box = tuple[int, int, int, int]  # left, top, right, bottom in px, the last two exclusive

_CELL = 16  # px: marks are counted in cells
_NEARBY = 3  # cells: marks that are no farther apart than two of it are one island
_STEP = 1280  # rows that are looked at together, a multiple of a cell; it bounds the memory
_CONTRAST = 24  # levels of grey between neighbours
_SMALLEST = 6  # px: a letter and its edges
_THIN = 40  # length by width: such a mark is a rule, not letters that touch
_FRAME_SIDE, _FRAME_INK = 0.5, 0.05  # of the picture's side, of its own box: frames and grids


def islands(bgr: np.ndarray, done: Sequence[np.ndarray] = ()) -> list[Box]:
    """Return boxes around marks of the picture (H×W×3, uint8), from the top; none overlap.

    Rules and frames are left out, and so is what lies inside of the `done` quads.
    """
    height, width = bgr.shape[:2]
    marked = np.vstack([_cells(bgr, top, done) for top in range(0, height, _STEP)])
    reach = np.ones((2 * _NEARBY + 1, 2 * _NEARBY + 1), np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(cv2.dilate(marked, reach), connectivity=8)
    found = [
        (
            max(0, x * _CELL),
            max(0, y * _CELL),
            min(width, (x + across) * _CELL),
            min(height, (y + down) * _CELL),
        )
        for x, y, across, down, _ in boxes[1:].tolist()
    ]
    return sorted(_apart(found), key=lambda box: (box[1], box[0]))


def _cells(bgr: np.ndarray, top: int, done: Sequence[np.ndarray]) -> np.ndarray:
    """Return the cells (0 or 1) with marks of the rows from `top` on."""
    grey = cv2.cvtColor(bgr[top : top + _STEP], cv2.COLOR_BGR2GRAY)
    contrast = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    edges = (contrast > _CONTRAST).astype(np.uint8)
    cv2.fillPoly(edges, [(quad - [0, top]).astype(np.int32) for quad in done], 0)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    longer, shorter = boxes[:, 2:4].max(axis=1), boxes[:, 2:4].min(axis=1)
    ink = boxes[:, cv2.CC_STAT_AREA] / (longer * shorter)
    is_frame = (longer > _FRAME_SIDE * min(grey.shape)) & (ink < _FRAME_INK)
    kept = (longer >= _SMALLEST) & (longer <= _THIN * shorter) & ~is_frame
    kept[0] = False  # what is no edge
    marks = kept[labels]
    below, right = (-side % _CELL for side in marks.shape)
    padded = np.pad(marks, ((0, below), (0, right)))
    rows, columns = padded.shape[0] // _CELL, padded.shape[1] // _CELL
    return np.asarray(padded.reshape(rows, _CELL, columns, _CELL).any(axis=(1, 3)), np.uint8)


def _apart(boxes: Sequence[Box]) -> list[Box]:
    """Join boxes that overlap, until none do."""
    rest, joined = list(boxes), list[Box]()
    while rest:
        box = rest.pop()
        others = [other for other in joined if _overlap(box, other)]
        if not others:
            joined.append(box)
            continue
        joined = [other for other in joined if other not in others]
        lefts, tops, rights, bottoms = zip(box, *others)
        rest.append((min(lefts), min(tops), max(rights), max(bottoms)))
    return joined


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]

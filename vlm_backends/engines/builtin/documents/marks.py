"""Find marks in the empty cells of a table: ticks, dashes and single strokes that are not read."""

from collections.abc import Sequence

import cv2
import numpy as np

from vlm_backends.engines.builtin.documents.grid import Cell, Grid
from vlm_backends.engines.builtin.documents.pieces import PrintPiece, box_around
from vlm_backends.engines.builtin.documents.upright import UprightPage
from vlm_backends.media.geometry import Box

_MARGIN = 0.3  # in heights of a line: how far a mark may be above, below or beside the print
_SHORTEST = 0.25  # in heights: the longer side of the smallest mark
_CONTRAST = 0.4  # of that of the table's print


def marked_cells(grid: Grid, page: UprightPage) -> list[Cell]:
    """Return the cells without print that hold ink nevertheless, row by row."""
    rows, columns = _bands(grid, axis=0), _bands(grid, axis=1)
    around = _MARGIN * page.line_height
    least = _CONTRAST * _contrast_of_print(grid, page)
    read = np.array([_widened(piece.box, _MARGIN * piece.height) for piece in page.pieces])
    found = []
    for i, (_, top, _, bottom) in sorted(rows.items()):
        for j, (left, _, right, _) in sorted(columns.items()):
            box = left - around, top - around, right + around, bottom + around
            if (i, j) not in grid.cells and _has_mark(page, box, least, read):
                found.append((i, j))
    return found


def _bands(grid: Grid, axis: int) -> dict[int, Box]:
    """Return the box around the print that is in one row (axis 0) or column (1) only, for each."""
    places: dict[int, set[int]] = {}
    pieces: dict[int, PrintPiece] = {}
    for cell, own in grid.cells.items():
        for piece in own:
            places.setdefault(id(piece), set()).add(cell[axis])
            pieces[id(piece)] = piece
    alone: dict[int, list[PrintPiece]] = {}
    for each, (index, *others) in places.items():
        if not others:
            alone.setdefault(index, []).append(pieces[each])
    return {index: box_around(own) for index, own in alone.items()}


def _contrast_of_print(grid: Grid, page: UprightPage) -> float:
    pieces = {id(piece): piece for own in grid.cells.values() for piece in own}.values()
    parts = (_part(page, piece.box) for piece in pieces)
    return float(np.median([_differences(part).max() for part in parts if part.size] or [255.0]))


def _has_mark(page: UprightPage, box: Box, least: float, read: np.ndarray) -> bool:
    """Return True for ink of some size in the box, outside of what was read; no rule is a mark.

    `read` has the boxes of what was read (N×4, px).
    """
    part = _part(page, box)
    if not part.size:
        return False
    ink = (_differences(part) > least).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    left, top = (max(0, round(side)) for side in box[:2])
    near = (read[:, :2] < box[2:]).all(axis=1) & (read[:, 2:] > box[:2]).all(axis=1)
    known = set[int]()
    for x0, y0, x1, y1 in np.maximum(read[near] - [left, top, left, top], 0).tolist():
        known.update(np.unique(labels[y0:y1, x0:x1]).tolist())
    shortest = _SHORTEST * page.line_height
    return any(
        max(width, height) >= shortest and not _is_rule((x, y, x + width, y + height), part)
        for label, (x, y, width, height, _) in enumerate(stats)
        if label and label not in known
    )


def _is_rule(box: tuple[int, int, int, int], part: np.ndarray) -> bool:
    """Return True for ink that runs from one side of a part to another: a rule, or two that meet.

    `box` is in pixels of the part.
    """
    left, top, right, bottom = box
    height, width = part.shape
    return sum((left == 0, top == 0, right == width, bottom == height)) >= 2


def _part(page: UprightPage, box: Sequence[float]) -> np.ndarray:
    left, top, right, bottom = (max(0, round(side)) for side in box)
    return page.grey[top:bottom, left:right]


def _differences(part: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from the part's ground."""
    return np.abs(part.astype(float) - np.median(part))


def _widened(box: Box, by: float) -> list[int]:
    left, top, right, bottom = box
    return [round(side) for side in (left - by, top - by, right + by, bottom + by)]

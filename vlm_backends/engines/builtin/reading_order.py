"""Order lines of print for reading: columns one after another, rows from left to right."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.media.geometry import Box

# in heights of a line
_MIN_GUTTER = 0.7  # between two columns
_CORNER_ERROR = 0.1  # how far a corner may be off
_MIN_PROSE_WIDTH = 6

_MIN_COLUMN_LINES = 3
_PROSE_FILL = 0.45  # of a column's width: lines of prose fill it, prices at its edge do not
_ROW_OVERLAP = 0.75  # of a line's height: a line whose middle is above that is in the same row


def reading_order(quads: Sequence[np.ndarray]) -> list[int]:
    """Return the quads' indices in the order in which a person reads them.

    A quad (4×2, pixels) is a line of print, clockwise from the top left of its text. Slanted pages
    are levelled first.
    """
    if not len(quads):
        return []
    level = _levelled(quads)
    boxes = [(q[:, 0].min(), q[:, 1].min(), q[:, 0].max(), q[:, 1].max()) for q in level]
    return _ordered(list(range(len(boxes))), boxes)


def _levelled(quads: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the quads, rotated so that the median line of print is level.

    A slant that may be an error of the corners is left alone.
    """
    edges = np.array([np.asarray(quad[1], float) - quad[0] for quad in quads])
    heights = [np.linalg.norm(np.asarray(quad[3], float) - quad[0]) for quad in quads]
    if np.median(np.abs(edges[:, 1])) <= _CORNER_ERROR * np.median(heights):
        return list(quads)
    angle = float(np.median(np.arctan2(edges[:, 1], edges[:, 0])))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [np.asarray(quad, float) @ rotation for quad in quads]


def _ordered(indices: list[int], boxes: Sequence[Box]) -> list[int]:
    """Order the rows above, the largest part that is set in columns, and the rows below."""
    bands = _split(indices, boxes, 1, 0.0)
    start, end, columns = _largest_columns(bands, boxes)
    if not columns:
        return _rows(indices, boxes)
    above = [i for band in bands[:start] for i in band]
    below = [i for band in bands[end:] for i in band]
    inside = [i for column in columns for i in _ordered(column, boxes)]
    return [*_rows(above, boxes), *inside, *_ordered(below, boxes)]


def _largest_columns(
    bands: Sequence[list[int]], boxes: Sequence[Box]
) -> tuple[int, int, list[list[int]]]:
    """Return the longest run of bands that is set in columns: first, end (exclusive), columns.

    The columns are empty when there is no such run.
    """
    best: tuple[int, int, list[list[int]]] = (0, 0, [])
    for start in range(len(bands)):
        for end in range(len(bands), start, -1):
            inside = [i for band in bands[start:end] for i in band]
            if sum(map(len, best[2])) >= len(inside):
                break
            columns = _columns(inside, boxes)
            if len(columns) > 1:
                best = start, end, columns
                break
    return best


def _columns(indices: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Split lines into columns of prose, left to right; a single one unless all are prose."""
    height = float(np.median([boxes[i][3] - boxes[i][1] for i in indices]))
    columns = _split(indices, boxes, 0, _MIN_GUTTER * height)
    if all(_is_prose([boxes[i] for i in column]) for column in columns):
        return columns
    return [indices]


def _is_prose(boxes: Sequence[Box]) -> bool:
    width = max(box[2] for box in boxes) - min(box[0] for box in boxes)
    height = float(np.median([box[3] - box[1] for box in boxes]))
    median = float(np.median([box[2] - box[0] for box in boxes]))
    return (
        len(boxes) >= _MIN_COLUMN_LINES
        and median >= _PROSE_FILL * width
        and median >= _MIN_PROSE_WIDTH * height
    )


def _split(indices: list[int], boxes: Sequence[Box], axis: int, gap: float) -> list[list[int]]:
    """Split at gaps of more than `gap` pixels along the axis (0: x, 1: y)."""
    parts: list[list[int]] = []
    end = -np.inf
    for i in sorted(indices, key=lambda i: boxes[i][axis]):
        if not parts or boxes[i][axis] > end + gap:
            parts.append([])
        parts[-1].append(i)
        end = max(end, boxes[i][axis + 2])
    return parts


def _rows(indices: list[int], boxes: Sequence[Box]) -> list[int]:
    """Order lines by rows, each from the left; lines whose middles are on one level are a row."""
    rows: list[list[int]] = []
    for i in sorted(indices, key=lambda i: boxes[i][1] + boxes[i][3]):
        middle = (boxes[i][1] + boxes[i][3]) / 2
        if rows and middle < _lower_edge(rows[-1], boxes):
            rows[-1].append(i)
        else:
            rows.append([i])
    return [i for row in rows for i in sorted(row, key=lambda i: boxes[i][0])]


def _lower_edge(row: Sequence[int], boxes: Sequence[Box]) -> float:
    """Return the y above which a line's middle belongs to the row."""
    return float(np.mean([boxes[j][1] + _ROW_OVERLAP * (boxes[j][3] - boxes[j][1]) for j in row]))

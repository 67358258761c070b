"""Reading order of lines of print: columns one after another, rows left to right."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.media.geometry import Box

_GUTTER = 0.7  # heights of a line: the least gap between two columns
_ERROR = 0.1  # heights of a line: how far a corner may be off
_LEAST = 3  # lines of a column
_PROSE = 0.45  # of a column's width: lines of prose fill it, prices at its edge do not


def reading_order(quads: Sequence[np.ndarray]) -> list[int]:
    """Indices of the quads (4, 2; clockwise from the top left) as a person reads them; slanted pages are levelled."""
    if not len(quads):
        return []
    upright = _levelled(quads)
    boxes = [(q[:, 0].min(), q[:, 1].min(), q[:, 0].max(), q[:, 1].max()) for q in upright]
    return _ordered(list(range(len(boxes))), boxes)


def _levelled(quads: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The quads turned so that the median line of print is level; a slant within the corners' error is none."""
    edges = np.array([np.asarray(quad[1], float) - quad[0] for quad in quads])
    heights = [np.linalg.norm(np.asarray(quad[3], float) - quad[0]) for quad in quads]
    if np.median(np.abs(edges[:, 1])) <= _ERROR * np.median(heights):
        return list(quads)
    angle = float(np.median(np.arctan2(edges[:, 1], edges[:, 0])))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [np.asarray(quad, float) @ turn for quad in quads]


def _ordered(indices: list[int], boxes: Sequence[Box]) -> list[int]:
    """Rows above, the largest part that stands in columns, rows below."""
    bands = _parts(indices, boxes, 1, 0.0)
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
    start, end, columns = best
    if not columns:
        return _rows(indices, boxes)
    above, below = ([i for band in part for i in band] for part in (bands[:start], bands[end:]))
    return [
        *_rows(above, boxes),
        *(i for column in columns for i in _ordered(column, boxes)),
        *_ordered(below, boxes),
    ]


def _columns(indices: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """The columns that the lines stand in, left to right; one when any of them is no column of prose."""
    height = float(np.median([boxes[i][3] - boxes[i][1] for i in indices]))
    columns = _parts(indices, boxes, 0, _GUTTER * height)
    return (
        columns if all(_is_prose([boxes[i] for i in column]) for column in columns) else [indices]
    )


def _is_prose(boxes: Sequence[Box]) -> bool:
    width = max(box[2] for box in boxes) - min(box[0] for box in boxes)
    height = float(np.median([box[3] - box[1] for box in boxes]))
    median = float(np.median([box[2] - box[0] for box in boxes]))
    return len(boxes) >= _LEAST and median >= _PROSE * width and median >= 6 * height


def _parts(indices: list[int], boxes: Sequence[Box], axis: int, gap: float) -> list[list[int]]:
    """The indices split wherever nothing stands for more than `gap` along the axis (0: x, 1: y)."""
    parts: list[list[int]] = []
    end = -np.inf
    for i in sorted(indices, key=lambda i: boxes[i][axis]):
        if not parts or boxes[i][axis] > end + gap:
            parts.append([])
        parts[-1].append(i)
        end = max(end, boxes[i][axis + 2])
    return parts


def _rows(indices: list[int], boxes: Sequence[Box]) -> list[int]:
    """Lines whose middles lie on one level are a row, read from the left."""
    rows: list[list[int]] = []
    for i in sorted(indices, key=lambda i: boxes[i][1] + boxes[i][3]):
        middle = (boxes[i][1] + boxes[i][3]) / 2
        row = rows[-1] if rows else []
        if row and middle < np.mean(
            [boxes[j][1] + 0.75 * (boxes[j][3] - boxes[j][1]) for j in row]
        ):
            row.append(i)
        else:
            rows.append([i])
    return [i for row in rows for i in sorted(row, key=lambda i: boxes[i][0])]

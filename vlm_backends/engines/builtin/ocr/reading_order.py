"""Order lines of print for reading: columns one after another, rows from left to right."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.ocr.levelling import levelling_matrix, transformed
from vlm_backends.media.geometry import Box

# in heights of a line
_MIN_GUTTER = 0.7  # between two columns
_CORNER_ERROR = 0.1  # how far a corner may be off
_MIN_PROSE_WIDTH = 6
_EDGE = 0.5  # how far from its column's edge a line begins that is a heading over several
_INDENT = 2.5  # likewise a footer: the last line of a text may be indented
_TALLER = 1.25  # a heading

_LITTLE = 0.6  # of a line's height: rows that are off by no more are read right as they are
_MIN_COLUMN_LINES = 3
_PROSE_FILL = 0.45  # of a column's width: lines of prose fill it, prices at its edge do not
_CELL_FILL = 0.7  # lines of two columns that stand in rows are cells unless they fill more
_PAIRED = 0.9  # of the lines: with so many on one level the columns may be those of a table
_ROW_OVERLAP = 0.75  # of a line's height: a line whose middle is above that is in the same row
_APART = 2.0  # usual distances of lines: a footer is farther away
_MOST_BANDS = 40  # more are taken together: looking at all runs of them takes their number squared


def reading_rows(quads: Sequence[np.ndarray]) -> list[list[int]]:
    """Return the quads' indices in rows, in the order in which a person reads them.

    A quad (4×2, pixels) is a line of print, clockwise from the top left of its text. Pages that are
    slanted or turned are levelled first. Pieces that stand side by side on one line are one row.
    """
    if not len(quads):
        return []
    level = _in_parallel(_levelled(quads))
    boxes = [(q[:, 0].min(), q[:, 1].min(), q[:, 0].max(), q[:, 1].max()) for q in level]
    return _ordered(list(range(len(boxes))), boxes)


def _levelled(quads: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the quads, rotated so that most lines of print run level, to the right.

    A slant that may be an error of the corners is left alone.
    """
    edges = np.array([np.asarray(quad[1], float) - quad[0] for quad in quads])
    heights = [np.linalg.norm(np.asarray(quad[3], float) - quad[0]) for quad in quads]
    slant = np.median(np.abs(edges[:, 1]))
    if np.median(edges[:, 0]) > 0 and slant <= _CORNER_ERROR * np.median(heights):
        return list(quads)
    mean = np.arctan2(edges[:, 1].sum(), edges[:, 0].sum())
    away = np.arctan2(edges[:, 1], edges[:, 0]) - mean
    angle = mean + np.median((away + np.pi) % (2 * np.pi) - np.pi)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [np.asarray(quad, float) @ rotation for quad in quads]


def _in_parallel(quads: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return level quads with rows that are parallel, where a photograph from the side fans them.

    What would move a line by little is left alone.
    """
    points = np.array(quads, float)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    matrix = levelling_matrix(boxes)
    found = transformed(points.reshape(-1, 2), matrix).reshape(points.shape)
    moves = (found - points)[:, :, 1].mean(axis=1)
    if np.ptp(moves) <= _LITTLE * np.median(boxes[:, 3] - boxes[:, 1]):
        return list(points)
    return list(found)


def _ordered(indices: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Order the rows above, the largest part that is set in columns, and the rows below."""
    bands = _bands(indices, boxes)
    start, end, columns = _largest_columns(bands, boxes)
    if not columns:
        return _rows(indices, boxes)
    above = [i for band in bands[:start] for i in band]
    below = [i for band in bands[end:] for i in band]
    inside = [row for column in columns for row in _ordered(column, boxes)]
    return [*_rows(above, boxes), *inside, *(_ordered(below, boxes) if below else [])]


def _bands(indices: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Split at gaps across the page; where there are very many, at the wider ones."""
    bands, gap = _split(indices, boxes, 1, 0.0), 0.5 * _median_height(indices, boxes)
    while len(bands) > _MOST_BANDS:
        bands, gap = _split(indices, boxes, 1, gap), 2 * gap
    return bands


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
    return _without_headings(bands, best, boxes) if best[2] else best


def _without_headings(
    bands: Sequence[list[int]], found: tuple[int, int, list[list[int]]], boxes: Sequence[Box]
) -> tuple[int, int, list[list[int]]]:
    """Leave out headings and footers that are so short that they stand over one column only."""
    start, end, columns = found
    while end - start > 1 and _is_heading(bands[start], bands[start + 1], columns, boxes):
        start += 1
    while end - start > 1 and _is_footer(bands[end - 1], bands[end - 2], columns, boxes):
        end -= 1
    inside = [i for band in bands[start:end] for i in band]
    left = _columns(inside, boxes)
    return (start, end, left) if len(left) > 1 else found


def _is_heading(
    band: list[int], below: list[int], columns: Sequence[list[int]], boxes: Sequence[Box]
) -> bool:
    usual = _median_height([i for column in columns for i in column], boxes)
    gap = min(boxes[i][1] for i in below) - max(boxes[i][3] for i in band)
    if gap <= _leading(columns, boxes) and len(band) > 1:
        return False
    is_taller = all(boxes[i][3] - boxes[i][1] > _TALLER * usual for i in band)
    return is_taller and len(band) == 1 or _is_off_edge(band, columns, boxes, _EDGE * usual)


def _is_footer(
    band: list[int], above: list[int], columns: Sequence[list[int]], boxes: Sequence[Box]
) -> bool:
    usual = _median_height([i for column in columns for i in column], boxes)
    gap = min(boxes[i][1] for i in band) - max(boxes[i][3] for i in above)
    is_apart = gap > _APART * _leading(columns, boxes)
    if len(band) > 1 and not is_apart:
        return False
    return is_apart and len(band) == 1 or _is_off_edge(band, columns, boxes, _INDENT * usual)


def _is_off_edge(
    band: list[int], columns: Sequence[list[int]], boxes: Sequence[Box], most: float
) -> bool:
    """Return True when a line of the band does not begin where its column's other lines begin."""
    for column in columns:
        others = [boxes[i][0] for i in column if i not in band]
        for i in set(band) & set(column) if others else ():
            if abs(boxes[i][0] - min(others)) > most:
                return True
    return False


def _leading(columns: Sequence[list[int]], boxes: Sequence[Box]) -> float:
    """Return the usual distance from one line of a column to the next."""
    tops = sorted(boxes[i][1] for i in max(columns, key=len))
    return float(np.median(np.diff(tops))) if len(tops) > 1 else 0.0


def _columns(indices: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Split lines into columns of prose, left to right; a single one unless all are prose."""
    columns = _split(indices, boxes, 0, _MIN_GUTTER * _median_height(indices, boxes))
    full = [column for column in columns if _is_prose([boxes[i] for i in column])]
    rest = [column for column in columns if column not in full]
    if len(columns) < 2 or not full or not all(_may_end(c, full, boxes) for c in rest):
        return [indices]
    return [indices] if _is_table(columns, boxes) else columns


def _is_prose(boxes: Sequence[Box]) -> bool:
    height = float(np.median([box[3] - box[1] for box in boxes]))
    median = float(np.median([box[2] - box[0] for box in boxes]))
    return (
        len(boxes) >= _MIN_COLUMN_LINES
        and median >= _PROSE_FILL * _width(boxes)
        and median >= _MIN_PROSE_WIDTH * height
    )


def _may_end(column: list[int], full: Sequence[list[int]], boxes: Sequence[Box]) -> bool:
    """Return True for the last column of a text, which may have a line or two only."""
    widths = [_width([boxes[i] for i in other]) for other in full]
    return len(column) < _MIN_COLUMN_LINES and max(
        boxes[i][2] - boxes[i][0] for i in column
    ) >= _CELL_FILL * float(np.median(widths))


def _is_table(columns: Sequence[list[int]], boxes: Sequence[Box]) -> bool:
    """Return True when the lines stand in rows and do not fill their columns as prose does."""
    fills = [
        np.median([boxes[i][2] - boxes[i][0] for i in column]) / _width([boxes[i] for i in column])
        for column in columns
        if len(column) >= _MIN_COLUMN_LINES
    ]
    return bool(min(fills) < _CELL_FILL) and all(
        _share_paired(one, other, boxes) >= _PAIRED for one, other in zip(columns, columns[1:])
    )


def _share_paired(one: list[int], other: list[int], boxes: Sequence[Box]) -> float:
    """Return how many lines of the shorter column have one of the other on their level, 0..1."""
    few, many = sorted((one, other), key=len)
    paired = [i for i in few if any(_is_level(boxes[i], boxes[j]) for j in many)]
    return len(paired) / len(few)


def _is_level(box: Box, other: Box) -> bool:
    return other[1] < (box[1] + box[3]) / 2 < other[3]


def _width(boxes: Sequence[Box]) -> float:
    return float(max(box[2] for box in boxes) - min(box[0] for box in boxes))


def _median_height(indices: Sequence[int], boxes: Sequence[Box]) -> float:
    return float(np.median([boxes[i][3] - boxes[i][1] for i in indices]))


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


def _rows(indices: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Order lines by rows, each from the left; lines whose middles are on one level are a row."""
    rows: list[list[int]] = []
    for i in sorted(indices, key=lambda i: boxes[i][1] + boxes[i][3]):
        middle = (boxes[i][1] + boxes[i][3]) / 2
        if rows and middle < _lower_edge(rows[-1], boxes):
            rows[-1].append(i)
        else:
            rows.append([i])
    return [sorted(row, key=lambda i: boxes[i][0]) for row in rows]


def _lower_edge(row: Sequence[int], boxes: Sequence[Box]) -> float:
    """Return the y above which a line's middle belongs to the row."""
    return float(np.mean([boxes[j][1] + _ROW_OVERLAP * (boxes[j][3] - boxes[j][1]) for j in row]))

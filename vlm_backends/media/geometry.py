"""Compute with boxes and outlines, and define the pixel convention of the project.

Coordinates in 0..1 run from the outer edge of the picture's top left pixel to the outer edge of its
bottom right pixel, x to the right and y down. In pixels they are x * width and y * height, as COCO
and SVG count: the pixel in column c and row r covers c..c+1 and r..r+1, and its centre is at
(c + 0.5, r + 0.5). Every drawing, export and page of this project takes its pixels from here.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from vlm_backends.types import Point

Box = tuple[float, float, float, float]  # left, top, right, bottom
Outline = tuple[Point, ...]  # a closed ring: the last point is joined to the first


def clamp(value: float) -> float:
    """Return the value, moved into 0..1."""
    return min(1.0, max(0.0, value))


def ordered_box(xa: float, ya: float, xb: float, yb: float) -> Box:
    """Return the upright box between two opposite corners, given in any order."""
    if xb < xa:
        xa, xb = xb, xa
    if yb < ya:
        ya, yb = yb, ya
    return xa, ya, xb, yb


def corners(box: Box) -> Outline:
    """Return the box as an outline: its four corners, clockwise from the top left."""
    left, top, right, bottom = box
    return (left, top), (right, top), (right, bottom), (left, bottom)


def bounds(outline: Sequence[Point]) -> Box:
    """Return the smallest upright box around the outline; four zeros for one without points."""
    if not outline:
        return 0.0, 0.0, 0.0, 0.0
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return min(xs), min(ys), max(xs), max(ys)


def edges(outline: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """Yield each point with the next one; the last with the first."""
    return zip(outline, [*outline[1:], *outline[:1]])


def area(outline: Sequence[Point]) -> float:
    """Return the outline's area by the shoelace formula, in squares of its own unit.

    An outline with fewer than three points has none.
    """
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges(outline))) / 2


def to_pixels(outline: Sequence[Point], width: int, height: int) -> list[Point]:
    """Return an outline in 0..1 in pixels of a picture, by this module's convention."""
    return [(x * width, y * height) for x, y in outline]


def scan_lines(outline: Sequence[Point]) -> Iterator[tuple[int, int, int]]:
    """Yield the pixels whose centres are inside an outline in pixels, by the even-odd rule.

    Each item is a row, its first column inside, and the column after the last one.
    """
    crossings = defaultdict(list)
    for edge in edges(outline):
        (x0, y0), (x1, y1) = sorted(edge, key=lambda point: point[1])
        for row in range(math.ceil(y0 - 0.5), math.ceil(y1 - 0.5)):
            crossings[row].append(x0 + (x1 - x0) * (row + 0.5 - y0) / (y1 - y0))
    for row, xs in crossings.items():
        xs.sort()
        for start, end in zip(xs[::2], xs[1::2]):
            yield row, math.ceil(start - 0.5), math.ceil(end - 0.5)


def covered_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the columns and rows of the pixels whose centres are inside a box in pixels.

    They are left, top, right and bottom, the last two exclusive. A box that covers no centre gets
    the nearest pixel of the picture.
    """
    left, right = _covered_range(box[0], box[2], width)
    top, bottom = _covered_range(box[1], box[3], height)
    return left, top, right, bottom


def _covered_range(low: float, high: float, count: int) -> tuple[int, int]:
    first = max(0, min(math.ceil(low - 0.5), count - 1))
    return first, max(first + 1, min(math.ceil(high - 0.5), count))

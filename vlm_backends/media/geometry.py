"""Outlines in the pixels of a picture: what is safe to write of a region, its points, bounds, area and inside.

Pixels are counted from the outer edge of the picture's top left pixel, x to the right and y down, in thousandths.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from vlm_backends.text import clean
from vlm_backends.types import Picture, Point, Region


def cleaned(regions: Sequence[Region]) -> list[Region]:
    """The regions with clean labels; points that are no numbers are left out, others are held inside the picture."""
    return [
        region._replace(label=clean(region.label), outline=_finite(region.outline))
        for region in regions
    ]


def points(region: Region, picture: Picture) -> list[Point]:
    """The region's outline in pixels of the picture."""
    return [(round(x * picture.width, 3), round(y * picture.height, 3)) for x, y in region.outline]


def bounds(outline: Sequence[Point]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of one point or more."""
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return min(xs), min(ys), max(xs), max(ys)


def area(outline: Sequence[Point]) -> float:
    """The outline's area by the shoelace formula, in square pixels; 0 for fewer than three points."""
    return round(abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in _edges(outline))) / 2, 6)


def path(outline: Sequence[Point]) -> str:
    """The outline as "x,y x,y …"."""
    return " ".join(f"{number(x)},{number(y)}" for x, y in outline)


def number(value: float) -> str:
    """A number of pixels, to a thousandth, without zeros that say nothing."""
    return f"{round(value, 3):.10g}"


def spans(outline: Sequence[Point]) -> Iterator[tuple[int, int, int]]:
    """The pixels whose centres are inside, by the even-odd rule: row, first column, and the column after the last."""
    crossings = defaultdict(list)
    for edge in _edges(outline):
        (x0, y0), (x1, y1) = sorted(edge, key=lambda point: point[1])
        for row in range(math.ceil(y0 - 0.5), math.ceil(y1 - 0.5)):
            crossings[row].append(x0 + (x1 - x0) * (row + 0.5 - y0) / (y1 - y0))
    for row, found in crossings.items():
        found.sort()
        for start, end in zip(found[::2], found[1::2]):
            yield row, math.ceil(start - 0.5), math.ceil(end - 0.5)


def _finite(outline: Sequence[Point]) -> tuple[Point, ...]:
    return tuple((_held(x), _held(y)) for x, y in outline if math.isfinite(x) and math.isfinite(y))


def _held(value: float) -> float:
    return min(1.0, max(0.0, value))


def _edges(outline: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return zip(outline, [*outline[1:], *outline[:1]])

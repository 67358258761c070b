"""Share what several export formats need: safe regions, pixels, numbers, JSON and file names."""

import json
import math
from collections.abc import Sequence

from vlm_backends.media.geometry import Outline, clamp, to_pixels
from vlm_backends.text import clean
from vlm_backends.types import Picture, Point, Region


def clean_regions(regions: Sequence[Region]) -> list[Region]:
    """Return the regions with clean labels and every point inside the picture.

    Points with an infinite coordinate, or one that is not a number, are left out.
    """
    return [
        region._replace(label=clean(region.label), outline=_finite(region.outline))
        for region in regions
    ]


def pixel_outline(region: Region, picture: Picture) -> list[Point]:
    """Return the region's outline in pixels of the picture, to a thousandth."""
    points = to_pixels(region.outline, picture.width, picture.height)
    return [(round(x, 3), round(y, 3)) for x, y in points]


def format_number(value: float) -> str:
    """Write a number to a thousandth, without trailing zeros."""
    return f"{round(value, 3):.10g}"


def format_points(outline: Sequence[Point]) -> str:
    """Write an outline as `x,y x,y …`."""
    return " ".join(f"{format_number(x)},{format_number(y)}" for x, y in outline)


def to_json(value: object) -> bytes:
    """Return a value as JSON in UTF-8; a lone surrogate becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def file_name(picture: Picture, stem: object = "picture") -> str:
    """Return the name of the picture's file, such as `picture.jpg`."""
    return f"{stem}.jpg" if picture.mime == "image/jpeg" else f"{stem}.png"


def _finite(outline: Outline) -> Outline:
    return tuple((clamp(x), clamp(y)) for x, y in outline if math.isfinite(x) and math.isfinite(y))

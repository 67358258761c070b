"""Regions onto a picture: one copy, then only the pixels of each region are touched.

OpenCV and NumPy are imported where they are used: `import vlm_backends` needs neither, and the page starts without
OpenCV.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from vlm_backends.text import short_label
from vlm_backends.types import Point, Region

if TYPE_CHECKING:
    import numpy as np

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_PALETTE: tuple[Colour, ...] = (  # distinct on photographs and on paper
    (230, 25, 75),
    (0, 130, 200),
    (60, 160, 60),
    (245, 130, 48),
    (145, 30, 180),
    (0, 150, 150),
    (200, 30, 160),
    (150, 90, 20),
    (70, 80, 220),
    (128, 128, 0),
    (255, 99, 71),
    (0, 100, 80),
    (190, 140, 0),
    (105, 65, 225),
)
_FILL = 96  # 0..255: how much a mask covers
_FINE = 2400  # px: a screen shows larger pictures smaller, and with that smoother, than they are
_LETTERS, _SMALLEST = 20, 10  # thousandths of the picture's longer side
_CROWD = 24  # regions: beyond it, letters grow smaller
_COUNTED = 300  # regions, and as many labels, that labels keep clear of; room for more costs more than it gives
_PARTS = 4  # bits of a pixel's parts in OpenCV's coordinates


def draw(image: Image.Image, regions: Sequence[Region]) -> Image.Image:
    """A copy of the image with every region's outline and label on it; masks are filled translucently.

    RGB, same size; line width and letters follow the size of the picture. The given image is untouched.
    """
    canvas = image.convert("RGB") if image.mode != "RGB" else image.copy()
    unit = max(canvas.size) / 1000
    width = max(2, round(2.5 * unit))
    shades = colours([region.label for region in regions])
    for region in sorted(regions, key=lambda region: not region.is_mask):  # masks below lines
        _draw_outline(canvas, region, shades[region.label], width)
    named = [region for region in regions if region.label and region.outline]
    if named:
        letters = max(_SMALLEST, _LETTERS * min(1, math.sqrt(_CROWD / len(regions))))
        _draw_plates(canvas, regions, named, shades, _font(max(11, round(letters * unit))))
    return canvas


def colours(labels: Sequence[str]) -> dict[str, Colour]:
    """A colour for each label: its own in every picture, or the next one where an earlier label has that already."""
    given: dict[str, Colour] = {}
    free = set(_PALETTE)
    for name in map(_plain, labels):
        if name not in given:
            own = zlib.crc32(name.encode()) % len(_PALETTE)
            given[name] = next(
                (shade for shade in _PALETTE[own:] + _PALETTE[:own] if shade in free), _PALETTE[own]
            )
            free.discard(given[name])
    return {label: given[_plain(label)] for label in labels}


def rounded(regions: Sequence[Region]) -> list[list[list[float]]]:
    """Each outline to a hundred-thousandth of the picture; NumPy rounds them all in a third of Python's time."""
    import numpy as np

    points = iter(np.round([point for region in regions for point in region.outline], 5).tolist())
    return [list(islice(points, len(region.outline))) for region in regions]


def ink(ground: Colour) -> str:
    """Black or white, whichever is easier to read on this colour (by the contrast of WCAG 2)."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (part / 255 for part in ground)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def _plain(label: str) -> str:
    return label.strip().lower()


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONT, size)


def _draw_outline(canvas: Image.Image, region: Region, shade: Colour, width: int) -> None:
    points = _pixels(region, canvas.size)
    if len(points) < 2:
        return
    if not region.is_mask and _is_upright_box(points):
        corners = points[0][0], points[0][1], points[2][0], points[2][1]
        return ImageDraw.Draw(canvas).rectangle(
            [round(v) for v in corners], outline=shade, width=width
        )
    if max(canvas.size) > _FINE:
        return _draw_plainly(canvas, region, points, width, shade)
    left, top, right, bottom = _bounds(points, width, canvas.size)
    if right > left and bottom > top:
        path = [(x - left, y - top) for x, y in points]
        canvas.paste(
            shade, (left, top), _cover(path, (right - left, bottom - top), region.is_mask, width)
        )


def _cover(path: list[Point], size: tuple[int, int], solid: bool, width: int) -> Image.Image:
    """How much of each pixel a line, or a mask with its line, covers; with smooth edges, `L`."""
    import cv2
    import numpy as np

    corners, cover = (
        np.rint(np.array(path) * 2**_PARTS).astype(np.int32),
        np.zeros(size[::-1], np.uint8),
    )
    if solid:
        cv2.fillPoly(cover, [corners], _FILL, cv2.LINE_AA, _PARTS)
    cv2.polylines(
        cover, [corners], True, 255, max(1, (width - 1) // 2 * 2), cv2.LINE_AA, _PARTS
    )  # its edges add 1.4
    return Image.fromarray(cover)


def _draw_plainly(
    canvas: Image.Image, region: Region, points: list[Point], width: int, shade: Colour
) -> None:
    """Without smooth edges, in place."""
    if region.is_mask:
        ImageDraw.Draw(canvas, "RGBA").polygon(points, fill=(*shade, _FILL))
    ImageDraw.Draw(canvas).line([*points, *points[:2]], fill=shade, width=width)


def _pixels(region: Region, size: tuple[int, int]) -> list[Point]:
    return [(x * (size[0] - 1), y * (size[1] - 1)) for x, y in region.outline]


def _is_upright_box(points: Sequence[Point]) -> bool:
    if len(points) != 4:
        return False
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return ay == by and cy == dy and ax == dx and bx == cx and ax <= bx and ay <= cy


def _bounds(points: Sequence[Point], margin: int, size: tuple[int, int]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (
        max(0, int(min(xs)) - margin),
        max(0, int(min(ys)) - margin),
        min(size[0], int(max(xs)) + margin + 2),
        min(size[1], int(max(ys)) + margin + 2),
    )


def _draw_plates(
    canvas: Image.Image,
    regions: Sequence[Region],
    named: Sequence[Region],
    shades: dict[str, Colour],
    font: ImageFont.FreeTypeFont,
) -> None:
    """Draws each label where it covers the least of the regions and of the labels before it."""
    import numpy as np

    pen, size, pad = ImageDraw.Draw(canvas), canvas.size, max(2, font.size // 4)
    first = [
        _bounds(_pixels(region, size), 0, size) for region in regions[:_COUNTED] if region.outline
    ]
    taken, count = np.zeros((len(first) + _COUNTED, 4), np.int64), len(first)
    taken[:count] = np.reshape(first, (-1, 4))
    for region in named:
        label = short_label(region.label)
        wide, high = round(font.getlength(label)) + 2 * pad, font.size + 2 * pad
        spots = _spots(_bounds(_pixels(region, size), 0, size), size, wide, high)
        box = spots[int(_covered(np.array(spots), taken[:count]).argmin())]
        pen.rectangle(box, fill=shades[region.label])
        pen.text(
            (box[0] + pad, (box[1] + box[3]) / 2),
            label,
            font=font,
            fill=ink(shades[region.label]),
            anchor="lm",
        )
        if count < len(taken):
            taken[count] = box
            count += 1


def _covered(spots: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The area, in pixels, that each of the boxes `spots` (m, 4) shares with all of `taken` (n, 4); m values."""
    low, high = spots[:, None, :2].clip(taken[:, :2]), spots[:, None, 2:].clip(None, taken[:, 2:])
    return (high - low).clip(0).prod(axis=2).sum(axis=1)


def _spots(own: Box, size: tuple[int, int], wide: int, high: int) -> list[Box]:
    """Places for a plate inside the picture: above the region, below, right and left of it, and over its top."""
    left, top, right, bottom = own
    middle = (top + bottom - high) / 2
    wanted = (
        (left, top - high),
        (left, bottom),
        (right, middle),
        (left - wide, middle),
        (right - wide, top - high),
        own[:2],
    )
    boxes = []
    for x, y in wanted:
        x, y = round(max(0, min(x, size[0] - 1 - wide))), round(max(0, min(y, size[1] - 1 - high)))
        boxes.append((x, y, x + wide, y + high))
    return boxes

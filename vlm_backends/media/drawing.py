"""Draw regions onto a copy of a picture; only the pixels of each region are touched.

OpenCV and NumPy are imported inside the functions that use them, because `import vlm_backends`
needs neither and the page starts without OpenCV.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from vlm_backends.media.geometry import bounds, covered_pixels, to_pixels
from vlm_backends.media.palette import Colour, colours, ink
from vlm_backends.text import MAX_LABEL, one_line
from vlm_backends.types import Point, Region

if TYPE_CHECKING:
    import numpy as np

PixelBox = tuple[int, int, int, int]  # left, top, right, bottom
Size = tuple[int, int]  # width and height in pixels

LINE_WIDTH, LETTER_HEIGHT = 2.5, 20  # thousandths of the picture's longer side
MIN_LINE, MIN_LETTERS = 2, 11  # pixels
MASK_OPACITY = 96 / 255

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_SMOOTH_UP_TO = 2400  # px: a screen scales larger pictures down, which smooths their edges anyway
_SMALLEST_LETTERS = 10  # thousandths of the longer side, in a crowded picture
_CROWD = 24  # regions: with more of them, letters get smaller
_AVOIDED = 300  # regions, and as many labels, that labels avoid; more cost more than they improve
_FRACTION_BITS = 4  # of OpenCV's coordinates, which are sixteenths of a pixel


def draw(image: Image.Image, regions: Sequence[Region]) -> Image.Image:
    """Return a copy of the image, RGB, with the outline and the label of every region.

    Masks are filled translucently. Line width and letters grow with the picture. Coordinates are
    those of `media.geometry`.
    """
    canvas = image.convert("RGB") if image.mode != "RGB" else image.copy()
    unit = max(canvas.size) / 1000
    line_width = max(MIN_LINE, round(LINE_WIDTH * unit))
    palette = colours([region.label for region in regions])
    for region in sorted(regions, key=lambda region: not region.is_mask):  # masks below lines
        _draw_outline(canvas, region, palette[region.label], line_width)
    named = [region for region in regions if region.title and region.outline]
    if named:
        crowding = min(1, math.sqrt(_CROWD / len(regions)))
        letters = max(_SMALLEST_LETTERS, LETTER_HEIGHT * crowding) * unit
        _draw_labels(canvas, regions, named, palette, font(max(MIN_LETTERS, round(letters))))
    return canvas


def round_outlines(regions: Sequence[Region]) -> list[list[list[float]]]:
    """Round each outline, in 0..1, to a hundred-thousandth of the picture.

    NumPy rounds all of them at once, in a third of the time that Python takes.
    """
    import numpy as np

    points = iter(np.round([point for region in regions for point in region.outline], 5).tolist())
    return [list(islice(points, len(region.outline))) for region in regions]


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the labels' typeface, `size` pixels high."""
    return ImageFont.truetype(_FONT, size)


def _draw_outline(canvas: Image.Image, region: Region, colour: Colour, line_width: int) -> None:
    points = to_pixels(region.outline, *canvas.size)
    if len(points) < 2:
        return
    if not region.is_mask and _is_upright_box(points):
        _draw_box(canvas, points, colour, line_width)
    elif max(canvas.size) > _SMOOTH_UP_TO:
        _draw_aliased(canvas, points, region.is_mask, colour, line_width)
    else:
        _draw_smooth(canvas, points, region.is_mask, colour, line_width)


def _is_upright_box(points: Sequence[Point]) -> bool:
    if len(points) != 4:
        return False
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return ay == by and cy == dy and ax == dx and bx == cx and ax <= bx and ay <= cy


def _draw_box(
    canvas: Image.Image, points: Sequence[Point], colour: Colour, line_width: int
) -> None:
    """Draw the lines of an upright box on the pixels that it covers, along its inner edge."""
    left, top, right, bottom = covered_pixels(bounds(points), *canvas.size)
    inclusive = left, top, right - 1, bottom - 1  # as Pillow counts
    ImageDraw.Draw(canvas).rectangle(inclusive, outline=colour, width=line_width)


def _draw_smooth(
    canvas: Image.Image,
    points: Sequence[Point],
    filled: bool,
    colour: Colour,
    line_width: int,
) -> None:
    """Draw an outline with anti-aliased edges; with a translucent fill when `filled`."""
    left, top, right, bottom = _pixel_bounds(points, line_width, canvas.size)
    if right > left and bottom > top:
        path = [(x - left, y - top) for x, y in _as_pixel_centres(points)]
        coverage = _coverage(path, (right - left, bottom - top), filled, line_width)
        canvas.paste(colour, (left, top), coverage)


def _coverage(path: Sequence[Point], size: Size, filled: bool, line_width: int) -> Image.Image:
    """Return how much of each pixel an outline covers, as levels 0..255 (mode `L`)."""
    import cv2
    import numpy as np

    corners = np.rint(np.array(path) * 2**_FRACTION_BITS).astype(np.int32)
    levels = np.zeros(size[::-1], np.uint8)
    if filled:
        opacity = round(255 * MASK_OPACITY)
        cv2.fillPoly(levels, [corners], opacity, cv2.LINE_AA, _FRACTION_BITS)
    thickness = max(1, (line_width - 1) // 2 * 2)  # the smooth edges add 1.4 pixels
    cv2.polylines(levels, [corners], True, 255, thickness, cv2.LINE_AA, _FRACTION_BITS)
    return Image.fromarray(levels)


def _draw_aliased(
    canvas: Image.Image,
    points: Sequence[Point],
    filled: bool,
    colour: Colour,
    line_width: int,
) -> None:
    """Draw an outline without smooth edges; with a translucent fill when `filled`."""
    path = _as_pixel_centres(points)
    if filled:
        opacity = round(255 * MASK_OPACITY)
        ImageDraw.Draw(canvas, "RGBA").polygon(path, fill=(*colour, opacity))
    ImageDraw.Draw(canvas).line([*path, *path[:2]], fill=colour, width=line_width)


def _as_pixel_centres(points: Iterable[Point]) -> list[Point]:
    """Shift to the convention of Pillow's and OpenCV's lines: pixel centres are whole numbers."""
    return [(x - 0.5, y - 0.5) for x, y in points]


def _pixel_bounds(points: Sequence[Point], margin: int, size: Size) -> PixelBox:
    """Return the pixels that an outline in pixels touches, and a margin around them.

    Right and bottom are exclusive; all of it is inside the picture.
    """
    left, top, right, bottom = bounds(points)
    return (
        max(0, math.floor(left) - margin),
        max(0, math.floor(top) - margin),
        min(size[0], math.ceil(right) + margin),
        min(size[1], math.ceil(bottom) + margin),
    )


def _draw_labels(
    canvas: Image.Image,
    regions: Sequence[Region],
    named: Sequence[Region],
    palette: dict[str, Colour],
    letters: ImageFont.FreeTypeFont,
) -> None:
    """Draw each label where it covers the least of the regions and of the labels before it."""
    import numpy as np

    padding = max(2, int(letters.size) // 4)
    occupied = [
        _region_bounds(region, canvas.size) for region in regions[:_AVOIDED] if region.outline
    ]
    taken, count = np.zeros((len(occupied) + _AVOIDED, 4), np.int64), len(occupied)
    taken[:count] = np.reshape(occupied, (-1, 4))
    for region in named:
        label = one_line(region.title, MAX_LABEL)
        wide = round(letters.getlength(label)) + 2 * padding
        high = int(letters.size) + 2 * padding
        places = _label_places(_region_bounds(region, canvas.size), canvas.size, wide, high)
        place = places[int(_shared_area(np.array(places), taken[:count]).argmin())]
        _draw_label(canvas, label, place, padding, palette[region.label], letters)
        if count < len(taken):
            taken[count] = place
            count += 1


def _region_bounds(region: Region, size: Size) -> PixelBox:
    return _pixel_bounds(to_pixels(region.outline, *size), 0, size)


def _draw_label(
    canvas: Image.Image,
    label: str,
    place: PixelBox,
    padding: int,
    colour: Colour,
    letters: ImageFont.FreeTypeFont,
) -> None:
    """Draw the label's words on a plate of its colour."""
    left, top, _, bottom = place
    pen, start = ImageDraw.Draw(canvas), (left + padding, (top + bottom) / 2)
    pen.rectangle(place, fill=colour)
    pen.text(start, label, font=letters, fill=ink(colour), anchor="lm")


def _shared_area(places: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Return the area that each box of `places` (m, 4) shares with all of `taken` (n, 4).

    The result has m values, in pixels.
    """
    low, high = places[:, None, :2].clip(taken[:, :2]), places[:, None, 2:].clip(None, taken[:, 2:])
    return (high - low).clip(0).prod(axis=2).sum(axis=1)


def _label_places(region: PixelBox, size: Size, wide: int, high: int) -> list[PixelBox]:
    """List places for a label, all inside the picture: first above the region, then around it."""
    left, top, right, bottom = region
    middle = (top + bottom - high) / 2
    preferred = (
        (left, top - high),
        (left, bottom),
        (right, middle),
        (left - wide, middle),
        (right - wide, top - high),
        (left, top),
    )
    places = []
    for x, y in preferred:
        x, y = round(max(0, min(x, size[0] - 1 - wide))), round(max(0, min(y, size[1] - 1 - high)))
        places.append((x, y, x + wide, y + high))
    return places

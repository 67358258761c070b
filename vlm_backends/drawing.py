"""Regions onto a picture: one copy, then only the pixels of each region are touched."""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vlm_backends.types import Point, Region

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_PALETTE: tuple[Colour, ...] = (  # distinct on photographs and on paper
    (230, 25, 75), (0, 130, 200), (60, 160, 60), (245, 130, 48), (145, 30, 180), (0, 150, 150), (200, 30, 160),
    (150, 90, 20), (70, 80, 220), (128, 128, 0), (255, 99, 71), (0, 100, 80), (190, 140, 0), (105, 65, 225),
)  # fmt: skip
_FILL = 96  # 0..255: how much a mask covers
_FINE = 2400  # px: a screen shows larger pictures smaller, and with that smoother, than they are
_LONGEST = 40  # characters of a label
_CROWD = 24  # regions: beyond it, labels are drawn smaller
_COUNTED = 300  # regions, and as many labels, that labels keep clear of; room for more costs more than it gives


def draw(image: Image.Image, regions: Sequence[Region]) -> Image.Image:
    """A copy of the image with every region's outline and label on it; masks are filled translucently.

    RGB, same size; line width and letters follow the size of the picture. The given image is untouched.
    """
    canvas = image.convert("RGB") if image.mode != "RGB" else image.copy()
    unit = max(canvas.size) / 1000
    width = max(2, round(2.5 * unit))
    shades = colours([region.label for region in regions])
    for region in sorted(regions, key=lambda region: not region.solid):  # masks below lines
        _draw_outline(canvas, region, shades[region.label], width)
    font = _font(max(11, round((20 if len(regions) <= _CROWD else 14) * unit)))
    pen, named = ImageDraw.Draw(canvas), [region for region in regions if region.label and region.outline]
    taken = [_bounds(_pixels(region, canvas.size), 0, canvas.size) for region in regions[:_COUNTED] if region.outline]
    for region in named:
        plate = _draw_plate(pen, canvas.size, region, shades[region.label], font, taken)
        if len(taken) < 2 * _COUNTED:
            taken.append(plate)
    return canvas


def colours(labels: Sequence[str]) -> dict[str, Colour]:
    """A colour for each label: its own in every picture, or the next one where an earlier label has that already."""
    given: dict[str, Colour] = {}
    for name in map(_plain, labels):
        if name not in given:
            own = zlib.crc32(name.encode()) % len(_PALETTE)
            free = (shade for shade in _PALETTE[own:] + _PALETTE[:own] if shade not in given.values())
            given[name] = next(free, _PALETTE[own])
    return {label: given[_plain(label)] for label in labels}


def ink(ground: Colour) -> str:
    """Black or white, whichever is easier to read on this colour (by the contrast of WCAG 2)."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (part / 255 for part in ground)]
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
    if not region.solid and _is_upright_box(points):
        corners = points[0][0], points[0][1], points[2][0], points[2][1]
        return ImageDraw.Draw(canvas).rectangle([round(v) for v in corners], outline=shade, width=width)
    if max(canvas.size) > _FINE:
        return _draw_plainly(canvas, region, points, width, shade)
    left, top, right, bottom = _bounds(points, width, canvas.size)
    if right <= left or bottom <= top:
        return
    finer = 2 if (right - left) * (bottom - top) > 1_000_000 else 4
    mask = Image.new("L", ((right - left) * finer, (bottom - top) * finer))
    path = [((x - left + 0.5) * finer, (y - top + 0.5) * finer) for x, y in points]
    pen = ImageDraw.Draw(mask)
    if region.solid:
        pen.polygon(path, fill=_FILL)
    pen.line([*path, path[0], path[1]], fill=255, width=width * finer, joint="curve")
    canvas.paste(shade, (left, top), mask.reduce(finer))


def _draw_plainly(canvas: Image.Image, region: Region, points: list[Point], width: int, shade: Colour) -> None:
    """Without smooth edges, in place."""
    if region.solid:
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


def _draw_plate(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    region: Region,
    shade: Colour,
    font: ImageFont.FreeTypeFont,
    taken: list[Box],
) -> Box:
    """Draws the label where it covers the least of other regions and labels; returns the plate's box."""
    label = " ".join(region.label.split())
    label = label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
    pad = max(2, font.size // 4)
    wide, high = round(font.getlength(label)) + 2 * pad, font.size + 2 * pad
    own = _bounds(_pixels(region, size), 0, size)
    spots = _spots(own, size, wide, high)
    left, top = min(spot[0] for spot in spots), min(spot[1] for spot in spots)
    right, bottom = max(spot[2] for spot in spots), max(spot[3] for spot in spots)
    near = [box for box in taken if box[0] < right and box[2] > left and box[1] < bottom and box[3] > top]
    box = min(spots, key=lambda spot: sum([_overlap(spot, other) for other in near]))
    pen.rounded_rectangle(box, radius=pad, fill=shade)
    pen.text((box[0] + pad, (box[1] + box[3]) / 2), label, font=font, fill=ink(shade), anchor="lm")
    return box


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


def _overlap(one: Box, other: Box) -> int:
    """The area, in pixels, that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0

"""Export regions as PNG: a drawing, or a mask."""

from collections.abc import Sequence

from PIL import Image

from vlm_backends.media import images
from vlm_backends.media.drawing import draw
from vlm_backends.media.exports.common import clean_regions, pixel_outline
from vlm_backends.media.geometry import scan_lines
from vlm_backends.types import Picture, Region


def as_png(picture: Picture, regions: Sequence[Region], plain: bool = False) -> Picture:
    """Draw regions and labels over the picture, or when `plain` over white, as a PNG."""
    size = picture.width, picture.height
    ground = Image.new("RGB", size, "white") if plain else images.pixels(picture)
    return images.export(draw(ground, clean_regions(regions)), "image/png")


def as_mask(picture: Picture, regions: Sequence[Region]) -> Picture:
    """Return a PNG of grey levels, as large as the picture.

    A level is 255 where a pixel's centre is inside any region, otherwise 0.
    """
    width, height = picture.width, picture.height
    levels = bytearray(width * height)
    for region in clean_regions(regions):
        for row, start, end in scan_lines(pixel_outline(region, picture)):
            levels[row * width + start : row * width + end] = b"\xff" * (end - start)
    return images.export(Image.frombytes("L", (width, height), bytes(levels)), "image/png")

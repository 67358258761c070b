"""Export regions as SVG."""

import base64
from collections.abc import Sequence
from xml.etree import ElementTree as xml

from vlm_backends.media import images
from vlm_backends.media.drawing import (
    LETTER_HEIGHT,
    LINE_WIDTH,
    MASK_OPACITY,
    MIN_LETTERS,
    MIN_LINE,
    font,
)
from vlm_backends.media.exports.common import (
    clean_regions,
    format_number,
    format_points,
    pixel_outline,
)
from vlm_backends.media.geometry import bounds
from vlm_backends.media.palette import Colour, colours, css_colour, ink
from vlm_backends.text import MAX_LABEL, one_line
from vlm_backends.types import Picture, Point, Region

_NAMESPACES = {"xmlns": "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink"}
_MAX_EMBEDDED = 7_000_000  # bytes: many XML parsers stop at an attribute of 10 million characters
_MEASURED_AT = 100  # px: the size at which a label's length is measured


def as_svg(picture: Picture, regions: Sequence[Region], plain: bool = False) -> str:
    """Return an SVG in pixels of the picture, with a polygon, a title and a label per region.

    It embeds the picture, or when `plain` has a white ground, and refers to nothing outside.
    Regions without a single finite coordinate are left out.
    """
    width, height, unit = picture.width, picture.height, max(picture.width, picture.height) / 1000
    line_width, letters = max(MIN_LINE, LINE_WIDTH * unit), max(MIN_LETTERS, LETTER_HEIGHT * unit)
    size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    root = _element("svg", **size, **_NAMESPACES)
    shapes = _element("g", stroke_width=line_width, stroke_linejoin="round", fill_rule="evenodd")
    labels = _element("g", font_family="DejaVu Sans, Verdana, sans-serif")
    root.extend((_ground(picture, plain), shapes, labels))
    safe = clean_regions(regions)
    palette = colours([region.label for region in safe])
    for region in safe:
        if outline := pixel_outline(region, picture):
            colour = palette[region.label]
            shapes.append(_polygon(region, outline, colour))
            labels.extend(_label(region.title, outline, colour, letters, width))
    return xml.tostring(root, encoding="unicode")


def _element(tag: str, **attributes: str | float) -> xml.Element:
    """Create an element; underscores in names become hyphens."""
    return xml.Element(
        tag,
        {
            name.replace("_", "-"): value if isinstance(value, str) else format_number(value)
            for name, value in attributes.items()
        },
    )


def _ground(picture: Picture, plain: bool) -> xml.Element:
    size = {"width": picture.width, "height": picture.height}
    if plain:
        return _element("rect", fill="white", **size)
    fits = len(picture.data) <= _MAX_EMBEDDED
    embedded = picture if fits else images.as_jpeg(picture, _MAX_EMBEDDED)
    url = f"data:{embedded.mime};base64,{base64.b64encode(embedded.data).decode()}"
    return _element("image", preserveAspectRatio="none", **size, **{"xlink:href": url})


def _polygon(region: Region, outline: Sequence[Point], colour: Colour) -> xml.Element:
    paint, opacity = css_colour(colour), MASK_OPACITY if region.is_mask else 0
    points = format_points(outline)
    shape = _element("polygon", points=points, stroke=paint, fill=paint, fill_opacity=opacity)
    xml.SubElement(shape, "title").text = region.title
    return shape


def _label(
    label: str, outline: Sequence[Point], colour: Colour, letters: float, picture_width: int
) -> list[xml.Element]:
    """Return the label on a plate of its colour; nothing for an empty label.

    It is above the region, or at the top inside it, and inside the picture. All sizes are in
    pixels.
    """
    words = one_line(label, MAX_LABEL)
    if not words:
        return []
    left, top, _, _ = bounds(outline)
    wide = font(_MEASURED_AT).getlength(words) / _MEASURED_AT * letters + letters / 2
    high = letters * 1.4
    x, y = max(0, min(left, picture_width - wide)), max(0, top - high)
    paint, corner = css_colour(colour), letters / 4
    plate = _element("rect", x=x, y=y, width=wide, height=high, rx=corner, fill=paint)
    text = _element(
        "text", x=x + letters / 4, y=y + letters * 1.05, font_size=letters, fill=ink(colour)
    )
    text.text = words
    return [plate, text]

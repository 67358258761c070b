"""Export regions as an annotation of Pascal VOC, an XML file for one picture."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as xml

from vlm_backends.media.exports.common import clean_regions, format_number, pixel_outline
from vlm_backends.media.geometry import bounds, covered_pixels
from vlm_backends.text import clean
from vlm_backends.types import NAMELESS, Picture, Region

_DEPTH = 3  # channels: pictures are sent, drawn and exported in colour


def as_voc(name: str, picture: Picture, regions: Sequence[Region]) -> str:
    """Return the XML of one picture, whose file is called `name`, with an object for each region.

    A box has the first and the last pixel that it covers, counted from 1. Two elements are not
    VOC's own, and are passed over by its readers: `score`, in 0..1, where a region has one, and
    `polygon`, the corners of a mask in pixels by the convention of `media.geometry`. Regions with
    fewer than three points are left out.
    Source: Everingham and Winn, The PASCAL Visual Object Classes Challenge 2012 Development Kit.
    """
    root = xml.Element("annotation")
    size = {"width": picture.width, "height": picture.height, "depth": _DEPTH}
    _add(root, {"filename": clean(name), "size": size, "segmented": 0})
    for region in clean_regions(regions):
        if len(region.outline) >= 3:
            root.append(_object(region, picture))
    xml.indent(root)
    return xml.tostring(root, encoding="unicode") + "\n"


def _object(region: Region, picture: Picture) -> xml.Element:
    outline = pixel_outline(region, picture)
    left, top, right, bottom = covered_pixels(bounds(outline), picture.width, picture.height)
    box = {"xmin": left + 1, "ymin": top + 1, "xmax": right, "ymax": bottom}
    facts: dict[str, object] = {"name": region.label.strip() or NAMELESS, "pose": "Unspecified"}
    facts |= {"truncated": 0, "difficult": 0, "bndbox": box}
    if region.score is not None:
        facts["score"] = format_number(region.score)
    if region.is_mask:
        pairs = enumerate(outline, 1)
        facts["polygon"] = {
            f"{axis}{i}": format_number(value)
            for i, point in pairs
            for axis, value in zip("xy", point)
        }
    element = xml.Element("object")
    _add(element, facts)
    return element


def _add(parent: xml.Element, facts: Mapping[str, object]) -> None:
    """Add an element for each fact; a mapping becomes an element with elements in it."""
    for name, value in facts.items():
        element = xml.SubElement(parent, name)
        if isinstance(value, Mapping):
            _add(element, value)
        else:
            element.text = str(value)

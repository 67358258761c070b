"""Count the frames of an animation, and go to one of them, at a bounded cost."""

import io
from collections.abc import Callable

from PIL import Image
from PIL.MpoImagePlugin import MpoImageFile

from vlm_backends.errors import BadPrompt
from vlm_backends.media.files import pages
from vlm_backends.types import Page

# Pixels that may be decoded on the way to a frame: each frame is drawn over those before it.
# About two seconds of a processor's time.
_MAX_PIXELS = {"GIF": 80_000_000, "WEBP": 70_000_000, "PNG": 50_000_000, "AVIF": 40_000_000}
_PICTURES_ENTRY = 0xB002  # of a JPEG with several pictures (MPO): the list of them
_GAIN_MAPS = b"hdrgm", b"HDRGainMap", b"urn:iso:std:iso:ts:21496"  # names in their metadata


Check = Callable[[Image.Image], None]  # raises BadPrompt when the open frame costs too much


def go_to(image: Image.Image, data: bytes, number: int, counted: io.BytesIO, check: Check) -> Page:
    """Go to the frame of this number, from 1, in an open picture. Raises BadPrompt.

    `counted` is the same file once more, to be read when the frames must be counted one by one.
    """
    if isinstance(image, MpoImageFile):
        return _go_to_picture(image, data, number, check)
    page = pages.chosen(number, _count(image, data, counted), "frame")
    most = _MAX_PIXELS.get(image.format or "", 0)
    spent = image.width * image.height
    if spent * number > most and number > 1:
        raise _too_deep(number)
    for index in range(1, number):
        image.seek(index)  # of a GIF, this decodes the frame before
        check(image)
        spent += image.width * image.height
        if spent > most:  # the frames of a GIF may grow
            raise _too_deep(number)
    return page if page.count > 1 else Page()


def _too_deep(number: int) -> BadPrompt:
    return BadPrompt(
        f"Frame {number:,} lies too deep in this animation to be drawn here: save the frame as a "
        "picture, and give that."
    )


def _count(image: Image.Image, data: bytes, counted: io.BytesIO) -> int:
    if image.format == "GIF":
        return _count_one_by_one(counted)
    if image.format == "PNG" and getattr(image, "is_animated", False):
        drawn_first = bool(image.info.get("default_image"))
        return min(_frames(image), data.count(b"fcTL") + drawn_first)  # the header may lie
    return _frames(image)


def _frames(image: Image.Image) -> int:
    return getattr(image, "n_frames", 1)


def _count_one_by_one(file: io.BytesIO) -> int:
    """Return how many frames of a GIF can be reached; what is broken behind them does not count."""
    with Image.open(file, formats=("GIF",)) as image:
        try:
            return _frames(image)
        except BadPrompt:
            raise
        except Exception:  # a broken file can raise anything
            return image.tell() + 1


def _go_to_picture(image: MpoImageFile, data: bytes, number: int, check: Check) -> Page:
    """Go to a picture of a JPEG that holds several. Previews and gain maps do not count."""
    entries = (image.mpinfo or {}).get(_PICTURES_ENTRY) or [{}]
    kinds = [str(entry.get("Attribute", {}).get("MPType", "")) for entry in entries]
    has_gain_map = any(name in data for name in _GAIN_MAPS)
    others = ("Multi-Frame",) if has_gain_map else ("Multi-Frame", "Undefined")
    found = [index for index, kind in enumerate(kinds) if not index or kind.startswith(others)]
    page = pages.chosen(number, len(found), "picture")
    image.seek(found[number - 1])
    check(image)
    return page if page.count > 1 else Page()

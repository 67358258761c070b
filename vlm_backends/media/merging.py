"""Merge answers: what was found about boxes joins the answer that the boxes came from."""

import re
from collections.abc import Sequence
from dataclasses import replace

from vlm_backends.media.geometry import Box, bounds, corners
from vlm_backends.types import Answer, Region

_SAME_BOX = 3e-3  # of the picture: Florence-2 spells a coordinate no more exactly
_UNNAMED = "your region"

Span = tuple[int, int]  # start and end in a text, end exclusive


def attached(base: Answer, boxes: Sequence[Box], found: Sequence[Answer]) -> Answer:
    """Return the base answer with what was found about each of the boxes, one answer per box.

    Each box gets a line of text, above the base's text, and its regions. Where nothing but the
    box itself was found, its line is its label, in place of the base's label; a mask in the box
    takes its label from it. Boxes are in 0..1.
    """
    lines: list[str] = []
    regions: list[Region] = []
    length = 0
    for box, answer in zip(boxes, found):
        line, about_box = _describe(base, box, answer, start=length)
        lines.append(line)
        regions += about_box
        length += len(line) + 1
    last = found[-1] if found else base
    return replace(
        last,
        text="\n".join([*lines, *([base.text] if base.text else [])]),
        regions=(*regions, *_kept(base, regions, shift=length)),
        literal=base.literal or last.literal,
        rows=base.rows,
    )


def grounded(caption: Answer, found: Answer) -> Answer:
    """Return the caption with the regions found for its phrases, each linked to its first mention.

    A region whose label is not in the caption has no span.
    """
    text = caption.text
    regions = (region._replace(span=_find(text, region.label)) for region in found.regions)
    return replace(found, text=caption.text, regions=tuple(regions))


def _describe(base: Answer, box: Box, answer: Answer, start: int) -> tuple[str, list[Region]]:
    """Return the line about a box, and its regions, linked to the line at `start` in the text."""
    name, words = _label_of(base, box), " ".join(answer.text.split())
    found = [region for region in answer.regions if not _is_box(region, box)]
    if not found:
        line = words or name or _UNNAMED
        return line, [Region(line, corners(box), span=(start, start + len(line)))]
    line = f"{name}: {words}" if name and words else words or name or _UNNAMED
    span = start, start + len(line)
    return line, [
        region._replace(label=name or region.label or line, span=span) for region in found
    ]


def _kept(base: Answer, added: Sequence[Region], shift: int) -> list[Region]:
    """Return the base's regions that no added box replaces, their spans moved by `shift`."""
    boxes = [bounds(region.outline) for region in added if not region.is_mask]
    return [
        region._replace(span=_moved(region.span, shift))
        for region in base.regions
        if not any(_is_box(region, box) for box in boxes)
    ]


def _label_of(base: Answer, box: Box) -> str:
    """Return the base's label for the box; an empty one when there is none."""
    labels = (region.label for region in base.regions if region.label and _is_box(region, box))
    return next(labels, "")


def _is_box(region: Region, box: Box) -> bool:
    """Return True when the region is this box, within Florence-2's precision."""
    if region.is_mask or not region.outline:
        return False
    return max(abs(a - b) for a, b in zip(bounds(region.outline), box)) < _SAME_BOX


def _find(text: str, label: str) -> Span | None:
    """Find the label's first place in a text as whole words, in any case."""
    name = label.strip()
    if not name:
        return None
    before = r"(?<!\w)" if _ends_word(name[0]) else ""
    after = r"(?!\w)" if _ends_word(name[-1]) else ""
    found = re.search(before + re.escape(name) + after, text, re.IGNORECASE)
    return found.span() if found else None


def _ends_word(character: str) -> bool:
    """Return True for a character of scripts that put spaces between words."""
    return character.isdigit() or character.lower() != character.upper()


def _moved(span: Span | None, by: int) -> Span | None:
    return span and (span[0] + by, span[1] + by)

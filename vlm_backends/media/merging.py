"""Merge answers: what was found about boxes joins the answer that the boxes came from."""

import re
from collections.abc import Sequence
from dataclasses import replace
from unicodedata import combining, normalize

from vlm_backends.media.geometry import Box, bounds, corners
from vlm_backends.types import NAMELESS, Answer, Region

_SAME_BOX = 3e-3  # of the picture: Florence-2 spells a coordinate no more exactly
_UNNAMED = "your region"
_QUOTES = '"“”„«»', "'‘’"
# A hyphen or a point between two letters or digits belongs to the word, an apostrophe does but for
# "dog's".
_WORD_GOES_ON = re.compile(r"[\w\u0300-\u036f]|[-‐‑]\w|[.,]\d|['’](?!s\b)\w")
_WORD_BEFORE = re.compile(r"[\w\u0300-\u036f]$|\w[-‐‑]$|\d[.,]$")

Span = tuple[int, int]  # start and end in a text, end exclusive


def attached(base: Answer, boxes: Sequence[Box], found: Sequence[Answer]) -> Answer:
    """Return the base answer with what was found about each of the boxes, one answer per box.

    Each box gets a line of text, above the base's text, and its regions. Where nothing but the
    box itself was found, its line takes the place of the base's label, unless the engine left the
    box nameless; a mask in the box takes the base's label. A line says which box it is about, in
    the base's words, if its own do not. Boxes are in 0..1.
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
        fold=None if base.fold is None else base.fold + length,
    )


def grounded(caption: Answer, found: Answer) -> Answer:
    """Return the caption with the regions found for its phrases, each linked to its first mention.

    A region whose label is not in the caption has no span.
    """
    text = caption.text
    regions = (region._replace(span=_find(text, region.label)) for region in found.regions)
    return replace(found, text=text, regions=tuple(regions), fold=caption.fold)


def _describe(base: Answer, box: Box, answer: Answer, start: int) -> tuple[str, list[Region]]:
    """Return the line about a box, and its regions, linked to the line at `start` in the text."""
    name, words = _label_of(base, box), " ".join(answer.text[: answer.fold].split())
    found = [region for region in answer.regions if not _is_box(region, box)]
    own = None if found else next(iter(answer.regions), None)  # the box itself
    renamed = own.label if own and own.label != NAMELESS else ""
    about = words if renamed or name.casefold() in words.casefold() else f"{name}: {words}"
    line = (about if words else renamed or name) or _UNNAMED
    span = start, start + len(line)
    if found:
        labels = ((region, name or region.label or line) for region in found)
        return line, [region._replace(label=label, span=span) for region, label in labels]
    label = renamed or (name or _UNNAMED if own else line)
    return line, [Region(label, corners(box), span=span, score=own.score if own else None)]


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
    """Find the label's first place in a text as whole words, in any case.

    Letters with accents may be one character or two, quotation marks straight or curly.
    """
    forms = dict.fromkeys((label, normalize("NFC", label), normalize("NFD", label)))
    patterns = [r"\s+".join(map(_pattern, form.split())) for form in forms if form.strip()]
    if not patterns:
        return None
    for found in re.finditer("|".join(patterns), text, re.IGNORECASE):
        if not _is_part_of_word(text, *found.span()):
            return found.span()
    return None


def _pattern(word: str) -> str:
    for quotes in _QUOTES:
        word = "".join(quotes[0] if character in quotes else character for character in word)
    pattern = re.escape(word)
    for quotes in _QUOTES:
        pattern = pattern.replace(re.escape(quotes[0]), f"[{quotes}]")
    return pattern


def _is_part_of_word(text: str, start: int, end: int) -> bool:
    """Return True where the words at start..end go on before or after that."""
    goes_on = bool(_WORD_GOES_ON.match(text, end)) and _ends_word(text[end - 1])
    return (
        goes_on
        or bool(_WORD_BEFORE.search(text[max(0, start - 2) : start]))
        and _ends_word(text[start])
    )


def _ends_word(character: str) -> bool:
    """Return True for a character of scripts that put spaces between words."""
    return (
        character.isdigit() or character.lower() != character.upper() or bool(combining(character))
    )


def _moved(span: Span | None, by: int) -> Span | None:
    return span and (span[0] + by, span[1] + by)

"""Kosmos-2's grounding grammar: `<phrase>a dog</phrase><object><patch_index_0044><patch_index_0863></object>`.

The picture is a grid of 32 x 32 cells; a box runs from the middle of its first cell to the middle of its
last, or over whole cells when both stand in one row or column (transformers `processing_kosmos2.py`).
"""

import re

from vlm_backends.readers.markup import finished
from vlm_backends.types import Answer, Point, Region

_CELLS = 32
_TOKEN = re.compile(
    r"<(patch_index_(\d+)|/?phrase|/?object|/?grounding|/?delimiter_of_multi_objects/?|/?s|pad)>"
)
_UNFINISHED = re.compile(r"</?[a-z_]*\d*/?$")


def read(reply: str) -> Answer:
    """The caption without its marks, and one region for each box of each phrase."""
    reply = finished(reply, _UNFINISHED)
    words, regions = "", []
    phrase, corners = (0, 0), []
    *parts, rest = _TOKEN.split(reply)
    for piece, mark, patch in zip(parts[::3], parts[1::3], parts[2::3]):
        words += piece if words else piece.lstrip()
        if patch:
            corners.append(int(min(float(patch), _CELLS * _CELLS - 1)))
            if len(corners) == 2:
                span = _trimmed(words, *phrase)
                again = (
                    regions and regions[-1].span == span
                )  # one long label for many boxes is held once
                label = regions[-1].label if again else words[slice(*span)]
                regions.append(Region(label, _outline(*corners), span=span))
                corners = []
        elif mark == "phrase":
            phrase = (len(words), len(words))
        elif mark == "/phrase":
            phrase = (phrase[0], len(words))
        elif mark in ("object", "/object"):
            corners = []
            phrase = phrase if mark == "object" else (len(words), len(words))
    return Answer((words + rest).strip(), tuple(regions))


def _trimmed(words: str, start: int, end: int) -> tuple[int, int]:
    """The span without the blanks that the model puts before a phrase."""
    label = words[start:end]
    return start + len(label) - len(label.lstrip()), end - len(label) + len(label.rstrip())


def _outline(first: int, last: int) -> tuple[Point, ...]:
    (ya, xa), (yb, xb) = (divmod(cell, _CELLS) for cell in (first, last))
    x0, x1, y0, y1 = min(xa, xb), max(xa, xb), min(ya, yb), max(ya, yb)
    low, high = (0.0, 1.0) if x0 == x1 or y0 == y1 else (0.5, 0.5)
    x0, y0, x1, y1 = (
        (x0 + low) / _CELLS,
        (y0 + low) / _CELLS,
        (x1 + high) / _CELLS,
        (y1 + high) / _CELLS,
    )
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)

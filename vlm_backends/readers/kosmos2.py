"""Read Kosmos-2's grammar: `<phrase>a dog</phrase><object><patch_index_0044>…</object>`.

The picture is a grid of 32 x 32 cells, numbered row by row. A box has two of them and runs from
the middle of its first cell to the middle of its last, or over whole cells when both are in one
row or column. Several boxes of a phrase are separated by `</delimiter_of_multi_objects/>`.
Source: transformers, `processing_kosmos2.py`.
"""

import re

from vlm_backends.media.geometry import Outline, corners, ordered_box
from vlm_backends.readers.markup import drop_unfinished, unfinished
from vlm_backends.types import Answer, Region

_CELLS = 32  # a side
_TOKEN = re.compile(
    r"<(patch_index_(\d+)|/?phrase|/?object|/?grounding|/?delimiter_of_multi_objects/?|/?s|pad)>"
)
_UNFINISHED = unfinished(
    "<patch_index_#>", "<phrase>", "</phrase>", "<object>", "</object>", "<grounding>",
    "</grounding>", "<delimiter_of_multi_objects/>", "</delimiter_of_multi_objects/>", "<s>",
    "</s>", "<pad>",
)  # fmt: skip


def read(reply: str) -> Answer:
    """Return the caption without its marks, and one region per box of each phrase."""
    words, regions = "", []
    phrase, cells = (0, 0), []
    *parts, rest = _TOKEN.split(drop_unfinished(reply, _UNFINISHED))
    for piece, mark, cell in zip(parts[::3], parts[1::3], parts[2::3]):
        words += piece if words else piece.lstrip()
        if cell:
            cells.append(int(min(float(cell), _CELLS * _CELLS - 1)))
            if len(cells) == 2:
                regions.append(_region(words, phrase, cells, regions[-1] if regions else None))
                cells = []
        elif mark == "phrase":
            phrase = (len(words), len(words))
        elif mark == "/phrase":
            phrase = (phrase[0], len(words))
        elif mark == "object":
            cells = []
        elif mark == "/object":
            cells, phrase = [], (len(words), len(words))
    return Answer((words + rest).strip(), tuple(regions))


def _region(words: str, phrase: tuple[int, int], cells: list[int], last: Region | None) -> Region:
    """Return a box of the phrase, which is given by its start and end in the words."""
    span = _without_blanks(words, *phrase)
    # One long label may have thousands of boxes: they share one string.
    label = last.label if last and last.span == span else words[slice(*span)]
    return Region(label, _outline(*cells), span=span)


def _without_blanks(words: str, start: int, end: int) -> tuple[int, int]:
    """Shrink a span by the blanks at its ends: the model writes one before a phrase."""
    label = words[start:end]
    return start + len(label) - len(label.lstrip()), end - len(label) + len(label.rstrip())


def _outline(first: int, last: int) -> Outline:
    """Return the box between two cells as an outline in 0..1."""
    (ya, xa), (yb, xb) = divmod(first, _CELLS), divmod(last, _CELLS)
    left, top, right, bottom = ordered_box(xa, ya, xb, yb)
    whole_cells = left == right or top == bottom
    low, high = (0.0, 1.0) if whole_cells else (0.5, 0.5)
    return corners(
        (
            (left + low) / _CELLS,
            (top + low) / _CELLS,
            (right + high) / _CELLS,
            (bottom + high) / _CELLS,
        )
    )

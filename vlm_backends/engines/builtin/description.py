"""Describe a region by what can be measured in it."""

from collections.abc import Iterator

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import colours, ocr
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.engines.builtin.print_notes import describe_doubts, marked
from vlm_backends.engines.builtin.prompts import TaskQuestion, parse_box
from vlm_backends.engines.builtin.regions import pixel_box
from vlm_backends.media.geometry import corners
from vlm_backends.types import NAMELESS, Chunk, Region

_CUT = " (cut off)"  # after a piece of print that goes over the region's edge, and may be misread
_EDGE = 1.0  # px: from there on a line is at the edge
_INK = 0.4  # of a line's contrast: at an edge without letters there is less


def describe_region(
    rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield size, colours and print of the box that the question spells (picture H×W×3, uint8)."""
    box = parse_box(question.words)
    left, top, right, bottom = pixel_box(rgb, box)
    part = rgb[top:bottom, left:right]
    by = f"by the built-in tools ({ocr_name()}), not by Florence-2."
    note = f"Colours measured and text read {by}"
    yield Chunk(
        f"{colours.size_and_colours(part)}\n",
        (Region(NAMELESS, corners(box)),),
        literal=True,
        note=note,
    )
    lines, unread = ocr.read_all(part, cancel)
    nothing = "No print that could be read." if unread else "No print was found."
    pieces = (marked(line) + _CUT * _is_cut(line, part, rgb, (left, top)) for line in lines)
    said = f"Print: {' / '.join(pieces)}" if lines else nothing
    if lines or unread:
        note += f" {describe_doubts(lines, unread)}"
    yield Chunk(said, literal=True, note=note)


def _is_cut(line: TextLine, part: np.ndarray, rgb: np.ndarray, offset: tuple[int, int]) -> bool:
    """Return True when letters of the line go over an edge of the part (H×W×3, uint8)."""
    grey = part.mean(axis=2)
    quad = np.asarray(line.quad)
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    (height, width), (left, top) = grey.shape, offset
    columns, rows = slice(max(0, int(x0)), int(x1) + 1), slice(max(0, int(y0)), int(y1) + 1)
    edges = [
        grey[rows, 0] if x0 <= _EDGE and left > 0 else None,
        grey[0, columns] if y0 <= _EDGE and top > 0 else None,
        grey[rows, -1] if x1 >= width - 1 - _EDGE and left + width < rgb.shape[1] else None,
        grey[-1, columns] if y1 >= height - 1 - _EDGE and top + height < rgb.shape[0] else None,
    ]
    contrast = np.ptp(grey[rows, columns])
    return any(edge is not None and np.ptp(edge) > _INK * contrast for edge in edges)

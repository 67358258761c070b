"""Describe a region by what can be measured in it."""

from collections.abc import Iterator

import cv2
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
_BEYOND = 0.1  # of a line's height: so far beyond an edge there is more of a letter that it cuts
_CORE = 0.3, 0.7  # of a line's height: all of its letters are there, a frame beside it is not


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
    """Return True when letters of the line go over an edge of the part (H×W×3, uint8).

    What goes over it is joined to the line's middle: a frame that passes by is not.
    """
    (x0, y0), (x1, y1) = np.asarray(line.quad).min(axis=0), np.asarray(line.quad).max(axis=0)
    (height, width), (left, top) = part.shape[:2], offset
    beyond = 1 + round(_BEYOND * min(x1 - x0, y1 - y0))
    x = np.clip([left + int(x0) - beyond, left + int(x1) + 1 + beyond], 0, rgb.shape[1])
    y = np.clip([top + int(y0) - beyond, top + int(y1) + 1 + beyond], 0, rgb.shape[0])
    strokes = _strokes(rgb[slice(*y), slice(*x)])
    inside = strokes[
        max(0, top - y[0]) : top + height - y[0], max(0, left - x[0]) : left + width - x[0]
    ]
    across = inside if x1 - x0 >= y1 - y0 else inside.T  # print that runs up or down
    first, last = (int(share * len(across)) for share in _CORE)
    letters = set(np.unique(across[first : last + 1])) - {0}
    over = [
        strokes[:, : left - x[0]] if x0 <= _EDGE else [],
        strokes[: top - y[0]] if y0 <= _EDGE else [],
        strokes[:, left + width - x[0] :] if x1 >= width - 1 - _EDGE else [],
        strokes[top + height - y[0] :] if y1 >= height - 1 - _EDGE else [],
    ]
    return any(letters & set(np.unique(outside)) for outside in over)


def _strokes(pixels: np.ndarray) -> np.ndarray:
    """Return the number of the stroke that each pixel (H×W×3, uint8) is part of; 0 for none."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    _, light = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return cv2.connectedComponents(light if light.mean() < 0.5 else 1 - light)[1]

"""Describe a region by what can be measured in it."""

from collections.abc import Iterator

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import colours, ocr
from vlm_backends.engines.builtin.print_notes import marked
from vlm_backends.engines.builtin.prompts import parse_box
from vlm_backends.media.geometry import Box, corners
from vlm_backends.types import Chunk, Region


def describe_region(rgb: np.ndarray, words: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield size, colours and print of the box that `words` spell, in a picture (H×W×3, uint8)."""
    box = parse_box(words)
    part = _crop(rgb, box)
    yield Chunk(
        f"{colours.size_and_colours(part)}\n",
        (Region("region", corners(box)),),
        literal=True,
        note="Measured on this machine, not by Florence-2.",
    )
    lines, unread = ocr.read_all(part, cancel)
    nothing = "No print that could be read." if unread else "No print."
    said = f"Print: {' / '.join(map(marked, lines))}" if lines else nothing
    yield Chunk(said, literal=True)


def _crop(rgb: np.ndarray, box: Box) -> np.ndarray:
    """Return the pixels of a box in 0..1, at least one."""
    height, width = rgb.shape[:2]
    left, top = min(round(box[0] * width), width - 1), min(round(box[1] * height), height - 1)
    right, bottom = max(round(box[2] * width), left + 1), max(round(box[3] * height), top + 1)
    return rgb[top:bottom, left:right]

"""Outline the object in a region by its colours, in place of Florence-2."""

from collections.abc import Iterator

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import segmentation
from vlm_backends.engines.builtin.prompts import TaskQuestion, parse_box
from vlm_backends.types import Chunk, Region

_AT_BORDER = 0.01  # of the picture: a box this close to the border has no background on that side


def outline_region(rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the outline of what stands out by its colours in the box that the question spells.

    Raises BadPrompt for a box that is too small, or too large to leave a background.
    """
    left, top, right, bottom = box = parse_box(question.words)
    mask = segmentation.mask_in_box(rgb, box)
    outlines = segmentation.outlines(mask)
    regions = tuple(Region("mask by colour", outline, is_mask=True) for outline in outlines)
    note = "Mask by colour (GrabCut) on this machine, not by Florence-2."
    if min(left, top, 1 - right, 1 - bottom) < _AT_BORDER:
        note += (
            " The box touches the border, where there is no background to compare with: expect "
            "errors there."
        )
    if not regions:
        text = "Nothing in this box stands out from its surroundings by colour."
        yield Chunk(text, literal=True, note=note)
        return
    of_picture, of_box = mask.mean(), mask.mean() / ((right - left) * (bottom - top))
    parts = "in one part" if len(regions) == 1 else f"in {len(regions)} parts"
    text = f"The mask covers {of_picture:.1%} of the picture, {of_box:.0%} of the box, {parts}."
    yield Chunk(text, regions, literal=True, note=note)

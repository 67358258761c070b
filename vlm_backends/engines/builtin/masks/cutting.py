"""Cut the thing in a box out of a picture, and tell how sure the outline is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vlm_backends.engines.builtin.masks import outlines, people
from vlm_backends.engines.builtin.masks.cuts import candidates, enlarged
from vlm_backends.engines.builtin.masks.holes import without_holes
from vlm_backends.engines.builtin.masks.judging import choose, gaps_to_box, height_reached
from vlm_backends.engines.builtin.masks.windows import (
    BoxWindow,
    check_size,
    has_surroundings,
    window_around,
)
from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box, Outline
from vlm_backends.types import Point

CLEAN = 0.72  # from there on a cut is shown: `benchmarks/masks.py` says how often it is right
_SPANNED = 0.12  # of the box's sides, on average: a person who is seen leaves no more room
_FILLED = 0.25  # of the box: less is a part of the person, or of somebody else
_UNSEEN = 0.7  # of the sureness: a person whom the network for people does not see
_SMALL, _LARGE = 128, 384  # px: the sizes at which cuts are compared, and at which one is drawn


@dataclass(frozen=True, eq=False)
class Cut:
    """A thing cut out: a bool mask (h×w) of a part of the picture, in 0..1, and how sure it is."""

    mask: np.ndarray
    frame: Box
    sureness: float  # 0..1: the overlap that is expected with the true outline

    @property
    def is_clean(self) -> bool:
        """Return True when the outline is good enough to be shown."""
        return self.sureness >= CLEAN and bool(self.mask.any())

    @property
    def area(self) -> float:
        """Return the share of the picture that the mask covers."""
        left, top, right, bottom = self.frame
        return float(self.mask.mean()) * (right - left) * (bottom - top)

    @property
    def box(self) -> Box:
        """Return the box around the mask, in 0..1 of the picture; the mask must not be empty."""
        left, top, right, bottom = self.frame
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        high, wide = (bottom - top) / self.mask.shape[0], (right - left) / self.mask.shape[1]
        return (
            left + float(columns[0]) * wide,
            top + float(rows[0]) * high,
            left + float(columns[-1] + 1) * wide,
            top + float(rows[-1] + 1) * high,
        )

    def holds(self, point: Point) -> bool:
        """Return True when the mask covers the point (0..1 of the picture)."""
        left, top, right, bottom = self.frame
        height, width = self.mask.shape
        column = int((point[0] - left) / (right - left) * width)
        row = int((point[1] - top) / (bottom - top) * height)
        return 0 <= row < height and 0 <= column < width and bool(self.mask[row, column])

    def outlines(self) -> Iterator[Outline]:
        """Yield the parts of the mask as polygons in 0..1 of the picture, the largest first."""
        left, top, right, bottom = self.frame
        for outline in outlines.outlines(self.mask):
            yield tuple((left + x * (right - left), top + y * (bottom - top)) for x, y in outline)


def cut_box(rgb: np.ndarray, box: Box, is_person: bool = False) -> Cut:
    """Cut what is in a box (0..1) out of a picture (H×W×3, uint8); the same each time.

    Raises BadPrompt for a box that is too small, or too large to leave surroundings; a person
    needs none.
    """
    check_size(rgb, box)
    if not is_person and not has_surroundings(rgb, box):
        raise BadPrompt(
            "This region is nearly the whole picture. Leave some surroundings outside, to "
            "compare with."
        )
    small, large = window_around(rgb, box, _SMALL), window_around(rgb, box, _LARGE)
    person = _person_in(rgb, box, small) if is_person else None
    verdict = choose(small, candidates(small, person), person)
    if verdict is None:
        return Cut(np.zeros(large.rgb.shape[:2], bool), large.frame, 0.0)
    mask = enlarged(verdict.mask, large)
    if person is None:
        mask = without_holes(large, mask)
    sureness = verdict.sureness
    if is_person:  # dark clothes before a dark ground: the mask may end at the neck
        seen = 1.0 if person is not None else _UNSEEN
        sureness = min(seen * sureness, height_reached(large, mask))
    return Cut(mask, large.frame, sureness)


def _person_in(rgb: np.ndarray, box: Box, window: BoxWindow) -> np.ndarray | None:
    """Return how likely each pixel of the window is a person's (h×w); None if none is seen."""
    probability, part = people.person_probability(rgb, box)
    person = people.in_frame(probability, part, window.frame, window.rgb.shape[:2])
    return person if _spans(window, person) else None


def _spans(window: BoxWindow, person: np.ndarray) -> bool:
    """Return True when the network sees a person (h×w, 0..1) as large as the window's box."""
    seen = window.inside & (person > 0.5)
    fills = seen.sum() >= _FILLED * window.inside.sum()
    return bool(fills and gaps_to_box(window, seen).mean() <= _SPANNED)

"""Find the lines of a chart that go on under print."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

SAME_COLOUR = 17.0  # distance in CIELAB (0..255 each) of what counts as one colour
_LETTERS = 0.25  # of the pixels of a line's colour in print: so many that stand alone are letters


def seen_in_print(
    part: np.ndarray,
    boxes: Sequence[tuple[slice, slice]],
    colours: Sequence[Sequence[np.ndarray]],
) -> np.ndarray:
    """Return the pixels (bool, H×W) in boxes of print that belong to a line which goes through.

    Where pieces of its colour stand alone in a box, they are letters, and nothing is returned.
    """
    seen = np.zeros(part.shape[:2], bool)
    for rows, columns in boxes:
        piece = part[rows, columns]
        if min(piece.shape[:2]) < 3:
            continue
        lab = cv2.cvtColor(piece, cv2.COLOR_RGB2LAB).astype(np.float32)
        for colour in (shade for shades in colours for shade in shades):
            tone = cv2.cvtColor(np.array([[colour]], np.uint8), cv2.COLOR_RGB2LAB)
            near = np.linalg.norm(lab - tone[0, 0].astype(np.float32), axis=2) < SAME_COLOUR
            _, pieces, stats, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8))
            edges = pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]
            through = set(np.concatenate(edges).tolist()) - {0}
            alone = sum(stats[i][4] for i in range(1, len(stats)) if i not in through)
            if through and alone < _LETTERS * near.sum():
                whole = np.isin(pieces, list(through)).astype(np.uint8)
                seen[rows, columns] |= cv2.dilate(whole, np.ones((3, 3))) > 0  # with its soft edge
    return seen

"""Look again at what was found: in grey, in colder light, turned. A slip seldom stays the same."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from vlm_backends.engines.builtin.things.boxes import Thing, overlap
from vlm_backends.engines.builtin.things.detector import KINDS, SIDE, detect
from vlm_backends.media.geometry import Box

_LEAST = 0.4  # of the first score: less in one of the looks, and the thing is left out
_SAME_PLACE = 0.5  # overlap (IoU) with the place of the first look
_COLDER = (0.7, 0.9, 1.0)  # of red, green, blue
_TURN = 12  # degrees
_SLACK = 1.08  # a turned thing's box is a little larger


def confirmed(rgb: np.ndarray, found: Sequence[Thing], min_score: float) -> list[Thing]:
    """Return the things that are seen again, the surest first; a doubtful one scores less.

    The network knows no name but its 80, and gives one to whatever it sees. What has none of them
    gets a name that depends on light, colour and slant.
    """
    if not found:
        return []
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), _TURN, 1)
    turned = cv2.warpAffine(small, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    looks: list[tuple[np.ndarray, Callable[[Box], Box]]] = [
        (cv2.cvtColor(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), _unmoved),
        ((small * np.array(_COLDER)).astype(np.uint8), _unmoved),
        (turned, lambda box: _turned(box, turn)),
    ]
    scores = np.array([_scores(picture, place, found) for picture, place in looks])
    kept = []
    for thing, again in zip(found, scores.T):
        score = min(thing.score, float(again.mean()))
        if score >= min_score and again.min() >= _LEAST * thing.score:
            kept.append(Thing(thing.name, score, thing.box))
    return sorted(kept, key=lambda thing: -thing.score)


def _scores(
    picture: np.ndarray, place: Callable[[Box], Box], found: Sequence[Thing]
) -> list[float]:
    """Return what each thing scores in this look: the best of its name at its place."""
    seen = detect(picture, flipped_too=False)
    best = []
    for thing in found:
        column = seen.scores[:, KINDS.index(thing.name)]
        box = place(thing.box)
        tried = np.nonzero(column > 0.05)[0]
        near = [row for row in tried if overlap(tuple(seen.boxes[row]), box) > _SAME_PLACE]
        best.append(float(column[near].max()) if near else 0.0)
    return best


def _unmoved(box: Box) -> Box:
    return box


def _turned(box: Box, turn: np.ndarray) -> Box:
    """Return where a box (0..1) lies after the turn, of nearly its size."""
    middle = np.array([box[0] + box[2], box[1] + box[3]]) * SIDE / 2
    x, y = (turn[:, :2] @ middle + turn[:, 2]) / SIDE
    half = np.array([box[2] - box[0], box[3] - box[1]]) / 2 * _SLACK
    left, top, right, bottom = np.clip([x - half[0], y - half[1], x + half[0], y + half[1]], 0, 1)
    return float(left), float(top), float(right), float(bottom)

"""Choose the detector: the one in the house, or the owner's own by VLM_DETECTOR."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from vlm_backends.config import detector_path
from vlm_backends.engines.builtin.detector_facts import read_kinds
from vlm_backends.engines.builtin.things import categories, own
from vlm_backends.engines.builtin.things.boxes import Thing
from vlm_backends.engines.builtin.things.categories import Mention
from vlm_backends.engines.builtin.things.detector import KINDS, Detections, detect
from vlm_backends.engines.builtin.things.second_looks import confirmed

Look = Callable[[np.ndarray], Detections]


@dataclass(frozen=True)
class Detector:
    """A network that finds things of some kinds; `look` takes a picture (H×W×3, uint8).

    `glance` is quicker, for the parts of a large picture. `confirm` looks at the picture again
    and returns what is seen again with at least some score.
    """

    name: str
    kinds: tuple[str, ...]
    look: Look
    glance: Look
    confirm: Callable[[np.ndarray, Sequence[Thing], float], list[Thing]]


@lru_cache(maxsize=1)
def detector() -> Detector:
    """Return the process's detector: its environment says it, once. Raises BadPrompt."""
    path = detector_path()
    if path is None:
        glance = partial(detect, flipped_too=False)
        return Detector("SSDLite", KINDS, detect, glance, confirmed)
    kinds = read_kinds(path)
    look = partial(own.look, path, kinds)
    return Detector(path.stem, kinds, look, look, _as_found)


def _as_found(rgb: np.ndarray, found: Sequence[Thing], min_score: float) -> list[Thing]:
    """Return the things as they are: no measure says that a second look helps this detector."""
    return list(found)


def mentions(text: str) -> list[Mention]:
    """Return the nouns of a text that name kinds of things that the detector knows."""
    return categories.mentions(text, detector().kinds)


def kinds_of(noun: str) -> tuple[str, ...]:
    """Return the detector's kinds that one noun means; empty for an unknown one."""
    return categories.kinds_of(noun, detector().kinds)

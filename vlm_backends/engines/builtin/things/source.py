"""Choose the detector: the one in the house, or the owner's own by VLM_DETECTOR."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from vlm_backends.config import detector_path
from vlm_backends.engines.builtin.things import categories, own
from vlm_backends.engines.builtin.things.boxes import Thing
from vlm_backends.engines.builtin.things.categories import Mention
from vlm_backends.engines.builtin.things.detector import KINDS, Detections, detect
from vlm_backends.engines.builtin.things.second_looks import confirmed


@dataclass(frozen=True)
class Detector:
    """A network that finds things of some kinds; `look` takes a picture (H×W×3, uint8).

    `confirm` looks at the picture again and returns what is seen again with at least some score.
    """

    name: str
    kinds: tuple[str, ...]
    look: Callable[[np.ndarray], Detections]
    confirm: Callable[[np.ndarray, Sequence[Thing], float], list[Thing]]


@lru_cache(maxsize=1)
def detector() -> Detector:
    """Return the process's detector: its environment says it, once. Raises BadPrompt."""
    path = detector_path()
    if path is None:
        return Detector("SSDLite", KINDS, detect, confirmed)
    kinds = own.read_kinds(path)
    return Detector(path.stem, kinds, partial(own.look, path, kinds), _as_found)


def _as_found(rgb: np.ndarray, found: Sequence[Thing], min_score: float) -> list[Thing]:
    """Return the things as they are: no measure says that a second look helps this detector."""
    return list(found)


def mentions(text: str) -> list[Mention]:
    """Return the nouns of a text that name kinds of things that the detector knows."""
    return categories.mentions(text, detector().kinds)


def kinds_of(noun: str) -> tuple[str, ...]:
    """Return the detector's kinds that one noun means; empty for an unknown one."""
    return categories.kinds_of(noun, detector().kinds)

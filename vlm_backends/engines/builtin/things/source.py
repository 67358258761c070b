"""Choose the detector: the one in the house, or the owner's own by VLM_DETECTOR."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from vlm_backends.config import detector_path
from vlm_backends.engines.builtin.things import categories, own
from vlm_backends.engines.builtin.things.categories import Mention
from vlm_backends.engines.builtin.things.detector import KINDS, Detections, detect


@dataclass(frozen=True)
class Detector:
    """A network that finds things of some kinds; `look` takes a picture (H×W×3, uint8)."""

    name: str
    kinds: tuple[str, ...]
    look: Callable[[np.ndarray], Detections]


@lru_cache(maxsize=1)
def detector() -> Detector:
    """Return the process's detector: its environment says it, once. Raises BadPrompt."""
    path = detector_path()
    if path is None:
        return Detector("SSDLite", KINDS, detect)
    kinds = own.read_kinds(path)
    return Detector(path.stem, kinds, partial(own.look, path, kinds))


def mentions(text: str) -> list[Mention]:
    """Return the nouns of a text that name kinds of things that the detector knows."""
    return categories.mentions(text, detector().kinds)


def kinds_of(noun: str) -> tuple[str, ...]:
    """Return the detector's kinds that one noun means; empty for an unknown one."""
    return categories.kinds_of(noun, detector().kinds)

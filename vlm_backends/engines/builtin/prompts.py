"""Parse the prompt of a Florence-2 task; say what to do when it needs another engine."""

import re
from typing import NamedTuple

from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box
from vlm_backends.readers import florence2
from vlm_backends.types import CONFIDENCE

OTHER_ENGINES = (
    "choose another engine: open weights, a server of your own, or NVIDIA with a key "
    "(NVIDIA_API_KEY) where it still has the model"
)
_TASK_PROMPT = re.compile(r"\s*(<[A-Z_]+>)(.*)", re.DOTALL)


class TaskQuestion(NamedTuple):
    """The words after a task's token, and how sure a thing must be to be named (0..1)."""

    words: str
    confidence: float = CONFIDENCE


def split_task(prompt: str) -> tuple[str, str]:
    """Split a prompt into the task's token and what follows. Raises BadPrompt without a token."""
    match = _TASK_PROMPT.fullmatch(prompt)
    if not match:
        raise BadPrompt("A task begins with its token, such as <OCR>.")
    return match[1], match[2].strip()


def parse_box(words: str) -> Box:
    """Return the one region that location tokens spell, in 0..1.

    Raises BadPrompt for no region or several.
    """
    regions = florence2.boxes(words).regions
    if len(regions) != 1:
        raise BadPrompt("This task needs one region, spelled as four location tokens of 0 to 999.")
    (x0, y0), (x1, y1) = regions[0].outline[0], regions[0].outline[2]
    return x0, y0, x1, y1

"""Say which detector finds things here, without loading it."""

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vlm_backends.config import detector_path
from vlm_backends.errors import BadPrompt


class DetectorFacts(NamedTuple):
    """The detector's name, and how many kinds of things it knows."""

    name: str
    kinds: int


_USUAL = DetectorFacts("SSDLite", 80)


@lru_cache(maxsize=1)
def detector_facts() -> DetectorFacts:
    """Return what can be said of the process's detector.

    A wrong setting is refused when something is to be found, not here.
    """
    with suppress(BadPrompt):
        if path := detector_path():
            return DetectorFacts(path.stem, len(read_kinds(path)))
    return _USUAL


def read_kinds(path: Path) -> tuple[str, ...]:
    """Return the names in the text file beside a detector: one a line, for classes from 0."""
    text = path.with_suffix(".txt").read_text(encoding="utf-8", errors="replace")
    return tuple(line.strip() for line in text.splitlines())

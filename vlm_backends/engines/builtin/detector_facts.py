"""Say which detector finds things here, without loading it."""

from contextlib import suppress
from functools import lru_cache

from vlm_backends.config import detector_path
from vlm_backends.errors import BadPrompt

_USUAL = "SSDLite", 80


@lru_cache(maxsize=1)
def detector_facts() -> tuple[str, int]:
    """Return the detector's name and how many kinds of things it knows.

    A wrong setting is refused when something is to be found, not here.
    """
    with suppress(BadPrompt):
        if path := detector_path():
            text = path.with_suffix(".txt").read_text(encoding="utf-8", errors="replace")
            return path.stem, len(text.splitlines())
    return _USUAL

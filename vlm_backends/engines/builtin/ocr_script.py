"""Say which scripts the built-in reader of print reads, and by which networks."""

from contextlib import suppress
from functools import lru_cache

from vlm_backends.config import ocr_script
from vlm_backends.errors import BadPrompt

_USUAL, _FURTHER = "PP-OCRv6", "PP-OCRv5"


@lru_cache(maxsize=1)
def further_script() -> str:
    """Return the script that is read beside Latin; empty for the usual ones. Raises BadPrompt.

    The process's environment says it, once: all its built-in tools share one recogniser, and what
    is said of a line must fit the recogniser that read it.
    """
    return ocr_script()


def ocr_name() -> str:
    """Return the name of the networks that read print, such as "PP-OCRv6".

    A wrong setting is refused when something is to be read, not here.
    """
    with suppress(BadPrompt):
        if script := further_script():
            return f"{_FURTHER} for {script.capitalize()}"
    return _USUAL

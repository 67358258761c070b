"""Say how sure it is what was read, what could not be read, and which scripts can be."""

from collections.abc import Sequence

from vlm_backends.config import OCR_SCRIPTS, ocr_script
from vlm_backends.engines.builtin.ocr import TextLine

_UNSURE = " (unsure)"  # after a piece that may be wrong
_MANY = 1 / 3  # of all pieces: with so many in doubt the others are not safe either
_OTHERS = "Vietnamese, Cyrillic, Greek, Arabic, Hebrew, Thai, Korean or scripts of India"


def marked(line: TextLine) -> str:
    """Return the text of a line; a word after it says when it may be wrong."""
    return line.text if line.is_sure else f"{line.text}{_UNSURE}"


def describe_doubts(lines: Sequence[TextLine], unread: int) -> str:
    """Say how sure the lines are, what could not be read, and which scripts can be."""
    unsure = sum(not line.is_sure for line in lines)
    doubtful = unsure + unread
    said = []
    if lines and not doubtful:
        scores = [line.score for line in lines]
        said.append(f"Surest line {max(scores):.0%}, least sure {min(scores):.0%}.")
    if unsure:
        are = "is" if unsure == 1 else "are"
        said.append(f"{unsure} of {len(lines)} pieces of print {are} unsure.")
    if unread:
        places = "1 place looks" if unread == 1 else f"{unread} places look"
        said.append(f"{places} like print and could not be read.")
    if lines and doubtful > _MANY * (len(lines) + unread):
        said.append("So much is unsure that the rest may be wrong too.")
    return " ".join([*said, _scripts(bool(doubtful))])


def _scripts(in_doubt: bool) -> str:
    """Say which scripts are read; in doubt, also which are not, and how to read some of them."""
    if ocr_script():
        return f"It reads {ocr_script().capitalize()} and Latin script (VLM_OCR_SCRIPT)."
    reads = "It reads Latin script, Chinese and Japanese"
    if not in_doubt:
        return f"{reads}."
    return (
        f"{reads}, not {_OTHERS}. Started with VLM_OCR_SCRIPT=cyrillic, or "
        f"{', '.join(OCR_SCRIPTS[1:])}, it fetches a recogniser for that."
    )

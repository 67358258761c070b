"""Say how sure it is what was read, what could not be read, and which scripts can be."""

import re
from collections.abc import Iterator, Sequence

from vlm_backends.config import OCR_SCRIPTS
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr_script import further_script

_UNSURE = " (unsure)"  # after a piece that may be wrong
_MANY = 1 / 3  # of all pieces: with so many in doubt the others are not safe either
_SMALL = 14  # px: of lines below it 8 % are wrong and look sure; of higher ones 0.5 %
_JOINING = 24  # px: in lower lines r and n touch; from there on, none was read as m
_INNER_M = re.compile(r"(?<=[^\W\d_])m(?=[^\W\d_])|(?<=[^\W\d_]{2})m")
_CODE = re.compile(r"(?=\S*[^\W\d_])(?=\S*\d)(?=\S*[0O1lI])[\w./:?=&+@#-]{5,}")
_QUANTITY = re.compile(r"[\d.,:/-]*\d([^\W\d_]{1,3}\W?|[x×]\d+)")  # 10am, 1920x1080
_RARE_MARKS = re.compile("[\u0100-\u017f]")  # Latin Extended-A: Czech, Turkish, Baltic and others
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
    return " ".join([*said, *_cautions(lines), _scripts(bool(doubtful))])


def _cautions(lines: Sequence[TextLine]) -> Iterator[str]:
    """Yield what may be wrong in lines that the network itself is sure of."""
    small = sum(line.height < _SMALL for line in lines)
    if small:
        are = "piece of print is" if small == 1 else "pieces of print are"
        yield (
            f"{small} {are} less than {_SMALL} px high: one in twelve such lines has a "
            "mistake that is not marked."
        )
    words = [word for line in lines for word in line.text.split()]
    if code := next((word for word in words if _is_code(word)), ""):
        yield f"Signs that look alike may be mixed up, as in “{code}”: 0 and O, 1, l and I."
    joined = (word for line in lines if line.height < _JOINING for word in line.text.split())
    if word := next(filter(_INNER_M.search, joined), ""):
        yield f"In print this small, r and n may touch and be read as m, as in “{word}”."
    if any(map(_RARE_MARKS.search, words)):
        yield "Accents that Western Europe does not use are sometimes lost (ť, İ)."
    signs = sum(line.has_sign_beside for line in lines)
    if signs:
        are = "piece is a sign that is" if signs == 1 else "pieces are signs that are"
        yield f"Beside {signs} {are} not in the text, such as an icon, a bullet or a tick box."


def _is_code(word: str) -> bool:
    """Return True for a word of letters and digits, some of which look alike, as in a password."""
    return bool(_CODE.fullmatch(word)) and not _QUANTITY.fullmatch(word)


def _scripts(in_doubt: bool) -> str:
    """Say which scripts are read; in doubt, also which are not, and how to read some of them."""
    if script := further_script():
        return f"It reads {script.capitalize()} and Latin script (VLM_OCR_SCRIPT)."
    reads = "It reads Latin script, Chinese and Japanese"
    if not in_doubt:
        return f"{reads}."
    return (
        f"{reads}, not {_OTHERS}. Another can be set at the start: VLM_OCR_SCRIPT=cyrillic, or "
        f"{', '.join(OCR_SCRIPTS[1:])}."
    )

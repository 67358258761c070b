"""Say how sure it is what was read, what could not be read, and which scripts can be."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from vlm_backends.config import OCR_SCRIPTS
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr_script import further_script

_UNSURE = " (unsure)"  # after a piece that may be wrong
_MANY = 1 / 3  # of all pieces: with so many in doubt the others are not safe either
_SMALL = 14  # px: of lines below it 8 % are wrong and look sure; of higher ones 0.5 %
_JOINING = 24  # px: in lower lines r and n touch; from there on, none was read as m
_INNER_M = re.compile(r"(?<=[^\W\d_])m(?=[^\W\d_])|(?<=[^\W\d_]{2})m")
_CODE = re.compile(r"(?=\S*[^\W\d_])(?=\S*\d)(?=\S*[0O1lI])[\w./:?=&+@#-]{5,}")
_DIGIT_IN_WORD = re.compile(r"[^\W\d_]*[01]+[^\W\d_]{3,}|[^\W\d_]+[01]+[^\W\d_]+")
_QUANTITY = re.compile(  # 10am, 30min, 1920x1080
    r"[\d.,:/-]*\d((?:[^\W\d_]{1,2}|min|hrs|day|mol|deg|pcs|kwh|[kmgt]hz|eur|usd|gbp)\W?|[x×]\d+)",
    re.IGNORECASE,
)
_AROUND = re.compile(r"""[\s\[\](){}<>"'“”‘’„«»!]+""")  # words: brackets and quotes are none
_TIMES = re.compile(r"(?<![\d\s])\s*×(?!\s*\d)")  # × beside no number: an x, or a cross
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_SHARED_CAPITALS = frozenset("ABCEHKMOPTXY"), frozenset("ABEZHIKMNOPTYX")  # Cyrillic, Greek
_LONG_WORD = 5  # letters: a single word of capitals that is shorter is more often Latin
_RARE_MARKS = re.compile("[\u0100-\u017f]")  # Latin Extended-A: Czech, Turkish, Baltic and others
_OTHERS = "Vietnamese, Cyrillic, Greek, Arabic, Hebrew, Thai, Korean or scripts of India"


def marked(line: TextLine) -> str:
    """Return the text of a line; a word after it says when it may be wrong."""
    return line.text if line.is_sure else f"{line.text}{_UNSURE}"


def describe_doubts(lines: Sequence[TextLine], unread: int, in_table: bool = False) -> str:
    """Say how sure the lines are, what could not be read, and which scripts can be.

    `in_table`: their rows and columns are given, so that empty cells are seen.
    """
    unsure = sum(not line.is_sure for line in lines)
    doubtful = unsure + unread
    said = []
    if lines and not doubtful:
        scores = [line.score for line in lines]
        said.append(f"Confidence {_range(min(scores), max(scores))}.")
    if unsure:
        are = "is" if unsure == 1 else "are"
        said.append(f"{unsure} of {len(lines)} pieces of print {are} unsure.")
    if unread:
        places = "1 place looks" if unread == 1 else f"{unread} places look"
        said.append(f"{places} like print and could not be read.")
    if lines and doubtful > _MANY * (len(lines) + unread):
        said.append("So much is unsure that the rest may be wrong too.")
    return " ".join([*said, *_cautions(lines, in_table), _scripts(bool(doubtful))])


def _range(least: float, most: float) -> str:
    """Return two shares of 1 in percent: "91–99%", or "99%" where both are alike."""
    return (
        f"{most:.0%}"
        if round(100 * least) == round(100 * most)
        else f"{100 * least:.0f}–{most:.0%}"
    )


def _cautions(lines: Sequence[TextLine], in_table: bool) -> Iterator[str]:
    """Yield what may be wrong in lines that the network itself is sure of."""
    small = sum(line.height < _SMALL for line in lines)
    if small:
        are = "piece of print is" if small == 1 else "pieces of print are"
        yield (
            f"{small} {are} less than {_SMALL} px high: one in twelve such lines has a "
            "mistake that is not marked."
        )
    yield from _look_alikes(lines)
    joined = (word for line in lines if line.height < _JOINING for word in line.text.split())
    if word := next(filter(_INNER_M.search, joined), ""):
        yield f"In print this small, r and n may touch and be read as m, as in “{word}”."
    if any(_RARE_MARKS.search(line.text) for line in lines):
        yield "Accents that Western Europe does not use are sometimes lost (ť, İ)."
    signs = sum(line.has_sign_beside for line in lines)
    if signs:
        are = "piece is a sign that is" if signs == 1 else "pieces are signs that are"
        yield (
            f"Beside at least {signs} {are} not in the text, such as an icon, a bullet or a tick "
            "box."
        )
    if not in_table and _has_empty_cells(lines):
        yield (
            "Some rows have empty cells, or cells that were not read: which column a piece is in "
            "shows in the picture only."
        )


def _look_alikes(lines: Sequence[TextLine]) -> Iterator[str]:
    """Yield which signs may be others that look alike."""
    words = (word for line in lines for word in _AROUND.split(line.text))
    if code := next(filter(_is_code, words), ""):
        yield f"Signs that look alike may be mixed up, as in “{code}”: 0 and O, 1, l and I."
    if text := next((line.text for line in lines if _TIMES.search(line.text)), ""):
        yield f"x and × look alike and may be mixed up, as in “{text}”."
    if word := _shared_word([line.text for line in lines if line.is_sure]):
        yield (
            f"Words such as “{word}” may be Cyrillic or Greek, whose capitals look like these "
            "Latin ones."
        )


def _is_code(word: str) -> bool:
    """Return True for a word of letters and digits, some of which look alike, as in a password."""
    is_mixed = _CODE.fullmatch(word) or _DIGIT_IN_WORD.fullmatch(word)
    return bool(is_mixed) and not _QUANTITY.fullmatch(word)


def _shared_word(texts: Sequence[str]) -> str:
    """Return the longest word when all words are of capitals that another script has too."""
    words = [word for text in texts for word in _LETTERS.findall(text)]
    longest = max(words, key=len, default="")
    is_enough = len(words) > 1 or len(longest) >= _LONG_WORD
    is_shared = any(all(set(word) <= shared for word in words) for shared in _SHARED_CAPITALS)
    return longest if is_enough and is_shared and not further_script() else ""


def _has_empty_cells(lines: Sequence[TextLine]) -> bool:
    """Return True when a row lacks a piece that the row above or below has in some column."""
    rows = [row for row in _spans_by_row(lines) if len(row) > 1]
    for one, other in [*zip(rows, rows[1:]), *zip(rows[1:], rows)]:
        rest = [span for row in rows if row is not one for span in row[1:]]
        is_table = any(_overlap(piece, span) for piece in one[1:] for span in rest)
        if is_table and len(other) > 2 and any(_is_missing(span, one) for span in other):
            return True
    return False


def _spans_by_row(lines: Sequence[TextLine]) -> list[list[tuple[float, float]]]:
    """Return where the pieces of each row begin and end along the way that the print runs."""
    if not lines:
        return []
    quads = [np.asarray(line.quad, float) for line in lines]
    along = np.sum([quad[1] - quad[0] for quad in quads], axis=0)
    places = [quad @ along / max(1.0, float(np.linalg.norm(along))) for quad in quads]
    spans = [(float(place.min()), float(place.max())) for place in places]
    rows = groupby(range(len(lines)), key=lambda i: lines[i].row)
    return [sorted(spans[i] for i in row) for _, row in rows]


def _is_missing(span: tuple[float, float], row: Sequence[tuple[float, float]]) -> bool:
    """Return True for a place after the row's first piece where the row has no piece."""
    return span[0] > row[0][1] and not any(_overlap(span, piece) for piece in row)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


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

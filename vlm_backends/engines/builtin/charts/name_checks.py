"""Read the names of a table again, enlarged: mend what is surely otherwise, name what is in doubt.

The network is often sure of a letter that it confuses with another (l and i, c and e). Such
letters change from one copy of a small picture to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.tabulation import ChartTable, Rows
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr.frames import rectified
from vlm_backends.engines.builtin.ocr.networks import spell

_ENLARGED = 3  # times: the network's strips are about that much higher than small print
_PAD = 0.1  # of the height, around the line in some of its copies
_SHARPER = 0.6  # of what a blur takes away is added
_BLUR = 2.0  # px of the enlarged copy
_SURE, _WEAK = 0.9, 0.5  # of a letter: that sure, all copies together count; less sure, none does
_MAX_LINES = 80
_TICK = re.compile(r"\s+[1lI|]$")  # the mark of an axis behind a label
_ODD = re.compile(
    r"[a-z][I01][a-z]|^[A-Z]0[a-z]|^[01][a-z]{3,}"
)  # no word, but a misread one, looks like that
_LONE_MARK = re.compile(r"(?<=\w) [.,:;'’·]$")  # a tick behind a label
_SMALL_ALIKE = set("cjkopsuvwxyz")  # like their capitals, which the other names begin with
_MARK = re.compile(r"(?<=\w)[•●]+$|(?<=^\d{4})[.,:]$")  # a point of a line, or a tick
_GENERIC = re.compile(r"|Value|Share|Series \d+")  # headers that the readers give

Reading = tuple[str, float]  # the words, and the score of the least sure letter


@dataclass
class _Findings:
    """Words of the first reading that are surely others, and those that are in doubt."""

    mended: dict[str, str]
    doubtful: set[str]


def check_names(rgb: np.ndarray, printed: Sequence[TextLine], table: ChartTable) -> ChartTable:
    """Return the table with its names as the enlarged print has them.

    `printed` is the print of the picture (H×W×3, uint8). Names that stay in doubt are told in
    `how`.
    """
    names = [name for name in (*table.rows[0], *(row[0] for row in table.rows[1:]))]
    names = list(dict.fromkeys(name for name in names if not _GENERIC.fullmatch(name)))
    words = {word for name in names for word in name.split()}
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    found = _Findings({}, set())
    lines = [*table.reread, *printed]
    lines = [one for one in lines if words & set(_words(one.text)) or one.text in names]
    for line in lines[:_MAX_LINES]:
        _compare(_words(line.text), _readings(bgr, line), found)
    found.mended |= {word: _MARK.sub("", word) for word in words if _MARK.search(word)}
    found.doubtful |= _odd_words(names, words)
    changes = {name: _mended(name, found.mended) for name in names}
    if len(set(changes.values())) < len(names):
        found.doubtful |= set(found.mended)
        changes = {}
    unsure = [
        changes.get(name, name)
        for name in names
        if set(changes.get(name, name).split()) & found.doubtful
    ]
    return _told(_renamed(table, changes), unsure)


def _odd_words(names: Sequence[str], words: set[str]) -> set[str]:
    """Return words with letters that look like others where these would be usual."""
    capital = sum(name[:1].isupper() for name in names)
    first = {name.split()[0] for name in names if name.strip()}
    alike = {word for word in first if word[:1] in _SMALL_ALIKE}
    alike |= {word for word in words if word[:1] == "l"}
    small = alike if 2 * capital > len(names) else set()
    return small | {word for word in words if _ODD.search(word)}


def _words(text: str) -> list[str]:
    return text.strip().rstrip("-–—_· ").split()


def _compare(first: Sequence[str], others: Iterable[Reading], found: _Findings) -> None:
    """Add the words that other readings of the same line have otherwise.

    The others come one by one, so that the last is asked only where two differ.
    """
    read: list[Reading] = []
    for text, weakest in others:
        read.append((text, weakest))
        same = all(_letters(one) == _letters(" ".join(first)) for one, _ in read)
        if len(read) == 2 and same:
            if min(score for _, score in read) < _WEAK:
                found.doubtful |= set(first)
            return
    if not read:
        return
    texts = {_letters(text) for text, _ in read}
    new = _words(read[0][0])
    if len(texts) == 1 and min(score for _, score in read) >= _SURE and len(new) == len(first):
        found.mended |= {a: b for a, b in zip(first, new) if _letters(a) != _letters(b)}
        return
    for text, _ in read:
        new = _words(text)
        pairs = zip(first, new) if len(new) == len(first) else ((word, "") for word in first)
        found.doubtful |= {a for a, b in pairs if _letters(a) != _letters(b)}


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _readings(bgr: np.ndarray, line: TextLine) -> Iterable[Reading]:
    """Yield three readings of a line: enlarged, sharpened, and enlarged with more around it."""
    quad = np.array(line.quad, np.float32)
    wider = _padded(quad)
    copies = (
        lambda: _enlarged(bgr, quad),
        lambda: _sharpened(_enlarged(bgr, wider)),
        lambda: _enlarged(bgr, wider),
    )
    for copy in copies:
        text, sure, _ = spell(np.ascontiguousarray(copy()))
        if not len(_TICK.findall(line.text)):
            text = _TICK.sub("", text)
        letters = [float(score) for char, score in zip(text, sure) if char.isalnum()]
        yield text, min(letters, default=0.0)


def _padded(quad: np.ndarray) -> np.ndarray:
    """Return a quad (4×2) that is larger by a part of its height on all sides."""
    along, down = quad[1] - quad[0], quad[3] - quad[0]
    pad = _PAD * float(np.linalg.norm(down))
    right = along / max(1e-6, float(np.linalg.norm(along))) * pad
    foot = down / max(1e-6, float(np.linalg.norm(down))) * pad
    return quad + np.array([-right - foot, right - foot, right + foot, foot - right])


def _enlarged(bgr: np.ndarray, quad: np.ndarray) -> np.ndarray:
    strip = rectified(bgr, quad)
    return cv2.resize(strip, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)


def _sharpened(strip: np.ndarray) -> np.ndarray:
    soft = cv2.GaussianBlur(strip, (0, 0), _BLUR)
    return cv2.addWeighted(strip, 1 + _SHARPER, soft, -_SHARPER, 0)


def _mended(name: str, mended: dict[str, str]) -> str:
    return _LONE_MARK.sub("", " ".join(mended.get(word, word) for word in name.split()))


def _renamed(table: ChartTable, changes: dict[str, str]) -> ChartTable:
    changes = {old: new for old, new in changes.items() if old != new}
    if not changes:
        return table
    head, *rows = table.rows
    renamed: Rows = (
        tuple(changes.get(name, name) for name in head),
        *((changes.get(row[0], row[0]), *row[1:]) for row in rows),
    )
    return replace(table, rows=renamed, labels=tuple(_label(one, changes) for one in table.labels))


def _label(label: str, changes: dict[str, str]) -> str:
    """Return the label of a region, as `name: value` or `name, series: value`, renamed."""
    names, colon, value = label.rpartition(": ")
    if names in changes:
        return changes[names] + colon + value
    return ", ".join(changes.get(name, name) for name in names.split(", ")) + colon + value


def _told(table: ChartTable, unsure: Sequence[str]) -> ChartTable:
    if not unsure:
        return table
    listed = ", ".join(f"“{name}”" for name in unsure)
    said = "the name {} is" if len(unsure) == 1 else "the names {} are"
    how = f"{table.how}; {said.format(listed)} unsure, as small print is easily misread"
    return replace(table, how=how)

"""Find the names of a table's rows and series in a question, in spite of small misspellings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import OSA

from vlm_backends.engines.builtin.table_questions.words import EVERYDAY

_MONTHS = "january february march april may june july august september october november december"
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_ALIASES = {long: long[:3] for long in f"{_MONTHS} {_DAYS}".split()} | {"sept": "sep"}
_LEAST_FUZZY = 5  # letters of a word that may be misspelled


@dataclass
class NamedQuestion:
    """A question whose names are replaced: `r3` is the fourth row, `s0` the first series.

    Names are numbered from 0, in the table's order.
    """

    text: str  # lower case
    rows: list[int] = field(default_factory=list)  # in the order of the question
    series: list[int] = field(default_factory=list)
    guesses: list[tuple[str, str]] = field(default_factory=list)  # what was written, what it is
    is_doubtful: bool = False  # a name may mean two things


def find_names(
    question: str, rows: Sequence[str], series: Sequence[str], known: frozenset[str]
) -> NamedQuestion:
    """Return the question with its names replaced.

    Words that are `known` are no misspelled names.
    """
    names = _all_names(rows, series)
    found = NamedQuestion(_tidied(question))
    for name, marks in sorted(names.items(), key=lambda item: -len(item[0])):
        pattern = re.compile(rf"(?<![\w§]){re.escape(name)}(?:'s)?(?![\w§])", re.IGNORECASE)
        if name.lower() in EVERYDAY:
            pattern = re.compile(rf"(?<![\w§])(?<=\s){re.escape(name)}(?![\w§])")
        if pattern.search(found.text):
            found.is_doubtful |= len(marks) > 1
            found.text = pattern.sub(f" §{marks[0]}§ ", found.text)
    found.text = found.text.lower()
    _find_misspelled(found, names, known)
    marks = re.findall(r"§([rs])(\d+)§", found.text)
    found.rows = list(dict.fromkeys(int(number) for kind, number in marks if kind == "r"))
    found.series = list(dict.fromkeys(int(number) for kind, number in marks if kind == "s"))
    found.text = " ".join(re.sub(r"§([rs]\d+)§", r"\1", found.text).split())
    return found


def _tidied(question: str) -> str:
    """Return the question with plain quotes and minus, without what ends it."""
    text = question.replace("\u2019", "'").replace("\u2212", "-").strip()
    text = re.sub(r"[\"\u201c\u201d\u2018`]", " ", text)
    # a row that is called so may itself hold letters that look like a mark
    return re.sub(r"[?!.]+(?=\s|$)", " ", text.replace("§", " "))


def _all_names(rows: Sequence[str], series: Sequence[str]) -> dict[str, list[str]]:
    """Return every name with its marks; months and days in both spellings."""
    names: dict[str, list[str]] = {}
    kinds = [("r", rows)] + ([("s", series)] if len(series) > 1 else [])
    for kind, words in kinds:
        for number, word in enumerate(words):
            for spelling in {word, *_other_spellings(word)}:
                if spelling.strip():
                    names.setdefault(spelling.strip(), []).append(f"{kind}{number}")
    lower: dict[str, str] = {}
    for name in list(names):  # names that differ in capitals only mean two things
        first = lower.setdefault(name.lower(), name)
        if first != name:
            names[first] += names.pop(name)
    return names


def _other_spellings(word: str) -> set[str]:
    plain = word.strip().lower().rstrip(".")
    others = {long for long, short in _ALIASES.items() if plain == short}
    return (others | {_ALIASES.get(plain, plain)}) - {plain}


def _find_misspelled(
    found: NamedQuestion, names: dict[str, list[str]], known: frozenset[str]
) -> None:
    """Replace words that differ in one letter from one name only."""
    for word in re.findall(rf"[^\W\d_]{{{_LEAST_FUZZY},}}", found.text):
        if word in known:
            continue
        near = {
            marks[0]: name
            for name, marks in names.items()
            if len(name) >= _LEAST_FUZZY
            and " " not in name
            and name.isalpha()
            and OSA.distance(word, name.lower(), score_cutoff=1) <= 1
        }
        if len(near) == 1:
            mark, name = next(iter(near.items()))
            found.text = re.sub(rf"\b{word}\b", f"§{mark}§", found.text)
            found.guesses.append((word, name))

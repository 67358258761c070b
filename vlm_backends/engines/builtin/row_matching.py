"""Find the rows of print that share words with a question, and what belongs to them."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vlm_backends.engines.builtin.question_words import (
    forms,
    forms_to_find,
    is_content,
    similar,
    words_of,
)
from vlm_backends.types import Region

_SHARE = 0.5  # of the best row's weight: a row that shares less is not quoted
_MOST_ROWS = 8
_HEADING_WORDS = 3
_SENTENCE_WORDS = 3  # in a row of running text
_MOST_FURTHER = 3  # rows of a sentence before and after one that shares words
_LABEL = re.compile(r"[^:：]*[^\W\d_][^:：]*[:：](?!\d)")  # "E-mail: a@b.org", not "at 10:30"
_COLONS = ":", "："
_SENTENCE_END = re.compile(r"[.!?…](?=\s|$)")
_PAUSES = ",;-–—"


@dataclass(frozen=True)
class PrintedRow:
    """A row of an answer's text, with the regions whose labels are in it."""

    text: str
    start: int  # in the answer's text
    regions: tuple[Region, ...]
    is_code: bool = False

    @property
    def end(self) -> int:
        """Return where the row ends in the answer's text."""
        return self.start + len(self.text)

    @property
    def printed(self) -> str:
        """Return the text without what is said after its last piece, such as that it is unsure."""
        return self.text[
            : max(region.span[1] for region in self.regions if region.span) - self.start
        ]

    def moved(self, start: int) -> Iterator[Region]:
        """Yield the regions for a text in which the row starts there."""
        for region in self.regions:
            if region.span:
                first, end = (place - self.start + start for place in region.span)
                yield region._replace(span=(first, end))


@dataclass(frozen=True)
class Match:
    """The rows to quote, best first, and what is to be said about the question's words."""

    rows: list[int]
    below: frozenset[int]  # of the rows: they stand below a heading that shares words
    missing: list[str]
    respelled: Mapping[str, str]  # a word of the question: the print that is nearly like it
    bare: list[str]  # labels that share words, with nothing beside or below them


def printed_rows(text: str, regions: Sequence[Region]) -> list[PrintedRow]:
    """Return the lines of the text that have regions: what is printed, and then what codes say."""
    rows, start, body = [], 0, text.find("\n\n") + 2
    for line in text.split("\n"):
        end = start + len(line)
        inside = tuple(r for r in regions if r.span and start <= r.span[0] and r.span[1] <= end)
        if inside:
            is_code = start > body and text[:start].endswith("\n\n")
            rows.append(PrintedRow(line, start, inside, is_code))
        start = end + 1
    return rows


def matching_rows(words: Iterable[str], rows: Sequence[PrintedRow], amount: bool) -> Match:
    """Find the rows that share the words; one that is in few rows weighs more."""
    printed = [[forms(word) for word in dict.fromkeys(words_of(row.text))] for row in rows]
    weights = [0.0] * len(rows)
    shared: list[frozenset[str]] = [frozenset()] * len(rows)
    missing: list[str] = []
    respelled: dict[str, str] = {}
    for word in words:
        spellings = forms_to_find(word)
        if not any(spellings & found for row in printed for found in row):
            slips = similar(word, (other for row in rows for other in words_of(row.text)))
            spellings = frozenset(form for slip in slips for form in forms(slip))
            if slips:
                respelled[word] = slips[0]
        hits = [i for i, row in enumerate(printed) if any(spellings & found for found in row)]
        missing += [] if hits else [word]
        for i in hits:
            weights[i] += math.log(1 + len(rows) / len(hits))
            shared[i] |= spellings
    only = [
        all(forms(word) & shared[i] for word in words_of(row.text) if is_content(word))
        for i, row in enumerate(rows)
    ]
    best = _best(weights, rows, only, amount)
    whole = [all(found & shared[i] for found in row) for i, row in enumerate(printed)]
    below = _below(best, rows, whole, amount)
    quoted = dict.fromkeys(j for i in best for j in _with_further(i, rows, below))
    bare = [rows[i].regions[-1].label for i in best if _is_open(rows[i]) and i + 1 not in quoted]
    return Match(list(quoted), below, missing, respelled, bare)


def _best(
    weights: Sequence[float], rows: Sequence[PrintedRow], only: Sequence[bool], amount: bool
) -> list[int]:
    """Return the rows to quote.

    Of equals, those with a number come first when one is asked for, then those that name nothing
    else (`only`): "Coffee" before "Iced coffee".
    """
    most = max(weights, default=0.0)
    best = [i for i, weight in enumerate(weights) if weight > 0 and weight >= _SHARE * most]
    without = [amount and not _has_number(row.text) for row in rows]
    return sorted(best, key=lambda i: (-weights[i], without[i], not only[i], i))[:_MOST_ROWS]


def _below(
    best: Sequence[int], rows: Sequence[PrintedRow], whole: Sequence[bool], amount: bool
) -> frozenset[int]:
    """Return the rows to quote because they stand below a heading that shares words.

    A heading has no other words (`whole`), or it ends in a colon; or it is short, and the number
    asked for is below it. What has a label of its own belongs to no label above it.
    """
    found = set()
    for i in best:
        if not _is_followed(i, rows) or i + 1 in best:
            continue
        is_label = _is_open(rows[i])
        if is_label and _LABEL.match(rows[i + 1].text):
            continue
        text, following = rows[i].text, rows[i + 1].text
        short = len(text.split()) <= _HEADING_WORDS and not _has_number(text)
        if whole[i] or is_label or (amount and short and _has_number(following)):
            found.add(i + 1)
    return frozenset(found)


def _is_followed(i: int, rows: Sequence[PrintedRow]) -> bool:
    """Return True when the next row stands in the line below: a code after print does not."""
    return i + 1 < len(rows) and rows[i + 1].start == rows[i].end + 1


def _is_open(row: PrintedRow) -> bool:
    """Return True for a label with nothing beside it."""
    return row.printed.endswith(_COLONS)


def _with_further(i: int, rows: Sequence[PrintedRow], below: frozenset[int]) -> list[int]:
    """Return the row, with what is below a heading, or with the other rows of its sentence."""
    if i + 1 in below:
        return [i, i + 1]
    first, last = i, i
    while first > 0 and rows[first].text[:1].islower() and _goes_on(first - 1, rows):
        first -= 1
    begins_small = rows[first].text[:1].islower()
    while _goes_on(last, rows):
        last += 1
    if begins_small and not any(_pauses(rows[j].printed) for j in range(first, last + 1)):
        return [i]  # a list in small letters
    first, last = max(first, i - _MOST_FURTHER), min(last, i + _MOST_FURTHER)
    starts = [j for j in range(first, i) if _SENTENCE_END.search(rows[j].text)]
    ends = [j for j in range(i + 1, last) if _SENTENCE_END.search(rows[j].text)]
    return list(range(max([first, *starts]), min([last, *ends]) + 1))


def _goes_on(i: int, rows: Sequence[PrintedRow]) -> bool:
    """Return True when a sentence of running text goes on in the next row."""
    if not _is_followed(i, rows) or max(len(row.regions) for row in rows[i : i + 2]) > 1:
        return False
    text, following = rows[i].printed, rows[i + 1].text
    if len(text.split()) < _SENTENCE_WORDS or text.endswith(_COLONS):
        return False
    is_small = following[:1].islower() and not _SENTENCE_END.search(text[-1:])
    return is_small or text.endswith(tuple(_PAUSES))


def _pauses(text: str) -> bool:
    return bool(_SENTENCE_END.search(text)) or text.endswith(tuple(_PAUSES))


def _has_number(text: str) -> bool:
    return any(map(str.isdigit, text))

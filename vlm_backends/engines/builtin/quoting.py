"""Answer a question by quoting: the rows of print that share its words, then the rest."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vlm_backends.engines.builtin.question_words import (
    asks_for_amount,
    content_words,
    denials,
    forms,
    is_content,
    similar,
    split_meant,
    words_of,
)
from vlm_backends.models import CATALOGUE
from vlm_backends.types import Chunk, Region

_SHARE = 0.5  # of the best row's weight: a row that shares less is not quoted
_MOST_ROWS = 8
_HEADING_WORDS = 3
_BELOW = "↳ "
_NOTE = (
    "The rows are found by the words that they share with the question, not by understanding it."
)
_MEASURED = re.compile(  # of a question that the picture's size and colours may answer
    r"\b(?:colou?r(?:s|ed)?|size|pixels?|resolution|dimensions|how (?:big|large|wide|tall|high))\b",
    re.IGNORECASE,
)
_SAMPLES = frozenset(prompt.casefold() for model in CATALOGUE for prompt in model.prompts)


@dataclass(frozen=True)
class PrintedRow:
    """A row of an answer's text, with the regions whose labels are in it."""

    text: str
    start: int  # in the answer's text
    regions: tuple[Region, ...]

    def moved(self, start: int) -> Iterator[Region]:
        """Yield the regions for a text in which the row starts there."""
        for region in self.regions:
            if region.span:
                first, end = (place - self.start + start for place in region.span)
                yield region._replace(span=(first, end))


@dataclass(frozen=True)
class _Match:
    """The rows to quote, best first, and what is to be said about the question's words."""

    rows: list[int]
    below: frozenset[int]  # of the rows: they stand below a heading that shares words
    missing: list[str]
    respelled: Mapping[str, str]  # a word of the question: the print that is nearly like it


def is_about_print(question: str) -> bool:
    """Return True for a question with words to look for; a sample's prompt is general."""
    return question.strip().casefold() not in _SAMPLES and bool(content_words(question))


def quote(question: str, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield an answer to the question from the chunks of an answer that has all print.

    The rows that share its words come first, with their regions; the other rows have none.
    """
    text, note = "", ""
    regions: list[Region] = []
    for chunk in chunks:
        text += chunk.text
        note = chunk.note or note
        regions += chunk.regions
        seen = sum(region.span is not None for region in regions)
        yield Chunk(status=chunk.status or f"Reading: {seen} pieces of print so far…", literal=True)
    rows = _rows(text, regions)
    amount = asks_for_amount(question)
    asked, left_out = split_meant(question, "\n".join(row.text for row in rows))
    match = _matched(content_words(asked), rows, amount)
    if not match.rows:  # "did they pay by card?": the card may be printed
        match = _matched(content_words(asked, with_general=True), rows, amount)
    left_out += denials(question, "\n".join(rows[i].text for i in match.rows))
    if match.rows:
        yield _quoted(text, rows, match, left_out)._replace(note=f"{note} {_NOTE}")
    else:
        measurable = " ".join(_MEASURED.findall(asked)).split()
        text, measured = _measured_first(text) if measurable else (text, "")
        words = [word for word in content_words(asked) if word not in measurable]
        yield _unquoted(text, regions, words, left_out, measured)._replace(note=note)


def _rows(text: str, regions: Sequence[Region]) -> list[PrintedRow]:
    """Return the lines of the text that have regions: what is printed."""
    rows, start = [], 0
    for line in text.split("\n"):
        end = start + len(line)
        inside = tuple(r for r in regions if r.span and start <= r.span[0] and r.span[1] <= end)
        if inside:
            rows.append(PrintedRow(line, start, inside))
        start = end + 1
    return rows


def _matched(words: Iterable[str], rows: Sequence[PrintedRow], amount: bool) -> _Match:
    """Find the rows that share the words; one that is in few rows weighs more."""
    printed = [[forms(word) for word in dict.fromkeys(words_of(row.text))] for row in rows]
    weights = [0.0] * len(rows)
    shared: list[frozenset[str]] = [frozenset()] * len(rows)
    missing: list[str] = []
    respelled: dict[str, str] = {}
    for word in words:
        spellings = forms(word)
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
    quoted = [j for i in best for j in (i, i + 1) if j == i or j in below]
    return _Match(quoted, below, missing, respelled)


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

    A heading has no other words (`whole`); or it is short, and the number asked for is below it.
    """
    found = set()
    for i in best:
        if i + 1 >= len(rows) or i + 1 in best:
            continue
        text, following = rows[i].text, rows[i + 1].text
        short = len(text.split()) <= _HEADING_WORDS and not _has_number(text)
        if whole[i] or (amount and short and _has_number(following)):
            found.add(i + 1)
    return frozenset(found)


def _has_number(text: str) -> bool:
    return any(map(str.isdigit, text))


def _quoted(text: str, rows: Sequence[PrintedRow], match: _Match, left_out: Sequence[str]) -> Chunk:
    """Return the answer whose first rows are those that share words with the question."""
    hint = f" ({_BELOW.strip()} what stands below)" if match.below else ""
    said = f"Printed here, and sharing words with your question{hint}:\n"
    regions: list[Region] = []
    for i in match.rows:
        said += "\n" + (_BELOW if i in match.below else "")
        regions += rows[i].moved(len(said))
        said += rows[i].text
    said += _remarks(match, left_out)
    return Chunk(
        said + _rest(text, [rows[i] for i in match.rows]),
        tuple(regions),
        literal=True,
        fold=len(said),
    )


def _remarks(match: _Match, left_out: Sequence[str]) -> str:
    """Say which words are printed in another spelling, not printed, or not understood."""
    said = "".join(
        f"\n\n“{slip}” is spelled nearly like “{word}”." for word, slip in match.respelled.items()
    )
    if match.missing:
        said += f"\n\nNot found in print: {_listed(match.missing)}."
    if left_out:
        said += f"\n\nNot taken into account: {_listed(left_out)}. See the other rows too."
    return said


def _rest(text: str, quoted: Sequence[PrintedRow]) -> str:
    """Return the text without its head and without the quoted rows."""
    _, _, body = text.partition("\n\n")
    gone = [row.text for row in quoted]
    lines = []
    for line in body.split("\n"):
        if line in gone:
            gone.remove(line)
        elif line or (lines and lines[-1]):
            lines.append(line)
    return "\n\nAlso in this picture:\n\n" + "\n".join(lines)


def _measured_first(text: str) -> tuple[str, str]:
    """Part the answer from its last paragraph, the picture's size and colours, made an answer."""
    text, _, measured = text.rpartition("\n\n")
    return text, f"Measured over the whole picture, not of one thing in it: {measured}\n\n"


def _unquoted(
    text: str,
    regions: Sequence[Region],
    words: Sequence[str],
    left_out: Sequence[str],
    said: str,
) -> Chunk:
    """Return the answer for a question whose words are not printed; it begins with `said`."""
    is_printed = any(region.span for region in regions)  # otherwise the text says that nothing is
    if words and is_printed:
        said += (
            f"Nothing that was read here shares a word with your question ({_listed(words)}).\n\n"
        )
    if left_out and is_printed:
        said += f"Not taken into account: {_listed(left_out)}.\n\n"
    moved = (
        region._replace(span=(region.span[0] + len(said), region.span[1] + len(said)))
        if region.span
        else region
        for region in regions
    )
    return Chunk(said + text, tuple(moved), literal=True)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)

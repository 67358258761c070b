"""Answer a question by quoting: the rows of print that share its words, then the rest."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from vlm_backends.engines.builtin.question_words import (
    asks_for_amount,
    content_words,
    denials,
    split_meant,
)
from vlm_backends.engines.builtin.row_matching import (
    Match,
    PrintedRow,
    matching_rows,
    printed_rows,
)
from vlm_backends.models import CATALOGUE
from vlm_backends.text import quoted
from vlm_backends.types import Chunk, Region

_BELOW = "↳ "
MEASURED = "Measured over the whole picture"  # how an answer about size and colours begins
_PRINTED = "Printed here, and sharing words with your question"
_ALSO = "\n\nAlso in this picture:\n\n"
_NOTE = (
    "The rows are found by the words that they share with the question, not by understanding it."
)
_MEASURED = re.compile(  # of a question that the picture's size and colours may answer
    r"\b(?:colou?r(?:s|ed)?|size|pixels?|resolution|dimensions|how (?:big|large|wide|tall|high))\b",
    re.IGNORECASE,
)
_CODES = re.compile(  # of a question that the picture's codes may answer
    r"\b(?:(?:qr|bar|ean|upc|matrix|aztec|scan)[ -]?)?codes?\b|\bqrs?\b|\b(?:ean|upc|gtin|isbn)s?\b"
    r"|\bscan(?:s|ned|ning)?\b|\bdata ?matrix\b",
    re.IGNORECASE,
)
_SAMPLES = frozenset(prompt.casefold() for model in CATALOGUE for prompt in model.prompts)


def is_about_print(question: str) -> bool:
    """Return True for a question with words to look for; a sample's prompt is general."""
    return question.strip().casefold() not in _SAMPLES and bool(content_words(question))


def quote(question: str, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, bool]]:
    """Yield an answer to the question from the chunks of an answer that has all print.

    The rows that share its words come first, with their regions; the other rows have none. With
    each chunk: True when it quotes such rows, or codes.
    """
    text, note = "", ""
    regions: list[Region] = []
    for chunk in chunks:
        text += chunk.text
        note = chunk.note or note
        regions += chunk.regions
        seen = sum(region.span is not None for region in regions)
        status = chunk.status or f"Reading: {seen} pieces of print so far…"
        yield Chunk(status=status, literal=True), False
    rows = printed_rows(text, regions)
    amount = asks_for_amount(question)
    asked, left_out = split_meant(question, "\n".join(row.text for row in rows))
    match = matching_rows(content_words(asked), rows, amount)
    if not match.rows:  # "did they pay by card?": the card may be printed
        match = matching_rows(content_words(asked, with_general=True), rows, amount)
    match, codes = _codes_apart(match, asked, rows)
    left_out += denials(question, "\n".join(rows[i].text for i in match.rows))
    if match.rows or codes:
        chunk = _quoted(text, rows, codes, match, left_out)
        yield chunk._replace(note=f"{note} {_NOTE}"), True
    else:
        measurable = " ".join(_MEASURED.findall(asked)).split()
        text, measured = _measured_first(text) if measurable else (text, "")
        words = [word for word in content_words(asked) if word not in measurable]
        yield _unquoted(text, regions, words, left_out, measured)._replace(note=note), False


def _codes_apart(
    match: Match, asked: str, rows: Sequence[PrintedRow]
) -> tuple[Match, list[PrintedRow]]:
    """Part all codes from the rows to quote, when the question is about codes."""
    words = " ".join(_CODES.findall(asked)).replace("-", " ").split()
    codes = [row for row in rows if row.is_code] if words else []
    if not codes:
        return match, []
    printed = [i for i in match.rows if not rows[i].is_code]
    missing = [word for word in match.missing if word not in words]
    return replace(match, rows=printed, missing=missing), codes


def _quoted(
    text: str,
    rows: Sequence[PrintedRow],
    codes: Sequence[PrintedRow],
    match: Match,
    left_out: Sequence[str],
) -> Chunk:
    """Return the answer that begins with codes and the rows that share words with the question."""
    said = "Codes in this picture:\n" if codes else ""
    regions: list[Region] = []
    for row in codes:
        said += "\n"
        regions += row.moved(len(said))
        said += row.text
    if match.rows:
        hint = f" ({_BELOW.strip()} what stands below)" if match.below else ""
        before = "\n\n" if codes else ""
        said += f"{before}{_PRINTED}{hint}:\n"
    for i in match.rows:
        said += "\n" + (_BELOW if i in match.below else "")
        regions += rows[i].moved(len(said))
        said += rows[i].text
    said += _remarks(match, left_out)
    quoted = [*codes, *(rows[i] for i in match.rows)]
    rest = _rest(text, rows, quoted)
    fold = len(said) if rest.startswith(_ALSO) else None
    return Chunk(said + rest, tuple(regions), literal=True, fold=fold)


def _remarks(match: Match, left_out: Sequence[str]) -> str:
    """Say which words are spelled otherwise, not printed or not understood, and what is empty."""
    said = "".join(
        f"\n\n“{slip}” is spelled nearly like “{word}”." for word, slip in match.respelled.items()
    )
    if match.bare:
        said += f"\n\nNothing was read beside {quoted(match.bare)}."
    if match.missing:
        said += f"\n\nNot found in print: {quoted(match.missing)}."
    if left_out:
        said += f"\n\nNot taken into account: {quoted(left_out)}. See the other rows too."
    return said


def _rest(text: str, rows: Sequence[PrintedRow], quoted: Sequence[PrintedRow]) -> str:
    """Return the text without its head and without the quoted rows, under a heading of its own.

    Where no other row is left, only its last paragraph is: the picture's size and colours.
    """
    if len(quoted) == len(rows):
        return "\n\n" + text.rpartition("\n\n")[2]
    _, _, body = text.partition("\n\n")
    if all(row.is_code for row in rows):  # "nothing that could be read"
        _, _, body = body.partition("\n\n")
    gone = [row.text for row in quoted]
    lines = []
    for line in body.split("\n"):
        if line in gone:
            gone.remove(line)
        elif line or (lines and lines[-1]):
            lines.append(line)
    return _ALSO + "\n".join(lines)


def _measured_first(text: str) -> tuple[str, str]:
    """Part the answer from its last paragraph, the picture's size and colours, made an answer."""
    text, _, measured = text.rpartition("\n\n")
    return text, f"{MEASURED}, not of one thing in it: {measured}\n\n"


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
            f"Nothing that was read here shares a word with your question ({quoted(words)}).\n\n"
        )
    if left_out and is_printed:
        said += f"Not taken into account: {quoted(left_out)}.\n\n"
    moved = (
        region._replace(span=(region.span[0] + len(said), region.span[1] + len(said)))
        if region.span
        else region
        for region in regions
    )
    return Chunk(said + text, tuple(moved), literal=True)

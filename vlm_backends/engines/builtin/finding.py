"""Find words where they are printed."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.engines.builtin.print_notes import describe_doubts
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.errors import BadPrompt
from vlm_backends.types import Chunk, Region

_WORD = re.compile(r"\w+(?:[.,:/'’-]\w+)*")
_MIN_RUN = 3  # characters: a shorter word of a sentence counts only within a longer run


def find_words(rgb: np.ndarray, words: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield where the phrase is printed in the picture (H×W×3, uint8).

    When it is printed nowhere: where each of its words is. Raises BadPrompt without a phrase.
    """
    _check(words)
    lines, unread = ocr.read_all(rgb, cancel)
    if any(_is_printed(words, line.text) for line in lines):
        candidates = [words]
    else:
        candidates = list(dict.fromkeys(_WORD.findall(words)))
    phrases = [phrase for phrase in candidates if len(phrase) > 1 or len(candidates) == 1]
    yield _marked(rgb, lines, phrases, unread)


def ground_sentence(rgb: np.ndarray, words: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield where the longest printed runs of the sentence's words are, in an H×W×3 picture, uint8.

    Raises BadPrompt without a sentence.
    """
    _check(words)
    lines, unread = ocr.read_all(rgb, cancel)
    yield _marked(rgb, lines, _printed_runs(words, [line.text for line in lines]), unread)


def _check(words: str) -> None:
    if not words:
        raise BadPrompt("Write the words to look for.")


def _printed_runs(sentence: str, printed: Iterable[str]) -> list[str]:
    """Return the longest runs of the sentence's words that are printed, in the sentence's order."""
    text, words = "\n".join(printed), _WORD.findall(sentence)
    runs: list[str] = []
    i = 0
    while i < len(words):
        n = 0  # every beginning of a printed run is printed too: it grows word by word
        while i + n < len(words) and _is_printed(" ".join(words[i : i + n + 1]), text):
            n += 1
        run = " ".join(words[i : i + n])
        if len(run) >= _MIN_RUN:
            runs.append(run)
        i += max(n, 1)
    return list(dict.fromkeys(runs))


def _is_printed(phrase: str, text: str) -> bool:
    """Return True when the text has the phrase as whole words, in any case, accents or not."""
    return _whole_words(phrase).search(_plain(text)) is not None


@lru_cache(maxsize=256)
def _whole_words(phrase: str) -> re.Pattern[str]:
    plain = _plain(unicodedata.normalize("NFC", phrase))
    return re.compile(rf"(?<!\w){re.escape(plain)}(?!\w)", re.IGNORECASE)


def _plain(text: str) -> str:
    """Return the text without accents, each character in its place."""
    return "".join(unicodedata.normalize("NFD", char)[0] for char in text)


def _marked(
    rgb: np.ndarray, lines: Sequence[TextLine], phrases: Sequence[str], unread: int
) -> Chunk:
    """Return the answer: a line of text and a region for each place of each phrase."""
    text = ""
    regions: list[Region] = []
    for phrase in phrases:
        for line in lines:
            for match in _whole_words(phrase).finditer(_plain(line.text)):
                printed = line.text[slice(*match.span())]
                text += ("\n" if text else "") + printed
                span = len(text) - len(printed), len(text)
                quad = _part_of_quad(line, *match.span())
                regions.append(region_from_pixels(printed, quad, rgb, span))
    if not regions:
        text = (
            "None of these words is in the print that was read. To find things by what they "
            f"look like, {OTHER_ENGINES}."
        )
    note = f"Printed words only, found on this machine by {ocr_name()}, not by Florence-2."
    if unread or not all(line.is_sure for line in lines):
        note += f" {describe_doubts(lines, unread)}"
    return Chunk(text, tuple(regions), literal=True, note=note)


def _part_of_quad(line: TextLine, start: int, end: int) -> np.ndarray:
    """Return the quad (4×2, pixels) of the characters start..end, by the places of their middles.

    Two characters meet half-way between their middles.
    """
    corners = np.asarray(line.quad)
    edges = np.array([0.0, *np.convolve(line.stops, (0.5, 0.5), "valid"), 1.0])
    left, right = edges[start], edges[end]
    top, bottom = corners[1] - corners[0], corners[2] - corners[3]
    return np.array(
        [
            corners[0] + left * top,
            corners[0] + right * top,
            corners[3] + right * bottom,
            corners[3] + left * bottom,
        ]
    )

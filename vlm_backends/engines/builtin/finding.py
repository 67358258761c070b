"""Find what a person names: things by their looks, and words where they are printed."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import ocr, things
from vlm_backends.engines.builtin.detecting import found_by, with_kinds
from vlm_backends.engines.builtin.nouns import (
    NamedThings,
    find_nouns,
    looked_for,
    own_word,
    words_left,
)
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.engines.builtin.print_notes import describe_doubts
from vlm_backends.engines.builtin.prompts import TaskQuestion
from vlm_backends.engines.builtin.question_words import denial, words_of
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.engines.builtin.things import Thing
from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import corners
from vlm_backends.text import quoted
from vlm_backends.types import Chunk, Region

_WORD = re.compile(r"\w+(?:[.,:/'’-]\w+)*")
_MIN_RUN = 3  # characters: a shorter word of a sentence counts only within a longer run


def find_words(rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the things in the picture (H×W×3, uint8) that the words name, and where they are print.

    When the phrase as a whole is printed nowhere: where each of its words is. Raises BadPrompt
    without a phrase.
    """
    words = question.words
    _check(words)
    named = find_nouns(rgb, words, question.confidence, cancel)
    answer = _Marked(rgb, words, named)
    for _, thing in named.found:
        answer.add_thing(thing.name, thing)
    lines, unread = ocr.read_all(rgb, cancel)
    if any(_is_printed(words, line.text) for line in lines):
        candidates = [words]
    else:
        candidates = list(dict.fromkeys(_WORD.findall(words)))
    answer.add_print(
        [phrase for phrase in candidates if len(phrase) > 1 or len(candidates) == 1], lines
    )
    yield answer.chunk(lines, unread)


def ground_sentence(
    rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield the things that the sentence names, and where its words are printed.

    The longest printed runs of its words count. The picture is H×W×3, uint8. Raises BadPrompt
    without a sentence.
    """
    words = question.words
    _check(words)
    named = find_nouns(rgb, words, question.confidence, cancel)
    answer = _Marked(rgb, words, named)
    for noun, thing in named.found:
        answer.add_thing(own_word(noun, thing), thing)
    lines, unread = ocr.read_all(rgb, cancel)
    answer.add_print(_printed_runs(words, [line.text for line in lines]), lines)
    yield answer.chunk(lines, unread)


class _Marked:
    """An answer in the making: a line of text and a region for each thing and printed word."""

    def __init__(self, rgb: np.ndarray, words: str, named: NamedThings) -> None:
        self._rgb, self._words, self._named = rgb, words, named
        self._text = ""
        self._regions: list[Region] = []
        self._printed: set[str] = set()  # the words that were found in print, folded

    def add_thing(self, label: str, thing: Thing) -> None:
        """Add a thing under this label, with how sure it is."""
        span = self._add_line(label)
        self._text += f" {thing.score:.0%}"
        self._regions.append(Region(label, corners(thing.box), span=span, score=thing.score))

    def add_print(self, phrases: Sequence[str], lines: Sequence[TextLine]) -> None:
        """Add each place of each phrase in the lines of print."""
        for phrase in phrases:
            for line in lines:
                for match in _whole_words(phrase).finditer(_plain(line.text)):
                    printed = line.text[slice(*match.span())]
                    quad = _part_of_quad(line, *match.span())
                    region = region_from_pixels(printed, quad, self._rgb, self._add_line(printed))
                    self._regions.append(region)
                    spelled = {phrase, *_WORD.findall(phrase), *words_of(phrase)}
                    self._printed |= {word.lower() for word in spelled}

    def _add_line(self, label: str) -> tuple[int, int]:
        self._text += ("\n" if self._text else "") + label
        return len(self._text) - len(label), len(self._text)

    def chunk(self, lines: Sequence[TextLine], unread: int) -> Chunk:
        """Return the answer, with what was not found and what computed it."""
        unknown = [
            word
            for word in words_left(self._words, self._named.nouns)
            if word.lower() not in self._printed
        ]
        note = " ".join([*looked_for(self._named.nouns), *self._sources(lines, unread)])
        if self._regions:
            return Chunk(f"{self._text}{self._absent(unknown)}", tuple(self._regions), True, note)
        said = self._absent(unknown).strip() or "Nothing that these words name was found."
        return with_kinds(said)._replace(note=note)

    def _absent(self, unknown: Sequence[str]) -> str:
        """Say which nouns were not seen, and which words are neither printed nor a known kind."""
        said = ""
        if word := denial(self._words):
            said += f"\n\n“{word}” is not understood: what is named is looked for all the same."
        missing = [noun for noun in self._named.missing if noun.text.lower() not in self._printed]
        if missing:
            names = quoted((noun.text for noun in missing), "or")
            said += f"\n\nNot found, by its looks or in print: {names}."
        if compound := [word for word in unknown if things.kinds_of(word)]:
            said += f"\n\nNot looked for, as a part of a longer name: {quoted(compound)}."
        if others := [word for word in unknown if word not in compound]:
            said += f"\n\nNot found in print, and no known kind of thing: {quoted(others)}."
        return said

    def _sources(self, lines: Sequence[TextLine], unread: int) -> Iterator[str]:
        if self._named.nouns:
            yield found_by()
        yield f"Printed words found by the built-in tools ({ocr_name()}), not by Florence-2."
        if unread or not all(line.is_sure for line in lines):
            yield describe_doubts(lines, unread)


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

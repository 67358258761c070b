"""Find the things that the nouns of a person's words name."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import things
from vlm_backends.engines.builtin.question_words import content_words, words_of
from vlm_backends.engines.builtin.things import Mention, Thing
from vlm_backends.text import listed

_LOOKING = frozenset(["look", "see", "seen"])  # "how many people do you see?"


@dataclass(frozen=True)
class NamedThings:
    """The nouns of some words that name known kinds, and the things found for them.

    `found` has each thing once, with the first noun that it was found for.
    """

    nouns: tuple[Mention, ...]
    found: tuple[tuple[Mention, Thing], ...]
    missing: tuple[Mention, ...]  # nouns of which none was found


def looked_for(nouns: Iterable[Mention]) -> Iterator[str]:
    """Yield what a person should know of how the nouns were taken."""
    for noun in {noun.text.lower(): noun for noun in nouns}.values():
        if not noun.is_name:
            more = ": more than that cannot be told here" if noun.is_narrower else ""
            yield f"“{noun.text}” was looked for as {listed(noun.kinds, 'or')}{more}."


def find_nouns(rgb: np.ndarray, words: str, confidence: float, cancel: CancelToken) -> NamedThings:
    """Find the things in a picture (H×W×3, uint8) that the nouns of the words name."""
    nouns = tuple(things.mentions(words))
    seen = things.find_things(rgb, confidence, cancel) if nouns else []
    found = [
        (noun, thing)
        for thing in seen
        if (noun := next((noun for noun in nouns if thing.name in noun.kinds), None))
    ]
    names = {thing.name for thing in seen}
    missing = tuple(noun for noun in nouns if names.isdisjoint(noun.kinds))
    return NamedThings(nouns, tuple(found), missing)


def words_left(words: str, nouns: Sequence[Mention]) -> list[str]:
    """Return the words with a meaning that are none of the nouns, such as "red" and "pagoda"."""
    known = {word.lower() for noun in nouns for word in words_of(noun.text)}
    return [
        word
        for word in content_words(words, with_general=True)
        if word.lower() not in known | _LOOKING
    ]


def own_word(noun: Mention, thing: Thing) -> str:
    """Return the person's own word for a thing, unless it says more than was found."""
    return thing.name if noun.is_narrower or len(noun.kinds) > 1 else noun.text

"""Read a phrase such as "the second person from the left": which thing, and beside what."""

import re
from dataclasses import dataclass, replace

from vlm_backends.engines.builtin import things
from vlm_backends.engines.builtin.things import Mention

_SIDES = {
    **dict.fromkeys(("left", "leftmost", "left-most", "left-hand"), "left"),
    **dict.fromkeys(("right", "rightmost", "right-most", "right-hand"), "right"),
    **dict.fromkeys(("top", "upper", "topmost", "uppermost", "highest"), "top"),
    **dict.fromkeys(("bottom", "lower", "bottommost", "lowermost", "lowest"), "bottom"),
    **dict.fromkeys(("middle", "center", "centre", "central"), "middle"),
}
_SIZES = {
    **dict.fromkeys(("largest", "biggest", "large", "big", "bigger", "larger"), "largest"),
    **dict.fromkeys(("smallest", "small", "tiny", "little", "smaller", "tiniest"), "smallest"),
    **dict.fromkeys(("tallest", "tall", "taller"), "tallest"),
}
_RANK_TEXT = "first second third fourth fifth sixth seventh eighth ninth tenth"
_RANKS = {**{word: rank for rank, word in enumerate(_RANK_TEXT.split(), start=1)}, "last": -1}
_COUNTS = {
    "both": 2,
    **dict(zip(("two", "three", "four", "five", "six", "seven", "eight"), range(2, 9))),
}
_ALL = frozenset({"all", "every", "each", "any"})
_ONE = frozenset({"one", "a", "an", "single"})
_COLOUR_TEXT = (
    "black grey gray white red pink orange brown beige yellow olive green teal turquoise blue "
    "purple magenta"
)
_COLOURS = frozenset(_COLOUR_TEXT.split())
_EMPTY_TEXT = (
    "the of in on at is are that this these those which there there's picture image photo "
    "photograph please outline segment mask cut out show find select mark me us "
    "from to i want you can thing things object objects and"
)
_EMPTY = frozenset(_EMPTY_TEXT.split())
_RELATIONS = (  # a phrase between two nouns, and where the first is beside the second
    (r"(?:on |to |at )?(?:the )?left(?:[- ]hand)?(?: side)? of", "left"),
    (r"(?:on |to |at )?(?:the )?right(?:[- ]hand)?(?: side)? of", "right"),
    (r"(?:next|nearest|closest|close) to|beside|near(?: to)?|alongside|by", "near"),
    (r"above|over", "above"),
    (r"below|beneath|underneath|under", "below"),
)
_CLAUSE = re.compile(r"\s*(?:,|;|&|\band\b|\bor\b|\bas well as\b|\bplus\b)\s*", re.IGNORECASE)
_NUMBERED = re.compile(r"([1-9]\d?)(?:st|nd|rd|th)", re.ASCII)
_EVERYBODY = re.compile(r"\bevery(?:body|one)\b", re.IGNORECASE)
_SIDE = re.compile(  # "the left-hand side" is the left
    r"\b(left|right|top|bottom|upper|lower)(?:[- ]hand)?(?: side| edge| half| part| corner)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class Phrase:
    """One thing, or all of a kind, as a phrase describes it."""

    noun: Mention
    sides: tuple[str, ...] = ()  # left, right, top, bottom, middle
    size: str = ""  # largest, smallest, tallest
    rank: int = 0  # from 1 on, of those at a side or of a size; -1: the last
    count: int = 0  # as many are meant; 0: it is not said
    is_plural: bool = False
    colours: tuple[str, ...] = ()
    relation: str = ""  # left, right, near, above, below
    beside: Mention | None = None  # what the relation is to
    unknown: tuple[str, ...] = ()  # words that are not understood, in their order


def read_phrases(words: str) -> tuple[list[Phrase], list[str]]:
    """Return the things that a text describes, and the words of clauses without a known noun."""
    phrases: list[Phrase] = []
    unknown: list[str] = []
    plain = _SIDE.sub(r"\1", _EVERYBODY.sub("all people", words))
    for clause in _CLAUSE.split(plain):
        nouns = things.mentions(clause)
        if nouns:
            phrases.append(_read(clause, nouns))
        else:
            unknown += [word for word in _words(clause) if _modifier(word) != ""]
    if not phrases:  # "the left one": its words are understood, but name nothing
        unknown = [word for word in unknown if _modifier(word) is None]
    return phrases, unknown


def _read(clause: str, nouns: list[Mention]) -> Phrase:
    noun, *others = nouns
    before, after = clause[: noun.start], clause[noun.end :]
    phrase = Phrase(noun, is_plural=noun.is_plural)
    if others:
        between = clause[noun.end : others[0].start]
        phrase, after = _related(phrase, clause, between, others[0])
    seen = [*_words(before), *_words(after)]
    for word in seen:
        phrase = _modified(phrase, word)
    if _ALL & set(seen):
        phrase = replace(phrase, is_plural=True)
    if noun.is_number_open and _ONE & set(seen):
        phrase = replace(phrase, is_plural=False)
    return phrase


def _related(phrase: Phrase, clause: str, between: str, other: Mention) -> tuple[Phrase, str]:
    """Return the phrase with its relation to another noun, and the rest of the clause's words."""
    for pattern, relation in _RELATIONS:
        match = re.search(rf"\b(?:{pattern})\b", between, re.IGNORECASE)
        rest = between[match.end() :] if match else ""
        if match and all(word in _EMPTY | _ONE for word in _words(rest)):
            # which of the two a word behind both is about cannot be told
            last = tuple(w for w in _words(clause[other.end :]) if w not in _EMPTY | _ONE)
            found = replace(phrase, relation=relation, beside=other, unknown=last)
            return found, between[: match.start()]
    said = clause[phrase.noun.end :].strip()
    return replace(phrase, unknown=(said,)), ""


def _modified(phrase: Phrase, word: str) -> Phrase:
    """Return the phrase with one more word taken into account."""
    kind = _modifier(word)
    if kind == "side":
        return replace(phrase, sides=(*phrase.sides, _SIDES[word]))
    if kind == "size" and not phrase.size:
        return replace(phrase, size=_SIZES[word])
    if kind == "rank" and not phrase.rank:
        match = _NUMBERED.fullmatch(word)
        return replace(phrase, rank=int(match[1]) if match else _RANKS[word])
    if kind == "count" and not phrase.count:
        count = _COUNTS.get(word) or int(word)
        return replace(phrase, count=count, is_plural=phrase.is_plural or count > 1)
    if kind == "colour":
        return replace(phrase, colours=(*phrase.colours, word.replace("gray", "grey")))
    if kind == "":
        return phrase
    return replace(phrase, unknown=(*phrase.unknown, word))


def _modifier(word: str) -> str | None:
    """Return the kind of a word that is understood, "" for one without meaning, or None."""
    if word in _SIDES:
        return "side"
    if word in _SIZES:
        return "size"
    if word in _RANKS or _NUMBERED.fullmatch(word):
        return "rank"
    if word in _COUNTS or (
        word.isdecimal() and word.isascii() and len(word) <= 2 and int(word) > 0
    ):
        return "count"
    if word in _COLOURS:
        return "colour"
    return "" if word in _EMPTY or word in _ALL or word in _ONE else None


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]

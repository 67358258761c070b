"""Parse a question about a table: only a question of which every word is understood has a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vlm_backends.engines.builtin.table_questions.figures import parse_number
from vlm_backends.engines.builtin.table_questions.names import NamedQuestion
from vlm_backends.engines.builtin.table_questions.words import (
    COUNTS,
    LESS,
    MAX_WORDS,
    MIN_WORDS,
    MORE,
    NO_NOUNS,
    ORDINALS,
    ROW_NOUNS,
    VALUE_NOUNS,
    VERBS,
)

_FILLERS = re.compile(
    r"\b(?:please|can you|could you|would you|tell me|show me|give me|find|"
    r"i (?:want|would like) to know|do you know|let me know|"
    r"according to (?:the|this) (?:chart|table|graph|picture)|"
    r"(?:in|on|of|from) (?:the|this) (?:whole )?(?:chart|table|graph|plot|diagram|picture|figure)|"
    r"here|then|and also)\b"
)


@dataclass(frozen=True)
class Query:
    """A question that a table can answer: what to compute, and of which rows and series."""

    kind: str
    rows: tuple[int, ...] = ()
    series: tuple[int, ...] = ()
    number: float = 0.0  # the rank, the count or the limit
    most: bool = True  # from the largest, rather than from the smallest
    test: str = ""  # of a limit: ">", ">=", "<", "<="
    unit: str = ""  # that the limit was given in


def parse_question(found: NamedQuestion, nouns: frozenset[str]) -> Query | None:
    """Return the query of a question whose names are replaced; None when a word is not understood.

    `nouns` are words that are printed in the chart: what its values or rows are called.
    """
    if found.is_doubtful:
        return None
    text = re.sub(r"[,;:]", " ", _FILLERS.sub(" ", found.text).replace("what's", "what is"))
    text = re.sub(r"(?<=\d) (?=%)", "", " ".join(_without_commas(text).split()))
    for rule in _RULES:
        query = rule(text, found, _nouns(nouns))
        if query:
            return query
    return None


def taken_for_values(
    found: NamedQuestion, nouns: frozenset[str], header: Sequence[str]
) -> list[str]:
    """Return the words of a question that are understood only because the chart has them printed.

    The names in the table's header are known to be what its values are.
    """
    known = {word for name in header for word in name.lower().split()}
    words = {
        word: {word, word.removesuffix("s")} for word in re.findall(r"[^\W\d_]{3,}", found.text)
    }
    return [
        word
        for word, spellings in words.items()
        if not spellings & known and parse_question(found, nouns - spellings) is None
    ]


def _without_commas(text: str) -> str:
    return re.sub(r"(?<=\d) (?=\d{3}\b)", "", text)


def _nouns(printed: frozenset[str]) -> str:
    """Return a pattern of one to three words that may name what the table is about."""
    words = sorted({*printed, *VALUE_NOUNS, *ROW_NOUNS} - NO_NOUNS, key=len, reverse=True)
    one = "|".join(re.escape(word) for word in words)
    return rf"(?:(?:the |of |in |number of )*(?:{one})s?(?: (?:of |in |the )*(?:{one})s?){{0,3}})"


def _any(words: Sequence[str]) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + ")"


_MAX, _MIN = _any(MAX_WORDS), _any(MIN_WORDS)
_MANY_WORDS = _any([*COUNTS])
_VERB = rf"(?:{_any(VERBS)}(?: the)?)"
_ASK = r"(?:which|what|who|where|when)"
_NAME = r"(?:[rs]\d+)"
_AND = r"(?:,|and|or|to|with|from|vs|versus|&)"
_WHERE = rf"(?: (?:(?:in|for|of|on|at|among|during) )?(?:the )?(?:{_NAME}))"
_SERIES = r"(?:(?: (?:in|for|of|on|among|during|by))?(?: the)? s\d+(?: (?:series|line|bars?))?)"


def _scope(found: NamedQuestion) -> dict:
    return {"rows": tuple(found.rows), "series": tuple(found.series)}


def _extreme(text: str, found: NamedQuestion, noun: str) -> Query | None:
    """Read "which city has the most visitors", "second largest in 2023", "top 3"."""
    rank = rf"(?:(?P<rank>{_any([*ORDINALS])})[ -])?"
    many = rf"(?:(?P<many>\d|{_MANY_WORDS}) )?"
    word = rf"(?:(?P<max>{_MAX})|(?P<min>{_MIN}))"
    asked = rf"(?:{_ASK}(?: {noun})?{_WHERE}?(?: {_VERB})* )?"
    start = rf"{asked}(?:the )?{rank}{many}{word}(?: (?P<many2>\d|{_MANY_WORDS}))?"
    rest = rf"(?: (?:of |in )?(?:the |all )*{noun})?{_WHERE}*(?: {_VERB})?"
    gap = r"(?P<gap> (?:and )?by how much(?: more)?)?"
    match = re.fullmatch(start + rest + gap, text)
    if not match:
        return None
    many_word = match["many"] or match["many2"]
    kind, number = "extreme", float(ORDINALS.get(match["rank"] or "", 1))
    if many_word:
        kind = "several"
        number = float(COUNTS.get(many_word) or many_word)
    if match["gap"]:
        kind = "lead"
    if (many_word or match["gap"]) and match["rank"] or not number:
        return None
    return Query(kind, number=number, most=bool(match["max"]), **_scope(found))


def _total(text: str, found: NamedQuestion, noun: str) -> Query | None:
    """Read "what is the total of plan", "how many visitors in total", "average of all rows"."""
    kind = r"(?:(?P<total>total|sum)|(?P<average>average|mean|avg)|(?P<median>median))"
    of = rf"(?: (?:of|for|in|over|across)?(?: the| all| all the| both)*(?: {noun})?)?"
    names = rf"(?:{_WHERE}(?: {_AND}(?: {_NAME}))*)?(?:{_SERIES})?"
    asked = r"(?:(?:what|how much|how many|how high|how large) (?:is|are|was|were) )?(?:the )?"
    match = re.fullmatch(rf"{asked}(?:overall |grand )?{kind}(?: {noun})?{of}{names}", text)
    if match:
        word = next(name for name, said in match.groupdict().items() if said)
        return Query(word, **_scope(found))
    end = r"(?:in total|altogether|together|in all|combined|all together|overall)"
    verb = rf"(?: (?:{_VERB}|are there|is there|were there|is it|are they))*"
    match = re.fullmatch(
        rf"how (?:much|many)(?: {noun})?{verb}(?:{names})?(?: {_VERB})? {end}(?:{_SERIES})?", text
    )
    return Query("total", **_scope(found)) if match else None


def _difference(text: str, found: NamedQuestion, _: str) -> Query | None:
    """Read "difference between Oslo and Rome", "how much more is Oslo than Rome"."""
    what = r"(?:(?:what is|how (?:big|large|great|much) is) )?(?:the )?"
    ends = rf"(?:the )?(?:{_MAX} and (?:the )?{_MIN}|{_MIN} and (?:the )?{_MAX})"
    nouns = rf"(?: {_any([*VALUE_NOUNS, *ROW_NOUNS])})?"
    between = r"(?:difference|gap|distance|range) (?:between|of)"
    if re.fullmatch(rf"{what}{between} {ends}{nouns}{_WHERE}?", text):
        return Query("range", **_scope(found))
    pair = rf"(?:the )?{_NAME}{_WHERE}? (?:and|to|vs|versus|minus|from) (?:the )?{_NAME}{_WHERE}?"
    more, one = _any([*MORE, *LESS]), rf"{_NAME}{_WHERE}?"
    forms = (
        rf"{what}(?:{between} )?{pair}{_WHERE}?",
        rf"{what}(?:difference|gap) (?:in|for|of) {_NAME} between {pair}",
        rf"how (?:much|many) {more}(?: {nouns})? {_VERB} {_NAME}{_WHERE}?(?: {_VERB})? than "
        rf"(?:in )?{_NAME}{_WHERE}?",
        rf"(?:by )?how much (?:is |was )?{one} (?:is |was )?{more} than {one}",
        rf"by how much (?:is|was|does|did) {one} (?:{more} than|exceed) {one}",
        rf"how much {more} (?:is|was) {one} than {one}",
    )
    if any(re.fullmatch(form, text) for form in forms) and re.search(
        rf"difference|gap|distance|minus|{more}|exceed", text
    ):
        return Query("difference", **_scope(found))
    return None


def _comparison(text: str, found: NamedQuestion, noun: str) -> Query | None:
    """Read "is Oslo larger than Rome"."""
    test = rf"(?:(?P<more>{_any(MORE)})|(?P<less>{_any(LESS)}))"
    match = re.fullmatch(
        rf"(?:is|was|are|were|does|did|has|had) {_NAME}{_WHERE}?(?: have| has| had)? {test}"
        rf"(?: {noun})? than (?:in )?{_NAME}{_WHERE}?",
        text,
    )
    return Query("comparison", most=bool(match["more"]), **_scope(found)) if match else None


def _limit(text: str, found: NamedQuestion, noun: str) -> Query | None:
    """Read "which cities have more than 40", "how many rows are below 10%"."""
    number = r"(?P<number>-?\s?[$€£¥]?\s?\d[\d,]*(?:\.\d+)?\s?(?:%|k|m|percent)?)"
    test = (
        rf"(?:(?P<more>{_any(MORE)})(?: than)?|(?P<less>{_any(LESS)})(?: than)?"
        r"|(?P<least>at least)|(?P<most>at most))"
    )
    asked = rf"(?:(?P<how>how many)|{_ASK})(?: (?:of the )?{noun})?{_SERIES}?"
    match = re.fullmatch(
        rf"{asked}(?: {_VERB})?(?: an?)?(?: {noun})? {test} {number}(?: {noun})?{_SERIES}?", text
    )
    if not match or found.rows:
        return None
    said = match["number"].replace("percent", "%").replace(" ", "")
    parsed = parse_number(said)
    if not parsed:
        return None
    value, prefix, unit, _ = parsed
    signs = {"more": ">", "less": "<", "least": ">=", "most": "<="}
    sign = next(signs[name] for name in signs if match[name])
    kind = "count" if match["how"] else "limit"
    return Query(kind, number=value, test=sign, unit=prefix + unit, **_scope(found))


def _named(text: str, found: NamedQuestion, noun: str) -> Query | None:
    """Read "what is the value of Oslo", "Oslo in 2023?", "how many visitors had Oslo"."""
    names = rf"(?:the )?{_NAME}(?: (?:and|,|or|in|for|of|on|at|with|during)? ?(?:the )?{_NAME})*"
    how = r"how (?:much|many|high|large|big|low|tall)"
    forms = (
        names,
        rf"(?:what|{how}|which) (?:is|are|was|were) {names}",
        rf"(?:what (?:is|are|was|were) )?(?:the )?{noun} (?:of|for|in|at|on) {names}",
        rf"what {noun}? ?{_VERB} {names}(?: have| has| had| show| reach| get)?",
        rf"{how}(?: {noun})? (?:{_VERB} )*(?:there )?(?:in |for |at |on )?{names}"
        rf"(?: have| has| had| get| got| show| reach| sell)?",
        rf"how (?:is|are|was|were) {names}",
    )
    if not (found.rows or found.series) or not any(re.fullmatch(form, text) for form in forms):
        return None
    return Query("named", **_scope(found))


def _how_many(text: str, found: NamedQuestion, _: str) -> Query | None:
    """Read "how many rows are there"."""
    plain = ["rows", "categories", "bars", "entries", "items", "labels", "points", "slices"]
    match = re.fullmatch(rf"how many {_any(plain)}(?: (?:are there|are shown|does it have))?", text)
    return Query("size") if match and not (found.rows or found.series) else None


_Rule = Callable[[str, NamedQuestion, str], Query | None]
_RULES: tuple[_Rule, ...] = (
    _how_many,
    _extreme,
    _total,
    _difference,
    _comparison,
    _limit,
    _named,
)

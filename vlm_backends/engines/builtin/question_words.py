"""Find the words of a question in print: whole words, in any inflection, with typing mistakes."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from rapidfuzz.distance import OSA

_PICTURE = "image images picture pictures photo photos photograph screenshot pic"
# of a question or an order in general; "when is the show?" asks for a show all the same
_GENERAL = (
    "answer anything board book card chart contain content describe detail detect document drawing "
    "everything explain extract find form give help identify kind label letter list look make mean "
    "menu message note ocr page poster print printed read receipt say screen see seen show shown "
    "sign slide something summarise summarize summary table tell text ticket title transcribe "
    "translate word write written"
)
_STOP = (
    "a about add all am an and any are as at away be been being both but by can could did do does "
    "doing done each either every far few for from get gets go goes going had has have he her "
    "here his how i if in into is it its just know least less like long many may me might more "
    "most much must my no not of off often old on one or other our out over per please shall she "
    "should so some such take takes than that the their them then there these they thing things "
    "this those to too under up us very want was we were what what's when when's where where's "
    "which who who's whom whose why will with would you your i'm i'd"
)
_NO_CONTENT = frozenset([*_PICTURE.split(), *_STOP.split()])
_GENERAL_WORDS = frozenset(_GENERAL.split())
_SHARP = re.compile(r"\W*(when|where|which|who|whose|how|what time)\b", re.IGNORECASE)
_AMOUNT = re.compile(r"\W*(when|how|what time)\b", re.IGNORECASE)
_NUM = r"[^\w\s]?\d[\d.,:]*"
_EXCEPT = "without|except(?: for)?|excluding|besides|apart from|other than"
_MEANT = re.compile(  # what is not done here: to leave out, and to compare numbers
    rf"\b(?:{_EXCEPT}|not counting)"
    r"(?: (?:any|the|a|an|for))? [^\W\d_]+"
    rf"|\b(?:(?:less|more|fewer|\w+er) than|under|over|below|above|at (?:least|most)|up to) {_NUM}"
    rf"|\b(?:before|after|until) {_NUM}|\bbetween {_NUM}(?: and {_NUM})?",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|never|none|nothing|no(?!\.? ?\d))\b|\b[a-z]+n['’]t\b", re.IGNORECASE)
_DENIAL = re.compile(
    rf"{_NOT.pattern}|\b(?:neither|nor|non|{_EXCEPT}|but|rather than|instead of)\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+(?:[.,:'’/-][^\W_]+)*")
_NUMBER_AND_UNIT = re.compile(
    r"(\d[\d.,:]*)(km|mi|cm|mm|ml|kg|mg|kb|mb|gb|am|pm|kw|hz|min|hrs?|m|g|l|h|s|k|v|w|x)"
)
_NUMBER = re.compile(r"\d[\d.,]*")
_HAN_OR_KANA = re.compile("[\u30a0-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_MIXED_UP = str.maketrans("0158", "olsb")  # digits that are read for letters
_MIN_MIXED = 4  # characters of a word in which a digit may stand for a letter
_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "knives": "knife",
    "loaves": "loaf",
    "men": "man",
    "mice": "mouse",
    "people": "person",
    "shelves": "shelf",
    "teeth": "tooth",
    "wives": "wife",
    "wolves": "wolf",
    "women": "woman",
}
_SHORTENED = {  # words that are often printed in short
    "aeroplane": ("plane",),
    "airplane": ("plane",),
    "apartment": ("apt",),
    "april": ("apr",),
    "august": ("aug",),
    "avenue": ("ave",),
    "bicycle": ("bike",),
    "building": ("bldg",),
    "december": ("dec",),
    "department": ("dept",),
    "february": ("feb",),
    "friday": ("fri",),
    "january": ("jan",),
    "july": ("jul",),
    "june": ("jun",),
    "laboratory": ("lab",),
    "monday": ("mon",),
    "november": ("nov",),
    "october": ("oct",),
    "quantity": ("qty",),
    "refrigerator": ("fridge",),
    "september": ("sep", "sept"),
    "telephone": ("phone", "tel"),
    "thursday": ("thu", "thur", "thurs"),
    "tuesday": ("tue", "tues"),
}
_SHORT_AS_A_WORD = {"march": "mar", "saturday": "sat", "sunday": "sun", "wednesday": "wed"}
_MIN_SLIP = 6  # letters of a word that may be spelled differently; in nine, two letters may
_TWO_SLIPS = 9


def content_words(question: str, with_general: bool = False) -> list[str]:
    """Return the words that a question is about, in its own spelling; none for a general one.

    Words such as "sign" and "show" count in questions for a time, place, person or amount only,
    and where they are asked for.
    """
    general = frozenset() if with_general or _SHARP.match(question) else _GENERAL_WORDS
    return [
        word
        for word in dict.fromkeys(words_of(question))
        if (len(word) > 1 or word.isdigit())
        and _folded(word).replace("’", "'") not in _NO_CONTENT
        and not forms(word) & general
    ]


def split_meant(question: str, printed: str) -> tuple[str, list[str]]:
    """Return the question without phrases such as "without milk" and "under 5", and these phrases.

    They say which rows are not meant, so their words must not find rows. A phrase that is printed
    as it stands is kept.
    """
    left_out: list[str] = []

    def judge(match: re.Match[str]) -> str:
        phrase = match[0].rstrip(".,:")
        if _is_printed(phrase, printed):
            return match[0]
        left_out.append(phrase)
        return " "

    return _MEANT.sub(judge, question), left_out


def denials(question: str, quoted: str) -> list[str]:
    """Return the words such as "not" and "isn't" of the question that the quoted print lacks."""
    return [word for word in _NOT.findall(question) if not _is_printed(word, quoted)]


def denial(words: str) -> str:
    """Return the first denial in a text, such as "not", "isn't", "without"; empty for none."""
    match = _DENIAL.search(words)
    return match[0] if match else ""


def _is_printed(phrase: str, text: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE))


def is_content(word: str) -> bool:
    """Return True for a word with letters that says more than "the" and "with"."""
    return not word[:1].isdigit() and _folded(word).replace("’", "'") not in _NO_CONTENT


def asks_for_amount(question: str) -> bool:
    """Return True when the answer probably has a number in it."""
    return bool(_AMOUNT.match(question))


def words_of(text: str) -> Iterator[str]:
    """Yield the words and numbers of a text; a number apart from its unit.

    Chinese, Japanese and Korean print has no spaces: each two neighbouring characters are a word.
    """
    for match in _WORD.finditer(text):
        word = match[0]
        if runs := _HAN_OR_KANA.findall(word):
            for run in runs:
                yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
        elif parts := _NUMBER_AND_UNIT.fullmatch(word.lower()):
            yield from parts.groups()
        else:
            yield word


def forms(word: str) -> frozenset[str]:
    """Return the spellings under which a word is found: folded, its stems, its parts."""
    folded = _folded(word)
    if _NUMBER.fullmatch(folded):
        return frozenset({_plain_number(folded)})
    if not re.search(r"[^\W\d]", folded):  # a time or a date
        return frozenset({folded})
    parts = [part for part in re.split(r"[^\w]", folded) if len(part) > 1]
    spellings = {"".join(re.findall(r"\w", folded)), *parts}
    if len(folded) >= _MIN_MIXED and re.search(r"\d", folded):
        spellings.add(folded.translate(_MIXED_UP))
    return frozenset(stem for spelling in spellings for stem in _stems(spelling))


def forms_to_find(word: str) -> frozenset[str]:
    """Return the spellings under which a word of a question is found in print.

    Who asks for "Sunday" means "Sun", too; who asks for the sun does not mean "Sunday".
    """
    found = forms(word)
    return found | {_SHORT_AS_A_WORD[form] for form in found if form in _SHORT_AS_A_WORD}


def similar(word: str, printed: Iterable[str]) -> list[str]:
    """Return the printed words that are the word with a typing mistake: one letter, or two."""
    folded = _folded(word)
    if len(folded) < _MIN_SLIP or not folded.isalpha():
        return []
    most = 2 if len(folded) >= _TWO_SLIPS else 1
    return [
        other
        for other in printed
        if _folded(other)[:1] == folded[:1]
        and OSA.distance(folded, _folded(other), score_cutoff=most) <= most
    ]


def _folded(word: str) -> str:
    """Return the word in lower case without accents."""
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _plain_number(digits: str) -> str:
    """Return a number without separators of thousands and without zeros at its ends."""
    digits = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits.rstrip(".,")).replace(",", ".")
    if digits.count(".") == 1:
        digits = digits.rstrip("0").rstrip(".")
    return digits.lstrip("0") or "0"


def _stems(word: str) -> Iterator[str]:
    """Yield the word, what it is in short, and the words that it may be an inflection of."""
    yield word
    if single := _IRREGULAR.get(word):
        yield single
    for whole in (word, word.removesuffix("s")):
        yield from _SHORTENED.get(whole, ())
    if not word.isalpha() or len(word) < 4:
        return
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if re.search(r"(?:[osxz]|[cs]h)es$", word):
        yield word[:-2]
    if word.endswith("s") and word[-2] not in "siu":
        yield word[:-1]
    for ending in "ing", "ed":
        base = word.removesuffix(ending)
        if base != word and len(base) > 2 and re.search("[aeiouy]", base):
            yield base
            yield base + "e"
            if base[-1] == base[-2]:
                yield base[:-1]

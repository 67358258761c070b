"""List the words that questions about a table are made of."""

import re
from collections.abc import Sequence


def _words(text: str) -> list[str]:
    return text.split()


_MONTHS = "january february march april may june july august september october november december"
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_TIMES = [word for name in _words(f"{_MONTHS} {_DAYS}") for word in (name, name[:3], name[:4])]
_PERIOD = re.compile(  # years, quarters, halves, weeks, months, days
    r"(?:fy ?)?(?:19|20)\d\d|q[1-4](?: ?(?:19|20)?\d\d)?|h[12](?: ?(?:19|20)?\d\d)?"
    rf"|(?:week|day|month|year) \d+|(?:{'|'.join(_TIMES)})\.?",
    re.IGNORECASE,
)
MAX_WORDS = _words("largest biggest highest greatest most maximum max tallest top")
MIN_WORDS = _words("smallest lowest least fewest minimum min shortest")
ORDINALS = {"second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5}
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}
MORE = _words("more larger greater higher bigger above over exceeding")
LESS = _words("less fewer smaller lower below under")
# what a table's cells and names are called, whatever the table is about
VALUE_NOUNS = _words(
    "value values number numbers amount amounts figure figures count quantity score result"
)
ROW_NOUNS = _words(
    "row rows category categories bar bars entry entries item items label labels point points "
    "slice slices group groups one ones series line lines name names year years month months "
    "quarter quarters day days week weeks city cities country countries region regions place "
    "places product products team teams person people department departments company companies "
    "town village state continent island river station school shop store branch site sector "
    "industry industries model brand language party parties subject sport animal species fruit "
    "crop food drink type kind class classes season hour source channel device browser"
)
VERBS = _words(
    "is are was were has have had did do does shows show showed got get gets sold sell sells "
    "reached reach reaches received scored made produced recorded earned saw"
)
# words that name no value of the table, even where they are printed: some turn a question's meaning
NO_NOUNS = frozenset(
    _words(
        "more less over under above below than not no nor never without except excluding excl but "
        "besides before after since until between other others only per "
        # marks beside the bars and lines, which are in no table
        "trend trends trendline error errors deviation deviations interval intervals confidence "
        "target targets goal goals threshold thresholds limit limits baseline benchmark reference"
    )
)
_OTHERS = _words(
    "which what between difference total average altogether together there their these those "
    "where about after before table chart graph share"
)
# names that are also words of questions: they are found only as they are printed
EVERYDAY = frozenset(
    _words(
        "a i is in on or and the all no it us may more most less least other others total average "
        "sum mean min max top value values what which who how many much"
    )
)


def vocabulary() -> frozenset[str]:
    """Return the words of questions: none of them is a misspelled name."""
    words = [*MAX_WORDS, *MIN_WORDS, *ORDINALS, *COUNTS, *MORE, *LESS]
    return frozenset([*words, *VALUE_NOUNS, *ROW_NOUNS, *VERBS, *_OTHERS])


_OF_FIGURES = re.compile(
    r"\b(?:how (?:much|many|high|large|big|low|tall)|values? of|totals?|sum|altogether|combined"
    r"|average|mean|median|difference|gap|range"
    rf"|{'|'.join([*MAX_WORDS, *MIN_WORDS, *ORDINALS, *MORE, *LESS])})\b",
    re.IGNORECASE,
)


def may_be_answered(question: str) -> bool:
    """Return True for a question that asks for figures: some table may have its answer."""
    return bool(_OF_FIGURES.search(question))


def are_periods(names: Sequence[str]) -> bool:
    """Return True when all names are times, such as years or months: what is of one kind."""
    return all(_PERIOD.fullmatch(name.strip()) for name in names)

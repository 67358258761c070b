"""Shows how far answers agree, as HTML: all of them in a table, and a sentence for each two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from vlm_backends import Region, Timing
from vlm_backends.media.matching import MAX_COMPARED, SAME_PLACE_IOU, Agreement
from vlm_backends.text import one_line

_ROWS = 12  # of a table of agreement
_LONGEST = 60  # characters of a label
_NONE = "—"
_COLUMNS = "First (s)", "Total (s)", "Words", "Regions", "Also found by another"
_WORD = re.compile(r"\w+")
_ALONE = "There is one answer only, so nothing to compare it with."
_SHARED = (
    "Several of these answers come from the built-in tools. They share their reader of print: that "
    "they agree proves little."
)


@dataclass(frozen=True)
class Compared:
    """One answer of a comparison that has ended."""

    title: str
    text: str = ""
    places: tuple[Region, ...] = ()
    timing: Timing = Timing()
    short: str = ""  # a shorter title, for sentences
    ending: str = ""  # "stopped" or "failed"; empty: it is whole
    partial: bool = False  # built-in tools answered

    @property
    def is_empty(self) -> bool:
        """Return True when nothing arrived."""
        return not (self.text.strip() or self.places)


@dataclass(frozen=True)
class Meeting:
    """Two answers that gave places, by their numbers, and what both found."""

    one: int
    other: int
    found: Agreement


@dataclass(frozen=True)
class Share:
    """A part of an answer, that another one has too."""

    count: int
    of: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count / self.of:.0%} of {self.of} {self.unit}{'s' * (self.of != 1)}"


def shares(answers: Sequence[Compared], meetings: Sequence[Meeting]) -> list[Share | None]:
    """Return for each answer how many of its places, or else of its words, another one has too.

    Places count where another answer has places as well. None: there is nothing to compare.
    """
    return [
        _share_of_places(i, answer, meetings) or _share_of_words(i, answers)
        for i, answer in enumerate(answers)
    ]


def _share_of_places(i: int, answer: Compared, meetings: Sequence[Meeting]) -> Share | None:
    mine = [each for each in meetings if i in (each.one, each.other)]
    if not mine:
        return None
    found = Counter[Region]()
    for each in mine:
        agreed = each.found.agreed
        found |= Counter(pair.one if each.one == i else pair.other for pair in agreed)
    return Share(found.total(), min(len(answer.places), MAX_COMPARED), "place")


def _share_of_words(i: int, answers: Sequence[Compared]) -> Share | None:
    words = [Counter(_WORD.findall(answer.text.casefold())) for answer in answers]
    others = Counter[str]()
    for j, found in enumerate(words):
        if j != i:
            others |= found
    mine = words[i]
    return Share((mine & others).total(), mine.total(), "word") if mine and others else None


def table(answers: Sequence[Compared], meetings: Sequence[Meeting]) -> str:
    """Return a table of times, lengths and agreement as HTML, a row for each answer."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Who", *_COLUMNS))
    rows = "".join(map(_row, answers, shares(answers, meetings)))
    given = [answer for answer in answers if not answer.is_empty]
    shared = sum(answer.partial for answer in given) > 1
    remark = _ALONE if len(given) == 1 else _SHARED if shared else ""
    return (
        '<div class="numbers" tabindex="0" role="region" aria-label="The answers in numbers">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        + (f"<p>{remark}</p>" if remark else "")
    )


def _row(answer: Compared, share: Share | None) -> str:
    ending = f" <small>{escape(answer.ending)}</small>" if answer.ending else ""
    first, total = answer.timing.first_s, answer.timing.total_s
    cells = (
        _NONE if first is None else f"{first:.1f}",
        _NONE if first is None else f"{total:.1f}",
        f"{len(answer.text.split()):,}",
        f"{len(answer.places):,}",
        str(share or _NONE),
    )
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(answer.title)}{ending}</th>{shown}</tr>'


def sentences(answers: Sequence[Compared], meetings: Sequence[Meeting]) -> str:
    """Return a sentence for each two answers as HTML, which unfolds to what both found."""
    names = [answer.short or answer.title for answer in answers]
    return "".join(
        f"<details{' open' if i == 0 else ''}><summary>"
        f"{escape(sentence(names[each.one], names[each.other], each.found))}"
        f"</summary>{_pairs(each.found)}</details>"
        for i, each in enumerate(meetings)
    )


def sentence(one: str, other: str, found: Agreement) -> str:
    """Say how far two entries agree."""
    agreed, places = len(found.agreed), "1 place" if found.places == 1 else f"{found.places} places"
    mean = f" (mean IoU {found.mean:.2f})" if agreed else ""
    first = f" The first {MAX_COMPARED} places of each are compared." if found.cut else ""
    return f"{one} and {other} agree on {agreed or 'none'} of {places}{mean}.{first}"


def _pairs(found: Agreement) -> str:
    if not found.pairs:
        return "<p>No place of one is a place of the other.</p>"
    rows = "".join(
        f"<tr><td>{escape(_both(pair.one.label, pair.other.label))}</td>"
        f'<td><meter value="{pair.iou:.2f}"></meter> {pair.iou:.2f}</td></tr>'
        for pair in found.pairs[:_ROWS]
    )
    more = len(found.pairs) - _ROWS
    rest = f"<p>And {more} more.</p>" if more > 0 else ""
    head = (
        "<thead><tr><th>Nearest pairs</th>"
        f"<th>Overlap (IoU); from {SAME_PLACE_IOU} on the same place</th></tr></thead>"
    )
    return f"<table>{head}<tbody>{rows}</tbody></table>{rest}"


def _both(one: str, other: str) -> str:
    names = dict.fromkeys(one_line(name, _LONGEST) for name in (one, other) if name.strip())
    return " / ".join(names) or "a place without a name"

"""The lanes of a comparison: who can be asked for a intent, one question to each, and what they say together."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import combinations

from ui.core.session import EngineRegistry, Visitor
from ui.state.question import Asked
from ui.state.rendering import as_markdown, small_print, verbatim
from ui.state.task_run import nothing
from vlm_backends import (
    NVIDIA,
    Answer,
    BadPrompt,
    Embedded,
    Engine,
    Local,
    Model,
    Picture,
    Prompt,
    Region,
    Turn,
)
from vlm_backends.intents import ASK, DESCRIBE, FIND, READ, Intent, supports, write_prompt
from vlm_backends.media.matching import MAX_COMPARED, SAME_PLACE_IOU, Agreement, agreement

MOST = 6  # lanes at once
_USUAL = 3  # lanes that are chosen for a visitor
_ROWS = 12  # of a table of agreement
_LONGEST = 60  # characters of a label, or of a prompt
_DOUBT = {"alive": "", "unknown": ", unproven", "withdrawn": ", withdrawn"}
_LLAMA, _FLORENCE, _DEPLOT = (
    "meta/llama-3.2-11b-vision-instruct",
    "microsoft/florence-2",
    "google/deplot",
)
_HERE: Mapping[
    Intent, tuple[str, ...]
] = {  # in whose place this machine has an answer: alike for all chat models,
    ASK: (_FLORENCE, _LLAMA),
    DESCRIBE: (_LLAMA,),
    FIND: (_FLORENCE,),  # so that one stands for them
    READ: (_FLORENCE, _LLAMA, _DEPLOT),
}
_BY_HAND = (_DEPLOT,)  # it makes a table of whatever it sees: nobody is given it unasked


@dataclass(frozen=True)
class Seat:
    """A model at an engine, which may get a lane; `key` names it in the page's fields."""

    model: Model
    engine: str
    doubt: str = ""  # why its answer is less than certain
    sure: bool = True  # it answers without doubt or download

    @property
    def key(self) -> str:
        """Its name in the page's fields."""
        return f"{self.model.id}@{self.engine}"

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"{self.model.title} · {self.engine}"


def seats(registry: EngineRegistry, visitor: Visitor, intent: Intent) -> list[Seat]:
    """Who can answer this visitor for this intent now: engine by engine, in the catalogue's order."""
    wanted = [model for model in registry.models if supports(model, intent)]
    return [
        seat
        for engine in registry.engines
        for seat in _seats(engine, visitor, wanted, _HERE[intent])
    ]


def _seats(
    engine: Engine, visitor: Visitor, wanted: Sequence[Model], here: Sequence[str]
) -> Iterator[Seat]:
    if isinstance(engine, NVIDIA):
        if engine.key or visitor.key:
            for model in (model for model in wanted if model.hosted):
                yield Seat(
                    model, engine.name, _DOUBT[model.hosted.state], model.hosted.state == "alive"
                )
    elif isinstance(engine, Embedded):
        yield from (Seat(model, engine.name) for model in wanted if model.id in here)
    else:
        able = engine.models()
        ready = replace(engine, downloads=False).models() if isinstance(engine, Local) else able
        for model in wanted:
            if model in able:
                yield Seat(
                    model,
                    engine.name,
                    "" if model in ready else ", to be downloaded",
                    model in ready,
                )


def usual(offered: Sequence[Seat]) -> list[str]:
    """The keys of a good first choice: sure ones, each model once; this machine where there are no two others."""
    sure = [seat for seat in offered if seat.sure and seat.model.id not in _BY_HAND]
    others = [seat for seat in sure if seat.engine != Embedded.name]
    first = {seat.model.id: seat.key for seat in reversed(others if len(others) > 1 else sure)}
    return list(reversed(first.values()))[:_USUAL]


@dataclass
class Lane:
    """One question on its way to one seat, and the answer so far."""

    seat: Seat
    asked: Asked
    fresh: bool = True  # not sent yet
    over: bool = False

    def claim(self) -> bool:
        """True once: whoever gets it sends the question."""
        fresh, self.fresh = self.fresh, False
        return fresh

    def shown(self) -> str:
        """The lane as safe Markdown: who, how and how fast, what went wrong, and the words."""
        asked, answer = self.asked, self.asked.answer
        said = bool(answer.text or answer.regions)
        parts = [f"**{verbatim(self.seat.title)}**", self._print(said)]
        if asked.error:
            parts.append(f"**{verbatim(asked.error)}**")
        elif self.over and not said:
            parts.append("Stopped before the first word." if asked.stopped else nothing(answer))
        return "\n\n".join(
            filter(None, (*parts, as_markdown(answer)))
        )  # the words last: a fence may be open

    def _print(self, said: bool) -> str:
        clock = self.asked.clock
        if not self.over:
            waiting = self.asked.answer.status or "…"
            return (
                f"*First words after {clock.first_s:.1f} s …*" if said else f"*{verbatim(waiting)}*"
            )
        how = [
            *(["Stopped."] if self.asked.stopped else []),
            f"Asked: “{_short(self.asked.prompt.turns[-1].text)}”",
        ]
        return (
            f"{small_print(self.asked)}  \n<small>{verbatim(' '.join(how))}</small>" if said else ""
        )


@dataclass
class Comparison:
    """One visitor's last comparison, held by the server."""

    picture: Picture | None = None
    lanes: tuple[Lane, ...] = ()
    words: str = ""
    waiting: bool = False  # a lane has not ended, or its end is not shown yet
    fresh: bool = False  # nobody watches it yet
    moved: asyncio.Event = field(default_factory=asyncio.Event)  # a lane has ended

    def put(self, picture: Picture, lanes: Sequence[Lane], words: str) -> None:
        """A comparison is begun."""
        self.picture, self.lanes, self.words = picture, tuple(lanes), words
        self.waiting, self.fresh, self.moved = True, True, asyncio.Event()

    def claim(self) -> bool:
        """True once for each comparison: whoever gets it watches."""
        fresh, self.fresh = self.fresh, False
        return fresh

    def end(self, lane: Lane) -> None:
        """A lane has its whole answer, or will get no more of it."""
        lane.over = True
        self.moved.set()

    @property
    def over(self) -> bool:
        """True when every lane has ended."""
        return all(lane.over for lane in self.lanes)

    def halt(self) -> None:
        """All lanes end; what has arrived stays."""
        if self.waiting:
            for lane in self.lanes:
                if not lane.over:
                    lane.asked.halt()

    def places(self) -> tuple[Answer, tuple[str, ...]]:
        """The places of all lanes that have ended, and the lane of each."""
        found = [(region, lane.seat.title) for lane in self.lanes for region in self._named(lane)]
        return Answer("", tuple(region for region, _ in found)), tuple(title for _, title in found)

    def agreements(self) -> list[tuple[str, str, Agreement]]:
        """Each two of the lanes that gave places, and how far they agree."""
        giving = [(lane.seat.title, found) for lane in self.lanes if (found := self._named(lane))]
        return [
            (one, other, agreement(ones, others))
            for (one, ones), (other, others) in combinations(giving, 2)
        ]

    def _named(self, lane: Lane) -> tuple[Region, ...]:
        """The lane's places, none before it has ended; a place without a name is named by what was looked for."""
        found = (region for region in lane.asked.answer.regions if lane.over and region.outline)
        return tuple(
            region._replace(label=region.label or self.words, span=None) for region in found
        )


def questions(found: Sequence[Seat], intent: Intent, picture: Picture, words: str) -> list[Lane]:
    """One lane for each seat. Raises BadPrompt for none, too many, or missing words."""
    if not found:
        raise BadPrompt("Choose at least one model to ask.")
    if len(found) > MOST:
        raise BadPrompt(f"At most {MOST} can be asked at once. Leave out {len(found) - MOST}.")
    lanes = []
    for seat in found:
        text, task = write_prompt(seat.model, intent, words)
        lanes.append(Lane(seat, Asked(seat.model, Prompt((Turn("user", text, (picture,)),)), task)))
    return lanes


def as_html(agreements: Sequence[tuple[str, str, Agreement]]) -> str:
    """A sentence for each two lanes, with the table of what both found behind it."""
    return "".join(
        f"<details{' open' if i == 0 else ''}><summary>{escape(sentence(*each))}</summary>{_table(each[2])}</details>"
        for i, each in enumerate(agreements)
    )


def sentence(one: str, other: str, found: Agreement) -> str:
    """How far two lanes agree, in words."""
    agreed, places = len(found.agreed), "1 place" if found.places == 1 else f"{found.places} places"
    mean = f" (mean IoU {found.mean:.2f})" if agreed else ""
    first = f" The first {MAX_COMPARED} places of each are compared." if found.cut else ""
    return f"{one} and {other} agree on {agreed or 'none'} of {places}{mean}.{first}"


def _table(found: Agreement) -> str:
    if not found.pairs:
        return "<p>They found nothing in common.</p>"
    rows = "".join(
        f'<tr><td>{escape(_both(pair.one.label, pair.other.label))}</td><td><meter value="{pair.iou:.2f}"></meter> '
        f"{pair.iou:.2f}</td></tr>"
        for pair in found.pairs[:_ROWS]
    )
    more = len(found.pairs) - _ROWS
    rest = f"<p>And {more} more.</p>" if more > 0 else ""
    head = f"<thead><tr><th>Nearest pairs</th><th>Overlap (IoU); from {SAME_PLACE_IOU} on the same place</th></tr></thead>"
    return f"<table>{head}<tbody>{rows}</tbody></table>{rest}"


def _both(one: str, other: str) -> str:
    names = dict.fromkeys(_short(name) for name in (one, other) if name.strip())
    return " / ".join(names) or "a place without a name"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

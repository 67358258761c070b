"""Define the values that everything else passes around. All of them are immutable.

Coordinates are in 0..1 everywhere, x to the right and y down, from the outer edge of the upright
picture's top left pixel. Only `media.geometry` and the wires convert them to pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from vlm_backends.errors import BadPrompt

Point = tuple[float, float]


class Region(NamedTuple):
    """A named place in the picture: a box and a quad have four corners, a mask's outline has many.

    Coordinates are in 0..1, x to the right and y down. It is a tuple because a reply may hold
    thousands of them.
    """

    label: str
    outline: tuple[Point, ...]
    is_mask: bool = False  # drawn filled; its JSON key is "solid"
    span: tuple[int, int] | None = None  # of the label in the answer's text, end exclusive
    score: float | None = None  # 0..1, how sure the engine is of it; None: it does not say

    @property
    def title(self) -> str:
        """Return the label with the score, if there is one, as it is drawn: "cat 93%"."""
        if self.score is None:
            return self.label
        return f"{self.label} {self.score:.0%}".strip()

    @property
    def solid(self) -> bool:
        """Return `is_mask`, under its older name."""
        return self.is_mask


NAMELESS = "region"  # the label of a region that has no name of its own
CONFIDENCE = 0.5  # from there on a scored region is more often right than wrong
PAGE_MARK = "#page="  # before the number of a page, as in a link to a page of a PDF (RFC 8118)
PageUnit = Literal["page", "frame", "picture"]


@dataclass(frozen=True)
class Page:
    """One of the pages of a PDF or TIFF, the frames of an animation, or the pictures of a HEIC."""

    number: int = 1
    count: int = 1
    unit: PageUnit = "page"

    @property
    def sentence(self) -> str:
        """Return a sentence such as "Page 2 of 3."; empty where there is one only."""
        if self.count == 1:
            return ""
        return f"{self.unit.capitalize()} {self.number:,} of {self.count:,}."


@dataclass(frozen=True)
class Picture:
    """An upright picture, as the bytes or the path of a file. Width and height are in pixels.

    `name` is that of the file that it was read from, if any, and `page` the part of that file.
    `ground` names the colour that the file's transparent parts were given, if it has any.
    """

    source: bytes | Path = field(repr=False)
    mime: str
    width: int
    height: int
    name: str = field(default="", compare=False)
    page: Page = field(default=Page(), compare=False)
    ground: str = field(default="", compare=False)

    @property
    def note(self) -> str:
        """Say which page it is and what its transparent parts became; empty for a plain picture."""
        ground = self.ground and f"Its transparent parts are {self.ground} here."
        return " ".join(filter(None, (self.page.sentence, ground)))

    @property
    def title(self) -> str:
        """Return the file's name, with the page after the first: "scan.tif", "scan.tif#page=2"."""
        return page_title(self.name, self.page.number) if self.name else ""

    @property
    def data(self) -> bytes:
        """Return the bytes; a file is read each time. Raises BadPrompt when it is gone."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError:
            raise BadPrompt("The picture is no longer there: upload it again.") from None


def page_title(name: str, number: int) -> str:
    """Return how a page of a file is called: as the file for the first, else with its number."""
    return name if number == 1 else f"{name}{PAGE_MARK}{number}"


@dataclass(frozen=True)
class Sent:
    """The form in which a picture was sent to the model. Width and height are in pixels."""

    mime: str
    width: int
    height: int
    bytes: int
    way: Literal["inline", "asset"] | None = None  # None: it never left this machine


@dataclass(frozen=True)
class Answer:
    """The meaning of a reply: words for people, regions for the picture, rows for a table."""

    text: str
    regions: tuple[Region, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()  # the header is the first
    literal: bool = False  # the text is shown letter for letter: it is no Markdown
    note: str = ""  # the engine's comment on the answer, such as who really read the picture
    sent: Sent | None = None
    status: str = ""  # what is waited for, before the first words
    tokens: int | None = None  # of the whole answer, as the engine counted them
    thought: str = ""  # what a reasoning model wrote before its answer
    finish: str = ""  # why the reply ended, in OpenAI's words, where that is not the usual end
    fold: int | None = None  # where in the text a part begins that a page may fold
    method: tuple[str, ...] = ()  # sentences of the note about the engine alone: may be folded


Reader = Callable[[str], Answer]  # never raises, and accepts any prefix of a reply


class Chunk(NamedTuple):
    """A piece of a reply. It is a tuple because one is made for every token."""

    text: str = ""
    regions: tuple[Region, ...] = ()  # of the engine; they replace those read from the text
    literal: bool = False  # the text is for people: no reader parses it
    note: str = ""
    sent: Sent | None = None
    status: str = ""
    tokens: int | None = None
    thought: str = ""
    finish: str = ""
    fold: int | None = None  # in the whole reply's text
    rows: tuple[tuple[str, ...], ...] = ()  # of a table, the header first, beside literal text
    method: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Sampling:
    """The sampling parameters of a model."""

    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None = None


@dataclass(frozen=True)
class SamplingLimits:
    """The range of sampling that a model's endpoint accepts, both ends included."""

    max_tokens: int = 1024
    temperature: tuple[float, float] = (0.01, 1.0)
    top_p: tuple[float, float] = (0.01, 1.0)


@dataclass(frozen=True)
class Prompt:
    """A conversation whose last turn is the user's question, and how to sample the answer."""

    turns: tuple[Turn, ...]
    sampling: Sampling | None = None  # None: the model's own
    confidence: float = CONFIDENCE  # 0..1: an engine that scores its regions leaves out lower ones
    system: str = ""  # what the model is told before the conversation
    schema: str = ""  # the JSON schema of the answer, as JSON; empty: the answer is text

    @property
    def picture(self) -> Picture | None:
        """Return the newest picture of the conversation; None when it has none."""
        return self.pictures[-1] if self.pictures else None

    @property
    def picture_note(self) -> str:
        """Say what the newest pictures are of their files, such as "Page 2 of 3."; or nothing."""
        if len(self.pictures) == 1:
            return self.pictures[0].note
        told = [picture for picture in self.pictures if picture.note]
        return " ".join(f"{each.name or 'Picture'}: {each.note}" for each in told)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Return the pictures of the newest turn that has any."""
        return next((turn.pictures for turn in reversed(self.turns) if turn.pictures), ())


@dataclass(frozen=True)
class Task:
    """One thing that a task model does, called by its token, such as `<OD>`."""

    token: str
    title: str
    group: str
    about: str
    read: Reader
    takes: Literal["nothing", "words", "region"] = "nothing"
    write: Callable[[Any], str] = str  # spells the words or the region (a box in 0..1)
    example: str | tuple[float, float, float, float] | None = None  # words, or a sample's box


@dataclass(frozen=True)
class Hosted:
    """The state of a model at NVIDIA, as far as it is known, and since when."""

    state: Literal["alive", "withdrawn", "unknown"]
    checked: str  # ISO date of the newest evidence
    why: str


@dataclass(frozen=True)
class Weights:
    """The open weights that answer for a model on one's own machine."""

    id: str  # at the Hugging Face hub
    licence: str
    gigabytes: float  # to download, about
    gated: bool = False  # its publisher asks for a name and a click first
    instead: str = ""  # why these weights are not the model's own
    served: bool = False  # `transformers` has no class for them: they need a server of their own


@dataclass(frozen=True)
class Model:
    """One entry of the catalogue. Its tab, requests, API name and README row come from it."""

    id: str
    title: str
    publisher: str
    about: str
    url: str
    link: str
    hosted: Hosted | None  # None: not in NVIDIA's catalogue
    read: Reader
    sampling: Sampling | None = None  # None: it takes no sampling
    limits: SamplingLimits = SamplingLimits()
    prompts: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()  # pictures in assets/, one per prompt
    tasks: tuple[Task, ...] = ()
    fallback: str = ""  # a second URL, tried once when the model is gone from the first
    weights: Weights | None = None
    pictures: int = 1  # that one request may hold
    streams: bool = True
    converses: bool = True  # False: it sees no earlier messages
    asset: bool = False  # pictures always go through NVIDIA's asset store
    tables: bool = False  # its answers are the tables behind charts
    parts: bool = False  # pictures go as image_url parts, not as <img> in the text

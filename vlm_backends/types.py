"""The vocabulary: frozen values that everything else speaks.

Coordinates are 0..1 everywhere, x to the right and y down, from the top left corner of the
upright picture. Only a wire or a drawing knows pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from vlm_backends.errors import BadPrompt

Point = tuple[float, float]


class Region(NamedTuple):
    """A named place in the picture: a box and a quad have four corners, a mask's outline has many.

    It is a tuple because a reply may hold thousands. Coordinates are in 0..1, x to the right and y down.
    """

    label: str
    outline: tuple[Point, ...]
    is_mask: bool = False  # drawn filled; its JSON key is "solid"
    span: tuple[int, int] | None = None  # of the label in the answer's text, end exclusive

    @property
    def solid(self) -> bool:
        """The older name of `is_mask`."""
        return self.is_mask


@dataclass(frozen=True)
class Picture:
    """An upright picture as the bytes of a file, or as the file's path; width and height are in pixels."""

    source: bytes | Path = field(repr=False)
    mime: str
    width: int
    height: int

    @property
    def data(self) -> bytes:
        """The bytes; a file is read each time. Raises BadPrompt when it is gone."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError:
            raise BadPrompt("The picture is no longer there: upload it again.") from None


@dataclass(frozen=True)
class Sent:
    """How a picture travelled to the model."""

    mime: str
    width: int
    height: int
    bytes: int
    way: Literal["inline", "asset"] | None = None  # None: it never left this machine


@dataclass(frozen=True)
class Answer:
    """What a reply means: words for people, regions for the picture, rows for a table."""

    text: str
    regions: tuple[Region, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    literal: bool = False  # the text is to be shown letter for letter: it is no Markdown
    note: str = ""  # the engine's own word about the answer, such as who really read the picture
    sent: Sent | None = None
    status: str = ""  # what is waited for, while nothing has been said yet
    tokens: int | None = None  # of the whole answer, as the engine counted them


Reader = Callable[[str], Answer]  # total: never raises, accepts half a reply


class Chunk(NamedTuple):
    """A piece of a reply; a tuple, since it is made for every token."""

    text: str = ""
    regions: tuple[Region, ...] = ()  # ready-made ones win over those read from the text
    literal: bool = (
        False  # the text is for people, not in the model's grammar: no reader touches it
    )
    note: str = ""
    sent: Sent | None = None
    status: str = ""
    tokens: int | None = None


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How a model picks its words."""

    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None = None


@dataclass(frozen=True)
class SamplingLimits:
    """What a model's endpoint accepts, both ends included."""

    max_tokens: int = 1024
    temperature: tuple[float, float] = (0.01, 1.0)
    top_p: tuple[float, float] = (0.01, 1.0)


@dataclass(frozen=True)
class Prompt:
    """What is asked: the conversation so far, the last turn being the user's."""

    turns: tuple[Turn, ...]
    sampling: Sampling | None = None


@dataclass(frozen=True)
class Task:
    """One thing that a task model does, called by its token."""

    token: str
    title: str
    group: str
    about: str
    read: Reader
    takes: Literal["nothing", "words", "region"] = "nothing"
    write: Callable[[object], str] = str  # the words or the region, as the model wants them spelled
    example: object = None  # words, or a box (x0, y0, x1, y1) in 0..1 of the sample picture


@dataclass(frozen=True)
class Hosted:
    """What is known of a model at NVIDIA, and since when."""

    state: Literal["alive", "withdrawn", "unknown"]
    checked: str  # ISO date of the newest evidence
    why: str


@dataclass(frozen=True)
class Weights:
    """The open weights that answer for a model on one's own machine."""

    id: str  # at the Hugging Face hub
    licence: str
    gigabytes: float  # to download, about
    gated: bool = False  # its publisher wants a name and a click first
    instead: str = ""  # why these weights are not the model's own
    served: bool = False  # `transformers` has no class for them: they need a server of their own


@dataclass(frozen=True)
class Model:
    """One entry of the catalogue: the tab, the request, the API name and the README row come from it."""

    id: str
    title: str
    publisher: str
    about: str
    url: str
    link: str
    hosted: Hosted | None  # None: not of NVIDIA's catalogue
    read: Reader
    sampling: Sampling | None = None
    limits: SamplingLimits = SamplingLimits()
    prompts: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()  # pictures in assets/, one a prompt
    tasks: tuple[Task, ...] = ()
    fallback: str = ""  # a second URL, tried once when the first is gone
    weights: Weights | None = None
    pictures: int = 1  # how many one request may carry
    streams: bool = True
    converses: bool = True  # False: every message stands alone
    asset: bool = False  # pictures always go by NVIDIA's asset store
    tables: bool = False  # its answers are the tables behind charts
    parts: bool = False  # pictures go as image_url parts, not as <img> in the text

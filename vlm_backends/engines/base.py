"""Define what every engine implements, and the data in which it describes itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from vlm_backends.concurrency import CancelToken
from vlm_backends.errors import Gone, Refused, Unreachable, VLMError
from vlm_backends.types import Chunk, Model, Prompt, Task

Kind = Literal["nvidia", "openai", "local", "builtin"]
Need = Literal["", "key", "weights", "server", "model"]
_QUESTION_STATUSES = 400, 404, 413, 415, 422  # about the question: they show nothing of the model
_MINUTE, _DAY = 60.0, 86_400.0
_SALT = os.urandom(32)


@dataclass(frozen=True)
class Traits:
    """Facts about an engine that hold for all of its models."""

    kind: Kind  # a key into tables (code snippets, advice); nobody branches on it
    concurrency: int = 1  # questions that it may be asked at a time
    requests_per_minute: int | None = None  # what its owner allows; None: any number
    takes_key: bool = False  # it asks with a key that a visitor may replace by their own
    has_key: bool = False  # a key is set
    sends_to: str = ""  # where words and pictures go; empty: they stay on this machine
    account: str = ""  # a digest of address and key: who shares one rate limit
    endpoint: str = ""  # the address that is asked; empty: none
    takes_system: bool = False  # it passes a system prompt on
    takes_schema: bool = False  # it passes the JSON schema of an answer on
    batches: bool = False  # it is a BatchEngine: several questions in one pass
    fetches: bool = False  # it is a FetchingEngine, whose owner lets visitors download weights


@dataclass(frozen=True)
class Capability:
    """The ability of an engine to answer for a model, or for one of its tasks, here and now.

    `available`: a question would be tried at once; no key, weights or server is missing.
    `summary`: one phrase for the page, such as "withdrawn by NVIDIA (as of 2026-08-29)".
    """

    available: bool
    summary: str
    needs: Need = ""  # what is missing when it is not available
    computed_by: str = ""  # who really computes the answer: a checkpoint, a host, "PP-OCRv6"
    partial: bool = False  # a stand-in computes a part of what the model would do
    proven: bool = True  # false: the catalogue or a list says so, but no recent answer proves it
    gone: bool = False  # it is known to have the model no longer
    scored: bool = False  # its regions have scores: a prompt's confidence parts them
    points: bool = False  # a region as small as a click means the thing that is there
    download_gb: float = 0.0  # to be fetched at the first question


class DownloadProgress(NamedTuple):
    """The bytes of a download: those that have arrived, and all of them, about."""

    done: int
    total: int

    @property
    def share(self) -> float:
        """Return the part that has arrived, in 0..1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def text(self) -> str:
        """Return it in words, such as "34 %, 157.1 of 462.8 MB"."""
        return f"{self.share:.0%}, {self.done / 1e6:,.1f} of {self.total / 1e6:,.1f} MB".replace(
            "%", " %", 1
        )


@dataclass(frozen=True)
class Observation:
    """A result of a call or a probe of a model at an engine. Times are seconds since 1970, UTC."""

    kind: Literal["answered", "gone", "limited", "refused", "unreachable", "listed", "unlisted"]
    at: float
    until: float | None = None  # when it ends, if the service said so
    since: str = ""  # the ISO date of the model's end
    status: int = 0  # of HTTP


def observation_of(error: VLMError, now: float) -> Observation | None:
    """Return what an error shows of the model or of the way to it; `now` as in Observation.

    None when it shows nothing but that the question was wrong.
    """
    if isinstance(error, Gone):
        return Observation("gone", now, since=error.since)
    if isinstance(error, Unreachable):
        return Observation("unreachable", now)
    if not isinstance(error, Refused) or error.status in _QUESTION_STATUSES:
        return None
    limited = error.status == 429
    wait = _MINUTE if limited and error.retry_after is None else error.retry_after
    until = None if wait is None else now + min(wait, _DAY)
    return Observation("limited" if limited else "refused", now, until, status=error.status)


def account_digest(address: str, key: str) -> str:
    """Return a digest of an address and a key that means nothing outside this process."""
    return hashlib.blake2b(f"{address}\0{key}".encode(), digest_size=16, key=_SALT).hexdigest()


@runtime_checkable
class Engine(Protocol):
    """Answers questions about pictures.

    Engines are values: frozen, comparable, without open connections.
    """

    @property
    def name(self) -> str:
        """Return the engine's name for people, such as "NVIDIA"."""
        ...

    @property
    def traits(self) -> Traits:
        """Return what holds for all of its models."""
        ...

    def models(self) -> Sequence[Model]:
        """List the models that this engine can answer for."""
        ...

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say what this engine can do for the model, or for one of its tasks."""
        ...

    def with_key(self, key: str) -> Engine:
        """Return the engine that asks with this key; itself when it takes none."""
        ...

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation | None]]:
        """Look what the engine's address lists, without a question and without cost.

        Yields each model in order, with None where the look showed nothing of it; yields nothing
        when there is no address to look at. Raises VLMError.
        """
        ...

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield the pieces of a reply as they arrive. Closing it ends the call.

        Raises only VLMError, and nothing once it is cancelled.
        """
        ...


class BatchEngine(Engine, Protocol):
    """An engine that can answer several questions in one pass of a network."""

    def can_batch(self, model: Model, prompt: Prompt) -> bool:
        """Return True for a question that `answer_batch` takes."""
        ...

    def answer_batch(
        self, model: Model, prompts: Sequence[Prompt], cancels: Sequence[CancelToken]
    ) -> list[Chunk]:
        """Return a whole answer for each prompt. Raises VLMError, for all of them."""
        ...


class FetchingEngine(Engine, Protocol):
    """An engine that can download the weights of its models when a visitor asks for it."""

    def fetch(self, model: Model, stop: CancelToken) -> Iterator[DownloadProgress]:
        """Download the model's weights; yield the progress. Raises VLMError.

        Ends when they are here. `stop` ends the download too, unless others wait for it; who leaves
        early only lets it go on.
        """
        ...

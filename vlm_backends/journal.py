"""What is known of a model at an engine: from real calls, from looks that spend nothing, from the catalogue.

A call outranks a look, and a look the catalogue. No key is kept: who called is a number that means nothing elsewhere.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator

from vlm_backends import models
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines import NVIDIA, OpenAI, openai
from vlm_backends.engines.base import Engine, Observation
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import Patience
from vlm_backends.engines.wire.errors import explain
from vlm_backends.errors import Gone, Refused, Unreachable, VLMError
from vlm_backends.types import Chunk, Model

_LIST = "https://integrate.api.nvidia.com/v1/models"
_GLANCE = Patience(connect=3.0, silence=5.0, tries=1)
_PAUSE = 15.0  # seconds between two looks at the same address
_MINUTE, _DAY = 60.0, 86_400.0
_OF_THE_QUESTION = (400, 404, 413, 415, 422)  # such a refusal says nothing of the model
_OF_THE_KEY = (401, 402)  # such a refusal holds for all models
_WEAK = "listed", "unlisted"  # the way is open; of the model itself it proves nothing


def observation_of(error: VLMError, now: float) -> Observation | None:
    """What an error tells of the model or of the way to it; None when it tells of the question only."""
    if isinstance(error, Gone):
        return Observation("gone", now, since=error.since)
    if isinstance(error, Unreachable):
        return Observation("unreachable", now)
    if not isinstance(error, Refused) or error.status in _OF_THE_QUESTION:
        return None
    limited = error.status == 429
    wait = _MINUTE if limited and error.wait is None else error.wait
    until = None if wait is None else now + min(wait, _DAY)
    return Observation("limited" if limited else "refused", now, until, status=error.status)


class Journal:
    """The newest signs, `most` of them; safe among threads.

    A call counts for its own key only, save that a model which is gone is gone for all until someone is answered.
    """

    def __init__(self, most: int = 1000) -> None:
        self._most, self._lock = most, threading.Lock()
        self._observations: OrderedDict[tuple[int, str, str], Observation] = OrderedDict()
        self._looks: dict[int, float] = {}

    def watched(
        self, engine: Engine, model: Model, heard: Iterator[Chunk], stop: CancelToken
    ) -> Iterator[Chunk]:
        """The same reply; how the call went is kept. A call that was stopped before its first word leaves no sign."""
        said = False
        try:
            for whole in heard:
                if not said and (whole.text or whole.regions):
                    said = True
                    self.called(engine, model, Observation("answered", time.time()))
                yield whole
        except VLMError as error:
            observation = None if said or stop.is_set() else observation_of(error, time.time())
            if observation:
                self.called(engine, model, observation)
            raise
        if not said and not stop.is_set():  # a reply without a word is one
            self.called(engine, model, Observation("answered", time.time()))

    def called(self, engine: Engine, model: Model, observation: Observation) -> None:
        """A call with this engine's key ended like this."""
        caller, place = _caller(engine), _place(engine)
        with self._lock:
            if observation.kind == "answered":
                for other in (
                    (place, model.id, "call"),
                    (place, model.id, "look"),
                    (caller, "", "call"),
                ):
                    self._observations.pop(other, None)
            if observation.kind == "gone":
                self._keep((place, model.id, "call"), observation)
            self._keep(
                (caller, "" if observation.status in _OF_THE_KEY else model.id, "call"), observation
            )

    def looked(self, engine: Engine, model: Model, observation: Observation) -> None:
        """A look at this engine's address, with nobody's key, showed this."""
        with self._lock:
            self._keep((_place(engine), model.id, "look"), observation)

    def may_look(self, engine: Engine, now: float) -> bool:
        """True when nobody has looked there for a while; whoever asks looks now."""
        with self._lock:
            due = now - self._looks.get(_place(engine), 0.0) >= _PAUSE
            if due:
                self._looks[_place(engine)] = now
            return due

    def newest(self, engine: Engine, model: Model, now: float) -> Observation | None:
        """What holds for this engine and its key; None when nothing was seen, or all of it is over."""
        caller, place = _caller(engine), _place(engine)
        with self._lock:
            calls = [
                self._observations.get((who, id, "call"))
                for who in (caller, place)
                for id in (model.id, "")
            ]
            look = self._observations.get((place, model.id, "look"))
        calls = [
            observation
            for observation in calls
            if observation and (observation.until is None or observation.until > now)
        ]
        if look and look.kind in _WEAK:  # since then the way is open again
            calls = [
                observation
                for observation in calls
                if observation.kind != "unreachable" or observation.at > look.at
            ]
        elif look:
            calls.append(look)
        return max(calls, key=lambda observation: observation.at, default=look)

    def __len__(self) -> int:
        return len(self._observations)

    def _keep(self, key: tuple[int, str, str], observation: Observation) -> None:
        self._observations[key] = observation
        self._observations.move_to_end(key)
        while len(self._observations) > self._most:
            self._observations.popitem(last=False)


journal = Journal()  # of this process: what one page has seen holds for the next


def _caller(engine: Engine) -> int:
    """Who calls: a number for the engine, its address and its key, from which none of them can be had back."""
    return hash((engine.name, getattr(engine, "base_url", ""), getattr(engine, "key", "")))


def _place(engine: Engine) -> int:
    """What is called: the same for all keys."""
    return hash((engine.name, getattr(engine, "base_url", "")))


# looks


def look(engine: Engine, journal: Journal) -> None:
    """Asks the engine's address what it lists; spends nothing, and at NVIDIA carries no key. Raises nothing."""
    looks = {NVIDIA: _at_nvidia, OpenAI: _at_server}.get(type(engine))
    if looks is None or not journal.may_look(engine, time.time()):
        return
    rest = list(models.CATALOGUE)
    try:
        for model, observation in looks(engine):
            rest.remove(model)
            if observation:
                journal.looked(engine, model, observation)
    except VLMError as error:
        if observation := observation_of(error, time.time()):
            for model in rest:
                journal.looked(engine, model, observation)


def _at_nvidia(engine: NVIDIA) -> Iterator[tuple[Model, Observation | None]]:
    """By NVIDIA's list; what is not in it is asked for by name, since the end of a model's life is told there only."""
    address = engine.at(_LIST)
    with client.send(
        "GET", address, CancelToken(), _GLANCE, headers={"Accept": "application/json"}
    ) as response:
        if response.status_code >= 500:
            raise explain(
                response.status_code, client.body(response), response.headers.get("Retry-After")
            )
        listed = _ids(next(client.payloads(response), {})) if response.status_code == 200 else set()
    for model in models.CATALOGUE:
        yield (
            model,
            Observation("listed", time.time())
            if model.id in listed
            else _entry(f"{address}/{model.id}"),
        )


def _entry(address: str) -> Observation | None:
    """What NVIDIA says of one model; None when it says nothing that can be used."""
    with client.send("GET", address, CancelToken(), _GLANCE) as response:
        if response.status_code == 410:
            return observation_of(explain(410, client.body(response)), time.time())
        kind = {200: "listed", 404: "unlisted"}.get(response.status_code)
    return Observation(kind, time.time()) if kind else None


def _at_server(engine: OpenAI) -> Iterator[tuple[Model, Observation]]:
    """Whether the server is there, and what it lists now."""
    openai.forget()
    address = f"{engine.base_url.rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {engine.key}"} if engine.key else {}
    with client.send("GET", address, CancelToken(), _GLANCE, headers=headers) as response:
        if response.status_code // 100 != 2:
            raise explain(
                response.status_code, client.body(response), response.headers.get("Retry-After")
            )
        next(client.payloads(response), {})
    served = engine.models()
    for model in models.CATALOGUE:
        yield model, Observation("listed" if model in served else "unlisted", time.time())


def _ids(listing: dict) -> set[str]:
    entries = listing.get("data")
    entries = entries if isinstance(entries, list) else []
    return {
        entry["id"]
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    }

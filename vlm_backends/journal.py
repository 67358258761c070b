"""What is known of a model at an engine: from real calls, from looks that spend nothing, from the catalogue.

A call outranks a look, and a look the catalogue. No key is kept: who called is a number that means nothing elsewhere.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import Engine, Observation, observation_of
from vlm_backends.errors import VLMError
from vlm_backends.models import CATALOGUE
from vlm_backends.types import Chunk, Model

__all__ = ["Journal", "journal", "look", "observation_of"]
_PAUSE = 15.0  # seconds between two looks at the same address
_OF_THE_KEY = (401, 402)  # such a refusal holds for all models
_WEAK = "listed", "unlisted"  # the way is open; of the model itself it proves nothing


class Journal:
    """The newest signs, `most` of them; safe among threads.

    A call counts for its own key only, save that a model which is gone is gone for all until someone is answered.
    """

    def __init__(self, most: int = 1000) -> None:
        self._most, self._lock = most, threading.Lock()
        self._observations: OrderedDict[tuple[str, str, str], Observation] = OrderedDict()
        self._looks: dict[str, float] = {}

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

    def observe(self, engine: Engine, model: Model, error: VLMError | None) -> None:
        """Keep how a call went: `error` is what came before its first words, None if those came."""
        now = time.time()
        observation = observation_of(error, now) if error else Observation("answered", now)
        if observation:
            self.called(engine, model, observation)

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

    def _keep(self, key: tuple[str, str, str], observation: Observation) -> None:
        self._observations[key] = observation
        self._observations.move_to_end(key)
        while len(self._observations) > self._most:
            self._observations.popitem(last=False)


journal = Journal()  # of this process: what one page has seen holds for the next


def _caller(engine: Engine) -> str:
    """Identify who calls: an engine, its address and its key, by a digest of them."""
    return f"{engine.name} account {engine.traits.account}"


def _place(engine: Engine) -> str:
    """Identify what is called: it is the same for all keys."""
    return f"{engine.name} at {engine.traits.endpoint}"


def look(engine: Engine, journal: Journal) -> None:
    """Ask the engine's address what it lists and keep that; costs nothing, raises nothing."""
    if not engine.traits.endpoint or not journal.may_look(engine, time.time()):
        return
    remaining = list(CATALOGUE)
    try:
        for model, observation in engine.probe(CATALOGUE):
            remaining.remove(model)
            if observation:
                journal.looked(engine, model, observation)
    except VLMError as error:
        if observation := observation_of(error, time.time()):
            for model in remaining:
                journal.looked(engine, model, observation)

"""Keep what calls and probes have shown of each model at each engine, in this process's memory.

A call is better evidence than a probe, and a probe than the catalogue. No key is kept: callers are
identified by a digest that means nothing in another process.
"""

import threading
import time
from collections import OrderedDict
from typing import Literal

from vlm_backends.engines.base import Engine, Observation, observation_of
from vlm_backends.errors import VLMError
from vlm_backends.models import CATALOGUE
from vlm_backends.types import Model

__all__ = ["Journal", "look", "observation_of"]
_PROBE_INTERVAL = 15.0  # seconds between two probes of the same address
_KEY_STATUSES = 401, 402  # a refusal of the key holds for all models
_ANY_MODEL = ""  # in a key: the observation holds for all models
_Key = tuple[str, str, Literal["call", "probe"]]  # account or endpoint, a model's id, the source


class Journal:
    """Keeps the newest observations, `capacity` of them at most. May be used from several threads.

    A call counts for its own account only. A model that is gone is gone for all accounts, until one
    of them is answered.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity, self._lock = capacity, threading.Lock()
        self._observations: OrderedDict[_Key, Observation] = OrderedDict()
        self._probed: dict[str, float] = {}  # by endpoint: seconds since 1970

    def observe(self, engine: Engine, model: Model, error: VLMError | None) -> None:
        """Keep how a call went: `error` came before its first words; None when words came.

        Pass it to a Reply as its `observer`.
        """
        now = time.time()
        observation = observation_of(error, now) if error else Observation("answered", now)
        if observation:
            self.add_call(engine, model, observation)

    def add_call(self, engine: Engine, model: Model, observation: Observation) -> None:
        """Keep what a call with this engine's key showed."""
        account, endpoint = _account(engine), _endpoint(engine)
        about_the_key = observation.status in _KEY_STATUSES
        with self._lock:
            if observation.kind == "answered":
                self._observations.pop((endpoint, model.id, "call"), None)
                self._observations.pop((endpoint, model.id, "probe"), None)
                self._observations.pop((account, _ANY_MODEL, "call"), None)
            elif observation.kind == "gone":
                self._keep((endpoint, model.id, "call"), observation)
            self._keep((account, _ANY_MODEL if about_the_key else model.id, "call"), observation)

    def add_probe(self, engine: Engine, model: Model, observation: Observation) -> None:
        """Keep what a probe of this engine's address showed; it holds for every account."""
        with self._lock:
            self._keep((_endpoint(engine), model.id, "probe"), observation)

    def may_probe(self, engine: Engine, now: float) -> bool:
        """Return True when the address was not probed for 15 seconds; the caller probes it now."""
        endpoint = _endpoint(engine)
        with self._lock:
            due = now - self._probed.get(endpoint, 0.0) >= _PROBE_INTERVAL
            if due:
                self._probed[endpoint] = now
            return due

    def newest(self, engine: Engine, model: Model, now: float) -> Observation | None:
        """Return the newest observation that holds for this engine and its key; None without one.

        A call outranks the list that a probe has read; a newer list only replaces a call's
        "unreachable". Observations whose `until` has passed are left out. `now` is in seconds since
        1970.
        """
        calls, probe = self._observed(engine, model)
        calls = [each for each in calls if each.until is None or each.until > now]
        if probe and probe.kind in ("listed", "unlisted"):
            calls = [each for each in calls if each.kind != "unreachable" or each.at > probe.at]
        elif probe:
            calls.append(probe)
        return max(calls, key=lambda observation: observation.at, default=probe)

    def _observed(
        self, engine: Engine, model: Model
    ) -> tuple[list[Observation], Observation | None]:
        """Return the observations of calls, and that of the last probe."""
        account, endpoint = _account(engine), _endpoint(engine)
        with self._lock:
            calls = [
                self._observations.get((caller, id, "call"))
                for caller in (account, endpoint)
                for id in (model.id, _ANY_MODEL)
            ]
            probe = self._observations.get((endpoint, model.id, "probe"))
        return [call for call in calls if call], probe

    def __len__(self) -> int:
        return len(self._observations)

    def _keep(self, key: _Key, observation: Observation) -> None:
        self._observations[key] = observation
        self._observations.move_to_end(key)
        while len(self._observations) > self._capacity:
            self._observations.popitem(last=False)


def _account(engine: Engine) -> str:
    """Return a name for the caller: the engine, with a digest of its address and its key."""
    return f"{engine.name} account {engine.traits.account}"


def _endpoint(engine: Engine) -> str:
    """Return a name for the address that is called, the same for all keys."""
    return f"{engine.name} at {engine.traits.endpoint}"


def look(engine: Engine, journal: Journal) -> None:
    """Probe the engine's address and keep what it shows; costs nothing and raises nothing.

    Does nothing for an engine without an address, or when it was probed a moment ago.
    """
    if not engine.traits.endpoint or not journal.may_probe(engine, time.time()):
        return
    remaining = list(CATALOGUE)
    try:
        for model, observation in engine.probe(CATALOGUE):
            remaining.remove(model)
            if observation:
                journal.add_probe(engine, model, observation)
    except VLMError as error:
        if observation := observation_of(error, time.time()):
            for model in remaining:
                journal.add_probe(engine, model, observation)

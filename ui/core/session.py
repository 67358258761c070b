"""Finds the engine that answers a visitor about a model, among those of the page."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import cast

from ui.core.limits import admission
from vlm_backends import CATALOGUE, BadPrompt, Engine, Model, engines
from vlm_backends.config import Config
from vlm_backends.engines.base import FetchingEngine
from vlm_backends.journal import Journal
from vlm_backends.ratelimit import RateLimiter

_GONE_FOR = 3600.0  # seconds: then an engine that called a model gone is tried again
_MAX_UNLISTED = 8  # tabs for models that the catalogue does not list


@dataclass(frozen=True)
class Visitor:
    """One visitor's key and choices; lives in a gr.State, and is lost with the visit."""

    key: str = field(default="", repr=False)
    choices: tuple[tuple[str, str], ...] = ()  # pairs of a model's id and an engine's name

    def choosing(self, model: Model, engine_name: str) -> Visitor:
        """Return the visitor with this engine as their choice for this model."""
        choices = dict(self.choices) | {model.id: engine_name}
        return replace(self, choices=tuple(choices.items()))


@dataclass(frozen=True)
class EngineRegistry:
    """The engines of a page, the preferred one first, and what they share.

    One engine that takes a key is always among them, with or without a key.
    """

    engines: tuple[Engine, ...]
    # The models that the catalogue does not list, with the servers that listed them at the start.
    unlisted: Mapping[Model, tuple[Engine, ...]] = field(default_factory=dict)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    journal: Journal = field(default_factory=Journal)  # what calls and probes have shown
    config: Config | None = None  # None: NVIDIA's address is read when a visitor's key is used
    offers_downloads: bool = True  # visitors may download open weights

    @property
    def models(self) -> tuple[Model, ...]:
        """All models that have a tab: the catalogue's, then those that only a server lists."""
        return (*CATALOGUE, *self.unlisted)

    def find(self, id: str) -> Model:
        """Return the model of this id. Raises BadPrompt."""
        for model in self.models:
            if model.id == id:
                return model
        known = ", ".join(model.id for model in self.models)
        raise BadPrompt(f"There is no model “{str(id)[:80]}” here. Known: {known}.")

    def answering(self, visitor: Visitor, model: Model) -> Engine:
        """Return the engine that answers this visitor about this model, with the visitor's key.

        May ask a server for its list. Raises BadPrompt for a setting that cannot be met.
        """
        name = dict(visitor.choices).get(model.id)
        chosen = next((engine for engine in self.engines if engine.name == name), None)
        return self._with_key(visitor, chosen or self._default(visitor, model))

    def called(self, caller: Visitor, model: Model) -> Engine:
        """Return the engine that answers a program: one that takes its key, if it gives one.

        Raises BadPrompt as `answering` does.
        """
        return self.keyed(caller) if caller.key else self.answering(caller, model)

    def keyed(self, visitor: Visitor) -> Engine:
        """Return the engine that takes a key, with the visitor's. Raises BadPrompt."""
        return next(each for each in self.engines_for(visitor) if each.traits.takes_key)

    def admission(self, visitor: Visitor, engine: Engine) -> AbstractContextManager:
        """Return the context to ask one question in. Entering it raises Refused at a limit."""
        return admission(self.limiter, owner_pays(visitor, engine))

    def engines_for(self, visitor: Visitor) -> tuple[Engine, ...]:
        """List all engines with the visitor's key. Raises BadPrompt as `answering` does."""
        return tuple(self._with_key(visitor, engine) for engine in self.engines)

    def with_all_choices(self, visitor: Visitor) -> Visitor:
        """Return the visitor with a choice for every model.

        What the page shows is then what is asked, whatever server comes up later.
        """
        names = {model.id: self.answering(visitor, model).name for model in self.models}
        return replace(visitor, choices=tuple((names | dict(visitor.choices)).items()))

    def candidates(self, visitor: Visitor, model: Model) -> list[Engine]:
        """List the engines that may have this model, with the visitor's key, the preferred first.

        Raises BadPrompt as `answering` does.
        """
        return [self._with_key(visitor, engine) for engine in self._candidates(model)]

    def alternative(self, visitor: Visitor, model: Model, failed: Engine) -> Engine | None:
        """Return another engine that can answer about this model here and now."""
        others = (each for each in self._able(visitor, model) if each.name != failed.name)
        return next((each for each in others if not self._is_gone(each, model)), None)

    def fetching_engine(self, model: Model) -> FetchingEngine | None:
        """Return the engine that may download this model's open weights, if there is one."""
        fetching = (each for each in self._candidates(model) if each.traits.fetches)
        return cast("FetchingEngine | None", next(fetching, None))

    def _with_key(self, visitor: Visitor, engine: Engine) -> Engine:
        """Return the engine with the visitor's own key in place of the owner's, if it takes one."""
        if not (visitor.key and engine.traits.takes_key):
            return engine
        return engines.nvidia_with_key(visitor.key, self.config)

    def _default(self, visitor: Visitor, model: Model) -> Engine:
        """Return the engine for a visitor who chose none: one that takes their key is first.

        One whose model is known to be gone comes last.
        """
        candidates, able = self._candidates(model), [*self._able(visitor, model)]
        keyed = [each for each in able if visitor.key and each.traits.takes_key]
        living = [each for each in (*keyed, *able) if not self._is_gone(each, model)]
        return next(iter((*living, *keyed, *able, *candidates)))

    def _is_gone(self, engine: Engine, model: Model) -> bool:
        """Return True when a call, or else the engine, says that it no longer has the model."""
        seen = self.journal.newest(engine, model, time.time())
        if seen and seen.kind == "answered":
            return False
        if seen and seen.kind == "gone" and time.time() - seen.at < _GONE_FOR:
            return True
        return engine.capability(model).gone

    def _able(self, visitor: Visitor, model: Model) -> Iterator[Engine]:
        for engine in self._candidates(model):
            if not _lacks_key(engine, visitor) and model in engine.models():
                yield engine

    def _candidates(self, model: Model) -> tuple[Engine, ...]:
        """Return the engines that may have the model, the preferred one first."""
        return self.unlisted.get(model, self.engines)


def owner_pays(visitor: Visitor, engine: Engine) -> bool:
    """Return True when the engine answers this visitor with a key of the page's owner."""
    traits = engine.traits
    return traits.has_key and not (traits.takes_key and visitor.key)


def _lacks_key(engine: Engine, visitor: Visitor) -> bool:
    traits = engine.traits
    return traits.takes_key and not (traits.has_key or visitor.key)


def find_engines(
    preferred: Engine, config: Config | None = None, limiter: RateLimiter | None = None
) -> EngineRegistry:
    """Return the preferred engine of a page and what else the configuration has.

    Without a configuration it is read from the environment, and settings that cannot be met are
    left out. Raises BadPrompt for limits that cannot be met.
    """
    settings = config or Config.usable()
    found: dict[str, Engine] = {preferred.name: preferred}
    for engine in engines.configured_engines(settings):
        found.setdefault(engine.name, engine)
    return EngineRegistry(
        tuple(found.values()),
        unlisted_models(found.values()),
        limiter or RateLimiter(settings.limits),
        config=config,
        offers_downloads=settings.offers_downloads,
    )


def unlisted_models(engines: Iterable[Engine]) -> dict[Model, tuple[Engine, ...]]:
    """Ask the servers for models that the catalogue does not list; eight of them are enough.

    Each comes with the servers that have it; servers may describe a model differently: the first
    description counts.
    """
    found: dict[str, tuple[Model, tuple[Engine, ...]]] = {}
    servers = [engine for engine in engines if engine.traits.endpoint]
    with ThreadPoolExecutor(max(1, len(servers))) as pool:  # a server that is down takes seconds
        lists = pool.map(lambda server: server.models(), servers)
        for server, models in zip(servers, lists, strict=True):
            for model in models:
                if model in CATALOGUE or (model.id not in found and len(found) >= _MAX_UNLISTED):
                    continue
                first, others = found.get(model.id, (model, ()))
                found[model.id] = first, (*others, server)
    return dict(found.values())

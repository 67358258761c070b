"""Who answers a visitor, model by model: the engines that are here, and the one that was chosen."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from ui.core.limits import quota_of
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    BadPrompt,
    Engine,
    Model,
    OpenAI,
    VLMError,
    engines,
)
from vlm_backends.config import Config
from vlm_backends.journal import Journal
from vlm_backends.ratelimit import RateLimiter

_MOST = 8  # tabs for models that the catalogue does not know


@dataclass(frozen=True)
class Visitor:
    """One visitor's key and choices; lives in a gr.State, and is lost with the visit."""

    key: str = field(default="", repr=False)
    choices: tuple[tuple[str, str], ...] = ()  # pairs of a model's id and an engine's name

    def choosing(self, model: Model, name: str) -> "Visitor":
        """The same visitor, who wants this engine for this model."""
        return replace(self, choices=tuple({**dict(self.choices), model.id: name}.items()))


@dataclass(frozen=True)
class EngineRegistry:
    """The engines of a page, the preferred one first; NVIDIA is always among them, with or without a key."""

    engines: tuple[Engine, ...]
    strangers: Mapping[Model, tuple[OpenAI, ...]] = field(
        default_factory=dict
    )  # who listed them when the page began
    limiter: RateLimiter = field(default_factory=RateLimiter)
    journal: Journal = field(default_factory=Journal)  # what calls and probes have shown
    config: Config | None = None  # none: NVIDIA's address is read when a visitor's key is used

    @property
    def models(self) -> tuple[Model, ...]:
        """All that the page has a tab for: the catalogue, then the models that only a server knows."""
        return (*CATALOGUE, *self.strangers)

    def find(self, id: str) -> Model:
        """The model of this id; BadPrompt when there is none."""
        for model in self.models:
            if model.id == id:
                return model
        raise BadPrompt(
            f"There is no model “{str(id)[:80]}” here. Known: {', '.join(m.id for m in self.models)}."
        )

    def answering(self, visitor: Visitor, model: Model) -> Engine:
        """The engine that answers this visitor about this model. Raises BadPrompt for a setting that cannot be met."""
        name = dict(visitor.choices).get(model.id)
        engine = next(
            (engine for engine in self.engines if engine.name == name), None
        ) or self._first(visitor, model)
        return self._asked_by(visitor, engine)

    def admission(self, visitor: Visitor, engine: Engine) -> AbstractContextManager:
        """What holds one question of this visitor to this engine, as far as the page's limits let it in."""
        return self.limiter.admitted(quota_of(self.limiter), pays(visitor, engine))

    def present(self, visitor: Visitor) -> tuple[Engine, ...]:
        """All engines as this visitor would ask them. Raises BadPrompt for a setting that cannot be met."""
        return tuple(self._asked_by(visitor, engine) for engine in self.engines)

    def settled(self, visitor: Visitor) -> Visitor:
        """The visitor with an engine for every model: what the page shows is what is asked, whatever comes up later."""
        names = {model.id: self.answering(visitor, model).name for model in self.models}
        return replace(visitor, choices=tuple((names | dict(visitor.choices)).items()))

    def offers(self, visitor: Visitor, model: Model) -> list[tuple[str, str]]:
        """What there is to choose from for this model: each engine's name with its state, and its name."""
        return [
            (f"{engine.name}: {_state(engine, visitor, model)}", engine.name)
            for engine in self._for(model)
        ]

    def instead(self, visitor: Visitor, model: Model, gone: Engine) -> Engine | None:
        """Another engine that can answer about this model here and now."""
        others = (
            engine
            for engine in self._for(model)
            if engine.name != gone.name and _can(engine, visitor)
        )
        return next((engine for engine in others if model in engine.models()), None)

    def _asked_by(self, visitor: Visitor, engine: Engine) -> Engine:
        """The engine, NVIDIA with the visitor's own key if there is one."""
        if isinstance(engine, NVIDIA) and visitor.key:
            return engines.hosted(visitor.key, self.config)
        return engine

    def _first(self, visitor: Visitor, model: Model) -> Engine:
        if visitor.key and model not in self.strangers:
            return engines.hosted(visitor.key, self.config)
        able = (
            engine
            for engine in self._for(model)
            if _can(engine, visitor) and model in engine.models()
        )
        return next(able, self._for(model)[0])

    def _for(self, model: Model) -> tuple[Engine, ...]:
        """The engines that may have the model, the preferred one first."""
        return self.strangers.get(model, self.engines)


def pays(visitor: Visitor, engine: Engine) -> bool:
    """True when the engine answers this visitor with a key of the page's owner."""
    key = getattr(engine, "key", "")
    return bool(key) and key != visitor.key


def _can(engine: Engine, visitor: Visitor) -> bool:
    """False for a host without a key."""
    return not isinstance(engine, NVIDIA) or bool(engine.key or visitor.key)


def _state(engine: Engine, visitor: Visitor, model: Model) -> str:
    state = engine.state(model)
    return state if _can(engine, visitor) else f"{state}, needs a key"


def registry(
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
        strangers(found.values()),
        limiter or RateLimiter(settings.limits),
        config=config,
    )


def strangers(engines: Iterable[Engine]) -> dict[Model, tuple[OpenAI, ...]]:
    """The models that servers list and the catalogue does not know, with the servers; _MOST of them."""
    found: dict[
        str, tuple[Model, tuple[OpenAI, ...]]
    ] = {}  # by id: servers may say different things of one model
    servers = [engine for engine in engines if isinstance(engine, OpenAI)]
    with ThreadPoolExecutor(max(1, len(servers))) as pool:  # a server that is down is waited for
        for server, models in zip(servers, pool.map(OpenAI.models, servers), strict=True):
            for model in models:
                if model not in CATALOGUE and (model.id in found or len(found) < _MOST):
                    first, others = found.get(model.id, (model, ()))
                    found[model.id] = first, (*others, server)
    return dict(found.values())


def who(registry: EngineRegistry, visitor: Visitor) -> str:
    """The line that says who answers, for all models together."""
    try:
        names = {model.id: registry.answering(visitor, model) for model in CATALOGUE}
    except VLMError as error:
        return f"**{error}**"
    return (
        _WHO[kinds.pop()]
        if len(kinds := {_kind(engine, visitor) for engine in names.values()}) == 1
        else _SEVERAL
    )


def _kind(engine: Engine, visitor: Visitor) -> str:
    if isinstance(engine, NVIDIA):
        return "own key" if visitor.key else "page's key" if engine.key else "no key"
    return OpenAI.name if isinstance(engine, OpenAI) else engine.name


_SENT = "Your picture and words go to NVIDIA's servers."
_SEVERAL = "**Several engines answer:** each tab says which, and lets you choose."
_WHO: Mapping[str, str] = {
    "This machine": "**This machine answers.** It reads text and codes, outlines what you box, and turns bar charts "
    "into tables: computed here from your picture, with no key and no download. It does not converse.",
    "Open weights here": "**Open weights answer**, on this machine: your picture and words stay here.",
    "Your server": "**A server of this page's owner answers**, by the OpenAI wire: your picture and words go there.",
    "own key": f"**NVIDIA answers**, with your key. {_SENT}",
    "page's key": f"**NVIDIA answers**, with this page's key. {_SENT}",
    "no key": "**NVIDIA is to answer, but there is no key yet.** Give one below, or choose another engine on the tab.",
}

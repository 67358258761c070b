"""Who answers a visitor, model by model: the engines that are here, and the one that was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vlm_backends import CATALOGUE, NVIDIA, Embedded, Engine, Model, VLMError, engines


@dataclass(frozen=True)
class Visitor:
    """One visitor's key and choices; lives in a gr.State, and is lost with the visit."""

    key: str = field(default="", repr=False)
    choices: tuple[tuple[str, str], ...] = ()  # pairs of a model's id and an engine's name

    def choosing(self, model: Model, name: str) -> "Visitor":
        """The same visitor, who wants this engine for this model."""
        return replace(self, choices=tuple({**dict(self.choices), model.id: name}.items()))


@dataclass(frozen=True)
class Hall:
    """The engines of a page, the preferred one first; NVIDIA is always among them, with or without a key."""

    engines: tuple[Engine, ...]

    def answering(self, visitor: Visitor, model: Model) -> Engine:
        """The engine that answers this visitor about this model. Raises BadPrompt for a setting that cannot be met."""
        name = dict(visitor.choices).get(model.id)
        engine = next((engine for engine in self.engines if engine.name == name), None) or self._first(visitor, model)
        return _asked_by(visitor, engine)

    def present(self, visitor: Visitor) -> tuple[Engine, ...]:
        """All engines as this visitor would ask them. Raises BadPrompt for a setting that cannot be met."""
        return tuple(_asked_by(visitor, engine) for engine in self.engines)

    def settled(self, visitor: Visitor) -> Visitor:
        """The visitor with an engine for every model: what the page shows is what is asked, whatever comes up later."""
        names = {model.id: self.answering(visitor, model).name for model in CATALOGUE}
        return replace(visitor, choices=tuple((names | dict(visitor.choices)).items()))

    def offers(self, visitor: Visitor, model: Model) -> list[tuple[str, str]]:
        """What there is to choose from for this model: each engine's name with its state, and its name."""
        return [(f"{engine.name}: {_state(engine, visitor, model)}", engine.name) for engine in self.engines]

    def instead(self, visitor: Visitor, model: Model, gone: Engine) -> Engine | None:
        """Another engine that can answer about this model here and now."""
        others = (engine for engine in self.engines if engine.name != gone.name and _can(engine, visitor))
        return next((engine for engine in others if model in engine.models()), None)

    def _first(self, visitor: Visitor, model: Model) -> Engine:
        if visitor.key:
            return engines.hosted(visitor.key)
        able = (engine for engine in self.engines if _can(engine, visitor) and model in engine.models())
        return next(able, self.engines[0])


def _asked_by(visitor: Visitor, engine: Engine) -> Engine:
    """The engine, NVIDIA with the visitor's own key if there is one."""
    return engines.hosted(visitor.key) if isinstance(engine, NVIDIA) and visitor.key else engine


def _can(engine: Engine, visitor: Visitor) -> bool:
    """False for a host without a key."""
    return not isinstance(engine, NVIDIA) or bool(engine.key or visitor.key)


def _state(engine: Engine, visitor: Visitor, model: Model) -> str:
    state = engine.state(model)
    return state if _can(engine, visitor) else f"{state}, needs a key"


def hall(preferred: Engine) -> Hall:
    """The preferred engine of a page and what else this environment has; settings that cannot be met are left out."""
    found: list[Engine] = [preferred]
    for make in (lambda: engines.hosted(engines.owners_key()), engines.served, engines.local, Embedded):
        try:
            engine = make()
        except VLMError:
            engine = None
        if engine and engine.name not in {other.name for other in found}:
            found.append(engine)
    return Hall(tuple(found) if any(isinstance(engine, NVIDIA) for engine in found) else (*found, NVIDIA("")))


def who(hall: Hall, visitor: Visitor) -> str:
    """The line that says who answers, for all models together."""
    try:
        names = {model.id: hall.answering(visitor, model) for model in CATALOGUE}
    except VLMError as error:
        return f"**{error}**"
    return _WHO[kinds.pop()] if len(kinds := {_kind(engine, visitor) for engine in names.values()}) == 1 else _SEVERAL


def _kind(engine: Engine, visitor: Visitor) -> str:
    if isinstance(engine, NVIDIA):
        return "own key" if visitor.key else "page's key" if engine.key else "no key"
    return engine.name


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

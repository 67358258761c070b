"""Describes the engines that a visitor can choose from, in the plain words of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ui.core.session import EngineRegistry, Visitor
from vlm_backends import Engine, Model
from vlm_backends.engines.base import Capability, Kind
from vlm_backends.engines.builtin.detector_facts import detector_facts

_ABOUT: Mapping[Kind, str] = {
    "builtin": "They find and outline {kinds} kinds of things, read text and codes, and turn "
    "charts into tables. They do not converse.",
    "local": "Published weights of the models, run by this page's server.",
    "openai": "A server that this page's owner runs or chose.",
    "nvidia": "The models as NVIDIA hosts them.",
}


@dataclass(frozen=True)
class EngineChoice:
    """One engine as an option for one model, each fact in a few words."""

    name: str
    about: str
    state: str  # what it can do for the model here and now
    cost: str
    privacy: str
    ready: bool  # a question would be tried at once
    chosen: bool
    fetches: bool = False  # the tab has a way to its weights, which are not here yet


def choices_for(registry: EngineRegistry, visitor: Visitor, model: Model) -> list[EngineChoice]:
    """List the engines for this model, the preferred one first. Raises BadPrompt for a setting."""
    chosen = registry.answering(visitor, model).name
    return [
        _choice(engine, model, engine.capability(model), visitor, chosen)
        for engine in registry.candidates(visitor, model)
    ]


def as_props(choices: list[EngineChoice]) -> list[dict[str, Any]]:
    """Return the options as JSON for static/engine_panel.js."""
    return [asdict(choice) for choice in choices]


def _choice(
    engine: Engine, model: Model, capability: Capability, visitor: Visitor, chosen: str
) -> EngineChoice:
    return EngineChoice(
        engine.name,
        _ABOUT[engine.traits.kind].format(kinds=detector_facts().kinds),
        capability.summary,
        _cost(engine, visitor),
        _privacy(engine),
        capability.available,
        engine.name == chosen,
        fetches=engine.traits.kind == "local"
        and bool(model.tasks and (capability.needs or capability.download_gb)),
    )


def _cost(engine: Engine, visitor: Visitor) -> str:
    traits = engine.traits
    if not traits.sends_to:
        return "free"
    if not traits.takes_key:
        return "run by this page's owner"
    if visitor.key:
        return "uses your key"
    return "uses this page's key" if traits.has_key else "needs a key"


def _privacy(engine: Engine) -> str:
    to = engine.traits.sends_to
    return f"goes to {to}" if to else "stays on this server"

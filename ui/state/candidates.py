"""Lists who can be asked in a comparison: a model at an engine, for what a visitor wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ui.core.session import EngineRegistry, Visitor
from vlm_backends import Engine, Model
from vlm_backends.intents import ASK, DESCRIBE, FIND, READ, Intent, supports

_USUAL = 3  # candidates that are chosen for a visitor
_REMARKS = {"alive": "", "unknown": ", unproven", "withdrawn": ", withdrawn"}  # at the host
_LLAMA = "meta/llama-3.2-11b-vision-instruct"
_FLORENCE = "microsoft/florence-2"
_DEPLOT = "google/deplot"
# The models in whose place this machine's built-in tools answer. They answer alike for all chat
# models, so one of these represents the others.
_BUILTIN: Mapping[Intent, tuple[str, ...]] = {
    ASK: (_FLORENCE, _LLAMA),
    DESCRIBE: (_LLAMA,),
    FIND: (_FLORENCE,),
    READ: (_FLORENCE, _LLAMA, _DEPLOT),
}
_BY_HAND = (_DEPLOT,)  # makes a table of any picture: never chosen by default


@dataclass(frozen=True)
class Candidate:
    """A model at an engine, which a visitor may choose."""

    model: Model
    engine: str
    remark: str = ""  # why its answer is less than certain, to follow the title
    certain: bool = True  # it answers, and without a download
    partial: bool = False  # built-in tools do a part of what the model would do

    @property
    def key(self) -> str:
        """The candidate's name in the page's fields."""
        return f"{self.model.id}@{self.engine}"

    @property
    def title(self) -> str:
        """The candidate's name for people."""
        return f"{self.model.title} · {self.engine}"


def candidates(registry: EngineRegistry, visitor: Visitor, intent: Intent) -> list[Candidate]:
    """List who can answer this visitor now: engine by engine, in the catalogue's order."""
    wanted = [model for model in registry.models if supports(model, intent)]
    return [
        candidate
        for engine in registry.engines
        for model in wanted
        if (candidate := _candidate(engine.with_key(visitor.key), model, intent))
    ]


def _candidate(engine: Engine, model: Model, intent: Intent) -> Candidate | None:
    """Return the model at this engine; None when it cannot answer, or another represents it."""
    capability = engine.capability(model)
    if not capability.available or (capability.partial and model.id not in _BUILTIN[intent]):
        return None
    remark = ""
    if capability.download_gb:
        remark = ", to be downloaded"
    elif not capability.proven and model.hosted:
        remark = _REMARKS[model.hosted.state]
    certain = capability.proven and not capability.download_gb
    return Candidate(model, engine.name, remark, certain, capability.partial)


def default_choice(offered: Sequence[Candidate]) -> list[str]:
    """Return the keys of a good first choice: certain answers, each model once.

    The built-in tools are among them only where there are no two others.
    """
    certain = [one for one in offered if one.certain and one.model.id not in _BY_HAND]
    others = [one for one in certain if not one.partial]
    chosen = others if len(others) > 1 else certain
    first = {one.model.id: one.key for one in reversed(chosen)}
    return list(reversed(first.values()))[:_USUAL]

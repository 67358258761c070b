"""Who can be asked in a comparison: a model at an engine, for what a visitor wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ui.core.session import EngineRegistry, Visitor
from vlm_backends import NVIDIA, Embedded, Engine, Local, Model
from vlm_backends.intents import ASK, DESCRIBE, FIND, READ, Intent, supports

_USUAL = 3  # candidates that are chosen for a visitor
_REMARKS = {"alive": "", "unknown": ", unproven", "withdrawn": ", withdrawn"}
_LLAMA = "meta/llama-3.2-11b-vision-instruct"
_FLORENCE = "microsoft/florence-2"
_DEPLOT = "google/deplot"
# The models in whose place this machine's built-in tools answer. They answer alike for all chat
# models, so one of these stands for the others.
_BUILTIN: Mapping[Intent, tuple[str, ...]] = {
    ASK: (_FLORENCE, _LLAMA),
    DESCRIBE: (_LLAMA,),
    FIND: (_FLORENCE,),
    READ: (_FLORENCE, _LLAMA, _DEPLOT),
}
_BY_HAND = (_DEPLOT,)  # makes a table of whatever it sees: only who wants it chooses it


@dataclass(frozen=True)
class Candidate:
    """A model at an engine, which a visitor may choose."""

    model: Model
    engine: str
    remark: str = ""  # why its answer is less than certain, to follow the title
    certain: bool = True  # it answers, and without a download

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
        for candidate in _candidates(engine, visitor, wanted, _BUILTIN[intent])
    ]


def _candidates(
    engine: Engine, visitor: Visitor, wanted: Sequence[Model], builtin: Sequence[str]
) -> Iterator[Candidate]:
    if isinstance(engine, NVIDIA):
        if engine.key or visitor.key:
            for model in wanted:
                if hosted := model.hosted:
                    certain = hosted.state == "alive"
                    yield Candidate(model, engine.name, _REMARKS[hosted.state], certain)
    elif isinstance(engine, Embedded):
        yield from (Candidate(model, engine.name) for model in wanted if model.id in builtin)
    else:
        able = engine.models()
        ready = replace(engine, downloads=False).models() if isinstance(engine, Local) else able
        for model in wanted:
            if model in able:
                remark = "" if model in ready else ", to be downloaded"
                yield Candidate(model, engine.name, remark, model in ready)


def default_choice(offered: Sequence[Candidate]) -> list[str]:
    """Return the keys of a good first choice: certain answers, each model once.

    The built-in tools are among them only where there are no two others.
    """
    certain = [one for one in offered if one.certain and one.model.id not in _BY_HAND]
    others = [one for one in certain if one.engine != Embedded.name]
    chosen = others if len(others) > 1 else certain
    first = {one.model.id: one.key for one in reversed(chosen)}
    return list(reversed(first.values()))[:_USUAL]

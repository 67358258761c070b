"""Lists who can be asked in a comparison: a model at an engine, for what a visitor wants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ui.core.session import EngineRegistry, Visitor
from vlm_backends import Engine, Model
from vlm_backends.intents import ASK, DESCRIBE, FIND, READ, Intent, supports, write_prompt

_USUAL = 3  # candidates that are chosen for a visitor
_REMARKS = {"alive": "", "unknown": ", unproven", "withdrawn": ", withdrawn"}  # at the host
_LLAMA = "meta/llama-3.2-11b-vision-instruct"
_FLORENCE = "microsoft/florence-2"
_DEPLOT = "google/deplot"
# The models in whose place this machine's built-in tools answer. They answer alike for all chat
# models, so one of these represents the others. Where the same tools answer for several, the first
# is asked.
_BUILTIN: Mapping[Intent, tuple[str, ...]] = {
    ASK: (_LLAMA, _FLORENCE),
    DESCRIBE: (_LLAMA,),
    FIND: (_FLORENCE,),
    READ: (_FLORENCE, _LLAMA, _DEPLOT),
}
# Asked to read, they read print in place of a chat model as they do in place of Florence-2.
_BUILTIN_AS: Mapping[Intent, Mapping[str, str]] = {READ: {_LLAMA: _FLORENCE}}
_ALONE = (
    "One reader is chosen: there is nothing to compare yet. "
    "[A key, a server of your own, or open weights](#engine-panel) give more."
)
_BY_HAND = (_DEPLOT,)  # makes a table of any picture: never chosen by default


@dataclass(frozen=True)
class Candidate:
    """A reader that a visitor may choose: a model at an engine.

    Where one thing computes the answers for several models, it is one candidate.
    """

    model: Model  # the one that is asked
    engine: str
    remark: str = ""  # why its answer is less than certain, to follow the title
    certain: bool = True  # it answers, and without a download
    partial: bool = False  # built-in tools do a part of what the model would do
    computed_by: str = ""  # as in Capability
    others: tuple[Candidate, ...] = ()  # the same reader under other names

    @property
    def key(self) -> str:
        """The candidate's name in the page's fields."""
        return f"{self.model.id}@{self.engine}"

    @property
    def keys(self) -> list[str]:
        """All names by which it may have been chosen: its own, and those of the others."""
        return [self.key, *(other.key for other in self.others)]

    @property
    def models(self) -> set[str]:
        """The ids of the models that it stands for."""
        return {one.model.id for one in (self, *self.others)}

    @property
    def short(self) -> str:
        """A short name for people, which tells it from the others."""
        if self.others:
            return f"{self.engine} ({self.computed_by})"
        return f"{self.model.title} · {self.engine}"

    @property
    def title(self) -> str:
        """The candidate's name for people: where it has several models, with each of them."""
        if not self.others:
            return self.short
        *titles, last = dict.fromkeys(one.model.title for one in (self, *self.others))
        named = f"{', '.join(titles)} and {last}" if titles else last
        return f"{self.short}, for {named}"


def candidates(registry: EngineRegistry, visitor: Visitor, intent: Intent) -> list[Candidate]:
    """List who can answer this visitor now: engine by engine, in the catalogue's order.

    Each reader is there once, also where it answers under several names.
    """
    wanted = {model.id: model for model in registry.models if supports(model, intent)}
    readers: dict[tuple[str, ...], list[Candidate]] = {}
    for engine in (each.with_key(visitor.key) for each in registry.engines):
        for model in wanted.values():
            if found := _candidate(engine, model, intent, wanted):
                readers.setdefault(_reader(engine, found), []).append(found)
    return [_merged(alike, intent) for alike in readers.values()]


def _candidate(
    engine: Engine, model: Model, intent: Intent, wanted: Mapping[str, Model]
) -> Candidate | None:
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
    alias = _BUILTIN_AS.get(intent, {}).get(model.id, "") if capability.partial else ""
    computed_by = _computed_by(engine, wanted.get(alias, model), intent)
    return Candidate(model, engine.name, remark, certain, capability.partial, computed_by)


def _computed_by(engine: Engine, model: Model, intent: Intent) -> str:
    """Return who computes the answer to this intent, by the model's task for it."""
    _, task = write_prompt(model, intent, intent.example)
    return engine.capability(model, task).computed_by


def _reader(engine: Engine, candidate: Candidate) -> tuple[str, ...]:
    """Return what tells readers apart: candidates with the same one are the same reader.

    A service elsewhere says its host only, where each model is a reader of its own.
    """
    traits, computed_by = engine.traits, candidate.computed_by
    if traits.sends_to or not computed_by:
        return traits.kind, computed_by or engine.name, candidate.model.id
    return traits.kind, computed_by


def _merged(alike: Sequence[Candidate], intent: Intent) -> Candidate:
    """Return one candidate for the same reader under several names."""
    order = _BUILTIN[intent]
    first, *others = sorted(
        alike, key=lambda one: order.index(one.model.id) if one.partial else len(order)
    )
    return replace(first, others=tuple(others))


def default_choice(offered: Sequence[Candidate]) -> list[str]:
    """Return the keys of a good first choice: certain answers, each model once.

    The built-in tools are among them only where there are no two others.
    """
    certain = [one for one in offered if one.certain and one.model.id not in _BY_HAND]
    others = [one for one in certain if not one.partial]
    taken, keys = set[str](), list[str]()
    for one in others if len(others) > 1 else certain:
        if not one.models <= taken:
            keys.append(one.key)
            taken |= one.models
    return keys[:_USUAL]


def chosen_among(offered: Sequence[Candidate], keys: Collection[str]) -> list[Candidate]:
    """Return those that were chosen, under any of their names."""
    return [one for one in offered if any(key in keys for key in one.keys)]


def about(intent: Intent, chosen: Collection[str]) -> str:
    """Say what is asked of those who are chosen, as Markdown; and when they are too few."""
    return f"{intent.about} {_ALONE}" if len(chosen) == 1 else intent.about

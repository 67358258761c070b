"""Finds the availability of each model at each engine, as a word and a detail.

A call is the best evidence, then the engine's own list, then the catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from vlm_backends import CATALOGUE, Engine, Local, Model, OpenAI
from vlm_backends.engines.base import Capability, Kind, Observation
from vlm_backends.journal import Journal

Tone = Literal["good", "maybe", "bad", "off"]

_REASONS = {  # of a refusal, by its HTTP status
    401: "the key was not accepted",
    402: "the key's credits are used up",
    403: "the key may not call it",
    503: "no room there",
    529: "overloaded",
}
_GONE_WORDS: Mapping[Kind, tuple[str, str]] = {  # the word, and who said so
    "nvidia": ("withdrawn", "NVIDIA")
}


@dataclass(frozen=True)
class Availability:
    """A word, a detail, and a tone: the colour of the dot, which only repeats the word."""

    word: str
    detail: str = ""
    tone: Tone = "off"


@dataclass(frozen=True)
class EngineColumn:
    """An engine, or one that is not here (None), with the availability of each catalogue model."""

    name: str
    engine: Engine | None
    cells: tuple[Availability, ...]


def columns(engines: tuple[Engine, ...], journal: Journal, now: float) -> list[EngineColumn]:
    """Return a column for each engine, the preferred one first, then for those that are missing.

    `now` is in seconds since 1970.
    """
    found = [
        EngineColumn(
            engine.name,
            engine,
            tuple(availability(engine, model, journal, now) for model in CATALOGUE),
        )
        for engine in engines
    ]
    here = {engine.traits.kind for engine in engines}
    missing = [
        EngineColumn(name, None, tuple(map(describe, CATALOGUE)))
        for kind, (name, describe) in _MISSING.items()
        if kind not in here
    ]
    return found + missing


def availability(engine: Engine, model: Model, journal: Journal, now: float) -> Availability:
    """Return the model's availability at this engine with its key; `now` in seconds since 1970."""
    observation, capability = journal.newest(engine, model, now), engine.capability(model)
    seen = _as_seen(engine, observation, now) if observation else None
    if capability.partial:  # built-in tools answered, which proves nothing of the model
        answered = seen.detail if seen and seen.tone == "good" else ""
        return Availability("in part", _joined(capability.summary, answered), "maybe")
    if seen:
        return seen
    checked = _ago(now - observation.at) if observation else ""
    describe = _UNSEEN.get(engine.traits.kind, _as_listed)
    return describe(engine, model, capability, observation, checked)


def _as_seen(engine: Engine, observation: Observation, now: float) -> Availability | None:
    """Say what a call or a probe has shown; None for a list, which proves nothing of a model."""
    ago = _ago(now - observation.at)
    until = _until(observation.until) if observation.until else ""
    match observation.kind:
        case "answered":
            return Availability("ready", f"answered {ago}", "good")
        case "gone":
            word, who = _GONE_WORDS.get(engine.traits.kind, ("not served", "it"))
            detail = f"since {observation.since}" if observation.since else f"{who} said so {ago}"
            return Availability(word, detail, "bad")
        case "limited":
            return Availability("rate limited", until, "maybe")
        case "unreachable":
            return Availability("unreachable", f"tried {ago}", "bad")
        case "refused":
            return Availability(
                "refused", _joined(_reason(observation.status), until or ago), "bad"
            )
    return None


def _reason(status: int) -> str:
    return _REASONS.get(status) or (f"status {status}" if status else "it failed")


def _until(seconds: float) -> str:
    return f"until about {datetime.fromtimestamp(seconds, timezone.utc):%H:%M} UTC"


def _as_hosted(
    engine: Engine,
    model: Model,
    capability: Capability,
    listing: Observation | None,
    checked: str,
) -> Availability:
    """Say what the catalogue knows of a hosted model, with what the host's list adds."""
    hosted, name = model.hosted, engine.name
    if hosted is None:
        return Availability(capability.summary)
    listed = listing is not None and listing.kind == "listed"
    found = f"{'in' if listed else 'not in'} {name}'s list ({checked})" if listing else ""
    if hosted.state == "withdrawn":
        return Availability("withdrawn", _joined(f"as of {hosted.checked}", found), "bad")
    if capability.needs == "key":
        known = "live" if capability.proven else "unproven"
        return Availability("needs a key", found or f"{known} on {hosted.checked}")
    if listed:
        return Availability("listed", f"{checked}; only a question proves it", "maybe")
    if listing or not capability.proven:
        return Availability("unproven", found or f"as of {hosted.checked}", "maybe")
    return Availability("seen live", f"by others, on {hosted.checked}", "maybe")


def _as_listed(
    engine: Engine,
    model: Model,
    capability: Capability,
    listing: Observation | None,
    checked: str,
) -> Availability:
    """Say what an engine says of itself, with the time of the list that it was read from."""
    word, _, detail = capability.summary.partition(": ")
    ready = word.startswith("ready")
    seen = f"listed {checked}" if checked else ""
    weights = "" if engine.traits.sends_to else _about_weights(model, ready)
    return Availability(word, _joined(detail, seen, weights), "good" if ready else "off")


def _about_weights(model: Model, ready: bool) -> str:
    """Name the weights that answer in place of the model, or what must be accepted first."""
    weights = model.weights
    if not weights:
        return ""
    if ready:
        return f"by {weights.id.rpartition('/')[2]}" if weights.instead else ""
    return "licence to accept" if weights.gated and not weights.served else ""


def _not_set_up(model: Model) -> Availability:
    return Availability("not set up")


def _not_installed(model: Model) -> Availability:
    weights = model.weights
    if not weights:
        return Availability("no open weights")
    word = "needs a server" if weights.served else "not installed"
    licence = "licence to accept" if weights.gated else ""
    return Availability(word, _joined(f"{weights.gigabytes:g} GB", licence))


# How a model is described of which no call and no probe has shown anything, by the engine's kind.
_UNSEEN: Mapping[Kind, Callable[..., Availability]] = {"nvidia": _as_hosted}
# The engines that are worth a column while they are missing: their names, and what to say.
_MISSING: Mapping[Kind, tuple[str, Callable[[Model], Availability]]] = {
    "local": (Local.name, _not_installed),
    "openai": (OpenAI.name, _not_set_up),
}


def summary(found: list[EngineColumn]) -> str:
    """Say in one line for how many models each engine that is here can answer."""
    return "; ".join(_count(column, column.engine) for column in found if column.engine)


def _count(column: EngineColumn, engine: Engine) -> str:
    words, total = Counter(cell.word for cell in column.cells), len(column.cells)
    if words["in part"] == total:
        return f"{column.name}: all {total} in part"
    if not engine.traits.takes_key:
        ready = sum(cell.tone == "good" for cell in column.cells)
        return f"{column.name}: {ready} of {total} ready"
    if not engine.traits.has_key:
        return f"{column.name} needs a key"
    counts = ", ".join(f"{count} {word}" for word, count in words.most_common())
    return f"{column.name}: {counts}"


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _ago(seconds: float) -> str:
    """Say how long ago something was, such as “2 min ago”."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"

"""How each model stands at each engine, in a word and a detail: by a call, else by a look, else by the catalogue."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from vlm_backends import CATALOGUE, NVIDIA, Embedded, Engine, Local, Model, OpenAI
from vlm_backends.engines.base import Observation
from vlm_backends.journal import Journal

_REASONS = {  # of a refusal, by its status
    401: "the key was not accepted",
    402: "the key's credits are used up",
    403: "the key may not call it",
    503: "no room there",
    529: "overloaded",
}


@dataclass(frozen=True)
class Standing:
    """A word, a detail, and a tone for the dot, which tells nothing that the word does not."""

    word: str
    detail: str = ""
    tone: Literal["good", "maybe", "bad", "off"] = "off"


@dataclass(frozen=True)
class Column:
    """An engine, or one that is not here (None), with the standing of each model of the catalogue."""

    name: str
    engine: Engine | None
    standings: tuple[Standing, ...]


def columns(engines: tuple[Engine, ...], journal: Journal, now: float) -> list[Column]:
    """A column for each engine, the preferred one first, then for the two that may be missing; `now` as in Sign."""
    found = [
        Column(e.name, e, tuple(standing(e, model, journal, now) for model in CATALOGUE))
        for e in engines
    ]
    missing = {Local: _not_installed, OpenAI: _not_set_up}
    return found + [
        Column(kind.name, None, tuple(map(stand, CATALOGUE)))
        for kind, stand in missing.items()
        if not any(isinstance(engine, kind) for engine in engines)
    ]


def standing(engine: Engine, model: Model, journal: Journal, now: float) -> Standing:
    """How the model stands at this engine and its key; `now` in seconds since 1970."""
    observation = journal.newest(engine, model, now)
    seen = observation and _as_seen(engine, observation, now)
    if isinstance(engine, Embedded):  # it reads the picture, but the model it is not
        answered = seen.detail if seen and seen.tone == "good" else ""
        return Standing("in part", _listed(engine.state(model), answered), "maybe")
    if seen:
        return seen
    checked = _ago(now - observation.at) if observation else ""
    if isinstance(engine, NVIDIA):
        return _as_hosted(engine, model, observation, checked)
    word, _, detail = engine.state(model).partition(": ")
    tone = "good" if word.startswith("ready") else "off"
    return Standing(
        word,
        _listed(detail, checked and f"listed {checked}", _about_weights(engine, model, tone)),
        tone,
    )


def _as_seen(engine: Engine, observation: Observation, now: float) -> Standing | None:
    """What a call or a look has shown; None for a list, which proves nothing of a model."""
    ago = _ago(now - observation.at)
    until = (
        f"until about {datetime.fromtimestamp(observation.until, timezone.utc):%H:%M} UTC"
        if observation.until
        else ""
    )
    match observation.kind:
        case "answered":
            return Standing("ready", f"answered {ago}", "good")
        case "gone" if isinstance(engine, NVIDIA):
            return Standing(
                "withdrawn",
                f"since {observation.since}" if observation.since else f"NVIDIA said so {ago}",
                "bad",
            )
        case "gone":
            return Standing("not served", f"it said so {ago}", "bad")
        case "limited":
            return Standing("rate limited", until, "maybe")
        case "unreachable":
            return Standing("unreachable", f"tried {ago}", "bad")
        case "refused":
            reason = _REASONS.get(observation.status) or (
                f"status {observation.status}" if observation.status else "it failed"
            )
            return Standing("refused", _listed(reason, until or ago), "bad")
    return None


def _as_hosted(engine: NVIDIA, model: Model, listing: Observation | None, checked: str) -> Standing:
    """What the catalogue knows, with what NVIDIA's list adds."""
    hosted = model.hosted
    listed = listing is not None and listing.kind == "listed"
    found = f"{'in' if listed else 'not in'} NVIDIA's list ({checked})" if listing else ""
    if hosted.state == "withdrawn":
        return Standing("withdrawn", _listed(f"as of {hosted.checked}", found), "bad")
    if not engine.key:
        known = "live" if hosted.state == "alive" else "unproven"
        return Standing("needs a key", found or f"{known} on {hosted.checked}")
    if listed:
        return Standing("listed", f"{checked}; only a question proves it", "maybe")
    if listing or hosted.state == "unknown":
        return Standing("unproven", found or f"as of {hosted.checked}", "maybe")
    return Standing("seen live", f"by others, on {hosted.checked}", "maybe")


def _about_weights(engine: Engine, model: Model, tone: str) -> str:
    """Whose weights answer in the model's stead, or that its own are not to be had without a click."""
    weights = model.weights if isinstance(engine, Local) else None
    if not weights:
        return ""
    if tone == "good":
        return f"by {weights.id.rpartition('/')[2]}" if weights.instead else ""
    return "gated" if weights.gated and not weights.served else ""


def _not_set_up(model: Model) -> Standing:
    return Standing("not set up")


def _not_installed(model: Model) -> Standing:
    weights = model.weights
    if not weights:
        return Standing("no open weights")
    word = "needs a server" if weights.served else "not installed"
    return Standing(word, _listed(f"{weights.gigabytes:g} GB", "gated" if weights.gated else ""))


def summary(found: list[Column]) -> str:
    """One line for all: for how many models each engine that is here can answer."""
    return "; ".join(_counted(column) for column in found if column.engine)


def _counted(column: Column) -> str:
    words, total = Counter(each.word for each in column.standings), len(column.standings)
    if isinstance(column.engine, Embedded):
        return f"{column.name}: all {total} in part"
    if not isinstance(column.engine, NVIDIA):
        return f"{column.name}: {sum(each.tone == 'good' for each in column.standings)} of {total} ready"
    if not column.engine.key:
        return "NVIDIA needs a key"
    return "NVIDIA: " + ", ".join(f"{count} {word}" for word, count in words.most_common())


def _listed(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _ago(seconds: float) -> str:
    """A span in words, such as “2 min ago”."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"

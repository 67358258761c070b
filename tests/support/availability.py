"""Models, a fixed time and helpers for the tests of availability."""

from dataclasses import replace
from datetime import datetime, timezone

from ui.components.availability_table import availability_html
from ui.core.session import EngineRegistry, Visitor
from ui.state.availability import availability
from vlm_backends import find_model
from vlm_backends.journal import Journal

LLAMA, PHI, NEVA, DEPLOT, NEMOTRON = map(
    find_model,
    (
        "meta/llama-3.2-11b-vision-instruct",
        "microsoft/phi-3.5-vision-instruct",
        "nvidia/neva-22b",
        "google/deplot",
        "nvidia/nemotron-3-nano-omni-30b-a3b-reasoning",
    ),
)
NOW = datetime(2026, 11, 24, 14, 0, tzinfo=timezone.utc).timestamp()
NOWHERE = "http://127.0.0.1:9"  # nobody listens there


def availability_of(engine, model, journal, now=NOW) -> tuple:
    """Return the word, the detail and the tone that the page shows for a model of an engine."""
    found = availability(engine, model, journal, now)
    return found.word, found.detail, found.tone


def shown_table(
    registry: EngineRegistry, visitor: Visitor, journal: Journal, now: float | None = None
) -> tuple[str, str]:
    """Return the label and the HTML of the table, drawn from what this journal knows."""
    return availability_html(replace(registry, journal=journal), visitor, now)

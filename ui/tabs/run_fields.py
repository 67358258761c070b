"""Names the components that a run of a task reads and updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ui.components.chart import TablePanel
from ui.state.task_run import BoxFields


@dataclass(frozen=True)
class RunFields:
    """The components that a run updates."""

    run: gr.State
    notice: Component
    go: Component
    stop: Component
    viewer: Component
    live: Component
    facts: Component
    instead: Component
    table: TablePanel

    @property
    def taken(self) -> list[Component]:
        """The outputs of the handlers that take a run."""
        shown = [self.notice, self.go, self.stop, self.live, self.facts, self.instead]
        return [self.run, *shown]

    @property
    def done(self) -> list[Component]:
        """The outputs of the handler that shows a run's end."""
        shown = [self.notice, self.go, self.stop, self.viewer, self.live, self.facts]
        return [*shown, self.instead, *self.table.outputs]


@dataclass(frozen=True)
class Given:
    """The values of the fields of a task: the page of the picture, and the rest."""

    page: int | None
    words: str
    confidence: float | None
    region: BoxFields

    @classmethod
    def of(cls, values: Sequence[Any]) -> Given:
        """Return the values in the order of the fields; the last four are the region's sides."""
        page, words, confidence, *region = values
        return cls(page, words, confidence, tuple(region))

"""Streams the answers of a comparison side by side, and tells how far they agree."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ui.components.viewer import scene
from ui.core.session import EngineRegistry, Visitor
from ui.state.agreements import sentences, table
from ui.state.comparison import Comparison, ComparisonEntry, meetings
from ui.state.replies import follow
from vlm_backends import VLMError


@dataclass(frozen=True)
class CompareFields:
    """The components that the end of an answer updates."""

    go: Component
    stop: Component
    viewer: Component
    agreement: Component

    @property
    def ended(self) -> list[Component]:
        """The outputs of `watch`."""
        return [self.viewer, self.agreement, self.go, self.stop]


@dataclass(frozen=True)
class ComparisonHandlers:
    """The handlers of a comparison that was taken; `stream` is one for each answer."""

    registry: EngineRegistry
    fields: CompareFields

    async def stream(
        self, number: int, comparison: Comparison, visitor: Visitor
    ) -> AsyncGenerator[Any, None]:
        """Yield one entry as it fills; no entry waits for another."""
        entry = comparison.entries[number] if number < len(comparison.entries) else None
        if entry is None or not entry.claim():
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a yield
            return
        try:
            async with aclosing(self._answer(entry, visitor)) as arriving:
                async for shown in arriving:
                    yield shown
        except VLMError as error:
            entry.reply.failure = str(error)
        finally:
            comparison.end_entry(entry)
        yield entry.markdown()

    async def _answer(self, entry: ComparisonEntry, visitor: Visitor) -> AsyncGenerator[str, None]:
        model = entry.candidate.model
        choosing = visitor.choosing(model, entry.candidate.engine)
        # In a thread: the choice of an engine may ask a server what it has.
        engine = await to_thread(self.registry.answering, choosing, model)
        admission = self.registry.admission(visitor, engine)
        observe = self.registry.journal.observe
        async with aclosing(follow(entry.reply, engine, admission, observe)) as arriving:
            async for _ in arriving:
                yield entry.markdown()

    def shown(self, number: int, comparison: Comparison) -> str:
        """Return one entry with its answer so far."""
        return comparison.entries[number].markdown()

    async def watch(self, comparison: Comparison) -> AsyncGenerator[dict, None]:
        """Yield how far the entries agree, each time one of them has ended.

        At the end it sets the buttons back.
        """
        if not comparison.claim():
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a yield
            return
        try:
            complete = False
            while not complete:
                await comparison.changed.wait()
                comparison.changed.clear()
                complete = comparison.complete
                yield await to_thread(self._together, comparison, complete)
        finally:
            comparison.reset()
        yield {
            self.fields.go: gr.Button(interactive=True),
            self.fields.stop: gr.Button(visible=False),
        }

    def together(self, comparison: Comparison) -> dict:
        """Return what shows the end of a comparison that was held before."""
        ended = comparison.complete and comparison.entries and comparison.is_shown
        return self._together(comparison, True) if ended else {}

    def view(self, comparison: Comparison) -> dict | None:
        """Return what the viewer shows: the picture, with the places if it was asked about."""
        places, groups = comparison.places()
        if not places.regions or not comparison.is_shown:
            return scene(comparison.given)
        return scene(comparison.picture, places, groups, text=False, lanes=True)

    def _together(self, comparison: Comparison, complete: bool) -> dict:
        """Return all places on one picture, and how far they agree; at the end also the table."""
        if not comparison.is_shown:  # another picture was given: its answers are not these
            return gr.skip()
        places, _ = comparison.places()
        shown: dict[Component, object] = {}
        if places.regions:
            shown[self.fields.viewer] = self.view(comparison)
        if complete or places.regions:
            answers = comparison.answers()
            found = meetings(answers)
            numbers = table(answers, found) if complete else ""
            shown[self.fields.agreement] = numbers + sentences(answers, found)
        return shown or gr.skip()

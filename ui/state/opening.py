"""Answers a sample of each tab while the page starts, so that nobody opens an empty page.

Only engines that send nothing away are asked: nobody's key is spent, and the networks of the
built-in tools are loaded before the first visitor comes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, nullcontext

from ui.core.session import EngineRegistry, Visitor
from ui.state.replies import PageReply, Result, follow
from vlm_backends import Engine, Model, Question
from vlm_backends.endings import has_content

_log = logging.getLogger(__name__)
READING = "*Reading the sample…*"


class OpeningAnswers:
    """The answers to the tabs' first samples, by the id of the model; none until `compute` runs."""

    def __init__(self, registry: EngineRegistry) -> None:
        self._registry = registry
        self._questions: dict[str, Callable[[], Question]] = {}
        self._results: dict[str, Result] = {}
        self._changed: asyncio.Event | None = None  # None: nothing is being computed
        self._wanted = ""  # the model of the tab that was opened last: it comes next

    def add(self, model: Model, question: Callable[[], Question]) -> None:
        """Have the question answered when the page starts; it is made then."""
        self._questions[model.id] = question

    async def compute(self) -> None:
        """Answer the questions one after another."""
        self._changed = asyncio.Event()
        try:
            left = dict(self._questions)
            while left:
                id = self._wanted if self._wanted in left else next(iter(left))
                question = await asyncio.to_thread(left.pop(id))
                engine = self._engine(question.model)
                try:
                    result = await _answered(question, engine) if engine else None
                except Exception:  # a bug: the other tabs still get their answers
                    _log.exception("The sample of %s met a fault", id)
                    result = None
                if result:
                    self._results[id] = result
                self._changed.set()
                self._changed = asyncio.Event()
        finally:
            last, self._changed = self._changed, None
            last.set()

    def pending(self, model: Model) -> bool:
        """Return True while the answer of a tab is still to come."""
        return self._changed is not None and model.id not in self._results

    async def result(self, model: Model) -> Result | None:
        """Return the answer of a tab; wait for it while it may still come."""
        self._wanted = model.id
        while model.id not in self._results and (changed := self._changed):
            await changed.wait()
        return self._results.get(model.id)

    def _engine(self, model: Model) -> Engine | None:
        private = (
            engine
            for engine in self._registry.candidates(Visitor(), model)
            if not engine.traits.sends_to and engine.capability(model).available
        )
        return next(private, None)


async def _answered(question: Question, engine: Engine) -> Result | None:
    reply = PageReply(question)
    async with aclosing(follow(reply, engine, nullcontext())) as arriving:
        async for _ in arriving:
            pass
    complete = not reply.failure and has_content(reply.answer)
    return Result.of(reply) if complete else None

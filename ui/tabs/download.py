"""Downloads a model's open weights for a visitor, and then runs the task that needs them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.download_offer import offer_download, show_progress
from ui.core.events import QUIET, SETS_STATE
from ui.core.markdown import verbatim
from ui.core.session import Visitor
from ui.core.shutdown import shutdown_registry
from ui.state.phase import Phase
from ui.state.task_run import TaskRun
from ui.tabs.task_runner import TaskRunHandlers
from vlm_backends import CancelToken, VLMError, find_task
from vlm_backends.concurrency import latest_items

_STOPPED = "The download was stopped. Files that had not arrived whole are fetched again next time."


@dataclass(frozen=True)
class DownloadHandlers:
    """The handlers of a download; they return {component: value}.

    It takes the place of a run: the same button stops it, and no task runs meanwhile.
    """

    runs: TaskRunHandlers
    shown: Any  # the component that offers it, and shows how far it is
    visitor: gr.State

    def wire(self, fields: list[Component]) -> Dependency:
        """Wire the button; return the event after which the task is streamed, if it was taken.

        `fields` are those of the task, as `TaskRunHandlers.take` wants them.
        """
        run, taken = self.runs.fields.run, [*self.runs.fields.taken, self.shown]
        stream = self.shown.accept(self.take, run, taken, **QUIET).then(
            self.stream, run, self.shown, **SETS_STATE
        )
        inputs = [run, self.visitor, *fields[1:]]
        landed, _ = [
            event(self.land, inputs, [*taken, self.visitor], **SETS_STATE)
            for event in (stream.then, stream.failure)
        ]
        return landed

    def offer(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Show what the chosen task would take; a download that is shown stays."""
        if run.downloading:
            return {}
        runs, value = self.runs, None
        with suppress(VLMError):  # a setting: the tab says it already
            value = offer_download(runs.registry, visitor, runs.model, find_task(run.token))
        return {self.shown: value}

    def take(self, run: TaskRun) -> dict[Any, Any]:
        """Take the download, unless a run is still going."""
        taken = self.runs.take_download(run)
        return taken | ({self.shown: show_progress(self.runs.model)} if run.downloading else {})

    async def stream(self, run: TaskRun) -> AsyncGenerator[Any, None]:
        """Download the weights; yield how far it is. Who leaves the page lets it go on."""
        yield gr.skip()  # Gradio empties the outputs of a generator that ends without a yield
        engine = self.runs.registry.fetching_engine(self.runs.model)
        if not (run.downloading and engine and run.stop_token and run.claim()):
            return
        left, stop = CancelToken(), run.stop_token
        stop.add_callback(left.set)

        def interrupt(reason: str) -> None:
            run.error = reason
            stop.set()

        try:
            with shutdown_registry.register(interrupt):
                fetch = partial(engine.fetch, self.runs.model, stop)
                async with aclosing(latest_items(fetch, left)) as arriving:
                    async for progress in arriving:
                        yield show_progress(self.runs.model, progress)
        except VLMError as error:
            run.error = str(error)
        finally:
            run.end()

    def land(self, run: TaskRun, visitor: Visitor, *given: Any) -> dict[Any, Any]:
        """Ask the weights from now on, and take the task; or say why they are not here."""
        fields, engine = self.runs.fields, self.runs.registry.fetching_engine(self.runs.model)
        if not run.downloading or run.phase is not Phase.ENDED or engine is None:
            return {fields.run: run}
        error = run.error or (_STOPPED if run.stopped else "")
        run.downloading = False
        run.reset()
        visitor = visitor if error else visitor.choosing(self.runs.model, engine.name)
        ended = {
            fields.go: gr.Button(interactive=self.runs.runnable(run, visitor)),
            fields.stop: gr.Button(visible=False),
            fields.notice: verbatim(error),
        }
        if error:
            return ended | {fields.run: run} | self.offer(run, visitor)
        return ended | {self.visitor: visitor, self.shown: None} | self.runs.take(run, *given)

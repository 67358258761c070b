"""Builds the batch tab: one question about many pictures, thumbnails, the results as a zip."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.result_panel import after
from ui.components.samples import ASSETS
from ui.core.events import QUIET
from ui.core.gradio_compat import UploadedFiles
from ui.core.limits import quota_of
from ui.core.markdown import verbatim
from ui.core.session import EngineRegistry, Visitor, owner_pays
from ui.core.shutdown import shutdown_registry
from ui.state.batch import Batch, BatchQuestion, grid, progress
from ui.state.phase import Phase
from ui.tabs.fields import FILE_TYPES
from vlm_backends import CATALOGUE, BadPrompt, CancelToken, Model, Task, VLMError, write_task
from vlm_backends.annotate.runner import rate_limit_for
from vlm_backends.annotate.sources import MOST, Source, may_have_pages, sources
from vlm_backends.concurrency import latest_items
from vlm_backends.ratelimit import SlidingWindow

SAMPLES = tuple(dict.fromkeys(sample for model in CATALOGUE for sample in model.samples))
KINDS: dict[str, tuple[Model, Task | None]] = {  # what can be asked about all pictures alike
    f"{model.id}{task.token if task else ''}": (model, task)
    for model in CATALOGUE
    for task in model.tasks or (None,)
    if not task or task.takes != "region"  # each picture would need a region of its own
}
FIRST = "microsoft/florence-2<OCR_WITH_REGION>"


class BatchTab:
    """The components of the tab and their handlers.

    A handler returns {component: value}; a component that is left out stays as it is.
    """

    def __init__(self, registry: EngineRegistry, visitor: gr.State) -> None:
        self.registry, self.visitor, self.batch = registry, visitor, gr.State(Batch())
        self.ends: list[Dependency] = []  # events that follow the end of each batch
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=2, min_width=320, elem_classes=["picture-pane", "scrolls"]):
                self._question()
            with gr.Column(scale=3, min_width=320, elem_classes=["answer-pane", "scrolls"]):
                self.status = gr.HTML(
                    progress(Batch()), elem_id="batch-status", apply_default_css=False
                )
                self.grid = gr.HTML(grid(Batch()), elem_id="batch-results", apply_default_css=False)
        with gr.Row(elem_classes="composer"):
            self._buttons()
        self._wire()

    def _question(self) -> None:
        self.files = UploadedFiles(
            label=f"Your pictures, up to {MOST}",
            file_count="multiple",
            file_types=FILE_TYPES,
            height=180,
            elem_id="batch-files",
        )
        choices = [(_title(model, task), kind) for kind, (model, task) in KINDS.items()]
        self.kind = gr.Dropdown(
            choices, value=FIRST, label="What to do with each picture", elem_id="batch-kind"
        )
        self.about = gr.Markdown(elem_classes="about", elem_id="batch-about")
        self.words = gr.Textbox(
            visible=False, label="Your question", lines=2, max_lines=5, elem_id="batch-words"
        )
        self.notice = gr.Markdown(elem_classes="notice", elem_id="batch-notice")
        self.sample = gr.Button(
            "Try it with the sample pictures", size="sm", elem_id="batch-sample"
        )

    def _buttons(self) -> None:
        self.download = gr.DownloadButton(visible=False, elem_id="batch-download", scale=0)
        self.rest = gr.Button("Resume", visible=False, elem_id="batch-resume", scale=0)
        self.stop = gr.Button("Stop", visible=False, elem_id="batch-stop", scale=0)
        self.start = gr.Button("Start", variant="primary", elem_id="batch-start", scale=0)

    def _wire(self) -> None:
        buttons = [self.start, self.stop, self.rest, self.download]
        self.shown: list[Component] = [self.notice, *buttons, self.status, self.grid]
        # A state is an output of each event: Gradio forgets one some time after it was last set.
        self.taken: list[Component] = [self.batch, *self.shown]
        fields = [self.batch, self.files, self.kind, self.words]
        loaded = self.sample.click(self.load, None, [self.files, self.kind], **QUIET)
        counting = self.start.click(self.announce, self.files, self.notice, **QUIET)
        for start in (
            counting.then(self.take, fields, self.taken, **QUIET),
            self.rest.click(self.resume, self.batch, self.taken, **QUIET),
            loaded.then(self.take, fields, self.taken, **QUIET),
        ):
            stream = start.then(
                self.stream,
                [self.batch, self.visitor],
                [self.status, self.grid],
                api_visibility="private",
                show_progress="hidden",
            )
            self.ends += after(stream, self.finish, self.batch, self.shown)
        self.stop.click(self.end, self.batch, self.stop, **QUIET)
        described = [self.about, self.words]
        gr.on(None, self.describe, [self.kind, self.visitor], described, **QUIET)

    def load(self) -> dict:
        """Fill the fields with the sample pictures, to be read."""
        return {self.files: [str(ASSETS / sample) for sample in SAMPLES], self.kind: FIRST}

    def describe(self, kind: str | None, visitor: Visitor) -> dict:
        """Say what is done with each picture, by whom and how fast; show the field for words."""
        model, task = KINDS.get(kind or "", KINDS[FIRST])
        try:
            engine = self.registry.answering(visitor, model)
            state = engine.capability(model, task).summary.rstrip(".")
            summary = f"{engine.name}: {state}. {_pace(*rate_limit_for(engine))}"
        except VLMError as error:
            summary = str(error)
        if task:
            label, hint = "Words to find", str(task.example)
        else:  # a model with tasks has no prompts
            label, hint = "Your question", model.prompts[0]
        return {
            self.about: f"{(task or model).about}  \n<small>{verbatim(summary)}</small>",
            self.words: gr.Textbox(
                visible=_wants_words(model, task), label=label, placeholder=hint
            ),
        }

    def announce(self, paths: list[str] | None) -> dict:
        """Say that pages are counted, before `take`: many PDFs take it a while."""
        return {self.notice: "Counting the pages…" if any(map(may_have_pages, paths or ())) else ""}

    def take(self, batch: Batch, paths: list[str], kind: str | None, words: str) -> dict:
        """Take a batch, or refuse it with a sentence before anything is spent."""
        try:
            question, found = question_for(kind, words), sources(paths)
        except VLMError as error:
            return {self.batch: batch, self.notice: verbatim(str(error))}
        twice = len(paths) - len({source.path for source in found})  # a file may have many pages
        notice = f"{twice} of the files came twice; each is asked about once. " if twice else ""
        return self._begin(batch, question, found, notice)

    def resume(self, batch: Batch) -> dict:
        """Ask again about what failed or was stopped; answers are kept."""
        if batch.question is None or not batch.left():
            return {self.batch: batch}
        return self._begin(batch, batch.question, batch.sources)

    async def stream(self, batch: Batch, visitor: Visitor) -> AsyncGenerator[dict, None]:
        """Yield how far the batch is, and its tiles when they have changed.

        Leaving the page ends the work.
        """
        if not batch.claim():
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a yield
            return
        try:
            async with aclosing(self._ticks(batch, visitor)) as ticks:
                before = ""
                async for _ in ticks:
                    tiles = grid(batch)
                    updates: dict[Any, str] = {self.status: progress(batch)}
                    if tiles != before:
                        updates[self.grid] = before = tiles
                    yield updates
        except VLMError as error:
            batch.error = str(error)
        finally:
            batch.end()

    async def _ticks(self, batch: Batch, visitor: Visitor) -> AsyncGenerator[None, None]:
        """Run the batch; yield from time to time until it is over."""
        if batch.question is None or batch.stop_token is None:
            return
        leaving = CancelToken()
        leaving.add_callback(batch.stop_token.set)
        # In a thread: the choice of an engine may ask a server what it has.
        engine = await to_thread(self.registry.answering, visitor, batch.question.model)
        limiter, quota = self.registry.limiter, quota_of(self.registry.limiter)
        turn = partial(limiter.turn, quota, owner_pays(visitor, engine))
        with limiter.answering(quota), shutdown_registry.register(batch.interrupt):
            work = partial(batch.run, engine, turn, self.registry.journal.observe)
            async with aclosing(latest_items(work, leaving)) as ticks:
                async for _ in ticks:
                    yield

    def end(self, batch: Batch) -> gr.Button:
        """Ask about no further picture, and end the calls that are on their way."""
        batch.stop()
        return gr.Button(interactive=False)

    def finish(self, batch: Batch) -> dict:
        """Offer the results so far as a zip, and to resume what is left."""
        if batch.phase is not Phase.ENDED:
            return gr.skip()
        batch.reset()
        return {self.notice: verbatim(batch.error), **self._state(batch)}

    def _begin(
        self, batch: Batch, question: BatchQuestion, found: tuple[Source, ...], notice: str = ""
    ) -> dict:
        if batch.active:
            waiting = "This batch is still going. Stop it, or wait for its end."
            return {self.batch: batch, self.notice: waiting}
        if kept := batch.begin(question, found):
            notice += f"{kept} of {len(found)} are answered already, and kept."
        return {self.batch: batch, self.notice: notice, **self._state(batch)}

    def _state(self, batch: Batch) -> dict:
        """Return the buttons that can be used now, the progress and the tiles."""
        idle, left = not batch.busy, len(batch.left())
        done = len(batch.sources) - left
        file = str(batch.pack()) if idle and done else None
        label = f"Download the results of {done} (zip)"
        return {
            self.start: gr.Button(interactive=idle),
            self.stop: gr.Button(visible=not idle, interactive=True),
            self.rest: gr.Button(f"Resume: {left} left", visible=bool(idle and left)),
            self.download: gr.DownloadButton(label, value=file, visible=bool(file)),
            self.status: progress(batch),
            self.grid: grid(batch),
        }


def question_for(kind: str | None, words: str) -> BatchQuestion:
    """Return what is asked about each picture.

    Raises BadPrompt when nothing is chosen, or when the words are missing.
    """
    if kind not in KINDS:
        raise BadPrompt("Choose what to do with the pictures first.")
    model, task = KINDS[kind]
    if task:
        return BatchQuestion(model, task, write_task(task, words))
    own = (words or "").strip() if _wants_words(model, task) else ""
    return BatchQuestion(model, None, own or model.prompts[0])


def _wants_words(model: Model, task: Task | None) -> bool:
    """Return True unless the model is always asked the same."""
    return task.takes == "words" if task else len(set(model.prompts)) > 1


def _title(model: Model, task: Task | None) -> str:
    if task:
        return f"{model.title}: {task.title}"
    question = "your question" if _wants_words(model, task) else model.prompts[0].rstrip(":")
    return f"{model.title}: {question}"


def _pace(window: SlidingWindow, parallel: int) -> str:
    most = f", at most {window.requests} in {window.seconds:.0f} seconds" if window.requests else ""
    if parallel > 1:
        return f"Asked about {parallel} pictures at a time{most}."
    return "One picture after the other."

"""The batch tab: one question about many pictures, their thumbnails as they fill, everything as one zip."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import gradio as gr

from ui.components.result_panel import after
from ui.core.gradio_compat import QUIET
from ui.core.limits import quota_of
from ui.core.session import EngineRegistry, Visitor, pays
from ui.core.shutdown import closing
from ui.state.batch import Batch, Job, grid, progress
from ui.state.rendering import verbatim
from vlm_backends import CATALOGUE, BadPrompt, CancelToken, Model, Task, VLMError, write_task
from vlm_backends.annotate.runner import rate_limit_for
from vlm_backends.annotate.sources import MOST, sources
from vlm_backends.concurrency import latest_items
from vlm_backends.ratelimit import SlidingWindow

ASSETS = Path(__file__).parents[2] / "assets"
SAMPLES = tuple(dict.fromkeys(sample for model in CATALOGUE for sample in model.samples))
KINDS = {  # what can be asked about all pictures alike: a region is another one in each
    f"{model.id}{task.token if task else ''}": (model, task)
    for model in CATALOGUE
    for task in model.tasks or (None,)
    if not task or task.takes != "region"
}
FIRST = "microsoft/florence-2<OCR_WITH_REGION>"


class BatchTab:
    """The parts of the tab, wired."""

    def __init__(self, registry: EngineRegistry, visitor: gr.State) -> None:
        self.registry, self.visitor, self.batch = registry, visitor, gr.State(Batch())
        self.ends: list = []  # what ends each batch: events to go on from
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                self._question()
            with gr.Column(scale=3, min_width=320):
                self.status = gr.HTML(
                    progress(Batch()), elem_id="batch-status", apply_default_css=False
                )
                self.grid = gr.HTML(grid(Batch()), elem_id="batch-results", apply_default_css=False)
        self._wire()

    def _question(self) -> None:
        self.files = gr.File(
            label=f"Your pictures, up to {MOST}",
            file_count="multiple",
            file_types=["image"],
            height=180,
            elem_id="batch-files",
        )
        self.files.preprocess = lambda payload: [
            file.path for file in payload or ()
        ]  # this project judges them itself
        choices = [(_title(model, task), kind) for kind, (model, task) in KINDS.items()]
        self.kind = gr.Dropdown(
            choices, value=FIRST, label="What to do with each picture", elem_id="batch-kind"
        )
        self.about = gr.Markdown(elem_classes="about", elem_id="batch-about")
        self.words = gr.Textbox(
            visible=False, label="Your question", lines=2, max_lines=5, elem_id="batch-words"
        )
        self.notice = gr.Markdown(elem_classes="notice", elem_id="batch-notice")
        with gr.Row():
            self.go = gr.Button("Start", variant="primary", elem_id="batch-start", min_width=110)
            self.halt = gr.Button("Stop", visible=False, elem_id="batch-stop", min_width=110)
            self.again = gr.Button("Resume", visible=False, elem_id="batch-resume", min_width=110)
        self.download = gr.DownloadButton(visible=False, elem_id="batch-download")
        self.sample = gr.Button(
            "Try it with the sample pictures", size="sm", elem_id="batch-sample"
        )

    def _wire(self) -> None:
        shown = [self.notice, self.go, self.halt, self.again, self.download, self.status, self.grid]
        begun = [self.batch, *shown]  # a state lives as long as it is set
        fields = [self.batch, self.files, self.kind, self.words]
        loaded = self.sample.click(load, None, [self.files, self.kind], **QUIET)
        for start in (
            self.go.click(self.take, fields, begun, **QUIET),
            self.again.click(self.resume, self.batch, begun, **QUIET),
            loaded.then(self.take, fields, begun, **QUIET),
        ):
            stream = start.then(
                self.stream,
                [self.batch, self.visitor],
                [self.status, self.grid],
                api_visibility="private",
                show_progress="hidden",
            )
            self.ends += after(stream, self.finish, self.batch, shown)
        self.halt.click(self.end, self.batch, self.halt, **QUIET)
        gr.on(None, self.describe, [self.kind, self.visitor], [self.about, self.words], **QUIET)

    def describe(self, kind: str | None, visitor: Visitor) -> tuple:
        """What is done with each picture, by whom and how fast; the field for words, when some are needed."""
        model, task = KINDS.get(kind, KINDS[FIRST])
        try:
            engine = self.registry.answering(visitor, model)
            state = f"{engine.name}: {engine.state(model, task).rstrip('.')}. {_manner(*rate_limit_for(engine))}"
        except VLMError as error:
            state = str(error)
        label, hint = (
            ("Words to find", task.example) if task else ("Your question", model.prompts[0])
        )
        words = gr.Textbox(visible=_wants_words(model, task), label=label, placeholder=str(hint))
        return f"{(task or model).about}  \n<small>{verbatim(state)}</small>", words

    def take(self, batch: Batch, paths: list[str], kind: str | None, words: str) -> tuple:
        """A batch is begun, or refused with a sentence before anything is spent."""
        try:
            job, found = job_of(kind, words), sources(paths)
        except VLMError as error:
            return batch, verbatim(str(error)), *[gr.skip()] * 6
        twice = len(paths) - len(found)
        notice = f"{twice} of the files came twice; each is asked about once. " if twice else ""
        return _begun(batch, job, found, notice)

    def resume(self, batch: Batch) -> tuple:
        """What failed or was stopped is asked about again; answers are kept."""
        return (
            _begun(batch, batch.job, batch.sources) if batch.left() else (batch, *[gr.skip()] * 7)
        )

    async def stream(self, batch: Batch, visitor: Visitor) -> AsyncIterator[tuple]:
        """How far the batch is, and its tiles when they have changed; leaving the page ends the work."""
        fresh, batch.fresh = batch.fresh, False
        if not fresh:
            yield (
                gr.skip(),
                gr.skip(),
            )  # Gradio empties the outputs of a generator that ends without a word
            return
        leaving, before = CancelToken(), ""
        leaving.add_callback(batch.stop.set)
        try:
            engine = await to_thread(
                self.registry.answering, visitor, batch.job.model
            )  # it may ask a server
            limiter = self.registry.limiter
            quota = quota_of(limiter)
            turn = partial(limiter.turn, quota, pays(visitor, engine))
            with limiter.answering(quota), closing.told(batch.cut):
                async with aclosing(
                    latest_items(partial(batch.beats, engine, turn), leaving)
                ) as beats:
                    async for _ in beats:
                        before, tiles = grid(batch), before
                        yield progress(batch), gr.skip() if tiles == before else before
        except VLMError as error:
            batch.error = str(error)
        finally:
            batch.over = True

    def end(self, batch: Batch) -> gr.Button:
        """No further picture is asked about; what is on its way ends."""
        if batch.waiting:
            batch.stop.set()
        return gr.Button(interactive=False)

    def finish(self, batch: Batch) -> tuple:
        """The zip of what there is, and the way to the rest."""
        if not (batch.waiting and batch.over):
            return (*[gr.skip()] * 7,)
        batch.waiting, batch.over = False, False
        return verbatim(batch.error), *_buttons(batch), progress(batch), grid(batch)


def load() -> tuple:
    """The sample pictures, to be read."""
    return [str(ASSETS / sample) for sample in SAMPLES], FIRST


def job_of(kind: str | None, words: str) -> Job:
    """What is asked about each picture. Raises BadPrompt when it is not chosen, or lacks its words."""
    if kind not in KINDS:
        raise BadPrompt("Choose what to do with the pictures first.")
    model, task = KINDS[kind]
    if task:
        return Job(model, task, write_task(task, words))
    own = (words or "").strip() if _wants_words(model, task) else ""
    return Job(model, None, own or model.prompts[0])


def _begun(batch: Batch, job: Job, found: tuple, notice: str = "") -> tuple:
    if batch.waiting and not batch.over:
        return batch, "This batch is still going. Stop it, or wait for its end.", *[gr.skip()] * 6
    if kept := batch.begin(job, found):
        notice += f"{kept} of {len(found)} are answered already, and kept."
    return batch, notice, *_buttons(batch), progress(batch), grid(batch)


def _buttons(batch: Batch) -> tuple:
    """Start, stop, resume and download, as far as each makes sense now."""
    idle, left = not batch.waiting, len(batch.left())
    done = len(batch.sources) - left
    again = gr.Button(f"Resume: {left} left", visible=bool(idle and left))
    file = str(batch.pack()) if idle and done else None
    download = gr.DownloadButton(
        f"Download the results of {done} (zip)", value=file, visible=bool(file)
    )
    return (
        gr.Button(interactive=idle),
        gr.Button(visible=not idle, interactive=True),
        again,
        download,
    )


def _wants_words(model: Model, task: Task | None) -> bool:
    """True unless the model is always asked the same."""
    return task.takes == "words" if task else len(set(model.prompts)) > 1


def _title(model: Model, task: Task | None) -> str:
    if task:
        return f"{model.title}: {task.title}"
    return f"{model.title}: {'your question' if _wants_words(model, task) else model.prompts[0].rstrip(':')}"


def _manner(window: SlidingWindow, parallel: int) -> str:
    most = f", at most {window.requests} in {window.seconds:.0f} seconds" if window.requests else ""
    return (
        f"Asked about {parallel} pictures at a time{most}."
        if parallel > 1
        else "One picture after the other."
    )

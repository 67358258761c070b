"""Builds the tab of a model with tasks: a picture, the choice of a task, its fields, the result."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from ui.components.chart import TablePanel
from ui.components.download_offer import download_button
from ui.components.engine_panel import SETS_STATE
from ui.components.fallback import fallback_button
from ui.components.model_line import model_line
from ui.components.result_panel import ResultPanel, after
from ui.components.samples import ASSETS, Sample, picked_index
from ui.components.task_picker import shown_tasks, task_picker
from ui.components.views import REGION_LIST, WORDS, view, view_tabs
from ui.core.gradio_compat import QUIET
from ui.core.markdown import verbatim
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import store_picture
from ui.state.replies import Result
from ui.state.task_plan import task_prompt
from ui.state.task_run import TaskRun, complete_box
from ui.tabs.download import DownloadHandlers
from ui.tabs.fields import PicturePane, RegionField, shown_page, titled
from ui.tabs.run_fields import RunFields
from ui.tabs.task_pictures import NO_BOX, OFFERED_TASKS, TaskPictures
from ui.tabs.task_runner import TaskRunHandlers
from vlm_backends import Model, Question, Task, VLMError, find_task
from vlm_backends.engines.base import Capability
from vlm_backends.models import DESCRIBE_GROUP
from vlm_backends.types import CONFIDENCE

EXAMPLES = (  # task, picture, words, region: each runs on every engine
    ("<OCR_WITH_REGION>", "sign.jpg", "", None),
    ("<OPEN_VOCABULARY_DETECTION>", "receipt.png", "total", None),
    ("<REGION_TO_SEGMENTATION>", "coffee.jpg", "", (0.12, 0.04, 0.81, 0.97)),
    ("<OCR>", "page.png", "", None),
    ("<CAPTION_TO_PHRASE_GROUNDING>", "sign.jpg", "From the Visitor Center to Lake Loop", None),
    ("<REGION_TO_DESCRIPTION>", "poster.jpg", "", (0.05, 0.04, 0.95, 0.3)),
)


class TaskTab:
    """The components of the tab and the handlers of its fields.

    A handler returns {component: value}; a component that is left out stays as it is.
    """

    def __init__(self, model: Model, registry: EngineRegistry, visitor: gr.State) -> None:
        self.model, self.registry, self.visitor = model, registry, visitor
        self.run = self.state = gr.State(TaskRun())
        self.reruns = gr.State(0)  # a change starts a run
        self.ends: list[Dependency] = []  # events that follow the end of each call
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=6, min_width=320, elem_classes="picture-pane"):
                self.pane = PicturePane("result", _samples())
            with gr.Column(scale=5, min_width=320, elem_classes="answer-pane"):
                model_line(model)
                self._picker()
                self._answer()
        with gr.Row(elem_classes="composer"):
            self._fields()
        self.viewer = self.pane.viewer
        self.handlers = TaskRunHandlers(model, registry, self._run_fields())
        self.pictures = TaskPictures(self.run, self.pane, self.region, self.notice, self.handlers)
        self.downloads = DownloadHandlers(self.handlers, self.download, visitor)
        self._wire_fields()
        self._wire_runs()

    @property
    def opened(self) -> list[Any]:
        """The outputs of `show_result` and `show_again`."""
        return [*self.exampled, *self.handlers.fields.done]

    def show_result(self, state: TaskRun, visitor: Visitor, result: Result) -> dict[Any, Any]:
        """Hold the result of the first sample, and show it."""
        updates = self.load_example(state, 0, visitor)
        state.show(result)
        return updates | self.handlers.result_shown(state)

    def show_again(self, state: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Return what shows a run that was held before."""
        task = find_task(state.token)
        return {
            **self.show_task(state, task, visitor, *(state.box or NO_BOX)),
            self.words: self._words_for(task, value=state.words),
            self.pane.page: shown_page(state.picture.page if state.picture else None),
            **dict(zip(self.region, state.box or NO_BOX, strict=True)),
            **self.handlers.shown_again(state, visitor),
        }

    def first_question(self) -> Question:
        """Return the question of the first sample."""
        token, name, words, region = EXAMPLES[0]
        return Question(self.model, *task_prompt(token, str(ASSETS / name), words, region))

    def _picker(self) -> None:
        self.tasks = task_picker()
        self.about = gr.Markdown(elem_classes="about")
        self.download = download_button()

    def _answer(self) -> None:
        self.notice = gr.Markdown(elem_classes="notice", elem_id="task-notice")
        self.instead = fallback_button()
        view_tabs()
        with view("text"):
            self.live = gr.Markdown(elem_classes="live", elem_id="task-live")
            gr.HTML(WORDS, apply_default_css=False)
        with view("regions"):
            gr.HTML(REGION_LIST, apply_default_css=False)
        with view("table"):
            self.table = TablePanel()
        self.outcome = ResultPanel(self.model, self.run, conversation=False)
        with self.outcome.row:
            self.clear = gr.Button("Clear", elem_id="clear-task", size="sm", scale=0, min_width=60)

    def _fields(self) -> None:
        self.words = gr.Textbox(
            label="Words", visible=False, elem_id="words", max_lines=3, show_label=False, scale=3
        )
        self.region_field = RegionField()
        self.region = self.region_field.sides
        self.confidence = gr.Slider(
            0.05, 0.95, CONFIDENCE, step=0.05, label="Confidence", visible=False,
            elem_id="confidence", scale=1, min_width=180,
        )  # fmt: skip
        self.stop = gr.Button("Stop", visible=False, elem_id="stop-task", scale=0, min_width=90)
        self.both = gr.Button(
            "Run, then find what it names", visible=False, elem_id="run-both", scale=0
        )
        self.go = gr.Button("Run", variant="primary", elem_id="run-task", scale=0, min_width=110)

    def _run_fields(self) -> RunFields:
        return RunFields(
            run=self.run,
            notice=self.notice,
            go=self.go,
            stop=self.stop,
            viewer=self.viewer,
            live=self.live,
            facts=self.outcome.facts,
            table=self.table,
            instead=self.instead,
        )

    def _wire_fields(self) -> None:
        """Wire the events that fill the fields, and those that show the fields in the picture."""
        self.described: list[Any] = [
            self.tasks,
            self.about,
            self.download,
            self.confidence,
            self.go,
        ]
        self.chosen: list[Any] = [
            *self.described,
            self.words,
            self.region_field.group,
            self.both,
            self.viewer,
        ]
        self.exampled: list[Any] = [*self.chosen, self.pane.page, *self.region]
        run, region = self.run, [*self.region]
        self.tasks.choose(self.choose, [run, self.visitor, *region], self.chosen, **QUIET)
        self.pictures.wire()
        gr.on(None, self.describe, [run, self.visitor], self.described, **QUIET)

    def _wire_runs(self) -> None:
        """Wire the events that take a run, stream it, and show its end."""
        runs, run = self.handlers, self.run
        fields = [run, self.pane.page, self.words, self.confidence, *self.region]
        # A state is an output of each event: Gradio forgets one some time after it was last set.
        taken = runs.fields.taken
        sample = self.pane.samples.pick(
            self.pick_sample, [run, self.visitor], self.exampled, **QUIET
        )
        offered = self.pane.offers.take(
            self.take_offer, [run, self.visitor], self.exampled, **QUIET
        )
        switched = self.instead.accept(runs.switch, [run, self.visitor], self.visitor, **SETS_STATE)
        again = [run, self.reruns]
        self.confidence.release(runs.count_rerun, again, self.reruns, **SETS_STATE)
        for start in (
            self.go.click(runs.take, fields, taken, **QUIET),
            self.words.submit(runs.take, fields, taken, **QUIET),
            self.reruns.change(runs.take, fields, taken, **QUIET),
            self.both.click(runs.take_both, fields, taken, **QUIET),
            self.viewer.act(runs.act, run, taken, **QUIET),
            sample.then(runs.take, fields, taken, **QUIET),
            offered.then(runs.take, fields, taken, **QUIET),
            switched.then(runs.again, run, taken, **QUIET),
            self.downloads.wire(fields),
        ):
            self._stream_after(start)
        self.stop.click(TaskRun.stop, run, None, **QUIET)
        again = [run, *self.opened]
        self.cleared = self.clear.click(self.begin_anew, [run, self.visitor], again, **QUIET)

    def _stream_after(self, start: Dependency) -> None:
        stream = start.then(
            self.handlers.stream,
            [self.run, self.visitor],
            self.live,
            api_visibility="private",
            show_progress="minimal",
            show_progress_on=self.live,
            postprocess=False,
        )
        done = self.handlers.fields.done
        self.ends += after(stream, self.handlers.finish, [self.run, self.visitor], done)

    def choose(
        self, run: TaskRun, visitor: Visitor, event: gr.EventData, *region: Any
    ) -> dict[Any, Any]:
        """Choose a task. The event comes from the browser: an unknown token changes nothing."""
        try:
            task = find_task(str(getattr(event, "token", "")))
        except VLMError:
            return gr.skip()
        return self.show_task(run, task, visitor, *region)

    def show_task(self, run: TaskRun, task: Task, visitor: Visitor, *region: Any) -> dict[Any, Any]:
        """Choose this task, and show only the fields that it takes."""
        run.token = task.token
        updates: dict[Any, Any] = {
            **self.describe(run, visitor),
            self.words: self._words_for(task),
            self.region_field.group: gr.Row(visible=task.takes == "region"),
            self.both: gr.Button(visible=task.group == DESCRIBE_GROUP),
        }
        if task.takes == "region" and not run.busy:
            updates[self.viewer] = self.handlers.view(run, complete_box(region))
        return updates

    def begin_anew(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Forget the picture and the result; a run that is on its way is ended."""
        run.stop()
        run.forgotten = True
        new = TaskRun(token=run.token)
        return {self.run: new, **self.show_again(new, visitor)}

    def _words_for(self, task: Task, **value: Any) -> gr.Textbox:
        """Return the field for words as the task needs it; with its `value`, if one is given."""
        hint = str(task.example or "")
        return gr.Textbox(visible=task.takes == "words", placeholder=hint, **value)

    def describe(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Say what the task does, and what the visitor's engine can do for it."""
        task, engine, capability = find_task(run.token), None, Capability(False, "")
        try:
            engine = self.registry.answering(visitor, self.model)
            capability = engine.capability(self.model, task)
            state = capability.summary
        except VLMError as error:
            state = str(error)
        run.points = capability.points
        state = verbatim(state[:1].upper() + state[1:])
        return {
            self.tasks: shown_tasks(self.model, engine, run.token),
            self.about: f"{task.about} <small>{state}</small>",
            self.confidence: gr.Slider(visible=capability.scored),
            self.go: gr.Button(interactive=capability.available and not run.busy),
            **self.downloads.offer(run, visitor),
        }

    def pick_sample(self, run: TaskRun, visitor: Visitor, event: gr.EventData) -> dict[Any, Any]:
        """Fill the fields with the sample that was clicked."""
        index = picked_index(event, len(EXAMPLES))
        return gr.skip() if index is None else self.load_example(run, index, visitor)

    def load_example(self, run: TaskRun, index: int, visitor: Visitor) -> dict[Any, Any]:
        """Fill the fields with an example."""
        token, name, words, region = EXAMPLES[index]
        task = find_task(token)
        run.picture, run.example, run.drawn = store_picture(ASSETS / name), index, None
        updates = self.show_task(run, task, visitor, *NO_BOX) | {
            self.pane.page: shown_page(run.picture.page),
            self.words: self._words_for(task, value=words),
            **dict(zip(self.region, region or NO_BOX, strict=True)),
        }
        if not run.busy:
            updates[self.viewer] = self.handlers.view(run, region)
        return updates

    def take_offer(self, run: TaskRun, visitor: Visitor, event: gr.EventData) -> dict[Any, Any]:
        """Choose the task that was offered."""
        wanted = getattr(event, "ask", "")
        if wanted not in OFFERED_TASKS:
            return gr.skip()
        return self.show_task(run, find_task(wanted), visitor, *NO_BOX)


def _samples() -> list[Sample]:
    return [
        Sample(picture, titled(find_task(token).title, words))
        for token, picture, words, _ in EXAMPLES
    ]

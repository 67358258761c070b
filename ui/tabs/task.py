"""Builds the tab of a model with tasks: a picture, the choice of a task, its fields, the result."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from ui.components.chart import TablePanel
from ui.components.download_offer import download_button
from ui.components.engine_menu import SETS_STATE
from ui.components.fallback import fallback_button
from ui.components.result_panel import ResultPanel, after
from ui.components.viewer import viewer
from ui.core.gradio_compat import QUIET
from ui.core.markdown import verbatim
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import store_picture
from ui.state.task_run import BoxFields, TaskRun, complete_box
from ui.tabs.download import DownloadHandlers
from ui.tabs.fields import (
    ASSETS,
    PictureField,
    RegionField,
    example,
    example_gallery,
    grouped,
    holds,
    titled,
)
from ui.tabs.task_runner import RunFields, TaskRunHandlers
from vlm_backends import Model, Picture, Task, VLMError, find_task
from vlm_backends.models import DESCRIBE_GROUP, check_region
from vlm_backends.types import CONFIDENCE

FIRST = TaskRun().token
# On a phone the result is far below the button.
_SCROLL_TO_RESULT = """() =>
    (document.querySelector("#task-notice p") || document.querySelector("#result"))
    .scrollIntoView({block: "nearest", behavior: "smooth"})"""
EXAMPLES = (  # task, picture, words, region: each runs on every engine
    ("<OCR_WITH_REGION>", "sign.jpg", "", None),
    ("<OPEN_VOCABULARY_DETECTION>", "receipt.png", "total", None),
    ("<REGION_TO_SEGMENTATION>", "coffee.jpg", "", (0.12, 0.04, 0.81, 0.97)),
    ("<OCR>", "page.png", "", None),
    ("<CAPTION_TO_PHRASE_GROUNDING>", "sign.jpg", "From the Visitor Center to Lake Loop", None),
    ("<REGION_TO_DESCRIPTION>", "poster.jpg", "", (0.05, 0.04, 0.95, 0.3)),
)
_NO_BOX: BoxFields = (None, None, None, None)


class TaskTab:
    """The components of the tab and the handlers of its fields.

    A handler returns {component: value}; a component that is left out stays as it is.
    """

    def __init__(self, model: Model, registry: EngineRegistry, visitor: gr.State) -> None:
        self.model, self.registry, self.visitor = model, registry, visitor
        self.run = gr.State(TaskRun())
        self.reruns = gr.State(0)  # a change starts a run
        self.ends: list[Dependency] = []  # events that follow the end of each call
        self._examples()
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                self.picture = PictureField(220, "task-picture")
                self._picker()
                self._task_fields()
                self._buttons()
            with gr.Column(scale=3, min_width=320):
                self._result()
        self.handlers = TaskRunHandlers(model, registry, self._run_fields())
        self.downloads = DownloadHandlers(self.handlers, self.download, visitor)
        self._wire_fields()
        self._wire_runs()

    def _examples(self) -> None:
        self.examples = example_gallery(
            [
                example(titled(find_task(token).title, words), picture)
                for token, picture, words, _ in EXAMPLES
            ],
            "Try one: a click runs it",
        )

    def _picker(self) -> None:
        self.groups: list[gr.Radio] = []
        with gr.Group(elem_classes="picker"):
            for group, tasks in grouped(self.model.tasks).items():
                choices = [(task.title, task.token) for task in tasks]
                value = FIRST if any(task.token == FIRST for task in tasks) else None
                self.groups.append(
                    gr.Radio(choices, value=value, label=group, elem_classes="group")
                )
        self.about = gr.Markdown(elem_classes="about")

    def _task_fields(self) -> None:
        self.words = gr.Textbox(label="Words", visible=False, elem_id="words", max_lines=3)
        self.confidence = gr.Slider(
            0.05,
            0.95,
            CONFIDENCE,
            step=0.05,
            label="Confidence",
            info="Less sure things are left out.",
            visible=False,
            elem_id="confidence",
        )
        self.region_field = RegionField()
        self.region = self.region_field.sides

    def _buttons(self) -> None:
        self.notice = gr.Markdown(elem_classes="notice", elem_id="task-notice")
        self.instead, self.download = fallback_button(), download_button()
        with gr.Row():
            self.go = gr.Button("Run", variant="primary", elem_id="run-task")
            self.both = gr.Button("Run, then find what it names", visible=False, elem_id="run-both")
            self.stop = gr.Button("Stop", visible=False, elem_id="stop-task")

    def _result(self) -> None:
        hint = "Your picture is shown here. Drag a box in it; click what is found."
        self.viewer = viewer(hint, elem_id="result")
        self.live = gr.Markdown(elem_classes="live", elem_id="task-live")
        self.table = TablePanel()
        self.outcome = ResultPanel(self.model, self.run, conversation=False)

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
        self.chosen: list[Any] = [
            *self.groups,
            self.about,
            self.download,
            self.confidence,
            self.words,
            self.region_field.group,
            *self.region_field.hints(False),
            self.both,
            self.viewer,
        ]
        self.exampled: list[Any] = [*self.chosen, *self.picture.parts, *self.region]
        for group in self.groups:
            inputs = [self.run, group, self.visitor, *self.region]
            group.input(self.choose, inputs, self.chosen, **QUIET)
        self.picture.wire(self.notice, self.show, [self.run], [self.viewer, *self.region])
        box = [self.run, *self.region]
        self.viewer.region(self.drawn, box, [*self.region, self.notice], **QUIET)
        for number in self.region:
            number.submit(self.typed, box, [self.viewer, self.notice], **QUIET)
        hints = self.region_field.hints(False)
        described = [self.about, self.confidence, self.download, *hints]
        gr.on(None, self.describe, [self.run, self.visitor], described, **QUIET)

    def _wire_runs(self) -> None:
        """Wire the events that take a run, stream it, and show its end."""
        runs, run = self.handlers, self.run
        fields = [run, *self.picture.parts, self.words, self.confidence, *self.region]
        # A state is an output of each event: Gradio forgets one some time after it was last set.
        taken = runs.fields.taken
        example = self.examples.click(
            self.load_example, [run, self.examples, self.visitor], self.exampled, **QUIET
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
            example.then(runs.take, fields, taken, **QUIET),
            switched.then(runs.again, run, taken, **QUIET),
            self.downloads.wire(fields),
        ):
            self._stream_after(start)
        self.stop.click(TaskRun.stop, run, None, **QUIET)

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
        for end in after(stream, self.handlers.finish, [self.run, self.visitor], done):
            end.then(None, js=_SCROLL_TO_RESULT, **QUIET)
            self.ends.append(end)

    def choose(
        self, run: TaskRun, token: str, visitor: Visitor, *region: float | None
    ) -> dict[Any, Any]:
        """Choose this task only, and show only the fields that it takes."""
        task = find_task(token)
        run.token = task.token
        updates: dict[Any, Any] = {
            group: gr.Radio(value=token if holds(self.model, group.label, token) else None)
            for group in self.groups
        }
        updates |= {
            **self.describe(run, visitor),
            self.words: self._words_for(task),
            self.region_field.group: gr.Group(visible=task.takes == "region"),
            self.both: gr.Button(visible=task.group == DESCRIBE_GROUP),
        }
        if task.takes == "region" and not run.busy:
            updates[self.viewer] = self.handlers.view(run, complete_box(region))
        return updates

    def _words_for(self, task: Task, **value: Any) -> gr.Textbox:
        """Return the field for words as the task needs it; with its `value`, if one is given."""
        return gr.Textbox(
            visible=task.takes == "words",
            placeholder=str(task.example or ""),
            label="Words to find",
            **value,
        )

    def describe(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Say what the task does, and what the visitor's engine can do for it."""
        task, scored, points = find_task(run.token), False, False
        try:
            engine = self.registry.answering(visitor, self.model)
            capability = engine.capability(self.model, task)
            state, scored, points = capability.summary, capability.scored, capability.points
        except VLMError as error:
            state = str(error)
        state = verbatim(state[:1].upper() + state[1:])
        return {
            self.about: f"{task.about}  \n<small>{state}</small>",
            self.confidence: gr.Slider(visible=scored),
            **self.downloads.offer(run, visitor),
            **self.region_field.hints(points),
        }

    def load_example(self, run: TaskRun, index: int, visitor: Visitor) -> dict[Any, Any]:
        """Fill the fields with an example."""
        token, name, words, region = EXAMPLES[index]
        run.picture, run.example, run.drawn = store_picture(ASSETS / name), index, None
        updates = self.choose(run, token, visitor, *_NO_BOX) | {
            **self.picture.show(run.picture),
            self.words: self._words_for(find_task(token), value=words),
            **dict(zip(self.region, region or _NO_BOX, strict=True)),
        }
        if not run.busy:
            updates[self.viewer] = self.handlers.view(run, region)
        return updates

    def empty_fields(self) -> dict[Any, Any]:
        """Return the fields without a picture, words, or a region."""
        region = dict(zip(self.region, _NO_BOX, strict=True))
        return {**self.picture.show(None), self.words: "", **region}

    def chosen_by_link(self, run: TaskRun, token: str, visitor: Visitor) -> dict[Any, Any]:
        """Choose this task, with empty fields. Raises BadPrompt for an unknown token."""
        task = find_task(token)
        updates = self.choose(run, task.token, visitor, *_NO_BOX)
        return updates | self.empty_fields() | {self.words: self._words_for(task, value="")}

    def show(self, picture: Picture | None, run: TaskRun) -> dict[Any, Any]:
        """Show the picture of the field in the viewer; forget a box on the one before."""
        run.picture, run.example, run.drawn = picture, None, None
        shown = self.handlers.view(run) if picture else None
        return {self.viewer: shown, **dict(zip(self.region, _NO_BOX, strict=True))}

    def drawn(self, run: TaskRun, event: gr.EventData, *before: float | None) -> dict[Any, Any]:
        """Write the box that was drawn into the four fields."""
        try:
            box = tuple(round(side, 3) for side in check_region(getattr(event, "box", None)))
        except VLMError as error:
            return {self.notice: verbatim(str(error))}
        run.drawn, run.before = box, before
        return {**dict(zip(self.region, box, strict=True)), self.notice: ""}

    def typed(self, run: TaskRun, *region: float | None) -> dict[Any, Any]:
        """Show the box that was typed in the picture."""
        run.drawn = None
        try:
            return {self.viewer: self.handlers.view(run, check_region(region)), self.notice: ""}
        except VLMError as error:
            return {self.notice: verbatim(str(error))}

"""Builds the tab of a model with tasks: a picture, the choice of a task, its fields, the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.chart import TablePanel
from ui.components.download_offer import download_button
from ui.components.fallback import fallback_button
from ui.components.model_line import model_line
from ui.components.result_panel import ResultPanel, after
from ui.components.samples import ASSETS, Sample, picked_index
from ui.components.task_picker import task_picker
from ui.components.views import REGION_LIST, WORDS, view, view_tabs
from ui.core.events import CHOICE, QUIET, SETS_CHOICE, SETS_STATE
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import store_picture
from ui.state.replies import Result
from ui.state.task_plan import task_prompt
from ui.state.task_run import TaskRun
from ui.tabs.download import DownloadHandlers
from ui.tabs.fields import PicturePane, RegionField, shown_page
from ui.tabs.run_fields import RunFields
from ui.tabs.task_choice import ChoiceFields, TaskChoice, words_for
from ui.tabs.task_pictures import NO_BOX, OFFERED_TASKS, TaskPictures
from ui.tabs.task_runner import TaskRunHandlers
from vlm_backends import Model, Question, find_task
from vlm_backends.types import CONFIDENCE

EXAMPLES = (  # task, picture, words, region: each runs on every engine
    ("<OCR_WITH_REGION>", "sign.jpg", "", None),
    ("<OPEN_VOCABULARY_DETECTION>", "receipt.png", "total", None),
    ("<REGION_TO_SEGMENTATION>", "coffee.jpg", "", (0.12, 0.04, 0.81, 0.97)),
    ("<OCR>", "page.png", "", None),
    ("<CAPTION_TO_PHRASE_GROUNDING>", "sign.jpg", "From the Visitor Center to Lake Loop", None),
    ("<REGION_TO_DESCRIPTION>", "poster.jpg", "", (0.05, 0.04, 0.95, 0.3)),
)
_TITLES = (
    "Read a sign",
    "Find “total”",
    "Outline a cup",
    "Read a page",
    "Locate two places",
    "Describe a banner",
)


class TaskTab:
    """The components of the tab and the handlers of its fields.

    A handler returns {component: value}; a component that is left out stays as it is.
    """

    def __init__(self, model: Model, registry: EngineRegistry, visitor: gr.State) -> None:
        self.model, self.registry, self.visitor = model, registry, visitor
        self.run = self.state = gr.State(TaskRun())
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
        self.choice = TaskChoice(self._choice_fields(), self.handlers, self.downloads)
        self._wire_fields()
        self._wire_runs()

    @property
    def opened(self) -> list[Any]:
        """The outputs of `show_result` and `show_again`."""
        return [*self.exampled, self.choice.reruns, *self.handlers.fields.done]

    def show_result(self, state: TaskRun, visitor: Visitor, result: Result) -> dict[Any, Any]:
        """Hold the result of the first sample, and show it."""
        chosen = find_task(state.token)  # perhaps by a link, while the sample was read
        updates = self.load_example(state, 0, visitor)
        other = {}
        if chosen.token != EXAMPLES[0][0]:
            other = self.choice.show(state, chosen, visitor, *NO_BOX)
            again = self.choice.run_at_once(state, visitor) if state.linked else {}
            if again:
                return updates | other | again
        state.show(result)
        return updates | other | self.handlers.result_shown(state)

    def show_again(self, state: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Return what shows a run that was held before."""
        task = find_task(state.token)
        return {
            **self.choice.show(state, task, visitor, *(state.box or NO_BOX)),
            self.words: words_for(task, value=state.words),
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

    def _choice_fields(self) -> ChoiceFields:
        return ChoiceFields(
            run=self.run,
            visitor=self.visitor,
            tasks=self.tasks,
            about=self.about,
            download=self.download,
            confidence=self.confidence,
            go=self.go,
            words=self.words,
            region=self.region_field,
            both=self.both,
            viewer=self.viewer,
            facts=self.outcome.facts,
            reruns=gr.State(""),
        )

    def _wire_fields(self) -> None:
        """Wire the events that fill the fields, and those that show the fields in the picture."""
        pane, chosen = self.pane, self.choice.fields.chosen
        self.exampled: list[Any] = [*chosen, pane.page, *self.region]
        self.choice.wire()
        self._look_after(self.pictures.wire())

    def _look_after(self, event: Dependency) -> None:
        """Have the picture looked over after this event, and a task chosen that fits it."""
        self.choice.fit_after(self.pictures.look_after(event))

    def carry(self, listen: Callable[..., Dependency], own: Component) -> Dependency:
        """Have the visitor's picture of another tab shown; see `OpenedTab`."""
        carried = self.pictures.carry_on(listen, own)
        self._look_after(carried)
        return carried

    def _wire_runs(self) -> None:
        """Wire the events that take a run, stream it, and show its end."""
        runs, run = self.handlers, self.run
        fields = [run, self.pane.page, self.words, self.confidence, *self.region]
        # A state is an output of each event: Gradio forgets one some time after it was last set.
        taken = runs.fields.taken
        sample = self.pane.samples.pick(
            self.pick_sample, [run, self.visitor], self.exampled, **CHOICE
        )
        offered = self.pane.offers.take(
            self.take_offer, [run, self.visitor], self.exampled, **QUIET
        )
        switched = self.instead.accept(runs.switch, [run, self.visitor], self.visitor, **SETS_STATE)
        reruns = self.choice.reruns
        self.confidence.release(runs.rerun, [run, reruns], reruns, **SETS_CHOICE)
        for start in (
            self.go.click(runs.take, fields, taken, **QUIET),
            self.words.submit(runs.take, fields, taken, **QUIET),
            reruns.change(runs.take, fields, taken, **QUIET),
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

    def begin_anew(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Forget the picture and the result; a run that is on its way is ended."""
        run.stop()
        run.forgotten = True
        new = TaskRun(token=run.token)
        return {self.run: new, **self.show_again(new, visitor)}

    async def pick_sample(
        self, run: TaskRun, visitor: Visitor, event: gr.EventData
    ) -> dict[Any, Any]:
        """Fill the fields with the sample that was clicked; a run that is on its way is ended."""
        index = picked_index(event, len(EXAMPLES))
        if index is None or not await run.ended_early():
            return gr.skip()  # the event that follows says that a run is going on
        return self.load_example(run, index, visitor)

    def load_example(self, run: TaskRun, index: int, visitor: Visitor) -> dict[Any, Any]:
        """Fill the fields with an example."""
        token, name, words, region = EXAMPLES[index]
        task = find_task(token)
        run.picture, run.example, run.drawn = store_picture(ASSETS / name), index, None
        run.sampled = token
        updates = self.choice.show(run, task, visitor, *NO_BOX) | {
            self.pane.page: shown_page(run.picture.page),
            self.words: words_for(task, value=words),
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
        return self.choice.show(run, find_task(wanted), visitor, *NO_BOX)


def _samples() -> list[Sample]:
    return [
        Sample(picture, title, token)
        for title, (token, picture, _, _) in zip(_TITLES, EXAMPLES, strict=True)
    ]

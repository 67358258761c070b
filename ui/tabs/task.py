"""The tab of a model with tasks: a picture, a picker, the fields that the task takes, the result."""

from pathlib import Path

import gradio as gr

from ui.components.engine_menu import SETS
from ui.components.fallback import way_on
from ui.components.result_panel import Outcome, after
from ui.components.viewer import viewer
from ui.core.gradio_compat import QUIET
from ui.core.session import EngineRegistry, Visitor
from ui.state.rendering import keep, shelved, verbatim
from ui.state.task_run import Run, as_uploaded
from ui.tabs.task_runner import Runs
from vlm_backends import Model, Task, VLMError, find_task
from vlm_backends.models import DESCRIBE, check_region

ASSETS = Path(__file__).parents[2] / "assets"
FIRST = Run().token
_TO_ANSWER = """() => (document.querySelector("#task-notice p") || document.querySelector("#result"))
    .scrollIntoView({block: "nearest", behavior: "smooth"})"""  # on a phone it stands far below the button
EXAMPLES = (  # task, picture, words, region: each runs on every engine
    ("<OCR_WITH_REGION>", "sign.jpg", "", None),
    ("<OPEN_VOCABULARY_DETECTION>", "receipt.png", "total", None),
    ("<REGION_TO_SEGMENTATION>", "coffee.jpg", "", (0.12, 0.04, 0.81, 0.97)),
    ("<OCR>", "page.png", "", None),
    ("<CAPTION_TO_PHRASE_GROUNDING>", "sign.jpg", "From the Visitor Center to Lake Loop", None),
    ("<REGION_TO_DESCRIPTION>", "poster.jpg", "", (0.05, 0.04, 0.95, 0.3)),
)


class TaskTab:
    """The parts of the tab, wired."""

    def __init__(self, model: Model, registry: EngineRegistry, visitor: gr.State) -> None:
        self.model, self.visitor = model, visitor
        self.runs, self.run = Runs(model, registry), gr.State(Run())
        self.ends: list = []  # what ends each call: events to go on from
        self._examples()
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                self._question()
            with gr.Column(scale=3, min_width=320):
                hint = "Your picture stands here. Drag a box in it; click what is found."
                self.viewer = viewer(hint, elem_id="result")
                self.live = gr.Markdown(elem_classes="live", elem_id="task-live")
                self.outcome = Outcome(model, self.run, conversation=False)
        self._wire()

    def _examples(self) -> None:
        titles = [
            f"{find_task(token).title}{f': {words}' if words else ''}"
            for token, _, words, _ in EXAMPLES
        ]
        self.examples = gr.Dataset(
            components=[gr.MultimodalTextbox(visible=False)],
            type="index",
            elem_classes="examples",
            samples=[
                [{"text": title, "files": [str(ASSETS / row[1])]}]
                for title, row in zip(titles, EXAMPLES)
            ],
            label="Try one: a click runs it",
        )

    def _question(self) -> None:
        self.image = as_uploaded(
            gr.Image(
                label="Your picture",
                sources=["upload", "clipboard", "webcam"],
                type="filepath",
                height=220,
                elem_id="task-picture",
                buttons=["fullscreen"],
            )
        )
        self.groups = []
        with gr.Group(elem_classes="picker"):
            for group, tasks in _grouped(self.model.tasks).items():
                choices = [(task.title, task.token) for task in tasks]
                value = FIRST if FIRST in dict(map(reversed, choices)) else None
                self.groups.append(
                    gr.Radio(choices, value=value, label=group, elem_classes="group")
                )
        self.about = gr.Markdown(elem_classes="about")
        self.words = gr.Textbox(label="Words", visible=False, elem_id="words", max_lines=3)
        with gr.Group(visible=False, elem_id="region") as self.fields:
            gr.Markdown(
                "**The region**: drag a box in the picture, or type it, from 0 to 1.",
                elem_classes="hint",
            )
            with gr.Row():
                self.region = [
                    gr.Number(None, label=name, step=0.01, min_width=70)
                    for name in ("Left", "Top", "Right", "Bottom")
                ]
        self.notice = gr.Markdown(elem_classes="notice", elem_id="task-notice")
        self.instead = way_on()
        with gr.Row():
            self.go = gr.Button("Run", variant="primary", elem_id="run-task")
            self.both = gr.Button("Run, then find what it names", visible=False, elem_id="run-both")
            self.halt = gr.Button("Stop", visible=False, elem_id="stop-task")

    def _wire(self) -> None:
        self.chosen = [*self.groups, self.about, self.words, self.fields, self.both, self.viewer]
        self.exampled = [*self.chosen, self.image, self.words, *self.region]
        fields = [self.run, self.image, self.words, *self.region]
        for group in self.groups:
            group.input(
                self.choose, [self.run, group, self.visitor, *self.region], self.chosen, **QUIET
            )
        self.image.upload(
            self.upload, [self.run, self.image], [self.image, self.viewer, self.notice], **QUIET
        )
        self.image.clear(self.clear, self.run, [self.viewer, *self.region], **QUIET)
        self.viewer.region(
            self.drawn, [self.run, *self.region], [*self.region, self.notice], **QUIET
        )
        for number in self.region:
            number.submit(self.typed, [self.run, *self.region], [self.viewer, self.notice], **QUIET)
        asked = [
            self.run,
            self.notice,
            self.go,
            self.halt,
            self.live,
        ]  # a state lives as long as it is set
        example = self.examples.click(
            self.example, [self.run, self.examples, self.visitor], self.exampled, **QUIET
        )
        switched = self.instead.accept(
            self.runs.switch, [self.run, self.visitor], self.visitor, **SETS
        )
        starts = [
            self.go.click(self.runs.take, fields, asked, **QUIET),
            self.words.submit(self.runs.take, fields, asked, **QUIET),
            self.both.click(self.runs.take_both, fields, asked, **QUIET),
            self.viewer.act(self.runs.act, self.run, asked, **QUIET),
            example.then(self.runs.take, fields, asked, **QUIET),
            switched.then(self.runs.again, self.run, asked, **QUIET),
        ]
        done = [
            self.notice,
            self.go,
            self.halt,
            self.viewer,
            self.live,
            self.outcome.ledger,
            self.instead,
        ]
        for start in starts:
            stream = start.then(
                self.runs.stream,
                [self.run, self.visitor],
                self.live,
                api_visibility="private",
                show_progress="minimal",
                show_progress_on=self.live,
                postprocess=False,
            )
            for end in after(stream, self.runs.finish, [self.run, self.visitor], done):
                end.then(None, js=_TO_ANSWER, **QUIET)
                self.ends.append(end)
        self.halt.click(Run.halt, self.run, None, **QUIET)
        gr.on(None, self.describe, [self.run, self.visitor], self.about, **QUIET)

    def choose(self, run: Run, token: str, visitor: Visitor, *region: float | None) -> tuple:
        """Only this task is chosen, and only the fields that it takes are shown."""
        task = find_task(token)
        run.token = task.token
        radios = [
            gr.Radio(value=token if _holds(self.model, group.label, token) else None)
            for group in self.groups
        ]
        words = gr.Textbox(
            visible=task.takes == "words",
            placeholder=str(task.example or ""),
            label="Words to find",
        )
        fields, both = (
            gr.Group(visible=task.takes == "region"),
            gr.Button(visible=task.group == DESCRIBE),
        )
        shown = (
            self.runs.view(run, _box(region))
            if task.takes == "region" and not run.waiting
            else gr.skip()
        )
        return *radios, self.describe(run, visitor), words, fields, both, shown

    def describe(self, run: Run, visitor: Visitor) -> str:
        """What the task does, and what the visitor's engine can do for it."""
        task = find_task(run.token)
        try:
            state = self.runs.registry.answering(visitor, self.model).state(self.model, task)
        except VLMError as error:
            state = str(error)
        return f"{task.about}  \n<small>{verbatim(state[:1].upper() + state[1:])}</small>"

    def example(self, run: Run, index: int, visitor: Visitor) -> tuple:
        """The fields of an example."""
        token, name, words, region = EXAMPLES[index]
        run.picture, run.example, run.drawn = shelved(ASSETS / name), index, None
        *chosen, _ = self.choose(run, token, visitor)
        shown = gr.skip() if run.waiting else self.runs.view(run, region)
        return *chosen, shown, keep(run.picture), words, *(region or [None] * 4)

    def upload(self, run: Run, path: str | None) -> tuple:
        """The upload, upright, in the field and in the viewer; a file that is no picture is refused with a sentence."""
        try:
            run.picture, run.example = shelved(path) if path else None, None
        except VLMError as error:
            return None, gr.skip(), verbatim(str(error))
        return run.picture and keep(run.picture), self.runs.view(run), ""

    def clear(self, run: Run) -> tuple:
        """No picture, no region."""
        run.picture, run.example, run.drawn = None, None, None
        return None, *[None] * 4

    def drawn(self, run: Run, event: gr.EventData, *before: float | None) -> tuple:
        """The box that was drawn, as four numbers."""
        try:
            box = tuple(round(value, 3) for value in check_region(getattr(event, "box", None)))
        except VLMError as error:
            return *[gr.skip()] * 4, verbatim(str(error))
        run.drawn, run.before = box, before
        return *box, ""

    def typed(self, run: Run, *region: float) -> tuple:
        """The box that was typed, in the picture."""
        run.drawn = None
        try:
            return self.runs.view(run, check_region(region)), ""
        except VLMError as error:
            return gr.skip(), verbatim(str(error))


def _box(region: tuple) -> tuple | None:
    return None if None in region else region


def _grouped(tasks: tuple[Task, ...]) -> dict[str, list[Task]]:
    """The tasks by group, in the catalogue's order."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.group, []).append(task)
    return groups


def _holds(model: Model, group: str, token: str) -> bool:
    return any(task.token == token and task.group == group for task in model.tasks)

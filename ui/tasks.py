"""The tab of a model with tasks: a picture, a picker, the fields that the task takes, the result."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ui.asking import Asked, follow
from ui.reply import as_json, drawn, keep, small_print, verbatim
from ui.visitor import Visitor
from vlm_backends import (
    Answer,
    BadPrompt,
    Engine,
    Model,
    Prompt,
    Region,
    Task,
    Turn,
    VLMError,
    find_task,
    images,
    write_task,
)
from vlm_backends.models import check_region

ASSETS = Path(__file__).parent.parent / "assets"
FIRST = "<OCR_WITH_REGION>"
_TO_ANSWER = """() => (document.querySelector("#task-notice p") || document.querySelector("#result-text"))
    .scrollIntoView({block: "nearest", behavior: "smooth"})"""  # on a phone it stands far below the button
EXAMPLES = (  # task, picture, words, region: each runs on every engine
    ("<OCR_WITH_REGION>", "sign.jpg", "", None),
    ("<OPEN_VOCABULARY_DETECTION>", "receipt.png", "total", None),
    ("<REGION_TO_SEGMENTATION>", "coffee.jpg", "", (0.12, 0.04, 0.81, 0.97)),
    ("<OCR>", "page.png", "", None),
    ("<CAPTION_TO_PHRASE_GROUNDING>", "sign.jpg", "From the Visitor Center to Lake Loop", None),
    ("<REGION_TO_DESCRIPTION>", "poster.jpg", "", (0.05, 0.04, 0.95, 0.3)),
)


@dataclass
class Run:
    """One visitor's last run of a task, held by the server."""

    waiting: bool = False
    asked: Asked | None = None
    error: str = ""  # why it could not even be asked


def as_uploaded(image: gr.Image) -> gr.Image:
    """The field, made to hand over the path of the file as it was uploaded: this project reads it, in its own words."""
    image.preprocess = lambda payload: getattr(payload, "path", None)
    return image


class TaskTab:
    """The parts of the tab, wired."""

    def __init__(self, model: Model, default: Engine, visitor: gr.State) -> None:
        self.model, self.default, self.visitor = model, default, visitor
        self.run, self.task = gr.State(Run(), time_to_live=6 * 3600), gr.State(FIRST)
        self.corner = gr.State(None)
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                self._question()
            with gr.Column(scale=3, min_width=320):
                self._result()
        self._wire()

    def _question(self) -> None:
        self.image = as_uploaded(
            gr.Image(
                label="Your picture", sources=["upload", "clipboard", "webcam"], type="filepath", height=300,
                elem_id="task-picture", buttons=["fullscreen"],
            )
        )  # fmt: skip
        self.groups = []
        with gr.Group(elem_classes="picker"):
            for group, tasks in _grouped(self.model.tasks).items():
                choices = [(task.title, task.token) for task in tasks]
                value = FIRST if FIRST in dict(map(reversed, choices)) else None
                self.groups.append(gr.Radio(choices, value=value, label=group, elem_classes="group"))
        task = find_task(FIRST)
        self.about = gr.Markdown(_about(self.model, task, self.default), elem_classes="about")
        self.words = gr.Textbox(label="Words", visible=False, elem_id="words", max_lines=3)
        with gr.Group(visible=False, elem_id="region") as self.fields:
            gr.Markdown("**The region**: click two opposite corners in your picture, or type them, from 0 to 1.",
                        elem_classes="hint")  # fmt: skip
            with gr.Row():
                self.region = [
                    gr.Number(None, label=name, minimum=0, maximum=1, step=0.01, min_width=70)
                    for name in ("Left", "Top", "Right", "Bottom")
                ]
        self.notice = gr.Markdown(elem_classes="notice", elem_id="task-notice")
        with gr.Row():
            self.go = gr.Button("Run", variant="primary", elem_id="run-task")
            self.halt = gr.Button("Stop", visible=False, elem_id="stop-task")

    def _result(self) -> None:
        self.result = gr.Image(
            label="The result", show_label=False, interactive=False, type="filepath", height=460, elem_id="result",
            buttons=["download", "fullscreen"],
        )  # fmt: skip
        self.text = gr.Textbox(label="Words", lines=4, max_lines=14, buttons=["copy"], elem_id="result-text")
        self.print = gr.Markdown(elem_classes="print")
        with gr.Accordion("The answer as JSON", open=False):
            self.json = gr.JSON(show_label=False)
        titles = [f"{find_task(token).title}{f': {words}' if words else ''}" for token, _, words, _ in EXAMPLES]
        self.examples = gr.Dataset(
            components=[gr.MultimodalTextbox(visible=False)], type="index", elem_classes="examples",
            samples=[[{"text": title, "files": [str(ASSETS / row[1])]}] for title, row in zip(titles, EXAMPLES)],
            label="Examples: a click runs them",
        )  # fmt: skip

    def _wire(self) -> None:
        quick = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
        shown = [self.task, *self.groups, self.about, self.words, self.fields]
        for group in self.groups:
            group.input(self.choose, [group, self.visitor], shown, **quick)
        self.image.upload(self.upload, self.image, [self.image, self.notice, self.corner], **quick)
        self.image.clear(lambda: (None, *[None] * 4), None, [self.corner, *self.region], **quick)
        self.image.select(self.pick, [self.image, self.task, self.corner],
                          [self.corner, *self.region, self.result, self.notice], **quick)  # fmt: skip
        asked = [self.notice, self.go, self.halt, self.text, self.print]
        fields = [self.run, self.task, self.image, self.words, *self.region]
        done = [self.notice, self.go, self.halt, self.result, self.text, self.print, self.json]
        starts = [begin(self.take, fields, asked, **quick) for begin in (self.go.click, self.words.submit)]
        example = self.examples.click(
            self.example, [self.examples, self.visitor], [*shown, self.image, self.words, *self.region], **quick
        )
        starts.append(example.then(self.take, fields, asked, **quick))
        streams = []
        for start in starts:
            stream = start.then(self.stream, [self.run, self.visitor], self.text, api_visibility="private",
                                show_progress="minimal", show_progress_on=self.result)  # fmt: skip
            stream.then(self.finish, self.run, done, **quick).then(None, js=_TO_ANSWER, **quick)
            streams.append(stream)
        self.halt.click(self.finish, self.run, done, cancels=streams, **quick)

    def choose(self, token: str, visitor: Visitor) -> tuple:
        """Only this task is chosen, and only the fields that it takes are shown."""
        task = find_task(token)
        radios = [gr.Radio(value=token if _holds(self.model, group.label, token) else None) for group in self.groups]
        words = gr.Textbox(visible=task.takes == "words", placeholder=str(task.example or ""), label="Words to find")
        try:
            engine = visitor.engine(self.default)
        except VLMError:
            engine = self.default
        return token, *radios, _about(self.model, task, engine), words, gr.Group(visible=task.takes == "region")

    def example(self, index: int, visitor: Visitor) -> tuple:
        """The fields of an example."""
        token, name, words, region = EXAMPLES[index]
        chosen = self.choose(token, visitor)
        picture = keep(images.read(ASSETS / name))
        return *chosen, picture, words, *(region or [None] * 4)

    def upload(self, path: str | None) -> tuple:
        """The upload, upright; a file that is no picture is refused with a sentence."""
        try:
            return (keep(images.read(path)) if path else None), "", None
        except VLMError as error:
            return None, verbatim(str(error)), None

    def pick(self, path: str, token: str, corner: tuple | None, event: gr.SelectData) -> tuple:
        """The first click is a corner, the second the opposite one; the box is drawn at once."""
        nothing = corner, *[gr.skip()] * 6
        if find_task(token).takes != "region" or not path:
            return nothing
        picture = images.read(path)
        x, y = event.index[0] / picture.width, event.index[1] / picture.height
        if corner is None:
            return (x, y), *[gr.skip()] * 5, "Now click the opposite corner."
        try:
            box = check_region((*corner, x, y))
        except VLMError as error:
            return None, *[gr.skip()] * 5, verbatim(str(error))
        x0, y0, x1, y1 = box
        region = Region("your region", ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
        return None, *(round(v, 3) for v in box), drawn(picture, (region,)), ""

    def take(self, run: Run, token: str, path: str | None, words: str, *region: float) -> tuple:
        """A run is begun, or refused with a sentence before anything is spent."""
        if run.waiting:
            return "The last run is still going. Stop it, or wait for its end.", *[gr.skip()] * 4
        try:
            run.asked = Asked(self.model, *task_prompt(token, path, words, None if None in region else region))
        except VLMError as error:
            return verbatim(str(error)), *[gr.skip()] * 4
        run.waiting, run.error = True, ""
        return "", gr.Button(interactive=False), gr.Button(visible=True), "", ""

    async def stream(self, run: Run, visitor: Visitor) -> AsyncIterator[str]:
        """The words so far."""
        if not run.waiting:
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a word
            return
        try:
            engine = visitor.engine(self.default)
        except VLMError as error:
            run.error = str(error)
            return
        async with aclosing(follow(run.asked, engine)) as arriving:
            async for answer in arriving:
                yield answer.text

    def finish(self, run: Run) -> tuple:
        """The picture with its regions, the words, the small print and the JSON."""
        go, halt = gr.Button(interactive=True), gr.Button(visible=False)
        if not run.waiting:
            return gr.skip(), go, halt, *[gr.skip()] * 4
        run.waiting, asked = False, run.asked
        error, answer = run.error or asked.error, asked.answer
        notice = verbatim(error) if error else ""
        if not (answer.text or answer.regions):
            return notice or _nothing(answer), go, halt, keep(asked.picture), "", "", None
        result = drawn(asked.picture, answer.regions)
        return notice, go, halt, result, answer.text, small_print(asked), as_json(asked)


def task_prompt(token: str, path: str | None, words: str, region: object) -> tuple[Prompt, Task]:
    """The prompt of a task run and its task; BadPrompt when the picture, the words or the region are missing."""
    if not path:
        raise BadPrompt("Add a picture first: drop, paste or upload one, or click an example.")
    task = find_task(token)
    return Prompt((Turn("user", write_task(task, words, region), (images.read(path),)),)), task


def _nothing(answer: Answer) -> str:
    """The line for an answer with neither a word nor a region."""
    return "Nothing was found in this picture." + (f" {verbatim(answer.note)}" if answer.note else "")


def _about(model: Model, task: Task, engine: Engine) -> str:
    return f"{task.about}  \n<small>{engine.state(model, task)}</small>"


def _grouped(tasks: tuple[Task, ...]) -> dict[str, list[Task]]:
    """The tasks by group, in the catalogue's order."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.group, []).append(task)
    return groups


def _holds(model: Model, group: str, token: str) -> bool:
    return any(task.token == token and task.group == group for task in model.tasks)

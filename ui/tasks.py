"""The tab of a model with tasks: a picture, a picker, the fields that the task takes, the result."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import gradio as gr

from ui.asking import Asked, follow
from ui.choice import Hall, Visitor
from ui.offer import accepted, offer
from ui.reply import as_json, drawn, keep, small_print, verbatim
from ui.run import Run, as_uploaded, nothing, task_prompt
from ui.visitor import SETS
from vlm_backends import (
    Model,
    Region,
    Task,
    VLMError,
    find_task,
    images,
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


class TaskTab:
    """The parts of the tab, wired."""

    def __init__(self, model: Model, hall: Hall, visitor: gr.State) -> None:
        self.model, self.hall, self.visitor = model, hall, visitor
        self.run, self.task = gr.State(Run()), gr.State(FIRST)
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
        self.about = gr.Markdown(elem_classes="about")
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
        self.instead = gr.Button(visible=False, elem_classes="instead", size="sm")
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
        asked = [self.run, self.notice, self.go, self.halt, self.text, self.print]  # a state lives as long as it is set
        fields = [self.run, self.task, self.image, self.words, *self.region]
        done = [self.notice, self.go, self.halt, self.result, self.text, self.print, self.json, self.instead]
        starts = [begin(self.take, fields, asked, **quick) for begin in (self.go.click, self.words.submit)]
        example = self.examples.click(
            self.example, [self.examples, self.visitor], [*shown, self.image, self.words, *self.region], **quick
        )
        starts.append(example.then(self.take, fields, asked, **quick))
        switched = self.instead.click(self.switch, [self.run, self.visitor], self.visitor, **SETS)
        starts.append(switched.then(self.take, fields, asked, **quick))
        for start in starts:
            stream = start.then(self.stream, [self.run, self.visitor], self.text, api_visibility="private",
                                show_progress="minimal", show_progress_on=self.result)  # fmt: skip
            stream.then(self.finish, [self.run, self.visitor], done, **quick).then(None, js=_TO_ANSWER, **quick)
        self.halt.click(self.stop, self.run, None, **quick)
        gr.on(None, self.describe, [self.task, self.visitor], self.about, **quick)

    def choose(self, token: str, visitor: Visitor) -> tuple:
        """Only this task is chosen, and only the fields that it takes are shown."""
        task = find_task(token)
        radios = [gr.Radio(value=token if _holds(self.model, group.label, token) else None) for group in self.groups]
        words = gr.Textbox(visible=task.takes == "words", placeholder=str(task.example or ""), label="Words to find")
        return token, *radios, self.describe(token, visitor), words, gr.Group(visible=task.takes == "region")

    def describe(self, token: str, visitor: Visitor) -> str:
        """What the task does, and what the visitor's engine can do for it."""
        task = find_task(token)
        try:
            state = self.hall.answering(visitor, self.model).state(self.model, task)
        except VLMError as error:
            state = str(error)
        return f"{task.about}  \n<small>{state}</small>"

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
        try:
            picture = images.read(path)
            x, y = event.index[0] / picture.width, event.index[1] / picture.height
            if corner is None:
                return (x, y), *[gr.skip()] * 5, "Now click the opposite corner."
            box = check_region((*corner, x, y))
        except VLMError as error:
            return None, *[gr.skip()] * 5, verbatim(str(error))
        x0, y0, x1, y1 = box
        region = Region("your region", ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
        return None, *(round(v, 3) for v in box), drawn(picture, (region,)), ""

    def take(self, run: Run, token: str, path: str | None, words: str, *region: float) -> tuple:
        """A run is begun, or refused with a sentence before anything is spent."""
        if run.waiting and not run.over:
            return run, "The last run is still going. Stop it, or wait for its end.", *[gr.skip()] * 4
        try:
            run.asked = Asked(self.model, *task_prompt(token, path, words, None if None in region else region))
        except VLMError as error:
            return run, verbatim(str(error)), *[gr.skip()] * 4
        run.waiting, run.fresh, run.over, run.error = True, True, False, ""
        return run, "", gr.Button(interactive=False), gr.Button(visible=True), "", ""

    async def stream(self, run: Run, visitor: Visitor) -> AsyncIterator[str]:
        """The words so far."""
        fresh, run.fresh = run.fresh, False
        if not fresh:
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a word
            return
        try:
            engine = await to_thread(self.hall.answering, visitor, self.model)  # it may ask a server
            async with aclosing(follow(run.asked, engine)) as arriving:
                async for answer in arriving:
                    yield answer.text or answer.status
        except VLMError as error:
            run.error = str(error)
        finally:
            run.over = True

    def stop(self, run: Run) -> None:
        """The run ends; what has arrived stays."""
        if run.waiting:
            run.asked.halt()

    def switch(self, run: Run, visitor: Visitor) -> Visitor:
        """The visitor, who now asks the engine that can answer."""
        return accepted(self.hall, visitor, self.model, run.asked)

    def finish(self, run: Run, visitor: Visitor) -> tuple:
        """The picture with its regions, the words, the small print and the JSON."""
        if not (run.waiting and run.over):
            return (*[gr.skip()] * 8,)
        run.waiting, run.over, asked = False, False, run.asked
        go, halt = gr.Button(interactive=True), gr.Button(visible=False)
        error, answer = run.error or asked.error, asked.answer
        notice, instead = verbatim(error) if error else "", offer(self.hall, visitor, self.model, asked)
        if not (answer.text or answer.regions):
            return notice or nothing(answer), go, halt, keep(asked.picture), "", "", None, instead
        result = drawn(asked.picture, answer.regions)
        return notice, go, halt, result, answer.text, small_print(asked), as_json(asked), instead


def _grouped(tasks: tuple[Task, ...]) -> dict[str, list[Task]]:
    """The tasks by group, in the catalogue's order."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.group, []).append(task)
    return groups


def _holds(model: Model, group: str, token: str) -> bool:
    return any(task.token == token and task.group == group for task in model.tasks)

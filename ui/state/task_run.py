"""A run of a task: what is asked, one step after another, and how far it has come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlencode

import gradio as gr

from ui.state.question import Asked, Clock
from ui.state.rendering import shelved, verbatim
from vlm_backends import (
    Answer,
    BadPrompt,
    Model,
    Picture,
    Prompt,
    Task,
    Turn,
    find_task,
    write_task,
)
from vlm_backends.media.geometry import Box
from vlm_backends.media.merging import attached, grounded
from vlm_backends.models import check_region

Step = Callable[[Sequence[Answer]], Asked]  # the next question, given the answers so far
GROUND = "<CAPTION_TO_PHRASE_GROUNDING>"
_MOST = 100  # boxes at once


@dataclass(frozen=True)
class Plan:
    """The questions of a run in their order, and how their answers become one."""

    steps: tuple[Step, ...]
    combine: Callable[[Sequence[Answer]], Answer] = lambda found: found[-1]


@dataclass
class Run:
    """One visitor's last run of a task, held by the server."""

    waiting: bool = False
    fresh: bool = False  # not sent yet
    over: bool = False  # ended, and not shown yet
    halted: bool = False  # by the visitor
    plan: Plan = Plan(())
    found: list[Answer] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    asking: Asked | None = None  # the newest question
    asked: Asked | None = (
        None  # the record of what is shown: the last question with the answer of the whole run
    )
    error: str = ""  # why it could not even be asked
    picture: Picture | None = None  # what the viewer shows
    box: tuple[float, ...] | None = None  # the one by hand that was asked about last
    drawn: tuple[float, ...] | None = None  # a box by hand that the fields may not show yet
    before: tuple = ()  # what they held when it was drawn
    token: str = "<OCR_WITH_REGION>"  # the task that is chosen
    example: int | None = None  # the one that fills the fields

    def begin(self, plan: Plan) -> None:
        """A plan is taken; its first question is known."""
        self.waiting, self.fresh, self.over, self.halted, self.error = True, True, False, False, ""
        self.plan, self.found, self.clock, self.asking = plan, [], Clock(), plan.steps[0](())
        self.picture = self.asking.picture

    def meant(self, fields: tuple) -> tuple:
        """The region of the fields, or the box that was drawn since they were filled."""
        drawn, self.drawn = self.drawn, None
        return drawn if drawn and fields == self.before else fields

    def halt(self) -> None:
        """The run ends; what has arrived stays."""
        self.halted = True
        if self.waiting:
            self.asking.halt()

    def link(self, model: Model) -> str:
        """The query that brings a page to this tab, task and example."""
        return linked(model, self.example, self.token)

    def settle(self) -> bool:
        """The run has ended; True when it found something, which `asked` holds then."""
        self.waiting, self.over, newest = False, False, self.asking.answer
        arrived = said(newest) and not (self.found and self.found[-1] is newest)
        found = [*self.found, newest] if arrived else self.found
        if found:
            clock = self.asking.clock
            clock = (
                replace(clock, total_s=self.clock.total_s) if len(self.plan.steps) > 1 else clock
            )
            self.asked = replace(self.asking, answer=self.plan.combine(found), clock=clock)
        return bool(found)

    def progress(self) -> str:
        """How far a run of several steps is; empty for one of a single step."""
        steps = len(self.plan.steps)
        return f"{min(len(self.found) + 1, steps)} of {steps}" if steps > 1 else ""


def slug(model: Model) -> str:
    """The model's name in a link and in the page: the last part of its id; all of it where only a server knows it."""
    if model.hosted:
        return model.id.rpartition("/")[2]
    return "at-" + "".join(
        char if char.isascii() and char.isalnum() else f"-{ord(char):x}-" for char in model.id
    )


def linked(model: Model, example: int | None, token: str = "") -> str:
    """A link's query: the model, the task and the example (from 1), never anything of the visitor's own."""
    number = "" if example is None else str(example + 1)
    parts = {"model": slug(model), "task": token.strip("<>"), "example": number}
    return urlencode({name: value for name, value in parts.items() if value})


def said(answer: Answer) -> bool:
    """True once there is a word or a region."""
    return bool(answer.text or answer.regions)


def one(model: Model, prompt: Prompt, task: Task) -> Plan:
    """A single question."""
    return Plan((lambda _: Asked(model, prompt, task),))


def about_boxes(model: Model, picture: Picture, token: str, boxes: object, base: Answer) -> Plan:
    """One question a box; the answers join `base`, which the boxes came from. Raises BadPrompt."""
    task = find_task(token)
    if task.takes != "region" or not isinstance(boxes, list) or not boxes:
        raise BadPrompt(
            "Draw a box in the picture, or click one, and then choose what to do with it."
        )
    if len(boxes) > _MOST:
        raise BadPrompt(
            f"That is {len(boxes)} boxes; {_MOST} can be asked about at once. Hide some of them first."
        )
    checked: list[Box] = [check_region(box) for box in boxes]
    prompts = [_prompt(picture, write_task(task, region=box)) for box in checked]
    steps = tuple(one(model, prompt, task).steps[0] for prompt in prompts)
    return Plan(steps, partial(attached, base, checked))


def places_of(model: Model, picture: Picture, caption: Answer) -> Plan:
    """Where the things stand that a caption names."""
    return Plan(
        (partial(_ground, model, picture, caption),), lambda found: grounded(caption, found[0])
    )


def then_places(model: Model, prompt: Prompt, task: Task) -> Plan:
    """A caption, and then the places of what it names."""
    (first,) = one(model, prompt, task).steps
    picture = prompt.turns[-1].pictures[-1]

    def ground(found: Sequence[Answer]) -> Asked:
        return _ground(model, picture, found[0])

    return Plan((first, ground), lambda found: grounded(*found) if len(found) == 2 else found[0])


def _ground(model: Model, picture: Picture, caption: Answer, _: Sequence[Answer] = ()) -> Asked:
    task = find_task(GROUND)
    return Asked(model, _prompt(picture, write_task(task, caption.text)), task)


def _prompt(picture: Picture, text: str) -> Prompt:
    return Prompt((Turn("user", text, (picture,)),))


def as_uploaded(image: gr.Image) -> gr.Image:
    """The field, made to hand over the path of the file as it was uploaded: this project reads it, in its own words.

    No event may answer it with an update or a skip: Gradio would make a field of its own kind in its place.
    """
    image.preprocess = lambda payload: getattr(payload, "path", None)
    return image


def task_prompt(token: str, path: str | None, words: str, region: object) -> tuple[Prompt, Task]:
    """The prompt of a task run and its task; BadPrompt when the picture, the words or the region are missing."""
    if not path:
        raise BadPrompt("Add a picture first: drop, paste or upload one, or click an example.")
    task = find_task(token)
    return Prompt((Turn("user", write_task(task, words, region), (shelved(path),)),)), task


def nothing(answer: Answer) -> str:
    """The line for an answer with neither a word nor a region."""
    return "Nothing was found in this picture." + (
        f" {verbatim(answer.note)}" if answer.note else ""
    )

"""Plans the questions of a task run: one, one a box, or a caption and then the places in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ui.core.storage import store_picture
from ui.state.replies import PICTURE_FIRST
from vlm_backends import (
    Answer,
    BadPrompt,
    Model,
    Picture,
    Prompt,
    Question,
    Task,
    Turn,
    find_task,
    write_task,
)
from vlm_backends.media.geometry import Box
from vlm_backends.media.merging import attached, grounded
from vlm_backends.models import check_confidence, check_region

NextQuestion = Callable[[Sequence[Answer]], Question]  # given the answers so far
_GROUND = "<CAPTION_TO_PHRASE_GROUNDING>"
_MOST_BOXES = 100  # in one run


def _last(answers: Sequence[Answer]) -> Answer:
    return answers[-1]


@dataclass(frozen=True)
class TaskPlan:
    """The questions of a run in their order, and how their answers become one."""

    steps: tuple[NextQuestion, ...]
    combine: Callable[[Sequence[Answer]], Answer] = _last


def single_question(question: Question) -> TaskPlan:
    """Plan one question."""
    return TaskPlan((partial(_known, question),))


def questions_about_boxes(
    model: Model,
    picture: Picture,
    token: str,
    boxes: object,
    base: Answer,
    confidence: float | None = None,
) -> TaskPlan:
    """Plan one question a box, whose answers join `base`, the answer that the boxes came from.

    `boxes` comes from the browser: a list of [left, top, right, bottom] in 0..1. Raises BadPrompt.
    """
    task = find_task(token)
    if task.takes != "region" or not isinstance(boxes, list) or not boxes:
        raise BadPrompt(
            "Draw a box in the picture, or click one, and then choose what to do with it."
        )
    if len(boxes) > _MOST_BOXES:
        raise BadPrompt(
            f"That is {len(boxes)} boxes; {_MOST_BOXES} can be asked about at once. "
            "Hide some of them first."
        )
    checked: list[Box] = [check_region(box) for box in boxes]
    questions = [
        _question(model, picture, write_task(task, region=box), task, confidence) for box in checked
    ]
    steps = tuple(partial(_known, question) for question in questions)
    return TaskPlan(steps, partial(attached, base, checked))


def places_in_caption(
    model: Model, picture: Picture, caption: Answer, confidence: float | None = None
) -> TaskPlan:
    """Plan to find the things that a caption names."""

    def ground(_: Sequence[Answer]) -> Question:
        return _grounding(model, picture, caption, confidence)

    return TaskPlan((ground,), lambda answers: grounded(caption, answers[0]))


def caption_then_places(question: Question) -> TaskPlan:
    """Plan a caption, and then to find the things that it names."""
    picture = question.prompt.turns[-1].pictures[-1]

    def ground(answers: Sequence[Answer]) -> Question:
        return _grounding(question.model, picture, answers[0], question.prompt.confidence)

    return TaskPlan(
        (partial(_known, question), ground),
        lambda answers: grounded(*answers) if len(answers) == 2 else answers[0],
    )


def task_prompt(
    token: str,
    source: Picture | str | None,
    words: str,
    region: object,
    page: int | None = None,
    confidence: float | None = None,
) -> tuple[Prompt, Task]:
    """Return the prompt of a task and the task.

    `source` is the picture, or the path of its file, of which `page` is asked about. Raises
    BadPrompt when something is missing.
    """
    if not source:
        raise BadPrompt(PICTURE_FIRST)
    task = find_task(token)
    picture = source if isinstance(source, Picture) else store_picture(source, page)
    turn = Turn("user", write_task(task, words, region), (picture,))
    return Prompt((turn,), confidence=check_confidence(confidence)), task


def _known(question: Question, _: Sequence[Answer]) -> Question:
    return question


def _grounding(
    model: Model, picture: Picture, caption: Answer, confidence: float | None
) -> Question:
    task = find_task(_GROUND)
    return _question(model, picture, write_task(task, caption.text), task, confidence)


def _question(
    model: Model, picture: Picture, text: str, task: Task, confidence: float | None
) -> Question:
    turns = (Turn("user", text, (picture,)),)
    return Question(model, Prompt(turns, confidence=check_confidence(confidence)), task)

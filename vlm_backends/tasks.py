"""List Florence-2's tasks, find one, and write its prompt. To add a task, add an entry."""

from collections.abc import Iterable
from typing import cast

from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box, ordered_box
from vlm_backends.readers import florence2
from vlm_backends.types import CONFIDENCE, Task

DESCRIBE_GROUP, FIND_GROUP, SEGMENT_GROUP = (
    "Describe",
    "Find",
    "Segment",
)  # groups of tasks on the page
REGION_GROUP, READ_GROUP = "Ask about a region", "Read text"

_SAMPLE_BOX = 0.12, 0.04, 0.81, 0.97  # most of a sample picture, in 0..1
_SMALLEST_SIDE = 0.002  # of a region, as a share of the picture

TASKS = (
    Task(
        token="<CAPTION>",
        title="Caption",
        group=DESCRIBE_GROUP,
        about="One sentence about the picture.",
        read=florence2.text,
    ),
    Task(
        token="<DETAILED_CAPTION>",
        title="Detailed caption",
        group=DESCRIBE_GROUP,
        about="A few sentences about the picture.",
        read=florence2.text,
    ),
    Task(
        token="<MORE_DETAILED_CAPTION>",
        title="Long caption",
        group=DESCRIBE_GROUP,
        about="A paragraph about the picture.",
        read=florence2.text,
    ),
    Task(
        token="<OD>",
        title="Detect objects",
        group=FIND_GROUP,
        about="A labelled box around each object.",
        read=florence2.boxes,
    ),
    Task(
        token="<DENSE_REGION_CAPTION>",
        title="Caption regions",
        group=FIND_GROUP,
        about="A box and a phrase for each part that stands out.",
        read=florence2.boxes,
    ),
    Task(
        token="<REGION_PROPOSAL>",
        title="Propose regions",
        group=FIND_GROUP,
        about="Boxes around whatever may be an object, without names.",
        read=florence2.boxes,
    ),
    Task(
        token="<CAPTION_TO_PHRASE_GROUNDING>",
        title="Locate phrases",
        group=FIND_GROUP,
        about="A box around each thing that your sentence names.",
        read=florence2.phrases,
        takes="words",
        example="Follow the path from the Visitor Center to Lake Loop.",
    ),
    Task(
        token="<REFERRING_EXPRESSION_SEGMENTATION>",
        title="Segment by words",
        group=SEGMENT_GROUP,
        about="An outline of what you describe.",
        read=florence2.polygons,
        takes="words",
        example="a cat with green eyes",
    ),
    Task(
        token="<REGION_TO_SEGMENTATION>",
        title="Segment a region",
        group=SEGMENT_GROUP,
        about="An outline of the object in your box.",
        read=florence2.polygons,
        takes="region",
        write=florence2.write_locations,
        example=_SAMPLE_BOX,
    ),
    Task(
        token="<OPEN_VOCABULARY_DETECTION>",
        title="Find by words",
        group=FIND_GROUP,
        about="A box around each thing that you name.",
        read=florence2.boxes_or_polygons,
        takes="words",
        example="Eagle Point",
    ),
    Task(
        token="<REGION_TO_CATEGORY>",
        title="Name a region",
        group=REGION_GROUP,
        about="What kind of thing is in your box.",
        read=florence2.text,
        takes="region",
        write=florence2.write_locations,
        example=_SAMPLE_BOX,
    ),
    Task(
        token="<REGION_TO_DESCRIPTION>",
        title="Describe a region",
        group=REGION_GROUP,
        about="A phrase about what is in your box.",
        read=florence2.text,
        takes="region",
        write=florence2.write_locations,
        example=_SAMPLE_BOX,
    ),
    Task(
        token="<OCR>",
        title="Read",
        group=READ_GROUP,
        about="All text in the picture.",
        read=florence2.text,
    ),
    Task(
        token="<OCR_WITH_REGION>",
        title="Read and locate",
        group=READ_GROUP,
        about="All text, each line with its place.",
        read=florence2.quads,
    ),
)


def find_task(token: str) -> Task:
    """Find a Florence-2 task by its token, with or without angle brackets, in any case.

    Raises BadPrompt, with all tokens, when there is none.
    """
    name = str(token).strip().strip("<>").upper()
    for task in TASKS:
        if task.token.strip("<>") == name:
            return task
    known = ", ".join(task.token for task in TASKS)
    raise BadPrompt(f"There is no task “{str(token)[:80]}”. Known: {known}.")


def write_task(task: Task, words: str = "", region: object = None) -> str:
    """Write a task's prompt, such as `<OD>` or `<REGION_TO_CATEGORY><loc_…>…`.

    `region` is a box (x0, y0, x1, y1) in 0..1 whose corners may be swapped. Raises BadPrompt when
    the task's words or region are missing.
    """
    if task.takes == "words":
        if not (words or "").strip():
            raise BadPrompt(
                f"“{task.title}” needs words: write what to look for, such as “{task.example}”."
            )
        return task.token + task.write(words.strip())
    if task.takes == "region":
        return task.token + task.write(check_region(region))
    return task.token


def check_confidence(value: object) -> float:
    """Return a confidence (0..1) as a number; the usual one for None.

    Raises BadPrompt for anything else.
    """
    if value is None:
        return CONFIDENCE
    try:
        number = float(cast(float, value))
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not 0 <= number <= 1:
        raise BadPrompt("The confidence must be a number from 0 to 1, such as 0.5.")
    return number


def check_region(region: object) -> Box:
    """Return the box (0..1) with its corners in order.

    Raises BadPrompt when it is not a box, leaves the picture or is too small.
    """
    try:
        xa, ya, xb, yb = map(float, cast(Iterable[float], region))
    except (TypeError, ValueError, OverflowError):
        raise BadPrompt(
            "This task needs a region: draw a box in the picture, or give four numbers from 0 to "
            "1: left, top, right, bottom."
        ) from None
    if not all(0 <= value <= 1 for value in (xa, ya, xb, yb)):
        raise BadPrompt("The region lies outside of the picture: its numbers must be from 0 to 1.")
    if abs(xb - xa) < _SMALLEST_SIDE or abs(yb - ya) < _SMALLEST_SIDE:
        raise BadPrompt("The region is empty: draw or type a larger box.")
    return ordered_box(xa, ya, xb, yb)

"""The embedded engine: true answers computed from the visitor's own picture, with no key, network or download.

It reads print and codes, outlines by colour, and reads bar charts. It never says what it has not computed:
everything else is refused with what it would take.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vlm_backends import models
from vlm_backends.concurrency import CancelToken, WaitingLine
from vlm_backends.engines.base import Traits
from vlm_backends.errors import BadPrompt
from vlm_backends.types import Chunk, Model, Prompt, Sent, Task

_line = WaitingLine(
    seats=4
)  # pictures that are looked at, at one time: a decoded one takes hundreds of megabytes

_HERE = {  # what is done here for a Florence-2 task
    "<OCR>": "Done on this machine by PP-OCRv6.",
    "<OCR_WITH_REGION>": "Done on this machine by PP-OCRv6.",
    "<REGION_TO_SEGMENTATION>": "On this machine: a mask by colour (GrabCut).",
    "<REGION_TO_DESCRIPTION>": "On this machine: measured facts, such as text, colours and size.",
    "<CAPTION_TO_PHRASE_GROUNDING>": "On this machine: finds words that are printed in the picture.",
    "<OPEN_VOCABULARY_DETECTION>": "On this machine: finds words that are printed in the picture.",
}


@dataclass(frozen=True)
class Embedded:
    """Computes its answers in this process; the weights are PP-OCRv6's, out of rapidocr's wheel."""

    name: str = "This machine"

    @property
    def traits(self) -> Traits:
        """What holds for all of its models."""
        return Traits("builtin")

    def models(self) -> Sequence[Model]:
        """The whole catalogue: each gets what can be computed for it here."""
        return models.CATALOGUE

    def state(self, model: Model, task: Task | None = None) -> str:
        """What this machine does for the model or the task."""
        if task:
            return _HERE.get(task.token, "Needs Florence-2 itself: an NVIDIA key, for one.")
        if model.tasks:
            return f"{len(_HERE)} of {len(model.tasks)} tasks here"
        return (
            "bar charts to tables here"
            if model.id == "google/deplot"
            else "reads the picture here, no conversation"
        )

    def stream(
        self, model: Model, prompt: Prompt, stop: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """The answer's chunks as they are computed. Raises BadPrompt and MissingKey."""
        from vlm_backends.engines.builtin import tasks

        stop = stop or CancelToken()
        picture = next(
            (turn.pictures[-1] for turn in reversed(prompt.turns) if turn.pictures), None
        )
        if picture is None:
            raise BadPrompt("Add a picture first: this machine answers from pictures only.")
        yield Chunk(sent=Sent(picture.mime, picture.width, picture.height, len(picture.data)))
        with _line.place(stop) as place:
            for ahead in place:
                yield Chunk(status=f"Waiting in line: {ahead} before you.")
            for chunk in (
                () if stop.is_set() else tasks.answer(model, prompt.turns[-1].text, picture, stop)
            ):
                if stop.is_set():
                    return
                yield chunk

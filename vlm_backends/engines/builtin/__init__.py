"""Compute answers from the picture itself, without a key, network or download.

This engine finds things of 80 kinds, reads print and codes, outlines, and reads charts. Everything
else is refused, with a sentence on what it would take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vlm_backends import models
from vlm_backends.concurrency import CancelToken, WaitingLine
from vlm_backends.engines.base import Capability, Observation, Traits
from vlm_backends.engines.builtin.detector_facts import detector_facts
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.errors import BadPrompt
from vlm_backends.types import Chunk, Model, Prompt, Sent, Task

# four pictures at a time: a decoded one takes hundreds of megabytes
_picture_line = WaitingLine(seats=4)

_GRABCUT = "GrabCut"
_DETECTOR = "{detector}"
_THINGS = "Found on this machine by {detector}: {kinds} kinds of things."
_NAMED = "On this machine: things of {kinds} kinds by {detector}, words where they are printed."
_OUTLINED = f"{_DETECTOR}, selfie segmentation and {_GRABCUT}"
# Florence-2's tasks in `tasks.TASKS`: what computes the answer, and a phrase for it; {ocr} is the
# name of the networks that read print, {detector} that of the one that finds things
_BY_TASK = {
    "<OD>": (_DETECTOR, _THINGS),
    "<REGION_PROPOSAL>": (_DETECTOR, "On this machine: boxes by {detector}, without names."),
    "<REGION_TO_CATEGORY>": (
        _DETECTOR,
        "On this machine: one of {kinds} kinds, or text ({detector}).",
    ),
    "<OCR>": ("{ocr}", "Done on this machine by {ocr}."),
    "<OCR_WITH_REGION>": ("{ocr}", "Done on this machine by {ocr}."),
    "<REGION_TO_SEGMENTATION>": (
        _OUTLINED,
        "On this machine: people by a network, other things by colour and edges (GrabCut).",
    ),
    "<REFERRING_EXPRESSION_SEGMENTATION>": (
        _OUTLINED,
        "On this machine: {kinds} kinds of things, as in “the left horse” ({detector}, GrabCut).",
    ),
    "<REGION_TO_DESCRIPTION>": (
        "measurements and {ocr}",
        "On this machine: measured facts, such as text, colours and size.",
    ),
    "<CAPTION_TO_PHRASE_GROUNDING>": ("{detector} and {ocr}", _NAMED),
    "<OPEN_VOCABULARY_DETECTION>": ("{detector} and {ocr}", _NAMED),
}


@dataclass(frozen=True)
class Embedded:
    """Computes its answers in this process; rapidocr brings the weights that read print."""

    name: str = "This machine"

    def models(self) -> Sequence[Model]:
        """List the whole catalogue: each model gets what can be computed for it here."""
        return models.CATALOGUE

    @property
    def traits(self) -> Traits:
        """Return what holds for all of its models: one question at a time, on this machine."""
        return Traits("builtin")

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say what is computed here in place of the model, or of one of its tasks, and by what."""
        if task and task.token not in _BY_TASK:
            return Capability(False, "Needs Florence-2 itself: an NVIDIA key, for one.", "model")
        ocr, (detector, kinds) = ocr_name(), detector_facts()
        if task:
            tool, summary = (
                text.format(ocr=ocr, detector=detector, kinds=kinds)
                for text in _BY_TASK[task.token]
            )
        elif model.tasks:
            tool = f"{detector}, {ocr}, {_GRABCUT} and measurements"
            summary = f"{len(_BY_TASK)} of {len(model.tasks)} tasks here"
        elif model.tables:
            tool, summary = (
                f"{ocr} and the geometry of charts",
                "bar charts, lines and pies to tables here",
            )
        else:
            tool, summary = ocr, "reads the picture here, no conversation"
        scored = task is not None and _DETECTOR in _BY_TASK[task.token][0]
        return Capability(True, summary, computed_by=tool, partial=True, scored=scored)

    def with_key(self, key: str) -> Embedded:
        """Return this engine: it takes no key."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation]]:
        """Yield nothing: there is no address to look at."""
        return iter(())

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield the answer's chunks as they are computed.

        Raises BadPrompt, MissingKey, and Unreachable where a further script cannot be fetched.
        """
        from vlm_backends.engines.builtin import tasks

        cancel = cancel or CancelToken()
        picture = prompt.picture
        if picture is None:
            raise BadPrompt("Add a picture first: this machine answers from pictures only.")
        yield Chunk(sent=Sent(picture.mime, picture.width, picture.height, len(picture.data)))
        with _picture_line.place(cancel) as place:
            for ahead in place:
                yield Chunk(status=f"Waiting in line: {ahead} before you.")
            if cancel.is_set():
                return
            chunks = tasks.answer(model, prompt, picture, cancel)
            for chunk in _noted(chunks, _of_several(prompt)):
                if cancel.is_set():
                    return
                yield chunk


def _of_several(prompt: Prompt) -> str:
    """Say that only one picture is looked at, where the conversation has more; else nothing."""
    count = sum(len(turn.pictures) for turn in prompt.turns)
    return f"Only the last of {count} pictures was looked at." if count > 1 else ""


def _noted(chunks: Iterator[Chunk], said: str) -> Iterator[Chunk]:
    """Yield the chunks with a sentence at the end of their note."""
    note = ""
    for chunk in chunks:
        note = chunk.note or note
        yield chunk._replace(note=" ".join(filter(None, (note, said))))

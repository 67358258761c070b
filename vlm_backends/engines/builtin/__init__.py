"""Compute answers from the picture itself, without a key, network or download.

This engine finds things, reads print and codes, outlines, and reads charts. Everything else is
refused, with a sentence on what it would take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlm_backends import models
from vlm_backends.concurrency import CancelToken, WaitingLine
from vlm_backends.engines.base import Capability, Observation, Traits
from vlm_backends.engines.builtin.detector_facts import detector_facts
from vlm_backends.engines.builtin.networks import return_memory
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.errors import BadPrompt
from vlm_backends.text import sentences
from vlm_backends.types import Chunk, Model, Picture, Prompt, Sent, Task

if TYPE_CHECKING:
    from vlm_backends.engines.builtin.overview import Finding

# four pictures at a time: a decoded one takes hundreds of megabytes
_picture_line = WaitingLine(seats=4)
# nobody asked for a look: looks take one of those seats at most, and questions the others
_look_line = WaitingLine()
_OF_ANY_ANSWER = re.compile(  # how a sentence of a note begins that tells of the tools alone
    r"(?:Read by|It reads|Another can be set|To talk,|Things found by|A thing of another kind"
    r"|Parts of the page found by|The rows are found by|Without a model, a table answers) "
)


@dataclass(frozen=True)
class _Tool:
    """What computes a task's answer, a phrase for it, and two facts as in Capability.

    {ocr} is the name of the networks that read print, {detector} that of the one that finds
    things of {kinds} kinds.
    """

    computed_by: str
    summary: str
    scored: bool = False
    points: bool = False


_GRABCUT = "GrabCut"
_OUTLINED = f"{{detector}}, selfie segmentation and {_GRABCUT}"
_READ = _Tool("{ocr}", "Done by the built-in tools ({ocr}).")
_NAMED = _Tool(
    "{detector} and {ocr}",
    "Built-in tools: things of {kinds} kinds by {detector}, words where they are printed.",
    scored=True,
)
_BY_TASK = {  # Florence-2's tasks in `tasks.TASKS`
    "<OD>": _Tool(
        "{detector}",
        "Found by the built-in tools ({detector}): {kinds} kinds of things.",
        scored=True,
    ),
    "<REGION_PROPOSAL>": _Tool(
        "{detector}", "Built-in tools: boxes by {detector}, without names.", scored=True
    ),
    "<REGION_TO_CATEGORY>": _Tool(
        "{detector}", "Built-in tools: one of {kinds} kinds, or text ({detector}).", scored=True
    ),
    "<OCR>": _READ,
    "<OCR_WITH_REGION>": _READ,
    "<REGION_TO_SEGMENTATION>": _Tool(
        _OUTLINED,
        "Built-in tools: people by a network, other things by colour and edges (GrabCut).",
        scored=True,
        points=True,
    ),
    "<REFERRING_EXPRESSION_SEGMENTATION>": _Tool(
        _OUTLINED,
        "Built-in tools: {kinds} kinds of things, as in “the left horse” ({detector}, GrabCut).",
        scored=True,
    ),
    "<REGION_TO_DESCRIPTION>": _Tool(
        "measurements and {ocr}",
        "Built-in tools: measured facts, such as text, colours and size.",
    ),
    "<CAPTION_TO_PHRASE_GROUNDING>": _NAMED,
    "<OPEN_VOCABULARY_DETECTION>": _NAMED,
}
_TABLES = _Tool(
    "{ocr} and the geometry of charts", "bar charts, lines, pies and printed tables to rows here"
)
_CHAT = _Tool(
    "{detector} and {ocr}", "finds things ({detector}), reads text ({ocr}), no conversation"
)


@dataclass(frozen=True)
class Embedded:
    """Computes its answers in this process; rapidocr brings the weights that read print."""

    name: str = "Built-in tools"

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
            said = "Needs Florence-2 itself: its open weights, a server of your own, or a key."
            return Capability(False, said, "model")
        tool = _BY_TASK[task.token] if task else _tool_for(model)
        facts = detector_facts()
        computed_by, summary = (
            text.format(ocr=ocr_name(), detector=facts.name, kinds=facts.kinds)
            for text in (tool.computed_by, tool.summary)
        )
        return Capability(
            True,
            summary,
            computed_by=computed_by,
            partial=True,
            scored=tool.scored,
            points=tool.points,
        )

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
            raise BadPrompt("Add a picture first: the built-in tools answer from pictures only.")
        yield Chunk(sent=Sent(picture.mime, picture.width, picture.height, len(picture.data)))
        with _picture_line.place(cancel) as place:
            for ahead in place:
                yield Chunk(status=f"Waiting in line: {ahead} before you.")
            if cancel.is_set():
                return
            chunks = tasks.answer(model, prompt, picture, cancel)
            try:
                for chunk in _noted(chunks, _of_several(prompt)):
                    if cancel.is_set():
                        return
                    yield chunk
            finally:
                return_memory()


def _tool_for(model: Model) -> _Tool:
    """Return what stands in for a model as a whole."""
    if model.tasks:
        tools = f"{{detector}}, {{ocr}}, {_GRABCUT} and measurements"
        return _Tool(tools, f"{len(_BY_TASK)} of {len(model.tasks)} tasks here")
    return _TABLES if model.tables else _CHAT


def _of_several(prompt: Prompt) -> str:
    """Say that only one picture is looked at, where the conversation has more; else nothing."""
    count = sum(len(turn.pictures) for turn in prompt.turns)
    return f"Only the last of {count} pictures was looked at." if count > 1 else ""


def _noted(chunks: Iterator[Chunk], said: str) -> Iterator[Chunk]:
    """Yield the chunks with a sentence at the end of their note; mark those about the tools."""
    note = ""
    for chunk in chunks:
        note = chunk.note or note
        method = tuple(filter(_OF_ANY_ANSWER.match, sentences(note)))
        yield chunk._replace(note=" ".join(filter(None, (note, said))), method=method)


def look_over(picture: Picture, cancel: CancelToken) -> Iterator[Finding]:
    """Yield what there is in a picture to ask about, as it is found; see `overview`."""
    import numpy as np

    from vlm_backends.engines.builtin.overview import overview
    from vlm_backends.media import images

    with _look_line.place(cancel) as looks:
        for _ in looks:
            pass
        with _picture_line.place(cancel) as place:
            for _ in place:
                pass
            try:
                if not cancel.is_set():
                    yield from overview(np.asarray(images.pixels(picture)), cancel)
            finally:
                return_memory()

"""Vision-language models behind one verb.

>>> from vlm_backends import Prompt, Turn, ask, connect, find_model, read
>>> engine = connect()
>>> prompt = Prompt((Turn("user", "What is in this image?", (read("sign.jpg"),)),))
>>> for answer in ask(engine, find_model("meta/llama-3.2-11b-vision-instruct"), prompt):
...     print(answer.text)
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from vlm_backends import outlines
from vlm_backends.drawing import colours, draw
from vlm_backends.engines import NVIDIA, Embedded, Local, OpenAI, connect
from vlm_backends.errors import BadPrompt, Gone, MissingKey, Refused, Unreachable, VLMError
from vlm_backends.images import encode, read
from vlm_backends.models import CATALOGUE, TASKS, find_model, find_task, write_task
from vlm_backends.types import (
    Answer,
    Chunk,
    Engine,
    Model,
    Picture,
    Prompt,
    Region,
    Sampling,
    Sent,
    Stop,
    Task,
    Turn,
)

__all__ = [
    "Answer", "BadPrompt", "CATALOGUE", "Chunk", "Embedded", "Engine", "Gone", "Local", "MissingKey", "Model",
    "NVIDIA", "OpenAI", "Picture", "Prompt", "Refused", "Region", "Sampling", "Sent", "Stop", "TASKS", "Task", "Turn",
    "Unreachable", "VLMError", "ask", "colours", "connect", "draw", "encode", "find_model", "find_task",
    "read", "write_task",
]  # fmt: skip

MOST_WORDS = 100_000  # characters of an answer: no model of the catalogue is allowed half of it
MOST_REGIONS = 2_000
_MOST_LABEL = 1_000  # characters


def ask(
    engine: Engine, model: Model, prompt: Prompt, task: Task | None = None, stop: Stop | None = None
) -> Iterator[Answer]:
    """The answer so far, each time more of it arrives. Raises VLMError; what was yielded before stays true.

    Words and labels are without control characters. What is beyond all measure is left out, and the note says so.
    """
    interpret = (task or model).read
    words, regions, literal, note, sent, tokens = "", (), False, "", None, None
    with closing(engine.stream(model, prompt, stop)) as chunks:
        for chunk in chunks:
            words, regions = words + outlines.clean(chunk.text), regions + chunk.regions
            literal, note, sent = literal or chunk.literal, chunk.note or note, chunk.sent or sent
            tokens = chunk.tokens or tokens
            kept, status = words[:MOST_WORDS], "" if words else outlines.clean(chunk.status)
            answer = _named(Answer(kept, literal=True) if literal else interpret(kept), regions[:MOST_REGIONS])
            too_much = _excess(words, regions or answer.regions)
            said = outlines.clean(" ".join(filter(None, (note, too_much))))
            yield replace(_held(answer), note=said, sent=sent, status=status, tokens=tokens)
            if too_much:
                return


def _named(answer: Answer, regions: tuple[Region, ...]) -> Answer:
    """The answer with ready-made regions in place of those read; without any words, their labels are the words."""
    if not regions:
        return answer
    if answer.text:
        return replace(answer, regions=regions)
    spans, start = [], 0
    for region in regions:
        spans.append((start, start + len(region.label)))
        start = spans[-1][1] + 1
    words = "\n".join(region.label for region in regions)
    return Answer(words, tuple(replace(region, span=span) for region, span in zip(regions, spans, strict=True)))


def _excess(words: str, regions: tuple[Region, ...]) -> str:
    """What is left out of an answer, as a sentence; nothing when all of it is kept."""
    if len(regions) > MOST_REGIONS:
        return f"The answer marks {len(regions):,} places; the first {MOST_REGIONS:,} are kept."
    return f"The answer was broken off after {MOST_WORDS:,} characters." if len(words) > MOST_WORDS else ""


def _held(answer: Answer) -> Answer:
    """The answer with no more regions than are kept, their labels clean and no longer than names are."""
    kept = answer.regions[:MOST_REGIONS]
    return replace(
        answer, regions=tuple(replace(each, label=outlines.clean(each.label[:_MOST_LABEL])) for each in kept)
    )

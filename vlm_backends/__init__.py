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


def ask(
    engine: Engine, model: Model, prompt: Prompt, task: Task | None = None, stop: Stop | None = None
) -> Iterator[Answer]:
    """The answer so far, each time more of it arrives. Raises VLMError; what was yielded before stays true."""
    interpret = (task or model).read
    words, regions, literal, note, sent, tokens = "", (), False, "", None, None
    with closing(engine.stream(model, prompt, stop)) as chunks:
        for chunk in chunks:
            words, regions = words + chunk.text, regions + chunk.regions
            literal, note, sent = literal or chunk.literal, chunk.note or note, chunk.sent or sent
            tokens = chunk.tokens or tokens
            answer = Answer(words, literal=True) if literal else interpret(words)
            status = "" if words else chunk.status
            yield replace(_named(answer, regions), note=note, sent=sent, status=status, tokens=tokens)


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

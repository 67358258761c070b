"""Vision-language models behind one verb.

>>> from vlm_backends import Prompt, Turn, ask, connect, find_model, read
>>> engine = connect()
>>> prompt = Prompt((Turn("user", "What is in this image?", (read("sign.jpg"),)),))
>>> for answer in ask(engine, find_model("meta/llama-3.2-11b-vision-instruct"), prompt):
...     print(answer.text)
"""

from collections.abc import Iterator
from contextlib import closing

from vlm_backends.engines import NVIDIA, Embedded, Local, OpenAI, connect
from vlm_backends.errors import BadPrompt, Gone, MissingKey, Refused, Unreachable, VLMError
from vlm_backends.media.drawing import colours, draw
from vlm_backends.media.images import encode, read
from vlm_backends.models import CATALOGUE, TASKS, find_model, find_task, write_task
from vlm_backends.reply import heard, understood
from vlm_backends.types import (
    Answer,
    CancelToken,
    Chunk,
    Engine,
    Model,
    Picture,
    Prompt,
    Region,
    Sampling,
    Sent,
    Task,
    Turn,
)

Stop = CancelToken  # the name that scripts know

__all__ = [
    "CancelToken",
    "Answer",
    "BadPrompt",
    "CATALOGUE",
    "Chunk",
    "Embedded",
    "Engine",
    "Gone",
    "Local",
    "MissingKey",
    "Model",
    "NVIDIA",
    "OpenAI",
    "Picture",
    "Prompt",
    "Refused",
    "Region",
    "Sampling",
    "Sent",
    "Stop",
    "TASKS",
    "Task",
    "Turn",
    "Unreachable",
    "VLMError",
    "ask",
    "colours",
    "connect",
    "draw",
    "encode",
    "find_model",
    "find_task",
    "read",
    "write_task",
]


def ask(
    engine: Engine,
    model: Model,
    prompt: Prompt,
    task: Task | None = None,
    stop: CancelToken | None = None,
) -> Iterator[Answer]:
    """The answer so far, each time more of it arrives. Raises VLMError; what was yielded before stays true.

    Words and labels are without control characters. What is beyond all measure is left out, and the note says so.
    """
    with closing(heard(engine, model, prompt, stop)) as wholes:
        for whole in wholes:
            yield understood(whole, (task or model).read)

"""Ask vision-language models about pictures with one function, whichever engine answers.

>>> from vlm_backends import Prompt, Turn, ask, connect, find_model, read
>>> engine = connect()
>>> prompt = Prompt((Turn("user", "What is in this image?", (read("sign.jpg"),)),))
>>> for answer in ask(engine, find_model("meta/llama-3.2-11b-vision-instruct"), prompt):
...     print(answer.text)
"""

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines import NVIDIA, Embedded, Local, OpenAI, connect
from vlm_backends.engines.base import Engine
from vlm_backends.errors import BadPrompt, Gone, MissingKey, Refused, Unreachable, VLMError
from vlm_backends.media.drawing import draw
from vlm_backends.media.images import encode, read
from vlm_backends.media.palette import colours
from vlm_backends.models import CATALOGUE, TASKS, find_model, find_task, write_task
from vlm_backends.reply import Question, Reply, Timing
from vlm_backends.types import (
    Answer,
    Chunk,
    Model,
    Picture,
    Prompt,
    Region,
    Sampling,
    Sent,
    Task,
    Turn,
)

__version__ = "1.0.0"  # pyproject.toml reads it here

Stop = CancelToken  # the older name, which scripts use

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
    "Question",
    "Refused",
    "Region",
    "Reply",
    "Sampling",
    "Sent",
    "Stop",
    "TASKS",
    "Task",
    "Timing",
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
) -> Reply:
    """Ask a question; iterate the reply for the answer, each time more of it arrives.

    Words and labels come without control characters. Iterating raises VLMError; what arrived
    before it stays in `reply.answer`. An answer that is far too long is cut off, and its note says
    so.
    """
    return Reply(Question(model, prompt, task), engine, cancel=stop)

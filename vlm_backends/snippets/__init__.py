"""The call that was just made, as Python and as shell: both run as pasted, and no key is in them."""

from dataclasses import dataclass

from vlm_backends.engines import NVIDIA, OpenAI
from vlm_backends.engines.base import Engine
from vlm_backends.engines.wire.requests import trimmed
from vlm_backends.errors import BadPrompt
from vlm_backends.snippets import calls, in_process
from vlm_backends.snippets.python import python
from vlm_backends.snippets.shell import shell
from vlm_backends.types import Model, Picture, Prompt, Sent, Task


@dataclass(frozen=True)
class Code:
    """The same call twice, and the pictures that it reads under the names of their files."""

    python: str
    shell: str
    files: tuple[tuple[str, Picture], ...]


def code(
    engine: Engine, model: Model, prompt: Prompt, task: Task | None = None, sent: Sent | None = None
) -> Code:
    """The call of this engine as code, the pictures as they are sent.

    `sent` is how the newest picture travelled, if that is known; else it is found out anew, which takes up to a second.
    Keys are taken from `NVIDIA_API_KEY` or `VLM_API_KEY` when the code runs. Raises BadPrompt when there is no picture
    and the engine needs one.
    """
    prompt = trimmed(model, prompt)
    if isinstance(engine, NVIDIA):
        return _written(calls.hosted(engine, model, prompt, sent))
    if not any(turn.pictures for turn in prompt.turns):
        raise BadPrompt("Add a picture first: this engine answers about pictures.")
    if isinstance(engine, OpenAI):
        return _written(calls.served(engine, model, prompt))
    asked = in_process.asked(engine, model, prompt, task)
    return Code(in_process.python(asked), in_process.shell(asked), asked.files)


def _written(call: calls.Call) -> Code:
    return Code(
        python(call), shell(call), tuple((shown.name, shown.picture) for shown in call.pictures)
    )

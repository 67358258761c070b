"""Write a call as Python and as shell code. Both run as pasted, and no key is in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from vlm_backends.engines import NVIDIA, Local, OpenAI
from vlm_backends.engines.base import Engine, Kind
from vlm_backends.engines.wire.requests import trim_prompt
from vlm_backends.errors import BadPrompt
from vlm_backends.reply import Question
from vlm_backends.snippets import http_calls, in_process
from vlm_backends.snippets.http_calls import HttpCall
from vlm_backends.snippets.in_process import InProcessCall
from vlm_backends.snippets.python import write_python
from vlm_backends.snippets.shell import write_shell
from vlm_backends.types import Model, Picture, Prompt, Sent, Task


@dataclass(frozen=True)
class Code:
    """The same call in two languages, and the pictures that it reads, by file name."""

    python: str
    shell: str
    files: tuple[tuple[str, Picture], ...]


def code(
    engine: Engine, model: Model, prompt: Prompt, task: Task | None = None, sent: Sent | None = None
) -> Code:
    """Write the call of this engine as code, with the pictures as they are sent.

    `sent` says how the newest picture travelled; without it that is computed again, which takes
    up to a second. The code reads keys from `NVIDIA_API_KEY` or `VLM_API_KEY` when it runs. Raises
    BadPrompt when there is no picture and the engine needs one.
    """
    write = _WRITERS[engine.traits.kind]
    return write(engine, Question(model, trim_prompt(model, prompt), task), sent)


def _nvidia_code(engine: Engine, question: Question, sent: Sent | None) -> Code:
    nvidia = cast(NVIDIA, engine)
    return _http_code(http_calls.nvidia_call(nvidia, question.model, question.prompt, sent))


def _openai_code(engine: Engine, question: Question, sent: Sent | None) -> Code:
    _check_has_picture(question)
    server = cast(OpenAI, engine)
    return _http_code(http_calls.openai_call(server, question.model, question.prompt))


def _local_code(engine: Engine, question: Question, sent: Sent | None) -> Code:
    _check_has_picture(question)
    settings = {"VLM_ENGINE": "local"}
    model = question.model.id
    if replacement := cast(Local, engine).ids.get(model):
        settings["VLM_CHECKPOINTS"] = f"{model}={replacement}"
    call = in_process.build(question, settings)
    # the environment says where the weights are, so the code passes it on
    return _in_process_code(call, inherits_environment=True)


def _builtin_code(engine: Engine, question: Question, sent: Sent | None) -> Code:
    _check_has_picture(question)
    settings = {"VLM_ENGINE": "embedded"}
    call = in_process.build(question, settings)
    return _in_process_code(call, inherits_environment=False)


def _check_has_picture(question: Question) -> None:
    if question.picture is None:
        raise BadPrompt("Add a picture first: this engine answers about pictures.")


def _http_code(call: HttpCall) -> Code:
    files = tuple((sent.name, sent.picture) for sent in call.pictures)
    return Code(write_python(call), write_shell(call), files)


def _in_process_code(call: InProcessCall, inherits_environment: bool) -> Code:
    python = in_process.write_python(call, inherits_environment)
    return Code(python, in_process.write_shell(call), call.files)


_WRITERS: Mapping[Kind, Callable[[Engine, Question, Sent | None], Code]] = {
    "nvidia": _nvidia_code,
    "openai": _openai_code,
    "local": _local_code,
    "builtin": _builtin_code,
}

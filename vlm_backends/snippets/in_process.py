"""Write a question to an engine that runs in the program's own process.

The Python code uses this package, the shell code its command.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box
from vlm_backends.models import write_task
from vlm_backends.reply import Question
from vlm_backends.snippets.http_calls import picture_names, pictures_of
from vlm_backends.snippets.python import quoted
from vlm_backends.types import Model, Picture, Sampling, Task, Turn

_LOCATIONS = re.compile(r"(?:<loc_\d{1,3}>){4}")
_NOT_IN_ARGUMENTS = re.compile("[\0\ud800-\udfff]")  # no argument of a program can hold these


@dataclass(frozen=True)
class InProcessCall:
    """A question to an engine in this process."""

    model: Model
    turns: tuple[Turn, ...]
    sampling: Sampling | None
    task: Task | None
    task_input: (
        str | Box | None
    )  # from which the task writes its text; None: the text is used as it is
    files: tuple[tuple[str, Picture], ...]
    settings: Mapping[str, str]  # the environment that chooses the engine; VLM_ENGINE is the first

    @property
    def variables(self) -> dict[Picture, str]:
        """Return the variable that holds each picture in the code."""
        pictures = tuple(picture for _, picture in self.files)
        return dict(zip(pictures, (variable for variable, _ in picture_names(pictures))))


def build(question: Question, settings: Mapping[str, str]) -> InProcessCall:
    """Describe a question, whose prompt must be one that the model can use."""
    model, prompt, task = question.model, question.prompt, question.task
    pictures = pictures_of(prompt)
    names = picture_names(pictures)
    return InProcessCall(
        model=model,
        turns=prompt.turns,
        sampling=None if model.tasks else prompt.sampling,
        task=task,
        task_input=_task_input(task, prompt.turns[-1].text) if task else None,
        files=tuple((name, picture) for (_, name), picture in zip(names, pictures)),
        settings=settings,
    )


def write_python(call: InProcessCall, inherits_environment: bool) -> str:
    """Write the question as a Python program that imports this package.

    With `inherits_environment` the engine sees the program's environment besides the settings.
    """
    names = ["Prompt", "Turn", "ask", "connect", "find_model", "read"]
    names += ["Sampling"] if call.sampling else []
    names += ["find_task"] if call.task else []
    names += ["write_task"] if call.task_input is not None else []
    lines = [_requirements(call), *(["import os", ""] if inherits_environment else [])]
    lines.append(f"from vlm_backends import {', '.join(sorted(names))}\n")
    settings = ", ".join(f'"{name}": {quoted(value)}' for name, value in call.settings.items())
    environment = "**os.environ, " if inherits_environment else ""
    lines.append(f"engine = connect({{{environment}{settings}}})")
    lines.append(f'model = find_model("{call.model.id}")')
    lines += [f'task = find_task("{call.task.token}")'] if call.task else []
    lines += [f'{call.variables[picture]} = read("{name}")' for name, picture in call.files]
    lines.append(f"prompt = {_prompt(call)}")
    task = ", task" if call.task else ""
    lines.append(f"*_, answer = ask(engine, model, prompt{task})  # the last is whole")
    lines.append("print(answer.text)")
    lines.append("for region in answer.regions:\n    print(region.label, region.outline)\n")
    return "\n".join(lines)


def write_shell(call: InProcessCall) -> str:
    """Write the question as this package's command, which takes one turn."""
    text = call.turns[-1].text
    lines = [_requirements(call)]
    if len(call.turns) > 1:
        lines.append(
            "# Left out: the conversation before this question. The command takes a single one."
        )
    if _NOT_IN_ARGUMENTS.search(text):
        lines.append("# Left out: characters that no command line can hold.")
    engine, others = call.settings["VLM_ENGINE"], list(call.settings.items())[1:]
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in others)
    names = {picture: name for name, picture in call.files}
    files = " ".join(names[picture] for turn in call.turns for picture in turn.pictures)
    command = [f"{variables}python -m vlm_backends {call.model.id} {files}"]
    command += [f"--engine {engine}", *_options(call, _NOT_IN_ARGUMENTS.sub("", text))]
    return "\n".join(lines) + "\n" + " \\\n  ".join(command) + "\n"


def _requirements(call: InProcessCall) -> str:
    names = ", ".join(name for name, _ in call.files)
    where = "Run it where vlm_backends can be imported, such as in this project's folder"
    return f"# {where}, with {names} in the same folder."


def _options(call: InProcessCall, text: str) -> list[str]:
    options = [f"--task {shlex.quote(call.task.token)}"] if call.task else []
    if call.task_input is None:
        options.append(f"--prompt={shlex.quote(text)}")
    elif isinstance(call.task_input, tuple):
        options.append(f"--region {' '.join(map(str, call.task_input))}")
    elif call.task_input:
        options.append(f"--words={shlex.quote(_NOT_IN_ARGUMENTS.sub('', call.task_input))}")
    if call.sampling:
        options += [
            f"--{name.replace('_', '-')} {value}"
            for name, value in asdict(call.sampling).items()
            if value is not None
        ]
    return [*options, *(["--json"] if call.task else [])]


def _prompt(call: InProcessCall) -> str:
    """Write the prompt, each picture by its variable."""
    turns = [_turn(call, turn) for turn in call.turns]
    if len(turns) == 1:
        sampling = f", {call.sampling!r}" if call.sampling else ""
        return f"Prompt(({turns[0]},){sampling})"
    rows = "".join(f"        {turn},\n" for turn in turns)
    sampling = f",\n    {call.sampling!r}" if call.sampling else ""
    return f"Prompt(\n    (\n{rows}    ){sampling},\n)"


def _turn(call: InProcessCall, turn: Turn) -> str:
    is_task = call.task_input is not None and turn is call.turns[-1]
    text = _task_call(call) if is_task else quoted(turn.text)
    pictures = "".join(f"{call.variables[picture]}, " for picture in turn.pictures)
    return f'Turn("{turn.role}", {text}{f", ({pictures.rstrip()})" if pictures else ""})'


def _task_call(call: InProcessCall) -> str:
    if isinstance(call.task_input, tuple):
        return f"write_task(task, region={call.task_input!r})"
    return f"write_task(task, {quoted(call.task_input)})" if call.task_input else "write_task(task)"


def _task_input(task: Task, text: str) -> str | Box | None:
    """Return the words, or the region in 0..1, from which the task writes this very text.

    None when there are none.
    """
    words = text.removeprefix(task.token)
    region = _region(words) if task.takes == "region" and _LOCATIONS.fullmatch(words) else None
    try:
        written = write_task(task, words, region)
    except BadPrompt:
        return None
    return (region or words) if written == text else None


def _region(locations: str) -> Box:
    """Return the middle of each bin, in the fewest digits that are spelled like it."""
    values = (min(1.0, round((int(bin) + 0.5) / 999, 4)) for bin in re.findall(r"\d+", locations))
    return cast(Box, tuple(values))

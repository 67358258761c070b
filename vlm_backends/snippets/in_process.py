"""A question to an engine that runs in one's own process: the package itself in Python, its command in a shell."""

import re
import shlex
from dataclasses import asdict, dataclass

from vlm_backends.engines import Local
from vlm_backends.engines.base import Engine
from vlm_backends.errors import BadPrompt
from vlm_backends.models import write_task
from vlm_backends.snippets.calls import named, pictures_of
from vlm_backends.snippets.python import quoted
from vlm_backends.types import Model, Picture, Prompt, Sampling, Task, Turn

_LOCATIONS = re.compile(r"(?:<loc_\d{1,3}>){4}")
_UNSAYABLE = re.compile("[\0\ud800-\udfff]")  # no argument of a program can hold these
Region = tuple[float, ...]


@dataclass(frozen=True)
class Asked:
    """The question, with the words or the region that its task was given; without a task it is the text alone."""

    engine: Engine
    model: Model
    turns: tuple[Turn, ...]
    sampling: Sampling | None
    task: Task | None
    given: (
        str | Region | None
    )  # None: the text is not what the task would write, and stands for itself
    files: tuple[tuple[str, Picture], ...]

    @property
    def settings(self) -> dict[str, str]:
        """The environment that chooses this engine."""
        if not isinstance(self.engine, Local):
            return {"VLM_ENGINE": "embedded"}
        id = self.engine.ids.get(self.model.id)
        return {"VLM_ENGINE": "local"} | (
            {"VLM_CHECKPOINTS": f"{self.model.id}={id}"} if id else {}
        )


def asked(engine: Engine, model: Model, prompt: Prompt, task: Task | None) -> Asked:
    """The question; the prompt is one that the model can use."""
    pictures = pictures_of(prompt)
    files = tuple((name, picture) for (_, name), picture in zip(named(pictures), pictures))
    given = _given(task, prompt.turns[-1].text) if task else None
    return Asked(
        engine, model, prompt.turns, None if model.tasks else prompt.sampling, task, given, files
    )


def python(asked: Asked) -> str:
    """The question by this package."""
    local = isinstance(asked.engine, Local)
    names = ["Prompt", "Turn", "ask", "connect", "find_model", "read"]
    names += ["Sampling"] if asked.sampling else []
    names += ["find_task"] if asked.task else []
    names += ["write_task"] if asked.given is not None else []
    lines = [_needs(asked), *(["import os", ""] if local else [])]
    lines.append(f"from vlm_backends import {', '.join(sorted(names))}\n")
    settings = ", ".join(f'"{name}": {quoted(value)}' for name, value in asked.settings.items())
    lines.append(f"engine = connect({{{'**os.environ, ' if local else ''}{settings}}})")
    lines.append(f'model = find_model("{asked.model.id}")')
    lines += [f'task = find_task("{asked.task.token}")'] if asked.task else []
    lines += [
        f'{variable} = read("{name}")' for variable, name in named(tuple(p for _, p in asked.files))
    ]
    lines.append(f"prompt = {_prompt(asked)}")
    lines.append(
        f"*_, answer = ask(engine, model, prompt{', task' if asked.task else ''})  # the last is whole"
    )
    lines.append(
        "print(answer.text)\nfor region in answer.regions:\n    print(region.label, region.outline)\n"
    )
    return "\n".join(lines)


def shell(asked: Asked) -> str:
    """The question by this package's command, which takes one turn."""
    text = asked.turns[-1].text
    lines = [_needs(asked)]
    if len(asked.turns) > 1:
        lines.append(
            "# Left out: the conversation before this question. The command takes a single one."
        )
    if _UNSAYABLE.search(text):
        lines.append("# Left out: characters that no command line can hold.")
    engine, others = asked.settings["VLM_ENGINE"], list(asked.settings.items())[1:]
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in others)
    files = {picture: name for name, picture in asked.files}
    read = " ".join(files[picture] for turn in asked.turns for picture in turn.pictures)
    command = [f"{variables}python -m vlm_backends {asked.model.id} {read}"]
    command += [f"--engine {engine}", *_options(asked, _UNSAYABLE.sub("", text))]
    return "\n".join(lines) + "\n" + " \\\n  ".join(command) + "\n"


def _needs(asked: Asked) -> str:
    names = ", ".join(name for name, _ in asked.files)
    there = "Run it where vlm_backends can be imported, such as in this project's folder"
    return f"# {there}, with {names} in the same folder."


def _options(asked: Asked, text: str) -> list[str]:
    options = [f"--task {shlex.quote(asked.task.token)}"] if asked.task else []
    if asked.given is None:
        options.append(f"--prompt={shlex.quote(text)}")
    elif isinstance(asked.given, tuple):
        options.append(f"--region {' '.join(map(str, asked.given))}")
    elif asked.given:
        options.append(f"--words={shlex.quote(_UNSAYABLE.sub('', asked.given))}")
    if asked.sampling:
        knobs = asdict(asked.sampling).items()
        options += [
            f"--{name.replace('_', '-')} {value}" for name, value in knobs if value is not None
        ]
    return [*options, *(["--json"] if asked.task else [])]


def _prompt(asked: Asked) -> str:
    """The turns, each picture by its variable."""
    pictures = tuple(picture for _, picture in asked.files)
    variables = dict(zip(pictures, (variable for variable, _ in named(pictures))))
    turns = []
    for turn in asked.turns:
        text = (
            _task_call(asked)
            if asked.given is not None and turn is asked.turns[-1]
            else quoted(turn.text)
        )
        shown = "".join(f"{variables[picture]}, " for picture in turn.pictures)
        turns.append(f'Turn("{turn.role}", {text}{f", ({shown.rstrip()})" if shown else ""})')
    sampling = f", {asked.sampling!r}" if asked.sampling else ""
    if len(turns) == 1:
        return f"Prompt(({turns[0]},){sampling})"
    rows = "".join(f"        {turn},\n" for turn in turns)
    return (
        f"Prompt(\n    (\n{rows}    )"
        + (f",\n    {asked.sampling!r}" if asked.sampling else "")
        + ",\n)"
    )


def _task_call(asked: Asked) -> str:
    if isinstance(asked.given, tuple):
        return f"write_task(task, region={asked.given!r})"
    return f"write_task(task, {quoted(asked.given)})" if asked.given else "write_task(task)"


def _given(task: Task, text: str) -> str | Region | None:
    """The words, or the region in 0..1, from which the task would write this very text; None when there are none."""
    rest = text.removeprefix(task.token)
    region = _region(rest) if task.takes == "region" and _LOCATIONS.fullmatch(rest) else None
    try:
        written = write_task(task, rest, region)
    except BadPrompt:
        return None
    return (region or rest) if written == text else None


def _region(locations: str) -> Region:
    """A box that is spelled with these locations: the middle of each bin, in as few digits as name it."""
    return tuple(
        min(1.0, round((int(bin) + 0.5) / 999, 4)) for bin in re.findall(r"\d+", locations)
    )

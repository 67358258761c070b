"""One question from a terminal: `python -m vlm_backends MODEL PICTURE… --prompt "What is in this image?"`."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from vlm_backends import (
    CATALOGUE,
    TASKS,
    Answer,
    BadPrompt,
    Engine,
    Model,
    Picture,
    Prompt,
    Task,
    Turn,
    VLMError,
    ask,
    connect,
    find_model,
    find_task,
    read,
    write_task,
)
from vlm_backends.models import check_sampling

KNOBS = "max_tokens", "temperature", "top_p", "seed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the answer as it arrives; returns the exit status: 1 after an error, which is one sentence on stderr."""
    given = _options().parse_args(arguments)
    try:
        model = find_model(given.model)
        task = find_task(given.task) if given.task else None
        engine = connect({**os.environ, "VLM_ENGINE": given.engine} if given.engine else os.environ)
        answers = ask(engine, model, _prompt(given, model, task), task)
        answer = _told(answers, silent=given.json)
    except VLMError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if given.json:
        print(json.dumps(_fields(engine, model, task, answer), indent=2, ensure_ascii=False))
    elif answer.note:
        print(answer.note, file=sys.stderr)
    return 0


def _options() -> argparse.ArgumentParser:
    models, tasks = (
        "\n  ".join(model.id for model in CATALOGUE),
        "\n  ".join(task.token for task in TASKS),
    )
    options = argparse.ArgumentParser(
        "python -m vlm_backends",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"models:\n  {models}\n\ntasks of Florence-2:\n  {tasks}",
    )
    options.add_argument(
        "model", metavar="MODEL", help="an id of the catalogue, such as microsoft/florence-2"
    )
    options.add_argument(
        "pictures", metavar="PICTURE", nargs="+", help="a file: JPEG, PNG, WebP, GIF, BMP or TIFF"
    )
    options.add_argument(
        "--prompt", metavar="TEXT", help="the question (the model's own first one by default)"
    )
    options.add_argument("--task", metavar="TOKEN", help="a task of Florence-2, such as '<OD>'")
    options.add_argument(
        "--words", metavar="TEXT", default="", help="for the tasks that take words"
    )
    options.add_argument(
        "--region",
        metavar=("X0", "Y0", "X1", "Y1"),
        nargs=4,
        type=float,
        help="for the tasks that take a region: left, top, right, bottom, from 0 to 1",
    )
    options.add_argument(
        "--engine", choices=("nvidia", "openai", "local", "embedded"), help="as VLM_ENGINE"
    )
    for name in KNOBS:
        kind = float if name in ("temperature", "top_p") else int
        options.add_argument(
            _option(name), metavar="N", type=kind, help="the model's own by default"
        )
    options.add_argument(
        "--json", action="store_true", help="the whole answer with its regions, at its end"
    )
    return options


def _prompt(given: argparse.Namespace, model: Model, task: Task | None) -> Prompt:
    """The one turn that is asked. Raises BadPrompt."""
    if task and not model.tasks:
        raise BadPrompt(
            f"--task is a question of Florence-2's own: leave it out for {model.title}."
        )
    if model.tasks and not (task or given.prompt):
        raise BadPrompt(
            f"{model.title} has tasks: choose one, such as --task '{model.tasks[0].token}'."
        )
    text = given.prompt
    if text is None:
        text = write_task(task, given.words, given.region) if task else model.prompts[0]
    turn = Turn("user", text, tuple(_picture(path) for path in given.pictures))
    knobs = {name: value for name in KNOBS if (value := getattr(given, name)) is not None}
    if knobs and not model.sampling:
        raise BadPrompt(
            f"{model.title} picks its words by itself: leave out {', '.join(map(_option, knobs))}."
        )
    return Prompt(
        (turn,),
        check_sampling(model, replace(model.sampling, **knobs)) if knobs else model.sampling,
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _picture(path: str) -> Picture:
    if not Path(path).is_file():
        raise BadPrompt(f"There is no file “{path}”.")
    return read(path)


def _told(answers: Iterable[Answer], silent: bool) -> Answer:
    """The last answer; its words are printed as they arrive, unless it is to be silent."""
    told, answer = "", Answer("")
    for answer in answers:
        if answer.status:
            print(f"{answer.status:<80}", end="\r", file=sys.stderr)
        if not silent and answer.text.startswith(told):
            print(answer.text[len(told) :], end="", flush=True)
            told = answer.text
    if not silent:
        print(
            "" if answer.text == told else f"\n{answer.text}"
        )  # its beginning may have changed on the way
    return answer


def _fields(engine: Engine, model: Model, task: Task | None, answer: Answer) -> dict:
    """The answer as the README documents it for the API, but for what only a page knows."""
    return {
        "engine": engine.name,
        "model": model.id,
        "task": task.token if task else None,
        "text": answer.text,
        "regions": [region._asdict() for region in answer.regions],
        "rows": answer.rows,
        "note": answer.note,
    }


if __name__ == "__main__":
    sys.exit(main())

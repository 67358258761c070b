"""The `vlm` command: `vlm ask`, `vlm annotate` and `vlm serve`, each with `--help`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vlm_backends import (
    CATALOGUE,
    TASKS,
    BadPrompt,
    Model,
    Picture,
    Prompt,
    Reply,
    Sampling,
    Task,
    Turn,
    VLMError,
    __version__,
    ask,
    find_model,
    find_task,
    read,
    write_task,
)
from vlm_backends.arguments import whole
from vlm_backends.config import ENGINES, Config
from vlm_backends.engines import connect_engine
from vlm_backends.media.exports import as_markdown
from vlm_backends.models import check_confidence, check_sampling

COMMANDS = {
    "ask": "one question about one or more pictures",
    "annotate": "one question about every picture of a data set",
    "serve": "an engine of this package as a server with the OpenAI API",
}
_SAMPLING = {"max_tokens": int, "temperature": float, "top_p": float, "seed": int}
_CLOSED_PIPE = 141  # 128 and the number of SIGPIPE, as shells count it
_STATUS_WIDTH = 80  # columns: a shorter status overwrites a longer one


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = _commands().parse_args(arguments[:1]).command
    rest = arguments[1:]
    # imported only when asked for: both load far more than a question needs
    if command == "annotate":
        from vlm_backends.annotate.command import main as annotate

        return annotate(rest, "vlm annotate")
    if command == "serve":
        from vlm_backends.server.app import main as serve

        return serve(rest, "vlm serve")
    return ask_main(rest, "vlm ask")


def ask_main(
    arguments: Sequence[str] | None = None, program: str = "python -m vlm_backends"
) -> int:
    """Ask one question and print the answer while it arrives.

    Returns the exit status: 0, 1 after an error (one sentence on stderr), 130 after Ctrl-C, 141
    when what reads the output has closed it, as `head` does.
    """
    given = ask_options(program).parse_args(arguments)
    try:
        reply = _ask(given)
        _print_while_it_arrives(reply, silent=given.json)
        _print_the_rest(reply, given.json)
        sys.stdout.flush()  # here, where a closed pipe is met
    except VLMError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at its end
        return _CLOSED_PIPE
    return 0


def ask_options(program: str = "python -m vlm_backends") -> argparse.ArgumentParser:
    """Return the parser of `vlm ask`; its help is shown under the program's name."""
    options = argparse.ArgumentParser(
        program,
        description="Ask one question about one or more pictures.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_listed("models", [model.id for model in CATALOGUE])
        + _listed("\n\ntasks of Florence-2", [task.token for task in TASKS]),
    )
    add = options.add_argument
    add("model", metavar="MODEL", help="an id of the catalogue, such as microsoft/florence-2")
    add("pictures", metavar="PICTURE", nargs="+", help="file of a picture, or a PDF")
    page = "of a PDF or TIFF, or the frame of an animation (default: the first)"
    add("--page", metavar="N", type=whole(1_000_000), default=1, help=page)
    add("--prompt", metavar="TEXT", help="the question (default: the model's first example)")
    add("--task", metavar="TOKEN", help="a task of Florence-2, such as '<OD>'")
    add("--words", metavar="TEXT", default="", help="for the tasks that take words")
    add(
        "--region",
        metavar=("X0", "Y0", "X1", "Y1"),
        nargs=4,
        type=float,
        help="for the tasks that take a region: left, top, right, bottom, from 0 to 1",
    )
    sure = "from 0 to 1: where regions have scores, less sure ones are left out (default: 0.5)"
    add("--confidence", metavar="N", type=float, help=sure)
    add("--engine", choices=ENGINES, help="as VLM_ENGINE")
    for name, kind in _SAMPLING.items():
        add(_option(name), metavar="N", type=kind, help="default: the model's own")
    add("--json", action="store_true", help="print the whole answer as JSON when it is complete")
    return options


def _commands() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "vlm",
        description="Ask vision-language models about pictures.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_listed("commands", [f"{name:<10}{text}" for name, text in COMMANDS.items()])
        + "\n\nvlm COMMAND --help shows a command's options.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    return parser


def _listed(title: str, entries: Sequence[str]) -> str:
    return "\n  ".join((f"{title}:", *entries))


def _ask(given: argparse.Namespace) -> Reply:
    """Start the question. Raises VLMError."""
    model = find_model(given.model)
    task = find_task(given.task) if given.task else None
    engine = connect_engine(Config.from_env(engine=given.engine))
    return ask(engine, model, _prompt(given, model, task), task)


def _prompt(given: argparse.Namespace, model: Model, task: Task | None) -> Prompt:
    """Return the prompt, one turn. Raises BadPrompt."""
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
    turn = Turn("user", text, tuple(_picture(path, given.page) for path in given.pictures))
    return Prompt((turn,), _sampling(given, model), check_confidence(given.confidence))


def _sampling(given: argparse.Namespace, model: Model) -> Sampling | None:
    """Return the model's sampling with the options that were given. Raises BadPrompt."""
    options = {name: value for name in _SAMPLING if (value := getattr(given, name)) is not None}
    if not options:
        return model.sampling
    if not model.sampling:
        raise BadPrompt(
            f"{model.title} picks its words by itself: "
            f"leave out {', '.join(map(_option, options))}."
        )
    return check_sampling(model, replace(model.sampling, **options))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _picture(path: str, page: int) -> Picture:
    if not Path(path).is_file():
        raise BadPrompt(f"There is no file “{path}”.")
    return read(path, page)


def _print_while_it_arrives(reply: Reply, silent: bool) -> None:
    """Print the words as they arrive; if `silent`, only the engine's status. Raises VLMError."""
    printed = ""
    for answer in reply:
        if answer.status:
            print(f"{answer.status:<{_STATUS_WIDTH}}", end="\r", file=sys.stderr)
        if not silent and answer.text.startswith(printed):
            print(answer.text[len(printed) :], end="", flush=True)
            printed = answer.text
    if not silent:  # when a reader changed the beginning of the text, print all of it again
        print("" if reply.answer.text == printed else f"\n{reply.answer.text}")


def _print_the_rest(reply: Reply, as_json: bool) -> None:
    """Print what is known at the end: the answer as JSON; or its table and its note."""
    answer = reply.answer
    if as_json:
        print(json.dumps(reply.to_dict(), indent=2, ensure_ascii=False))
        return
    if answer.rows and reply.question.task:  # the words of a chat model have its table
        print(f"\n{as_markdown(answer.rows)}", end="", flush=True)
    if answer.note:
        print(answer.note, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

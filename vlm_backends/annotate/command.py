"""One question about every picture of a data set: `python -m vlm_backends.annotate DIR --task '<OCR>' --out r.jsonl`.

Each picture has exactly one line in the end, whatever fails; run it again after an interruption, and it goes on.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from threading import Thread

from tqdm import tqdm

from vlm_backends import (
    CATALOGUE,
    BadPrompt,
    CancelToken,
    Engine,
    MissingKey,
    VLMError,
    find_task,
    write_task,
)
from vlm_backends.annotate.jsonl import entries, ledger
from vlm_backends.annotate.records import Job, line, model_of, write_coco, write_csv
from vlm_backends.annotate.runner import annotate, rate_limit_for
from vlm_backends.annotate.sources import pictures
from vlm_backends.arguments import whole
from vlm_backends.config import Config
from vlm_backends.engines import connect_engine
from vlm_backends.ratelimit import SlidingWindow


def main(
    arguments: Sequence[str] | None = None, program: str = "python -m vlm_backends.annotate"
) -> int:
    """The exit status: 0 when every picture is answered, 1 after an error, 3 when some failed, 130 when stopped."""
    given, stop = _options(program).parse_args(arguments), CancelToken()
    try:
        with _stopped_by_signals(stop):
            failed = _run(given, stop)
    except VLMError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # of a file or a folder; what is written already stays
        print(
            f"“{error.filename or given.out}”: {error.strerror or error}. Mend it, and run again.",
            file=sys.stderr,
        )
        return 1
    if stop.is_set():
        print("Stopped. Run it again to go on.", file=sys.stderr)
        return 130
    if failed:
        print(
            f"{failed} failed; their lines say why. Run it again to ask about those.",
            file=sys.stderr,
        )
    return 3 if failed else 0


def here(
    engine: Engine, job: Job, sources: Iterable, stop: CancelToken, given: argparse.Namespace
) -> Iterator[dict]:
    """The lines as this process makes them."""
    window, parallel = rate_limit_for(engine)
    window = SlidingWindow(given.rpm) if given.rpm else window
    for record in annotate(
        engine, *job.asked(engine), sources, stop, window, given.parallel or parallel
    ):
        yield line(record.light(), job)


def _run(given: argparse.Namespace, stop: CancelToken) -> int:
    """How many pictures failed; each line is written as soon as it is there."""
    out, tables = Path(given.out), _tables(given)
    engine = connect_engine(Config.from_env(engine=given.engine or ""))
    job, lines, failed = _job(given, engine), _makes_lines(given), 0
    with ledger(out, job.fields) as (done, write):
        first = takewhile(lambda _: not stop.is_set(), pictures(given.pictures, given.column))
        known = [
            source.name in done for source in first
        ]  # all of it can be opened, and is counted for the bar
        left = (
            each
            for each in pictures(given.pictures, given.column, again=True)
            if each.name not in done
        )
        with tqdm(total=len(known), initial=sum(known), unit="picture", disable=None) as bar:
            for entry in lines(engine, job, left, stop, given):
                write(entry)
                failed += bool(entry["error"])
                bar.set_postfix_str(f"{failed} failed" if failed else "")
                bar.update()
        for path, write_table in tables.items():
            write_table(path, partial(entries, out))
    return failed


def _makes_lines(given: argparse.Namespace) -> Callable[..., Iterator[dict]]:
    """What makes the lines: this process, or those of a Ray cluster. Raises MissingKey."""
    if not given.ray:
        return here
    if not find_spec("ray"):
        raise MissingKey("--ray needs more libraries: pip install -r requirements-ray.txt")
    from vlm_backends.annotate import ray as ray_runner  # only where Ray is asked for

    return ray_runner.lines


def _tables(given: argparse.Namespace) -> dict[Path, Callable]:
    """What is written beside the lines, by whom. Raises BadPrompt when one file would take another's place."""
    tables = {
        Path(path): write
        for path, write in ((given.csv, write_csv), (given.coco, write_coco))
        if path
    }
    wanted = [path for path in (given.out, given.csv, given.coco) if path]
    if len({Path(path).resolve() for path in wanted}) < len(wanted):
        raise BadPrompt("--out, --csv and --coco are files of their own: give each another name.")
    for path in tables:
        if path.is_dir():
            raise BadPrompt(f"“{path}” is a folder: give the name of a file.")
        path.parent.mkdir(parents=True, exist_ok=True)
    return tables


def _job(given: argparse.Namespace, engine: Engine) -> Job:
    """The question. Raises BadPrompt."""
    if given.task:
        task, model = find_task(given.task), model_of(engine, given.model or "microsoft/florence-2")
        if given.prompt is not None or not model.tasks:
            raise BadPrompt(
                "--task is a question of Florence-2's own: leave out --prompt and --model."
            )
        return Job(model.id, write_task(task, given.words, given.region), task.token)
    if given.words or given.region:
        raise BadPrompt("--words and --region belong to a task: add one, such as --task '<OD>'.")
    model = (
        model_of(engine, given.model) if given.model else next(iter(engine.models()), CATALOGUE[0])
    )
    if model.tasks:
        raise BadPrompt(
            f"{model.title} has tasks: choose one, such as --task '{model.tasks[0].token}'."
        )
    text = model.prompts[0] if given.prompt is None else given.prompt.strip()
    if not text:
        raise BadPrompt(
            "--prompt is empty: write a question, or leave it out for the model's own first one."
        )
    return Job(model.id, text)


@contextmanager
def _stopped_by_signals(stop: CancelToken) -> Iterator[None]:
    """Ctrl-C and SIGTERM are a stop, made by another thread: this one may hold the very locks that a stop takes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: Thread(target=stop.set).start())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _options(program: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(program, description=__doc__.partition("\n")[0])
    add = options.add_argument
    add(
        "pictures",
        nargs="+",
        metavar="IMAGES",
        help="files, folders, patterns, zips, Parquet tables",
    )
    add(
        "--out",
        required=True,
        metavar="FILE",
        help="JSON lines; a run that was interrupted goes on from them",
    )
    add("--coco", metavar="FILE", help="the regions of all as COCO, too")
    add("--csv", metavar="FILE", help="one row a picture, too")
    add("--task", metavar="TOKEN", help="a task of Florence-2, such as '<OD>'")
    add("--words", metavar="TEXT", default="", help="for the tasks that take words")
    add(
        "--region",
        metavar=("X0", "Y0", "X1", "Y1"),
        nargs=4,
        type=float,
        help="for the tasks that take one, in 0..1",
    )
    add("--model", metavar="ID", help="another model, with --prompt")
    add("--prompt", metavar="TEXT", help="the question (the model's own first one by default)")
    add(
        "--column",
        metavar="NAME",
        default="",
        help="the column of a Parquet table that holds the pictures",
    )
    add("--engine", choices=("nvidia", "openai", "local", "embedded"), help="as VLM_ENGINE")
    add(
        "--parallel",
        type=whole(256),
        metavar="N",
        help="pictures at a time (what suits the engine by default)",
    )
    add(
        "--rpm",
        type=whole(1_000_000),
        metavar="N",
        help="requests a minute (40 at NVIDIA by default)",
    )
    add(
        "--ray",
        metavar="ADDRESS",
        help="a Ray cluster, or local: --parallel processes share the work",
    )
    return options


if __name__ == "__main__":
    sys.exit(main())

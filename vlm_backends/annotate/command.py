"""One question about every picture of a data set: `vlm annotate DIR --task '<OCR>' --out r.jsonl`.

In the end each picture has exactly one line, also when it failed. A run that was interrupted goes
on when it is started again.
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
from typing import Any

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
from vlm_backends.annotate.jsonl import entries, resumable_jsonl
from vlm_backends.annotate.parquet import TableCell
from vlm_backends.annotate.records import (
    AnnotationQuestion,
    model_of,
    record_to_json,
    write_coco,
    write_csv,
)
from vlm_backends.annotate.runner import PictureSource, annotate, rate_limit_for
from vlm_backends.annotate.sources import AnySource, pictures, with_pages
from vlm_backends.arguments import whole
from vlm_backends.config import ENGINES, Config
from vlm_backends.engines import connect_engine
from vlm_backends.ratelimit import SlidingWindow

LineMaker = Callable[
    [Engine, AnnotationQuestion, Iterable[PictureSource], CancelToken], Iterator[dict]
]


def main(
    arguments: Sequence[str] | None = None, program: str = "python -m vlm_backends.annotate"
) -> int:
    """Annotate a data set and return the exit status.

    0 when every picture is answered, 1 after an error, 3 when some failed, 130 when stopped.
    """
    given, cancel = _options(program).parse_args(arguments), CancelToken()
    try:
        with _cancelled_by_signals(cancel):
            failed = _run(given, cancel)
    except VLMError as error:
        return _end(1, str(error))
    except OSError as error:  # of a file or a folder; what is written already stays
        file = error.filename or given.out
        return _end(1, f"“{file}”: {error.strerror or error}. Mend it, and run again.")
    if cancel.is_set():
        return _end(130, "Stopped. Run it again to go on.")
    if failed:
        return _end(3, f"{failed} failed; their lines say why. Run it again to ask about those.")
    return 0


def annotate_here(
    engine: Engine,
    question: AnnotationQuestion,
    sources: Iterable[PictureSource],
    cancel: CancelToken,
    *,
    parallel: int | None = None,
    requests_per_minute: int | None = None,
) -> Iterator[dict]:
    """Yield the lines as this process makes them, one a picture.

    By default, as many pictures at a time and requests a minute as the engine allows.
    """
    window, concurrency = rate_limit_for(engine)
    if requests_per_minute:
        window = SlidingWindow(requests_per_minute)
    asked = question.for_engine(engine)
    for record in annotate(engine, *asked, sources, cancel, window, parallel or concurrency):
        yield record_to_json(record.without_image(), question)


def _end(status: int, sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return status


def _run(given: argparse.Namespace, cancel: CancelToken) -> int:
    """Write each line as soon as it is there, then the tables; return how many pictures failed."""
    out, tables = Path(given.out), _tables(given)
    engine = connect_engine(Config.from_env(engine=given.engine))
    question, make_lines = _question(given, engine), _line_maker(given)
    with resumable_jsonl(out, question.fields) as (done, write):
        # listed twice: first to check every path and to count for the bar
        found = takewhile(lambda _: not cancel.is_set(), pictures(given.pictures, given.column))
        answered = [source.name in done for source in found]
        again = with_pages(pictures(given.pictures, given.column, again=True))
        remaining = (source for source in again if source.name not in done)

        def lines(bar: tqdm) -> Iterable[dict]:
            return make_lines(engine, question, _counted(remaining, bar), cancel)

        failed = _write_lines(lines, write, answered)
        for path, write_table in tables.items():
            write_table(path, partial(entries, out))
    return failed


def _counted(sources: Iterable[AnySource], bar: tqdm) -> Iterator[AnySource]:
    """Yield the sources; a page after the first makes the bar longer: only its file is in it."""
    for source in sources:
        if not isinstance(source, TableCell) and source.page > 1:
            bar.total += 1
        yield source


def _write_lines(
    make_lines: Callable[[tqdm], Iterable[dict]],
    write: Callable[[dict], None],
    answered: Sequence[bool],
) -> int:
    """Write the lines under a progress bar; return how many pictures failed."""
    failed = 0
    with tqdm(total=len(answered), initial=sum(answered), unit="picture", disable=None) as bar:
        for line in make_lines(bar):
            write(line)
            failed += bool(line["error"])
            bar.set_postfix_str(f"{failed} failed" if failed else "")
            bar.update()
    return failed


def _line_maker(given: argparse.Namespace) -> LineMaker:
    """Return what makes the lines: this process, or those of a Ray cluster. Raises MissingKey."""
    limits: dict[str, Any] = {"parallel": given.parallel, "requests_per_minute": given.rpm}
    if not given.ray:
        return partial(annotate_here, **limits)
    if not find_spec("ray"):
        raise MissingKey("--ray needs more libraries: pip install -r requirements-ray.txt")
    from vlm_backends.annotate.ray import annotate_on_ray  # only where Ray is asked for

    return partial(annotate_on_ray, address=given.ray, setting=given.engine or "", **limits)


def _tables(given: argparse.Namespace) -> dict[Path, Callable]:
    """Return the files to write besides the lines, each with the function that writes it.

    Raises BadPrompt when two of the files are the same, or one is a folder.
    """
    tables = {
        Path(path): write
        for path, write in ((given.csv, write_csv), (given.coco, write_coco))
        if path
    }
    files = [path for path in (given.out, given.csv, given.coco) if path]
    if len({Path(path).resolve() for path in files}) < len(files):
        raise BadPrompt("--out, --csv and --coco are files of their own: give each another name.")
    for path in tables:
        if path.is_dir():
            raise BadPrompt(f"“{path}” is a folder: give the name of a file.")
        path.parent.mkdir(parents=True, exist_ok=True)
    return tables


def _question(given: argparse.Namespace, engine: Engine) -> AnnotationQuestion:
    """Return the question that the options ask. Raises BadPrompt."""
    return _task_question(given, engine) if given.task else _text_question(given, engine)


def _task_question(given: argparse.Namespace, engine: Engine) -> AnnotationQuestion:
    task, model = find_task(given.task), model_of(engine, given.model or "microsoft/florence-2")
    if given.prompt is not None or not model.tasks:
        raise BadPrompt("--task is a question of Florence-2's own: leave out --prompt and --model.")
    return AnnotationQuestion(model.id, write_task(task, given.words, given.region), task.token)


def _text_question(given: argparse.Namespace, engine: Engine) -> AnnotationQuestion:
    if given.words or given.region:
        raise BadPrompt("--words and --region belong to a task: add one, such as --task '<OD>'.")
    first = next(iter(engine.models()), CATALOGUE[0])
    model = model_of(engine, given.model) if given.model else first
    if model.tasks:
        raise BadPrompt(
            f"{model.title} has tasks: choose one, such as --task '{model.tasks[0].token}'."
        )
    text = model.prompts[0] if given.prompt is None else given.prompt.strip()
    if not text:
        raise BadPrompt(
            "--prompt is empty: write a question, or leave it out for the model's own first one."
        )
    return AnnotationQuestion(model.id, text)


@contextmanager
def _cancelled_by_signals(cancel: CancelToken) -> Iterator[None]:
    """Cancel at Ctrl-C and SIGTERM.

    Another thread cancels, since the interrupted one may hold the locks that cancelling needs.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: Thread(target=cancel.set).start())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _options(program: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(program, description=(__doc__ or "").partition("\n")[0])
    _add_files(options)
    _add_question(options)
    _add_limits(options)
    return options


def _add_files(options: argparse.ArgumentParser) -> None:
    add = options.add_argument
    pictures = "files, folders, patterns, zips, Parquet tables"
    add("pictures", nargs="+", metavar="IMAGES", help=pictures)
    lines = "JSON lines; a run that was interrupted goes on from them"
    add("--out", required=True, metavar="FILE", help=lines)
    add("--coco", metavar="FILE", help="the regions of all as COCO, too")
    add("--csv", metavar="FILE", help="one row a picture, too")
    column = "the column of a Parquet table that holds the pictures"
    add("--column", metavar="NAME", default="", help=column)


def _add_question(options: argparse.ArgumentParser) -> None:
    add = options.add_argument
    add("--task", metavar="TOKEN", help="a task of Florence-2, such as '<OD>'")
    add("--words", metavar="TEXT", default="", help="for the tasks that take words")
    corners = "X0", "Y0", "X1", "Y1"
    region = "for the tasks that take one, in 0..1"
    add("--region", metavar=corners, nargs=4, type=float, help=region)
    add("--model", metavar="ID", help="another model, with --prompt")
    prompt = "the question (the model's own first one by default)"
    add("--prompt", metavar="TEXT", help=prompt)


def _add_limits(options: argparse.ArgumentParser) -> None:
    add = options.add_argument
    add("--engine", choices=ENGINES, help="as VLM_ENGINE")
    parallel = "pictures at a time (what suits the engine by default)"
    add("--parallel", type=whole(256), metavar="N", help=parallel)
    requests = "requests a minute (40 at NVIDIA by default)"
    add("--rpm", type=whole(1_000_000), metavar="N", help=requests)
    cluster = "a Ray cluster, or local: --parallel processes share the work"
    add("--ray", metavar="ADDRESS", help=cluster)

"""One question about every picture of a data set: `python -m vlm_backends.annotate DIR --task '<OCR>' --out r.jsonl`.

Each picture has exactly one line in the end, whatever fails; run it again after an interruption, and it goes on.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from vlm_backends import (  # fmt: skip
    CATALOGUE,
    Answer,
    Engine,
    Model,
    Picture,
    Prompt,
    Region,
    Stop,
    Task,
    Turn,
    connect,
    find_model,
    find_task,
    write_task,
)
from vlm_backends.batch import Record, annotate, terms
from vlm_backends.datasets import pictures
from vlm_backends.errors import BadPrompt, VLMError
from vlm_backends.exports import FORMATS, as_coco
from vlm_backends.ledger import entries, ledger
from vlm_backends.pace import Pace

_COLUMNS = "file", "text", "regions", "engine", "seconds", "error"


@dataclass(frozen=True)
class Job:
    """The one question, as plain words that can travel to another machine."""

    model: str
    text: str
    task: str = ""

    def asked(self) -> tuple[Model, Callable[[Picture], Prompt], Task | None]:
        """What `annotate` needs to ask it."""
        model, task = find_model(self.model), find_task(self.task) if self.task else None
        return model, lambda picture: Prompt((Turn("user", self.text, (picture,)),), model.sampling), task


def line(record: Record, job: Job) -> dict:
    """The picture's line: what was found in it, or why not."""
    answer, picture = record.answer, record.picture
    return {
        "file": record.source.name, "engine": record.engine.name, "model": job.model, "task": job.task or None,
        "text": answer.text, "regions": [asdict(region) for region in answer.regions], "rows": answer.rows,
        "note": answer.note, "width": picture and picture.width, "height": picture and picture.height,
        "seconds": round(record.total_s, 3), "error": record.error or None,
    }  # fmt: skip


def write_csv(path: Path, found: Iterable[Mapping]) -> None:
    """One line a picture; no cell is taken for a formula."""
    rows = ([str(_cell(entry, column)) for column in _COLUMNS] for entry in found)
    path.write_bytes(FORMATS["CSV"].write(None, Answer("", rows=(_COLUMNS, *map(tuple, rows)))))


def _cell(entry: Mapping, column: str) -> object:
    return len(entry["regions"]) if column == "regions" else entry[column] if entry[column] is not None else ""


def write_coco(path: Path, found: Iterable[Mapping]) -> None:
    """The regions of all pictures as one COCO file, in memory while it is made."""
    coco = as_coco(
        (entry["file"], Picture(b"", "", entry["width"], entry["height"]), [*map(_region, entry["regions"])])
        for entry in found
        if entry["width"]
    )
    path.write_text(json.dumps(coco, ensure_ascii=False), encoding="utf-8", errors="replace")


def _region(fields: Mapping) -> Region:
    outline = tuple((x, y) for x, y in fields["outline"])
    return Region(fields["label"], outline, fields["solid"])


def here(engine: Engine, job: Job, sources: Iterable, stop: Stop, given: argparse.Namespace) -> Iterator[dict]:
    """The lines as this machine makes them."""
    pace, parallel = terms(engine)
    pace = Pace(given.rpm) if given.rpm else pace
    for record in annotate(engine, *job.asked(), sources, stop, pace, given.parallel or parallel):
        yield line(record.light(), job)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when every picture is answered, 1 after an error, 3 when some failed, 130 when stopped."""
    given, stop = _options().parse_args(arguments), Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        job, engine = _job(given), connect({**os.environ, "VLM_ENGINE": given.engine} if given.engine else os.environ)
        job.asked()[1](Picture(b"", "", 1, 1))
        with ledger(Path(given.out)) as (done, write):
            everything = list(pictures(given.pictures, given.column))
            left = [source for source in everything if source.name not in done]
            failed = _run(given, engine, job, left, stop, write, len(everything))
        for wanted, written in ((given.csv, write_csv), (given.coco, write_coco)):
            if wanted:
                written(Path(wanted), entries(Path(given.out)))
    except (VLMError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if stop.is_set():
        print("Stopped. Run it again to go on.", file=sys.stderr)
        return 130
    return 3 if failed else 0


def _run(
    given: argparse.Namespace, engine: Engine, job: Job, left: list, stop: Stop, write: Callable, total: int
) -> int:
    """How many pictures failed; each is written as soon as it is known."""
    failed = 0
    if given.ray:
        from vlm_backends.on_ray import lines  # only where Ray is asked for

        arriving = lines(given.ray, job, left, given)
    else:
        arriving = here(engine, job, left, stop, given)
    with tqdm(total=total, initial=total - len(left), unit="picture", disable=None) as bar:
        for entry in arriving:
            write(entry)
            failed += bool(entry["error"])
            bar.set_postfix_str(f"{failed} failed" if failed else "")
            bar.update()
            if stop.is_set():
                break
    return failed


def _job(given: argparse.Namespace) -> Job:
    """The question. Raises BadPrompt."""
    if given.task:
        task = find_task(given.task)
        return Job(given.model or "microsoft/florence-2", write_task(task, given.words, given.region), task.token)
    model = find_model(given.model or CATALOGUE[0].id)
    if model.tasks:
        raise BadPrompt(f"{model.title} has tasks: choose one, such as --task '{model.tasks[0].token}'.")
    return Job(model.id, given.prompt or model.prompts[0])


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser("python -m vlm_backends.annotate", description=__doc__.partition("\n")[0])
    add = options.add_argument
    add("pictures", nargs="+", metavar="IMAGES", help="files, folders, patterns, zips, Parquet tables")
    add("--out", required=True, metavar="FILE", help="JSON lines; a run that was interrupted goes on from them")
    add("--coco", metavar="FILE", help="the regions of all as COCO, too")
    add("--csv", metavar="FILE", help="one row a picture, too")
    add("--task", metavar="TOKEN", help="a task of Florence-2, such as '<OD>'")
    add("--words", metavar="TEXT", default="", help="for the tasks that take words")
    add("--region", metavar=("X0", "Y0", "X1", "Y1"), nargs=4, type=float, help="for the tasks that take one, in 0..1")
    add("--model", metavar="ID", help="another model, with --prompt")
    add("--prompt", metavar="TEXT", help="the question (the model's own first one by default)")
    add("--column", metavar="NAME", default="", help="the column of a Parquet table that holds the pictures")
    add("--engine", choices=("nvidia", "openai", "local", "embedded"), help="as VLM_ENGINE")
    add("--parallel", type=int, metavar="N", help="pictures at a time (what suits the engine by default)")
    add("--rpm", type=int, metavar="N", help="requests a minute (40 at NVIDIA by default)")
    add("--ray", metavar="ADDRESS", help="a Ray cluster, or local: --parallel processes share the work")
    return options


if __name__ == "__main__":
    sys.exit(main())

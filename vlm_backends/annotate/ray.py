"""Ask the question from many processes, of one machine or a cluster, on Ray Data.

Pictures travel as their paths, so that each machine must see the same files. No key travels at all:
each process connects to its engine by the settings of its own machine. Lines come back as they are
made, to the process that writes them.
"""

import json
import logging
import os
import pickle
import platform
import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import ray
import ray.data
from ray.exceptions import RayError

from vlm_backends import CancelToken, Engine, MissingKey, Unreachable, VLMError
from vlm_backends.annotate.records import AnnotationQuestion, record_to_json
from vlm_backends.annotate.runner import (
    PictureAnnotator,
    PictureSource,
    Record,
    rate_limit_for,
)
from vlm_backends.concurrency import iterate_in_thread
from vlm_backends.config import Config
from vlm_backends.engines import connect_engine
from vlm_backends.ratelimit import SlidingWindow

_AHEAD = 256  # pictures that Ray knows of at one time
_WINDOW_ACTOR = "rate-limit"  # the name of the actor that keeps one window for all processes
_PACKAGE = Path(__file__).parents[1]
_LOST = (
    "The processes that were asked about this picture died. "
    "It may be too large for their memory: try it alone."
)


@dataclass(frozen=True)
class Assignment:
    """The work order of a process; it holds nothing that may not stand in Ray's logs."""

    question: AnnotationQuestion
    setting: str  # of VLM_ENGINE where the run began
    engine: str  # the name of the one that answered there


def annotate_on_ray(
    engine: Engine,
    question: AnnotationQuestion,
    sources: Iterable[PictureSource],
    cancel: CancelToken,
    *,
    address: str,
    setting: str = "",
    parallel: int | None = None,
    requests_per_minute: int | None = None,
) -> Iterator[dict]:
    """Yield exactly one line a picture, as they come, even when processes die.

    After a cancellation, unanswered pictures have none. `setting` replaces VLM_ENGINE. A picture
    whose process died is asked about again up to three times, as Ray does it. Raises Unreachable.
    """
    setting = setting or Config.from_env().engine
    assignment, waiting = Assignment(question, setting, engine.name), iter(sources)
    requests = requests_per_minute or rate_limit_for(engine)[0].requests
    with _joined(address, parallel) as processes:
        actor = ray.remote(num_cpus=0)(SlidingWindow)  # pyright: ignore[reportCallIssue]
        window = actor.options(name=_WINDOW_ACTOR).remote(requests)
        while not cancel.is_set() and (chunk := list(islice(waiting, _AHEAD))):
            missing = {source.name: source for source in chunk}
            rows = partial(_rows, chunk, assignment, processes)
            for row in iterate_in_thread(rows, cancel, name="ray"):
                if source := missing.pop(row["name"], None):
                    yield _line(row, source, engine, question)
            if not cancel.is_set():
                for source in missing.values():
                    yield _failure(source, engine, question, _LOST)
        del window  # the actor lives for as long as its handle


def _line(row: dict, source: PictureSource, engine: Engine, question: AnnotationQuestion) -> dict:
    """Return the line that a process made, or why it made none."""
    if row["line"]:
        return json.loads(row["line"])
    return _failure(source, engine, question, row["error"])


def _failure(
    source: PictureSource, engine: Engine, question: AnnotationQuestion, error: str
) -> dict:
    return record_to_json(Record(source, engine, error=error), question)


@contextmanager
def _joined(address: str, parallel: int | None) -> Iterator[int]:
    """Join Ray; yield how many processes work there. Raises Unreachable."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _connect(address, parallel)
        for number, handler in handlers.items():  # Ray has put its own in their place
            signal.signal(number, handler)
        # the lines have the errors
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # a lost picture is a failed line and does not end the run
        yield parallel or int(ray.cluster_resources().get("CPU", 1))
    except RayError as error:
        raise Unreachable(f"Ray at “{address}” broke off: {str(error)[:200]}") from None
    finally:
        ray.shutdown()


def _connect(address: str, parallel: int | None) -> None:
    """Start Ray on this machine, or join a cluster. Raises Unreachable.

    A cluster gets this package's code, and no variable of this process.
    """
    # otherwise Ray sends usage statistics to its makers
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    where: dict[str, Any] = {"address": address}
    if address == "local":
        where |= {"num_cpus": parallel or os.cpu_count(), "include_dashboard": False}
    else:
        where |= {"runtime_env": {"py_modules": [str(_PACKAGE)]}}
    try:
        host, _, port = address.rpartition(":")
        if port.isdecimal():  # Ray itself would wait for minutes
            socket.create_connection((host.rpartition("/")[2], int(port)), timeout=10).close()
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError, OverflowError) as error:
        raise Unreachable(f"There is no Ray at “{address}”: {str(error)[:200]}") from None


def _rows(sources: Iterable[Any], assignment: Assignment, processes: int) -> Iterator[dict]:
    """Yield a row a picture.

    Each is made by a task of its own, so that a process that dies takes one picture along.
    """
    places = [
        {"place": pickle.dumps(replace(source, path=source.path.absolute()))} for source in sources
    ]
    items = ray.data.from_items(places, override_num_blocks=len(places))
    row: Any = _row  # Ray's type of it has no further arguments
    made = items.map(row, fn_args=(assignment,), compute=ray.data.TaskPoolStrategy(processes))
    # with prefetching, the newest row is held back until the next one is there
    batches: Iterable[Any] = made.iter_batches(
        batch_size=None, batch_format="pyarrow", prefetch_batches=0
    )
    for batch in batches:
        yield from batch.to_pylist()


def _row(place: dict, assignment: Assignment) -> dict:
    """Return the picture's line, or why this process cannot make one."""
    source = pickle.loads(place["place"])
    line, error = "", ""
    try:
        if record := _annotator(assignment).record(source):
            line = json.dumps(record_to_json(record.without_image(), assignment.question))
    except VLMError as problem:
        error = str(problem)
    return {"name": source.name, "line": line, "error": error}


@lru_cache(maxsize=1)
def _annotator(assignment: Assignment) -> PictureAnnotator:
    """Return the annotator of this process. Raises VLMError.

    It is the same for all pictures, so that a refusal that holds for all is not repeated.
    """
    engine = connect_engine(Config.from_env(engine=assignment.setting))
    if engine.name != assignment.engine:
        raise MissingKey(
            f"{assignment.engine} is not set up on {platform.node()}: "
            "set the same variables as here."
        )
    asked = assignment.question.for_engine(engine)
    return PictureAnnotator(
        engine, *asked, SharedWindow(ray.get_actor(_WINDOW_ACTOR)), CancelToken()
    )


class SharedWindow(SlidingWindow):
    """One window for all processes, kept by an actor."""

    def __init__(self, actor: Any) -> None:
        super().__init__(None)
        self._actor = actor

    def take(self) -> float:
        """Take a turn and return 0; when none is free, return the seconds until one may be."""
        return ray.get(self._actor.take.remote())

    def hold(self, seconds: float) -> None:
        """Let no request begin for that long, in any process."""
        ray.get(self._actor.hold.remote(seconds))

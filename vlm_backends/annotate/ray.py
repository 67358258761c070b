"""The question asked by many processes, on one machine or a cluster, on Ray Data: `--ray local`, or an address.

Pictures travel as their places, so that each machine must see the same files. No key travels at all: each process
connects to its engine by the settings of its own machine. Lines come back as they are made, to the one who writes.
"""

import argparse
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
from functools import lru_cache
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import ray
import ray.data

from vlm_backends import CancelToken, Engine, MissingKey, Unreachable, VLMError
from vlm_backends.annotate.records import Job, line
from vlm_backends.annotate.runner import Desk, Record, rate_limit_for
from vlm_backends.config import Config
from vlm_backends.engines import connect_engine
from vlm_backends.ratelimit import SlidingWindow

_WINDOW = 256  # pictures that Ray knows of at one time
_KEEPER = "pace"  # the actor's name
_LOST = "The processes that were asked about this picture died. It may be too large for their memory: try it alone."


@dataclass(frozen=True)
class Errand:
    """What a process needs to know, all of it fit to be read in Ray's logs."""

    job: Job
    setting: str  # of VLM_ENGINE where the run began
    engine: str  # the name of the one that answered there


def lines(
    engine: Engine, job: Job, sources: Iterable, stop: CancelToken, given: argparse.Namespace
) -> Iterator[dict]:
    """Exactly one line a picture, as they come, whatever dies; what a stop leaves unanswered has none.

    A picture whose process died is asked again up to three times, as Ray does it. Raises Unreachable.
    """
    errand = Errand(job, Config.from_env(engine=given.engine or "").engine, engine.name)
    waiting = iter(sources)
    with _cluster(given.ray, given.parallel) as parallel:
        keeper = (
            ray.remote(num_cpus=0)(SlidingWindow)
            .options(name=_KEEPER)
            .remote(given.rpm or rate_limit_for(engine)[0].requests)
        )
        while not stop.is_set() and (
            some := {source.name: source for source in islice(waiting, _WINDOW)}
        ):
            for row in _until(stop, _rows(some.values(), errand, parallel)):
                if source := some.pop(row["name"], None):
                    yield (
                        json.loads(row["line"])
                        if row["line"]
                        else _failed(source, engine, job, row["error"])
                    )
            if not stop.is_set():
                yield from (_failed(source, engine, job, _LOST) for source in some.values())
        del keeper  # lives for as long as its handle


def _failed(source: object, engine: Engine, job: Job, error: str) -> dict:
    return line(Record(source, engine, error=error), job)


@contextmanager
def _cluster(address: str, parallel: int | None) -> Iterator[int]:
    """How many processes work there, while Ray is joined. Raises Unreachable."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _join(address, parallel)
        for number, handler in handlers.items():  # Ray has put its own in their place
            signal.signal(number, handler)
        logging.getLogger("ray.data").setLevel(
            logging.CRITICAL
        )  # what went wrong is told in the lines
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars, context.max_errored_blocks = (
            False,
            -1,
        )  # a lost picture is one line
        yield parallel or int(ray.cluster_resources().get("CPU", 1))
    except ray.exceptions.RayError as error:
        raise Unreachable(f"Ray at “{address}” broke off: {str(error)[:200]}") from None
    finally:
        ray.shutdown()


def _join(address: str, parallel: int | None) -> None:
    """Ray on this machine, or a cluster, which gets this package's code and no variable of this process."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or Ray tells its makers of each cluster
    if address == "local":
        where = {
            "address": address,
            "num_cpus": parallel or os.cpu_count(),
            "include_dashboard": False,
        }
    else:
        where = {"address": address, "runtime_env": {"py_modules": [str(Path(__file__).parent)]}}
    try:
        host, _, port = address.rpartition(":")
        if port.isdecimal():  # Ray itself would wait for minutes
            socket.create_connection((host.rpartition("/")[2], int(port)), timeout=10).close()
        ray.init(**where, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError, OverflowError) as error:
        raise Unreachable(f"There is no Ray at “{address}”: {str(error)[:200]}") from None


def _rows(sources: Iterable, errand: Errand, parallel: int) -> Iterator[dict]:
    """A row a picture, each made by a task of its own, so that a process that dies takes one picture along."""
    places = [
        {"place": pickle.dumps(replace(source, path=source.path.absolute()))} for source in sources
    ]
    items = ray.data.from_items(places, override_num_blocks=len(places))
    made = items.map(_row, fn_args=(errand,), compute=ray.data.TaskPoolStrategy(parallel))
    for few in made.iter_batches(
        batch_size=None, batch_format="pyarrow", prefetch_batches=0
    ):  # or one lags behind
        yield from few.to_pylist()


def _row(place: dict, errand: Errand) -> dict:
    """The picture's line, or why this process cannot make one."""
    source = pickle.loads(place["place"])
    try:
        made, error = json.dumps(line(_desk(errand).record(source).light(), errand.job)), ""
    except VLMError as problem:
        made, error = "", str(problem)
    return {"name": source.name, "line": made, "error": error}


@lru_cache(maxsize=1)
def _desk(errand: Errand) -> Desk:
    """The desk of this process: what was refused once for all pictures is not asked again. Raises VLMError."""
    engine = connect_engine(Config.from_env(engine=errand.setting))
    if engine.name != errand.engine:
        raise MissingKey(
            f"{errand.engine} is not set up on {platform.node()}: set the same variables as here."
        )
    return Desk(engine, *errand.job.asked(engine), _Shared(ray.get_actor(_KEEPER)), CancelToken())


class _Shared(SlidingWindow):
    """One pace for all processes, kept by an actor."""

    def __init__(self, keeper: object) -> None:
        super().__init__(None)
        self._keeper = keeper

    def take(self) -> float:
        """Takes a turn and gives 0; when none is free, the seconds until one may be."""
        return ray.get(self._keeper.take.remote())

    def hold(self, seconds: float) -> None:
        """Nothing begins for that long, in any process."""
        ray.get(self._keeper.hold.remote(seconds))


def _until(stop: CancelToken, rows: Iterator[dict]) -> Iterator[dict]:
    """The rows as they come; none after the stop, whatever they wait for."""
    arrived: SimpleQueue = SimpleQueue()
    forget = stop.add_callback(lambda: arrived.put(None))

    def pump() -> None:
        try:
            for row in rows:
                arrived.put(row)
            arrived.put(None)
        except Exception as error:
            arrived.put(error)

    Thread(target=pump, daemon=True).start()
    try:
        while (row := arrived.get()) is not None:
            if isinstance(row, Exception):
                raise row
            yield row
    finally:
        forget()

"""Asks one question of a faulty server, and judges the outcome."""

import gc
import io
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from tests.support.wire import Reply, Wire, pending
from vlm_backends import NVIDIA, OpenAI, Prompt, Turn, VLMError, ask, find_model, read
from vlm_backends.engines.http.client import RequestPolicy

KEY = "nvapi-canary-5f3c9a71d2"
QUICK = RequestPolicy(
    connect_timeout=2.0,
    idle_timeout=1.5,
    backoff=0.01,
    max_attempts=2,
    poll_interval=0.005,
    max_polls=30,
)
LLAMA, KOSMOS, FLORENCE = (
    "meta/llama-3.2-11b-vision-instruct",
    "microsoft/kosmos-2",
    "microsoft/florence-2",
)


@dataclass(frozen=True)
class Stage:
    """A moment of a question: what answers then is a fault."""

    name: str
    model: str
    route: str = "chat"
    before: tuple[Reply, ...] = ()  # answers to the chat request
    openai: bool = False

    def engine(self, wire: Wire) -> NVIDIA | OpenAI:
        """Return the engine that asks."""
        return OpenAI(f"{wire.url}/v1", KEY, QUICK) if self.openai else NVIDIA(KEY, wire.url, QUICK)

    def prepare(self, wire: Wire, fault: Reply) -> None:
        """Make this stage get the fault, however often it asks."""
        wire.script.extend(self.before)
        (wire.script if self.route == "chat" else wire.scripts[self.route]).extend([fault] * 40)


STAGES = (
    Stage("NVIDIA: the stream", LLAMA),
    Stage("NVIDIA: the whole answer", KOSMOS),
    Stage("NVIDIA: a job's status", LLAMA, "status", (pending(2),)),
    Stage("NVIDIA: an asset's announcement", FLORENCE, "announce"),
    Stage("NVIDIA: an asset's upload", FLORENCE, "upload"),
    Stage("NVIDIA: the answer to an asset", FLORENCE),
    Stage("NVIDIA: the zip of a result", FLORENCE, "result"),
    Stage("NVIDIA: an asset's end", FLORENCE, "delete"),
    Stage("a server: its list", LLAMA, "models", openai=True),
    Stage("a server: the stream", LLAMA, openai=True),
)


@dataclass
class Outcome:
    """The end of a question."""

    text: str = ""
    found: int = 0  # regions
    sentence: str = ""
    fault: str = ""  # anything but a VLMError

    @property
    def answered(self) -> bool:
        """Return True for an answer without an error."""
        return bool(self.text or self.found) and not self.sentence and not self.fault


def picture() -> object:
    """Return a photograph, small enough to go with the question."""
    buffer = io.BytesIO()
    Image.effect_mandelbrot((320, 200), (-2, -1, 1, 1), 30).convert("RGB").save(buffer, "JPEG")
    return read(buffer.getvalue())


PICTURE = picture()


def asked(engine: NVIDIA | OpenAI, id: str) -> Outcome:
    """Ask one question to its end; return the outcome."""
    model, outcome = find_model(id), Outcome()
    task = model.tasks[0] if model.tasks else None
    prompt = Prompt((Turn("user", task.token if task else "Who?", (PICTURE,)),))
    try:
        for answer in ask(engine, model, prompt, task):
            outcome.text, outcome.found = answer.text, len(answer.regions)
    except VLMError as error:
        outcome.sentence = str(error)
    except Exception as error:
        outcome.fault = repr(error)
    return outcome


class Records(logging.Handler):
    """Keeps all log records, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, with its traceback."""
        self.lines.append(self.format(record))

    @contextmanager
    def listening(self) -> Iterator["Records"]:
        """Listen to the root logger, at level DEBUG, until the end of the block."""
        root = logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            yield self
        finally:
            root.removeHandler(self)
            root.setLevel(level)


def one_sentence(text: str) -> bool:
    """Return True for one line that ends as a sentence does, and holds no key."""
    short = 10 <= len(text) <= 700 and "\n" not in text
    return short and text.endswith((".", "?", ")")) and KEY not in text and "Traceback" not in text


def in_parallel(
    cases: list, run: Callable[[object], list[str]], seconds: float = 90
) -> list[tuple[object, list[str]]]:
    """Run the cases in threads; return each with what is wrong about its end, or that it has not ended in time."""
    pool, found = ThreadPoolExecutor(12), []
    futures = [(case, pool.submit(run, case)) for case in cases]
    end = time.monotonic() + seconds + len(cases)
    for case, future in futures:
        try:
            found.append((case, future.result(timeout=max(0.1, end - time.monotonic()))))
        except TimeoutError:
            found.append((case, ["it did not end"]))
    pool.shutdown(wait=False, cancel_futures=True)
    return found


def handles() -> int:
    """Count the threads and open files of this process, after garbage collection."""
    gc.collect()
    return threading.active_count() + len(os.listdir("/proc/self/fd"))


def settled(before: int, seconds: float = 10) -> int:
    """Return how many more threads and files there are than before, waiting for them to go."""
    end = time.monotonic() + seconds
    while (more := handles() - before) > 0 and time.monotonic() < end:
        time.sleep(0.1)
    return max(0, more)

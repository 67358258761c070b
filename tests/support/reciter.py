"""Gives answers that are known in advance, so that a lost, cut or repeated one is noticed."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.fake_engine import FakeEngine
from tests.support.paths import ASSETS
from tests.support.processes import until
from tests.support.servers import serving
from vlm_backends import (
    CancelToken,
    Chunk,
    OpenAI,
    Prompt,
    Turn,
    VLMError,
    ask,
    find_model,
    read,
)
from vlm_backends.engines import RequestPolicy
from vlm_backends.server.workers import WorkerPool

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
PICTURE = read(ASSETS / "cat.jpg")
PATIENT = RequestPolicy(
    connect_timeout=2, idle_timeout=30, backoff=0.5, max_attempts=8
)  # a minute in all, for a server that comes back
HALF = 10  # words
_HELD = 60  # seconds that it waits at most


def recital(text: str) -> str:
    """Return the right answer to a question."""
    return " ".join([text] * (2 * HALF))


class Reciter(FakeEngine):
    """An engine that repeats the question; it waits at its beginning and in its middle until it may go on."""

    name = "Reciter"

    def __init__(self) -> None:
        self.begin, self.go_on = threading.Event(), threading.Event()
        self.asked: list[str] = []
        self.stops: list[CancelToken] = []

    def hold(self, begin: bool, go_on: bool) -> None:
        """Forget past questions; set whether answers may begin, and whether they may go on beyond their middle."""
        self.asked.clear()
        self.stops.clear()
        for event, free in ((self.begin, begin), (self.go_on, go_on)):
            event.set() if free else event.clear()

    def stream(self, model, prompt, stop=None):
        text = prompt.turns[-1].text
        self.asked.append(text)
        self.stops.append(stop)
        for event in (self.begin, self.go_on):
            until(lambda event=event: event.is_set() or stop.is_set(), _HELD)
            for _ in range(HALF):
                yield Chunk(f"{text} ")


@contextmanager
def reciting(host: str = "127.0.0.1") -> Iterator[tuple[Reciter, str]]:
    """Yield a reciter and the base URL of a server that asks it."""
    reciter = Reciter()
    with serving(reciter, pool=WorkerPool(parallel=256, waiting=0), host=host) as url:
        yield reciter, url


@dataclass
class Asked:
    """A question under way: the words so far, and how it ended."""

    text: str
    words: str = ""
    error: VLMError | None = None
    over: Future | None = None

    def run(self, engine: OpenAI) -> None:
        """Ask the question, and read the answer to its end."""
        prompt = Prompt((Turn("user", self.text, (PICTURE,)),), LLAMA.sampling)
        try:
            for answer in ask(engine, LLAMA, prompt):
                self.words = answer.text
        except VLMError as error:
            self.error = error

    @property
    def whole(self) -> bool:
        """Return True for the right answer, given once."""
        return self.error is None and self.words == recital(self.text)

    @property
    def cut(self) -> bool:
        """Return True for an answer that broke off: its words are kept, and a sentence says so."""
        return (
            self.error is not None
            and bool(self.words)
            and recital(self.text).startswith(self.words)
        )

    @property
    def refused(self) -> bool:
        """Return True for a question that ended in a sentence, with no word of an answer."""
        return self.error is not None and not self.words


@contextmanager
def questions(
    url: str, count: int, policy: RequestPolicy = PATIENT, key: str = ""
) -> Iterator[list[Asked]]:
    """Ask this many questions at once; all have ended at the end of the block."""
    asked = [Asked(f"Question-{i}") for i in range(count)]
    with ThreadPoolExecutor(count) as pool:
        for one in asked:
            one.over = pool.submit(one.run, OpenAI(url, key, policy))
        yield asked
    for one in asked:
        one.over.result()  # what is no VLMError is a bug


def all_half_done(asked: Sequence[Asked]) -> bool:
    """Return True once every answer has come to its middle."""
    return bool(until(lambda: all(len(one.words.split()) >= HALF for one in asked)))

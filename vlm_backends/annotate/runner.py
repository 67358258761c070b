"""Ask one question about many pictures, at a rate that the service allows.

Nothing here depends on the page: scripts and the command line use it too.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, islice
from typing import Protocol

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import Engine
from vlm_backends.errors import Gone, MissingKey, Refused, VLMError
from vlm_backends.ratelimit import SlidingWindow
from vlm_backends.reply import Observer, Question, Reply, Timing
from vlm_backends.types import Answer, Model, Picture, Prompt, Task

_MAX_TRIES = 6  # of a picture that is refused for coming too fast
_MAX_WAIT = 600.0  # seconds: a service that asks for a longer pause has refused this batch
_REFUSED_FOR_ALL = 401, 402, 403  # HTTP statuses that hold for every picture
_FAULT = (
    "This picture met a fault in this program; its log says more. Try it alone, or use another one."
)
_log = logging.getLogger(__name__)


class PictureSource(Protocol):
    """The source of a picture, with the name that it has in all results."""

    @property
    def name(self) -> str:
        """Return the picture's name, which no other picture of the batch has."""
        ...

    def read(self) -> Picture:
        """Return the upright picture. Raises BadPrompt."""
        ...


def rate_limit_for(engine: Engine) -> tuple[SlidingWindow, int]:
    """Return the window in which to ask this engine, and how many pictures at a time.

    All who ask with the same account share one window.
    """
    traits = engine.traits
    if traits.requests_per_minute is None:
        return SlidingWindow(None), traits.concurrency
    return _shared_window(traits.account, traits.requests_per_minute), traits.concurrency


@lru_cache(maxsize=256)
def _shared_window(account: str, requests: int) -> SlidingWindow:
    return SlidingWindow(requests)


@dataclass(frozen=True)
class Record:
    """The result for one picture. With an error, its answer may be incomplete."""

    source: PictureSource
    engine: Engine
    picture: Picture | None = None  # None: the file is no picture
    answer: Answer = Answer("")
    error: str = ""  # a sentence
    timing: Timing = Timing()

    def without_image(self) -> "Record":
        """Return the record without the picture's bytes, to be kept."""
        return replace(self, picture=self.picture and replace(self.picture, source=b""))


def annotate(
    engine: Engine,
    model: Model,
    question: Callable[[Picture], Prompt],
    task: Task | None,
    pictures: Iterable[PictureSource],
    cancel: CancelToken,
    window: SlidingWindow,
    parallel: int = 1,
    on_ask: Callable[[PictureSource], object] = lambda source: None,
    observer: Observer | None = None,
) -> Iterator[Record]:
    """Yield exactly one record a picture, as they finish, also for failed ones.

    After a cancellation, unanswered ones have none. `question` makes the prompt about a picture.
    `on_ask` gets each picture when its question is sent, in the thread that asks; `observer` learns
    how each call went. A refusal for coming too fast is waited out; one that holds for all
    pictures is not asked for again. Leaving the iterator early ends all calls.
    """
    ended, waiting = CancelToken(), iter(pictures)
    running: set[Future[Record | None]] = set()
    unregister = cancel.add_callback(ended.set)
    annotator = PictureAnnotator(engine, model, question, task, window, ended, on_ask, observer)
    with ThreadPoolExecutor(parallel, "batch") as pool:
        try:
            while True:
                free = 0 if ended.is_set() else parallel - len(running)
                running |= {pool.submit(annotator.record, next) for next in islice(waiting, free)}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from filter(None, (future.result() for future in done))
        finally:
            unregister()
            ended.set()


@dataclass
class PictureAnnotator:
    """Asks about pictures, from several threads."""

    engine: Engine
    model: Model
    question: Callable[[Picture], Prompt]
    task: Task | None
    window: SlidingWindow
    cancel: CancelToken
    on_ask: Callable[[PictureSource], object] = lambda source: None
    observer: Observer | None = None
    refusal: str = ""  # holds for every picture, so that none is asked about any more

    def record(self, source: PictureSource) -> Record | None:
        """Return the picture's record, also after an error; None when cancelled first."""
        record = Record(source, self.engine, error=self.refusal)
        if self.cancel.is_set() or self.refusal:
            return None if self.cancel.is_set() else record
        try:
            picture = source.read()
            record = replace(record, picture=picture)
            return self._ask(record, self.question(picture))
        except VLMError as error:
            return replace(record, error=str(error))
        except Exception:
            _log.exception("a picture of a batch failed")
            return replace(record, error=_FAULT)

    def _ask(self, unasked: Record, prompt: Prompt) -> Record | None:
        """Ask until there is an answer, or an error that stays."""
        for tries in count(1):
            if not self.window.turn(self.cancel):
                return None
            self.on_ask(unasked.source)
            reply = self._completed(prompt)
            if self.cancel.is_set():
                return None
            record = replace(unasked, answer=reply.answer, timing=reply.timing)
            if reply.error is None:
                return record
            if not self._may_retry(reply.error, tries):
                return replace(record, error=str(reply.error))
        return None

    def _completed(self, prompt: Prompt) -> Reply:
        """Return the reply at its end; its error, if any, is in it."""
        question = Question(self.model, prompt, self.task)
        reply = Reply(question, self.engine, cancel=self.cancel, observer=self.observer)
        with suppress(VLMError):
            for _ in reply.updates():
                pass
        return reply

    def _may_retry(self, error: VLMError, tries: int) -> bool:
        """Return True when the picture came too fast and gets another turn.

        Everyone waits meanwhile, longer each time. An error that holds for all becomes `refusal`.
        """
        status = error.status if isinstance(error, Refused) else 0
        wait = error.retry_after or 0.0 if isinstance(error, Refused) else 0.0
        too_long = status == 429 and wait > _MAX_WAIT
        if isinstance(error, (Gone, MissingKey)) or status in _REFUSED_FOR_ALL or too_long:
            self.refusal = str(error)
        if status != 429 or tries >= _MAX_TRIES or too_long:
            return False
        self.window.hold(max(wait, self.window.seconds * min(1.0, 2 ** (tries - 3))))
        return True

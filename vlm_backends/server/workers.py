"""Where a server's questions are answered: so many at a time, so many waiting, each ended when its caller leaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from vlm_backends import CancelToken
from vlm_backends.errors import Refused

T = TypeVar("T")
_BEAT = 1.0  # seconds
_GATHERS = 0.02  # seconds between two hands full: a piece of few letters costs more on its way than in its making


class Full(Refused):
    """All places are taken; one may be free in a moment."""

    wait = 1.0

    def __init__(self) -> None:
        super().__init__("All places are taken. Try again in a moment.", 503)


class _End(NamedTuple):
    """That nothing more comes, and what went wrong."""

    failure: Exception | None = None


@dataclass
class Desk:
    """Answers `parallel` questions at a time and lets `waiting` more wait; who comes then is sent away at once."""

    parallel: int = 4
    waiting: int = 64
    stops: set[CancelToken] = field(default_factory=set)
    closed: bool = False

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.parallel, "answer")

    @property
    def busy(self) -> int:
        """Questions that are answered or wait."""
        return len(self.stops)

    def admit(self) -> None:
        """Raises Refused when the server is about to end, and Full when all places are taken."""
        if self.closed:
            raise _closed()
        if self.busy >= self.parallel + self.waiting:
            raise Full

    def arriving(
        self, items: Callable[[], Iterator[T]], stop: CancelToken
    ) -> AsyncIterator[list[T]]:
        """The items as a thread reads them, all that are there at a time; none for each second of silence. Raises Full.

        Closing it sets `stop`. The place is free again when the thread has ended.
        """
        self.admit()
        self.stops.add(stop)
        queue, over = asyncio.Queue(), asyncio.Event()
        tell = partial(_tell, asyncio.get_running_loop(), queue, over)
        job = self._pool.submit(_read, items, stop, tell)
        job.add_done_callback(lambda job: self._over(job, stop, tell))
        return self._handed_over(queue, over, stop)

    def close(self) -> None:
        """Every answer ends, as broken off, and nobody is let in."""
        self.closed = True
        for stop in list(self.stops):
            stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def ended(self, seconds: float) -> None:
        """Closes, and waits for the answers' threads, but no longer than that."""
        self.close()
        last = time.monotonic() + seconds
        while self.busy and time.monotonic() < last:
            await asyncio.sleep(0.05)

    def _over(self, job: Future, stop: CancelToken, tell: Callable[[object], object]) -> None:
        self.stops.discard(stop)
        if job.cancelled():
            tell(_End())

    async def _handed_over(
        self, queue: asyncio.Queue, over: asyncio.Event, stop: CancelToken
    ) -> AsyncIterator[list[T]]:
        try:
            while True:
                come = await _come(queue)
                end = come.pop() if come and isinstance(come[-1], _End) else None
                if come or not end:
                    yield come
                if end and end.failure:
                    raise end.failure
                if end and self.closed:
                    raise _closed()
                if end:
                    return
                if come:
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(over.wait(), _GATHERS)
        finally:
            stop.set()


async def _come(queue: asyncio.Queue) -> list:
    """What is there, as soon as something is; nothing after a second of silence."""
    try:
        come = [await asyncio.wait_for(queue.get(), _BEAT)]
    except asyncio.TimeoutError:
        return []
    while not queue.empty():
        come.append(queue.get_nowait())
    return come


def _tell(
    loop: asyncio.AbstractEventLoop, queue: asyncio.Queue, over: asyncio.Event, item: object
) -> None:
    with suppress(RuntimeError):  # the loop is closed when the server goes down
        loop.call_soon_threadsafe(queue.put_nowait, item)
        if isinstance(item, _End):
            loop.call_soon_threadsafe(over.set)


def _read(
    items: Callable[[], Iterator[T]], stop: CancelToken, tell: Callable[[object], object]
) -> None:
    """Tells of each item and at last of the end, with what went wrong."""
    failure = None
    try:
        for item in () if stop.is_set() else items():
            tell(item)
            if stop.is_set():
                break
    except Exception as error:
        failure = error
    tell(_End(failure))


def _closed() -> Refused:
    closed = Refused(
        "This server is being restarted. What had arrived is kept; ask again in a minute.", 503
    )
    closed.retry_after = 10.0
    return closed

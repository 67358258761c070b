"""Where a server's questions are answered: so many at a time, so many waiting, each ended when its caller leaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from vlm_backends import Stop
from vlm_backends.errors import Refused

T = TypeVar("T")
_BEAT = 1.0  # seconds


class Full(Refused):
    """All places are taken; one may be free in a moment."""

    wait = 1.0

    def __init__(self) -> None:
        super().__init__("All places are taken. Try again in a moment.", 503)


@dataclass
class Desk:
    """Answers `parallel` questions at a time and lets `waiting` more wait; who comes then is sent away at once."""

    parallel: int = 4
    waiting: int = 64
    stops: set[Stop] = field(default_factory=set)
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

    def arriving(self, items: Callable[[], Iterator[T]], stop: Stop) -> AsyncIterator[T | None]:
        """The items as a thread reads them, None for each second of silence. Raises Full.

        Closing it sets `stop`. The place is free again when the thread has ended.
        """
        self.admit()
        self.stops.add(stop)
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()
        tell = partial(_tell, loop, queue)
        job = self._pool.submit(_read, items, stop, tell)
        job.add_done_callback(lambda job: self._over(job, stop, tell))
        return self._handed_over(queue, stop)

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

    def _over(self, job: Future, stop: Stop, tell: Callable[..., object]) -> None:
        self.stops.discard(stop)
        if job.cancelled():
            tell(None, True, None)

    async def _handed_over(self, queue: asyncio.Queue, stop: Stop) -> AsyncIterator[T | None]:
        try:
            while True:
                try:
                    item, over, failure = await asyncio.wait_for(queue.get(), _BEAT)
                except asyncio.TimeoutError:
                    yield None
                    continue
                if failure:
                    raise failure
                if over and self.closed:
                    raise _closed()
                if over:
                    return
                yield item
        finally:
            stop.set()


def _tell(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue, *item: object) -> None:
    with suppress(RuntimeError):  # the loop is closed when the server goes down
        loop.call_soon_threadsafe(queue.put_nowait, item)


def _read(items: Callable[[], Iterator[T]], stop: Stop, tell: Callable[..., object]) -> None:
    """Tells of each item and at last of the end, with what went wrong."""
    failure = None
    try:
        for item in () if stop.is_set() else items():
            tell(item, False, None)
            if stop.is_set():
                break
    except Exception as error:
        failure = error
    tell(None, True, failure)


def _closed() -> Refused:
    closed = Refused("This server is being restarted. What had arrived is kept; ask again in a minute.", 503)
    closed.wait = 10.0
    return closed

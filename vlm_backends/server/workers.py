"""Answer a server's questions in threads, with limits on how many run and how many wait.

Each question ends when its caller leaves.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from vlm_backends.concurrency import CancelToken
from vlm_backends.errors import Refused

T = TypeVar("T")
_TICK = 1.0  # seconds of silence after which an empty list is yielded
_COALESCE = 0.02  # seconds between two lists: sending a small piece costs more than making it


class PoolFull(Refused):
    """All places are taken; one may be free in a moment."""

    def __init__(self) -> None:
        sentence = "All places are taken. Try again in a moment."
        super().__init__(sentence, 503, retry_after=1.0)


class _Ending:
    """Marks the end of the items in a queue; `failure` is what ended them early."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure


@dataclass
class WorkerPool:
    """Answer `parallel` questions at a time and let `waiting` more wait; refuse the others."""

    parallel: int = 4
    waiting: int = 64
    running: set[CancelToken] = field(default_factory=set)  # one of each question
    closed: bool = False

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.parallel, "answer")

    @property
    def busy(self) -> int:
        """Return the number of questions that run or wait."""
        return len(self.running)

    def admit(self) -> None:
        """Raise PoolFull when all places are taken, and Refused when the server is about to end."""
        if self.closed:
            raise _restarting()
        if self.busy >= self.parallel + self.waiting:
            raise PoolFull

    def stream(
        self, produce: Callable[[], Iterator[T]], cancel: CancelToken
    ) -> AsyncGenerator[list[T], None]:
        """Iterate over `produce()` in a thread; yield all items that are there at a time.

        Yields an empty list for each second of silence. Closing the generator sets `cancel`; the
        place is free again when the thread has ended. Raises PoolFull.
        """
        self.admit()
        self.running.add(cancel)
        channel: _Channel[T] = _Channel(asyncio.get_running_loop())
        job = self._pool.submit(_read, produce, cancel, channel)
        job.add_done_callback(lambda job: self._free(job, cancel, channel))
        return self._received(channel, cancel)

    def close(self) -> None:
        """End every answer early, and admit no more questions."""
        self.closed = True
        for cancel in list(self.running):
            cancel.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def drain(self, seconds: float) -> None:
        """Close, and wait for the answers' threads, but no longer than that."""
        self.close()
        deadline = time.monotonic() + seconds
        while self.busy and time.monotonic() < deadline:
            await asyncio.sleep(0.05)

    def _free(self, job: Future[None], cancel: CancelToken, channel: "_Channel[T]") -> None:
        self.running.discard(cancel)
        if job.cancelled():
            channel.send(_Ending())

    async def _received(
        self, channel: "_Channel[T]", cancel: CancelToken
    ) -> AsyncGenerator[list[T], None]:
        try:
            while True:
                items, end = await channel.receive()
                if items or not end:
                    yield items
                if end:
                    self._raise_for(end)
                    return
                if items:
                    await channel.pause()
        finally:
            cancel.set()

    def _raise_for(self, end: _Ending) -> None:
        if end.failure:
            raise end.failure
        if self.closed:
            raise _restarting()


class _Channel(Generic[T]):
    """Passes items from a thread to an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[T | _Ending] = asyncio.Queue()
        self._ended = asyncio.Event()

    def send(self, item: T | _Ending) -> None:
        """Hand an item over, from any thread."""
        with suppress(RuntimeError):  # the loop is closed when the server goes down
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
            if isinstance(item, _Ending):
                self._loop.call_soon_threadsafe(self._ended.set)

    async def receive(self) -> tuple[list[T], _Ending | None]:
        """Return what is there, as soon as something is; nothing after a second of silence."""
        try:
            arrived = [await asyncio.wait_for(self._queue.get(), _TICK)]
        except asyncio.TimeoutError:
            return [], None
        while not self._queue.empty():
            arrived.append(self._queue.get_nowait())
        end = next((item for item in arrived if isinstance(item, _Ending)), None)
        return [item for item in arrived if not isinstance(item, _Ending)], end

    async def pause(self) -> None:
        """Let more items gather for a moment, but not beyond the end."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ended.wait(), _COALESCE)


def _read(produce: Callable[[], Iterator[T]], cancel: CancelToken, channel: _Channel[T]) -> None:
    """Send each item, and at last the end with its failure, if any."""
    failure = None
    try:
        for item in () if cancel.is_set() else produce():
            channel.send(item)
            if cancel.is_set():
                break
    except Exception as error:
        failure = error
    channel.send(_Ending(failure))


def _restarting() -> Refused:
    return Refused(
        "This server is being restarted. What had arrived is kept; ask again in a minute.",
        503,
        retry_after=10.0,
    )

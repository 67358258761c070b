"""From a blocking iterator to an async one that hands over what has come, a few times a second."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from vlm_backends import CancelToken

T = TypeVar("T")
PAUSE = (
    0.1  # seconds between two hand-overs: faster than this costs the server more than the eye gains
)
_REST, _LONGEST = (
    4,
    1.0,
)  # a pause is so many times as long as the hand-over before it was, but no longer than a second


async def pump(
    items: Callable[[], Iterator[T]], stop: CancelToken, pause: float = PAUSE
) -> AsyncIterator[T]:
    """The first item at once, then the newest every `pause` seconds, and the last; errors are raised at their place.

    A hand-over lasts until the next item is asked for: where that takes long, there are fewer of them.
    A thread reads, so that a cancelled handler ends at once; leaving early sets `stop`, which ends the upstream call.
    """
    reader = _Reader(items, stop)
    try:
        while True:
            await reader.news()
            last, start = reader.over or stop.is_set(), monotonic()
            if reader.newest:
                yield reader.newest.pop()
            if last:
                break
            await reader.rest(max(pause, min(_LONGEST, _REST * (monotonic() - start))))
        if reader.failure:
            raise reader.failure
    finally:
        stop.set()


def readers() -> list[threading.Thread]:
    """The threads that read replies now."""
    return [thread for thread in threading.enumerate() if isinstance(thread, _Reader)]


class _Reader(threading.Thread):
    """Reads to the end, or to the stop; holds the newest item and what went wrong."""

    def __init__(self, items: Callable[[], Iterator[T]], stop: CancelToken) -> None:
        super().__init__(name="reply", daemon=True)
        self._items, self._halt = items, stop
        self._loop, self._bell = asyncio.get_running_loop(), asyncio.Event()
        self._awaited = (
            False  # who waits for news is woken by it: no other item costs the loop a turn
        )
        self.newest: list = []
        self.over, self.failure = False, None
        stop.add_callback(self._ring)
        self.start()

    async def news(self) -> None:
        """Waits for an item that was not handed over, or for the end."""
        self._awaited = True
        if not (self.newest or self.over or self._halt.is_set()):
            await self._bell.wait()
        self._awaited = False
        self._bell.clear()

    async def rest(self, seconds: float) -> None:
        """Waits so long, but not beyond the end."""
        timer = self._loop.call_later(seconds, self._bell.set)
        if not self.over:
            await self._bell.wait()
        timer.cancel()
        self._bell.clear()

    def run(self) -> None:
        try:
            for item in self._items():
                self.newest[:] = [item]
                if self._awaited:
                    self._awaited = False
                    self._ring()
                if self._halt.is_set():
                    break
        except BaseException as error:
            self.failure = error
        finally:
            self.over = True
            self._ring()

    def _ring(self) -> None:
        with suppress(RuntimeError):  # the loop is closed when the server goes down
            self._loop.call_soon_threadsafe(self._bell.set)

"""From a blocking iterator to an async one that hands over what has come, a few times a second."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from vlm_backends import Stop

T = TypeVar("T")
PAUSE = 0.08  # seconds between two hand-overs: faster than this costs the server more than the eye gains


async def pump(items: Callable[[], Iterator[T]], stop: Stop, pause: float = PAUSE) -> AsyncIterator[T]:
    """The first item at once, then the newest every `pause` seconds, and the last; errors are raised at their place.

    A thread reads, so that a cancelled handler ends at once; leaving early sets `stop`, which ends the upstream call.
    """
    reader = _Reader(items, stop)
    try:
        while True:
            await reader.ready.wait()
            reader.ready.clear()
            last = reader.over or stop.is_set()
            if reader.newest:
                yield reader.newest.pop()
            if last:
                break
            await asyncio.sleep(pause)
        if reader.failure:
            raise reader.failure
    finally:
        stop.set()


def readers() -> list[threading.Thread]:
    """The threads that read replies now."""
    return [thread for thread in threading.enumerate() if isinstance(thread, _Reader)]


class _Reader(threading.Thread):
    """Reads to the end, or to the stop; holds the newest item and what went wrong."""

    def __init__(self, items: Callable[[], Iterator[T]], stop: Stop) -> None:
        super().__init__(name="reply", daemon=True)
        self._items, self._stop_reading = items, stop
        self._loop, self.ready = asyncio.get_running_loop(), asyncio.Event()
        self.newest: list = []
        self.over, self.failure = False, None
        stop.then(self._tell)
        self.start()

    def run(self) -> None:
        try:
            for item in self._items():
                self.newest[:] = [item]
                self._tell()
                if self._stop_reading.is_set():
                    break
        except BaseException as error:
            self.failure = error
        finally:
            self.over = True
            self._tell()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop is closed when the server goes down
            self._loop.call_soon_threadsafe(self.ready.set)

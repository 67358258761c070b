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
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    newest: list[T] = []
    failure: list[BaseException] = []
    over = threading.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop is closed when the server goes down
            loop.call_soon_threadsafe(ready.set)

    def read() -> None:
        try:
            for item in items():
                newest[:] = [item]
                tell()
                if stop.is_set():
                    break
        except BaseException as error:
            failure.append(error)
        finally:
            over.set()
            tell()

    threading.Thread(target=read, name="reply", daemon=True).start()
    try:
        while True:
            await ready.wait()
            ready.clear()
            last = over.is_set()
            if newest:
                yield newest.pop()
            if last:
                break
            await asyncio.sleep(pause)
        if failure:
            raise failure[0]
    finally:
        stop.set()

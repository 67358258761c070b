"""Long work in a thread of its own, while the caller hears how it goes."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from vlm_backends.concurrency import CancelToken
from vlm_backends.types import Chunk

T = TypeVar("T")
_TICK = 0.5  # seconds between two words about it


def meanwhile(
    work: Callable[[], T], words: Callable[[float], str], stop: CancelToken
) -> Iterator[Chunk]:
    """Status chunks, with the seconds so far put into words, until the work is done; returns its result.

    At the stop it returns None at once and lets the work end by itself: a load cannot be broken off.
    """
    result, failure, done = [], [], threading.Event()

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    start = time.monotonic()
    forget = stop.add_callback(done.set)
    threading.Thread(target=run, name="load", daemon=True).start()
    try:
        while not done.is_set():
            yield Chunk(status=words(time.monotonic() - start))
            done.wait(_TICK)
    finally:
        forget()
    if failure:
        raise failure[0]
    return result[0] if result else None

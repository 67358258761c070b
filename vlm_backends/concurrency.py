"""Cancel work, let callers wait in line, and iterate over what another thread produces."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

T = TypeVar("T")
PAUSE = 0.1  # seconds between two updates: nobody reads faster, and each costs the server time
_PAUSE_FACTOR = 4  # a pause lasts so many times as long as the update before it took
_MAX_PAUSE = 1.0  # seconds
_POLL_INTERVAL = 0.5  # seconds between two looks at the waiting line


class CancelToken:
    """Cancels work that runs in another thread; `add_callback` registers what must happen then."""

    def __init__(self) -> None:
        self._event, self._lock = threading.Event(), threading.Lock()
        self._callbacks: list[Callable[[], object]] = []

    def add_callback(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` once on cancellation, immediately if it is cancelled already.

        Returns a function that removes the callback.
        """
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return lambda: self._remove(callback)
        callback()
        return lambda: None

    def _remove(self, callback: Callable[[], object]) -> None:
        with self._lock, suppress(ValueError):  # cancelled meanwhile
            self._callbacks.remove(callback)

    def set(self) -> None:
        """Cancel now: call every registered callback once."""
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def is_set(self) -> bool:
        """Return True once `set` was called."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep until cancelled, `seconds` at most; return True when cancelled."""
        return self._event.wait(seconds)


class WaitingLine:
    """Lets `seats` callers go on at a time, in the order in which they came."""

    def __init__(self, seats: int = 1) -> None:
        self._seats = seats
        self._tickets: list[object] = []
        self._moved = threading.Condition()

    @contextmanager
    def place(self, cancel: CancelToken) -> Iterator[Iterator[int]]:
        """Join the line until the `with` block ends.

        Gives an iterator of how many callers are ahead; it ends at this caller's turn, or when it
        is cancelled.
        """
        ticket = object()
        with self._moved:
            self._tickets.append(ticket)
        try:
            yield self._ahead(ticket, cancel)
        finally:
            with self._moved:
                self._tickets.remove(ticket)
                self._moved.notify_all()

    def _ahead(self, ticket: object, cancel: CancelToken) -> Iterator[int]:
        while not cancel.is_set():
            with self._moved:
                ahead = self._tickets.index(ticket) - self._seats + 1
            if ahead <= 0:
                return
            yield ahead
            with self._moved:
                self._moved.wait(_POLL_INTERVAL)


class _End:
    """Marks the end of an iteration in a queue; `error` is what ended it early."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def iterate_in_thread(
    produce: Callable[[], Iterator[T]],
    cancel: CancelToken,
    *,
    name: str = "producer",
    join: bool = False,
) -> Generator[T, None, None]:
    """Yield the items that `produce` makes in a thread of its own, in order and without delay.

    Ends at the cancellation even while the producer blocks. An error is raised after the items that
    came before it. Leaving early drops what the producer still makes; with `join`, its thread is
    waited for.
    """

    def work(push: Callable[[T], None], is_over: Callable[[], bool]) -> None:
        for item in produce():
            if is_over():
                break
            push(item)

    return iterate_pushed(work, cancel, name=name, join=join)


def iterate_pushed(
    work: Callable[[Callable[[T], None], Callable[[], bool]], object],
    cancel: CancelToken,
    *,
    name: str = "producer",
    join: bool = False,
) -> Generator[T, None, None]:
    """Yield the items that `work(push, is_over)` gives to `push`, as `iterate_in_thread` does.

    For libraries that call back instead of yielding. `is_over()` is true once nobody wants more
    items: after the cancellation, or when the iterator was left early.
    """
    items: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    abandoned = threading.Event()

    def run() -> None:
        error = None
        try:
            work(items.put, lambda: abandoned.is_set() or cancel.is_set())
        except BaseException as failure:
            error = failure
        items.put(_End(error))

    unregister = cancel.add_callback(lambda: items.put(_End()))
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        while not isinstance(item := items.get(), _End):
            yield item
        if item.error:
            raise item.error
    finally:
        abandoned.set()
        unregister()
        if join:
            thread.join()


def run_with_progress(
    work: Callable[[], T], cancel: CancelToken, tick: float = 0.5
) -> Generator[float, None, T | None]:
    """Run `work` in a thread; yield the seconds so far every `tick` seconds; return its result.

    Returns None as soon as it is cancelled and lets the work end by itself, since loading a model
    cannot be interrupted.
    """
    results: list[T] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    start = time.monotonic()
    unregister = cancel.add_callback(done.set)
    threading.Thread(target=run, name="load", daemon=True).start()
    try:
        while not done.is_set():
            yield time.monotonic() - start
            done.wait(tick)
    finally:
        unregister()
    if failures:
        raise failures[0]
    return results[0] if results else None


async def latest_items(
    produce: Callable[[], Iterator[T]], cancel: CancelToken, pause: float = PAUSE
) -> AsyncGenerator[T, None]:
    """Yield the first item at once, then the newest every `pause` seconds, and the last.

    A thread reads, so that a cancelled handler ends at once. Leaving early sets `cancel`, which
    ends the upstream call. When the consumer is slow, it gets fewer items. Errors are
    raised after the items that came before them.
    """
    reader: ReplyThread[T] = ReplyThread(produce, cancel)
    try:
        while True:
            await reader.changed()
            last, start = reader.over or cancel.is_set(), time.monotonic()
            if reader.newest:
                yield reader.newest.pop()
            if last:
                break
            await reader.pause(
                max(pause, min(_MAX_PAUSE, _PAUSE_FACTOR * (time.monotonic() - start)))
            )
        if reader.failure:
            raise reader.failure
    finally:
        cancel.set()


def active_readers() -> list[ReplyThread]:
    """List the threads that read replies now."""
    return [thread for thread in threading.enumerate() if isinstance(thread, ReplyThread)]


class ReplyThread(threading.Thread, Generic[T]):
    """Reads an iterator to its end, or until cancelled; holds the newest item and the failure."""

    def __init__(self, produce: Callable[[], Iterator[T]], cancel: CancelToken) -> None:
        super().__init__(name="reply", daemon=True)
        self._produce, self._cancel = produce, cancel
        self._loop, self._changed_event = asyncio.get_running_loop(), asyncio.Event()
        # Only a consumer that waits is woken: no other item costs the event loop a turn.
        self._awaited = False
        self.newest: list[T] = []
        self.over = False
        self.failure: BaseException | None = None
        cancel.add_callback(self._notify)
        self.start()

    async def changed(self) -> None:
        """Wait for an item that was not taken yet, or for the end."""
        self._awaited = True
        if not (self.newest or self.over or self._cancel.is_set()):
            await self._changed_event.wait()
        self._awaited = False
        self._changed_event.clear()

    async def pause(self, seconds: float) -> None:
        """Wait that many seconds, but not beyond the end of the iterator."""
        timer = self._loop.call_later(seconds, self._changed_event.set)
        if not self.over:
            await self._changed_event.wait()
        timer.cancel()
        self._changed_event.clear()

    def run(self) -> None:
        """Read the iterator until its end or the cancellation."""
        try:
            for item in self._produce():
                self.newest[:] = [item]
                if self._awaited:
                    self._awaited = False
                    self._notify()
                if self._cancel.is_set():
                    break
        except BaseException as error:
            self.failure = error
        finally:
            self.over = True
            self._notify()

    def _notify(self) -> None:
        with suppress(RuntimeError):  # the loop is closed when the server goes down
            self._loop.call_soon_threadsafe(self._changed_event.set)

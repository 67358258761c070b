"""A line of callers before a counter: first come, first served."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vlm_backends.types import CancelToken

_LOOK = 0.5  # seconds between two looks at the line


class Line:
    """The first `seats` of those who stand in it may go on; the others learn how many are before them."""

    def __init__(self, seats: int = 1) -> None:
        self._seats = seats
        self._tickets: list[object] = []
        self._moved = threading.Condition()

    @contextmanager
    def place(self, stop: CancelToken) -> Iterator[Iterator[int]]:
        """A place in the line: an iterator of how many are ahead, which ends at one's turn, or at the stop."""
        ticket = object()
        with self._moved:
            self._tickets.append(ticket)
        try:
            yield self._ahead(ticket, stop)
        finally:
            with self._moved:
                self._tickets.remove(ticket)
                self._moved.notify_all()

    def _ahead(self, ticket: object, stop: CancelToken) -> Iterator[int]:
        while not stop.is_set():
            with self._moved:
                ahead = self._tickets.index(ticket) - self._seats + 1
            if ahead <= 0:
                return
            yield ahead
            with self._moved:
                self._moved.wait(_LOOK)

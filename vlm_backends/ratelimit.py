"""How fast a service may be asked: so many requests in a sliding window, whoever sends them."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from vlm_backends.concurrency import CancelToken


class SlidingWindow:
    """At most `requests` in any `seconds`, however many threads ask; None: as many as they like."""

    def __init__(
        self,
        requests: int | None = 40,
        seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests, self.seconds = requests, seconds
        self._clock, self._lock = clock, Lock()
        self._begun: deque[float] = deque(maxlen=requests)
        self._held = 0.0

    def due(self) -> float:
        """Seconds until the next request may begin; 0 for now."""
        with self._lock:
            return self._due()

    def take(self) -> float:
        """Takes a turn and gives 0; when none is free, the seconds until one may be."""
        with self._lock:
            seconds = self._due()
            if not seconds and self.requests:
                self._begun.append(self._clock())
            return seconds

    def turn(self, stop: CancelToken) -> bool:
        """Waits for a turn and takes it; False when the stop came first."""
        while not stop.is_set():
            seconds = self.take()
            if not seconds:
                return True
            stop.wait(seconds)
        return False

    def hold(self, seconds: float) -> None:
        """Nothing begins for that long."""
        with self._lock:
            self._held = max(self._held, self._clock() + seconds)

    def _due(self) -> float:
        full = self._begun and len(self._begun) == self.requests
        free = self._begun[0] + self.seconds if full else 0.0
        return max(0.0, max(free, self._held) - self._clock())

"""Limit a service's requests a minute, a visitor's questions and bytes, and a day's budget.

Nothing here depends on a web framework: the caller names the client.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from threading import Lock

from vlm_backends.concurrency import CancelToken
from vlm_backends.errors import Refused

_MAX_CLIENTS = 10_000  # the one that was seen longest ago is forgotten first
_DAY = 86_400  # seconds
_WRONG_PASSWORDS = 10  # in a minute


class SlidingWindow:
    """Allow `requests` in any `seconds`, however many threads ask; None: any number."""

    def __init__(
        self,
        requests: int | None = 40,
        seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests, self.seconds = requests, seconds
        self._clock, self._lock = clock, Lock()
        self._begun: deque[float] = deque(maxlen=requests)
        self._blocked_until = 0.0

    def retry_after(self) -> float:
        """Return the seconds until the next request may begin; 0 for now."""
        with self._lock:
            return self._wait()

    def take(self) -> float:
        """Take a turn and return 0; when none is free, return the seconds until one may be."""
        with self._lock:
            seconds = self._wait()
            if not seconds and self.requests:
                self._begun.append(self._clock())
            return seconds

    def turn(self, cancel: CancelToken) -> bool:
        """Wait for a turn and take it; return False when cancelled first."""
        while not cancel.is_set():
            seconds = self.take()
            if not seconds:
                return True
            cancel.wait(seconds)
        return False

    def hold(self, seconds: float) -> None:
        """Let no request begin for that long."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._clock() + seconds)

    def _wait(self) -> float:
        full = self._begun and len(self._begun) == self.requests
        free_at = self._begun[0] + self.seconds if full else 0.0
        return max(0.0, max(free_at, self._blocked_until) - self._clock())


class LeakyBucket:
    """Hold `capacity` and leak all of it in `seconds`; None: hold any amount.

    A burst up to the capacity passes at once; a longer load is slowed down to the rate of the leak.
    """

    def __init__(
        self, capacity: int | None, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity, self._seconds, self._clock = capacity, seconds, clock
        self._lock = Lock()
        self._empty_at = 0.0

    def take(self, amount: float = 1) -> float:
        """Put the amount in and return 0; while it does not fit, return the seconds until it will.

        An amount above the capacity counts as a full bucket.
        """
        with self._lock:
            seconds = self._wait(amount)
            if not seconds and self._capacity:
                self._empty_at = max(self._empty_at, self._clock()) + self._time_to_leak(amount)
            return seconds

    def retry_after(self, amount: float = 1) -> float:
        """Return the seconds until the amount fits; 0 for now."""
        with self._lock:
            return self._wait(amount)

    def _wait(self, amount: float) -> float:
        if not self._capacity:
            return 0.0
        now = self._clock()
        wait = max(self._empty_at, now) + self._time_to_leak(amount) - now - self._seconds
        return wait if wait > 1e-6 else 0.0

    def _time_to_leak(self, amount: float) -> float:
        capacity = self._capacity or 1
        return self._seconds * min(amount, capacity) / capacity


@dataclass(frozen=True)
class VisitorLimits:
    """The limits that the owner of a page sets; None: no limit."""

    questions: int | None = None  # of one visitor in a minute
    streams: int | None = None  # answers to one visitor at once
    megabytes: int | None = None  # from one visitor in an hour
    budget: int | None = None  # questions in a day, by UTC, that the owner's key pays
    proxies: int = 0  # in front of the page, each of which adds an address to X-Forwarded-For


class ClientQuota:
    """Count what one client has asked and sent."""

    def __init__(self, limits: VisitorLimits) -> None:
        self.questions = LeakyBucket(limits.questions, 60)
        self.bytes = LeakyBucket(limits.megabytes and limits.megabytes * 10**6, 3600)
        self.wrong_passwords = LeakyBucket(_WRONG_PASSWORDS, 60)
        self.answers = 0  # on their way


class RateLimiter:
    """Count what clients ask; refuse a client that asks too much, and say when to try again.

    `today` gives the time in seconds since 1970, UTC.
    """

    def __init__(
        self,
        limits: VisitorLimits = VisitorLimits(),
        today: Callable[[], float] = time.time,
    ) -> None:
        self.limits, self._today, self._lock = limits, today, Lock()
        self._quotas: OrderedDict[str, ClientQuota] = OrderedDict()
        self._spent: tuple[float, int] = 0, 0  # the day, and what the owner's key paid on it

    def quota(self, client: str) -> ClientQuota:
        """Return the quota of the client of this name, such as its address."""
        with self._lock:
            quota = self._quotas.pop(client, None) or ClientQuota(self.limits)
            self._quotas[client] = quota
            while len(self._quotas) > _MAX_CLIENTS:
                self._quotas.popitem(last=False)
            return quota

    @contextmanager
    def admitted(self, quota: ClientQuota, owners: bool) -> Iterator[None]:
        """Admit one question until its answer has ended; `owners`: the owner's key pays for it.

        Raises Refused.
        """
        with self.answering(quota):
            if seconds := quota.questions.take():
                limit = f"{self.limits.questions} questions a minute are what this page takes."
                raise _refused(f"{limit} Ask again in {in_words(seconds)}.")
            self._pay(owners)
            yield

    @contextmanager
    def answering(self, quota: ClientQuota) -> Iterator[None]:
        """Count an answer, or those of a batch, from the first word to the last. Raises Refused."""
        with self._lock:
            if self.limits.streams and quota.answers >= self.limits.streams:
                raise _refused(
                    f"{quota.answers} answers to you are on their way. "
                    "Ask again when one has ended."
                )
            quota.answers += 1
        try:
            yield
        finally:
            with self._lock:
                quota.answers -= 1

    def turn(self, quota: ClientQuota, owners: bool, cancel: CancelToken) -> None:
        """Wait until one question of many may be asked, and pay for it.

        Raises Refused when the owner's key pays no more today.
        """
        while not cancel.is_set() and (seconds := quota.questions.take()):
            cancel.wait(seconds)
        self._pay(owners and not cancel.is_set())

    def _pay(self, owners: bool) -> None:
        with self._lock:
            day, second = divmod(self._today(), _DAY)
            spent = self._spent[1] if self._spent[0] == day else 0
            if owners and self.limits.budget is not None and spent >= self.limits.budget:
                raise _refused(
                    "This page's key has paid for all it may today. "
                    f"Ask again in {in_words(_DAY - second)}, or use a key of your own."
                )
            self._spent = day, spent + owners


def _refused(sentence: str) -> Refused:
    return Refused(sentence, 429)


def in_words(seconds: float) -> str:
    """Return a span as a person says it, rounded up, such as "2 minutes"."""
    size, unit = (
        (3600, "hour") if seconds > 3600 else (60, "minute") if seconds > 60 else (1, "second")
    )
    count = ceil(seconds / size)
    return f"{count} {unit}{'s' * (count != 1)}"

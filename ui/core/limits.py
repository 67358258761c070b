"""What one visitor may ask and send in a while, and what all may spend of the owner's key in a day."""

import ipaddress
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from threading import Lock

from gradio.context import LocalContext

from vlm_backends import BadPrompt, CancelToken, Refused

_REMEMBERED = 10_000  # visitors
_DAY = 86_400
_HERE = "127.0.0.1", "localhost", "::1"


@dataclass(frozen=True)
class Limits:
    """What the owner allows; None: as much as anyone likes."""

    questions: int | None = None  # of one visitor in a minute
    streams: int | None = None  # answers to one visitor at once
    megabytes: int | None = None  # from one visitor in an hour
    budget: int | None = None  # questions in a day, by UTC, that the owner's key pays
    proxies: int = 0  # in front of the page, each of which adds an address to X-Forwarded-For


_OPEN = Limits(questions=30, streams=8, megabytes=500, budget=1000)


def limits(env: Mapping[str, str] = os.environ) -> Limits:
    """The limits that this environment sets; a page that others can reach has some by default. Raises BadPrompt."""
    proxies = _count(env, "VLM_TRUSTED_PROXIES", 1 if env.get("SPACE_ID") else 0) or 0
    away = env.get("GRADIO_SERVER_NAME", "").strip() not in ("", *_HERE)
    usual = _OPEN if away or proxies or env.get("SPACE_ID") or env.get("GRADIO_SHARE") else Limits()
    return Limits(
        _count(env, "VLM_LIMIT_QUESTIONS", usual.questions),
        _count(env, "VLM_LIMIT_STREAMS", usual.streams),
        _count(env, "VLM_LIMIT_MEGABYTES", usual.megabytes),
        _count(env, "VLM_BUDGET", usual.budget),
        proxies,
    )


def _count(env: Mapping[str, str], name: str, usual: int | None) -> int | None:
    setting = env.get(name, "").strip().lower()
    if setting in ("", "off"):
        return None if setting else usual
    if (
        not setting.isdecimal()
        or not setting.isascii()
        or len(setting) > 9
        or not int(setting)
        and "LIMIT" in name
    ):
        raise BadPrompt(
            f"{name} must be a whole number{' from 1' if 'LIMIT' in name else ''}, or off."
        )
    return int(setting)


def visitor_at(scope: Mapping | None, proxies: int) -> str:
    """Whom a request counts for: its peer, or the peer of the outermost of the proxies that the owner trusts.

    What stands further left in X-Forwarded-For was written by the visitor. An IPv6 address stands for its network,
    since each household has one. `scope` is ASGI's.
    """
    peer = ((scope or {}).get("client") or ("",))[0]
    lines = [
        value.decode("latin-1")
        for name, value in (scope or {}).get("headers", ())
        if name == b"x-forwarded-for"
    ]
    hops = [hop.strip() for hop in ",".join(lines).split(",")]
    try:
        address = ipaddress.ip_address(hops[-proxies] if 0 < proxies <= len(hops) else peer)
    except ValueError:
        return peer
    if address.version == 6 and not address.ipv4_mapped:
        return str(ipaddress.ip_network((address.packed, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


class LeakyBucket:
    """Holds `most`, and leaks all of it in `seconds`: a burst passes, what goes on and on is slowed down."""

    def __init__(
        self, most: int | None, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._seconds, self._clock, self._lock = most, seconds, clock, Lock()
        self._empty = 0.0  # when it will be

    def take(self, amount: float = 1) -> float:
        """Puts the amount in and gives 0; while it does not fit, the seconds until it will."""
        with self._lock:
            seconds = self._due(amount)
            if not seconds and self._most:
                self._empty = max(self._empty, self._clock()) + self._lasting(amount)
            return seconds

    def due(self, amount: float = 1) -> float:
        """Seconds until the amount fits; 0 for now."""
        with self._lock:
            return self._due(amount)

    def _due(self, amount: float) -> float:
        if not self._most:
            return 0.0
        now = self._clock()
        wait = max(self._empty, now) + self._lasting(amount) - now - self._seconds
        return wait if wait > 1e-6 else 0.0

    def _lasting(self, amount: float) -> float:
        return self._seconds * min(amount, self._most) / self._most


class ClientQuota:
    """What one visitor has asked and sent."""

    def __init__(self, limits: Limits) -> None:
        self.questions = LeakyBucket(limits.questions, 60)
        self.bytes = LeakyBucket(limits.megabytes and limits.megabytes * 10**6, 3600)
        self.guesses = LeakyBucket(10, 60)  # wrong passwords
        self.answers = 0  # on their way


class RateLimiter:
    """Counts what visitors ask; whoever asks too much is refused with a sentence that says when to try again."""

    def __init__(self, limits: Limits = Limits(), today: Callable[[], float] = time.time) -> None:
        self.limits, self._today, self._lock = limits, today, Lock()
        self._guests: OrderedDict[str, ClientQuota] = OrderedDict()
        self._spent = 0, 0  # the day, and the questions that the owner's key has paid on it

    def quota(self, scope: Mapping | None = None) -> ClientQuota:
        """The visitor of this request; of the event that is handled, by default."""
        if scope is None and (request := LocalContext.request.get(None)):
            scope = getattr(request, "request", request).scope
        address = visitor_at(scope, self.limits.proxies)
        with self._lock:
            quota = self._guests[address] = self._guests.pop(address, None) or ClientQuota(
                self.limits
            )
            while len(self._guests) > _REMEMBERED:
                self._guests.popitem(last=False)
            return quota

    @contextmanager
    def admitted(self, quota: ClientQuota, owners: bool) -> Iterator[None]:
        """One question until its answer has ended; `owners`: the owner's key pays for it. Raises Refused."""
        with self.answering(quota):
            if seconds := quota.questions.take():
                most = f"{self.limits.questions} questions a minute are what this page takes."
                raise _refused(f"{most} Ask again in {in_words(seconds)}.")
            self._pay(owners)
            yield

    @contextmanager
    def answering(self, quota: ClientQuota) -> Iterator[None]:
        """An answer, or those of a batch, from the first word to the last. Raises Refused."""
        with self._lock:
            if self.limits.streams and quota.answers >= self.limits.streams:
                raise _refused(
                    f"{quota.answers} answers to you are on their way. Ask again when one has ended."
                )
            quota.answers += 1
        try:
            yield
        finally:
            with self._lock:
                quota.answers -= 1

    def turn(self, quota: ClientQuota, owners: bool, stop: CancelToken) -> None:
        """One question of many: waited for, and paid. Raises Refused when the owner's key pays no more today."""
        while not stop.is_set() and (seconds := quota.questions.take()):
            stop.wait(seconds)
        self._pay(owners and not stop.is_set())

    def _pay(self, owners: bool) -> None:
        with self._lock:
            day, second = divmod(self._today(), _DAY)
            spent = self._spent[1] if self._spent[0] == day else 0
            if owners and self.limits.budget is not None and spent >= self.limits.budget:
                spent_up = "This page's key has paid for all it may today."
                raise _refused(
                    f"{spent_up} Ask again in {in_words(_DAY - second)}, or use a key of your own."
                )
            self._spent = day, spent + owners


def _refused(sentence: str) -> Refused:
    return Refused(sentence, 429)


def in_words(seconds: float) -> str:
    """A span as a person says it, rounded up."""
    size, unit = (
        (3600, "hour") if seconds > 3600 else (60, "minute") if seconds > 60 else (1, "second")
    )
    count = ceil(seconds / size)
    return f"{count} {unit}{'s' * (count != 1)}"

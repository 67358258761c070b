"""The network between a caller and a server is cut with `ip netns`: for good, for a moment, before the first word."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from tests.support.processes import until
from tests.support.reciter import all_half_done, questions, reciting
from tests.support.server_process import Server
from vlm_backends.engines import RequestPolicy

_HERE, _THERE = "10.213.77.1", "10.213.77.2"
_NOBODY = "02:00:00:00:00:99"  # a hardware address
_BRIEF = RequestPolicy(connect_timeout=1, idle_timeout=3, backoff=0.5, max_attempts=3)
_PATIENT = RequestPolicy(connect_timeout=1, idle_timeout=60, backoff=0.5, max_attempts=8)


def _why_not() -> str:
    """Say why a network cannot be cut here; empty when it can."""
    if os.geteuid() or not shutil.which("ip"):
        return "cutting a network needs root and iproute2"
    made = subprocess.run(["ip", "netns", "add", name := _name()], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return (
        f"no network of its own can be made here: {made.stderr.strip()}" if made.returncode else ""
    )


class NetworkLink:
    """A network namespace and the link to it, which can be cut and joined."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cut(self) -> None:
        """Drop all packets, without an error to either side.

        Both sides send them to a hardware address that nobody has. A link that is down would lose
        its route, and where a default route is left somebody else might answer.
        """
        for side in self._sides():
            _ip(*side[:-3], "neigh", "replace", *side[-3:], "lladdr", _NOBODY, "nud", "permanent")

    def join(self) -> None:
        """Undo `cut`."""
        for side in self._sides():
            _ip(*side[:-3], "neigh", "del", *side[-3:])

    def _sides(self) -> tuple[tuple[str, ...], ...]:
        """Return the other side's address and the own device, here and in the namespace."""
        return (_THERE, "dev", self.name), ("-n", self.name, _HERE, "dev", "there")


@contextmanager
def _network_link() -> Iterator[NetworkLink]:
    name = _name()
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "there", "netns", name)
        _ip("addr", "add", f"{_HERE}/30", "dev", name)
        _ip("link", "set", name, "up")
        for command in (f"addr add {_THERE}/30 dev there", "link set there up", "link set lo up"):
            _ip("-n", name, *command.split())
        yield NetworkLink(name)
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True)
        _ip("netns", "del", name)


def _name() -> str:
    return f"vlm{uuid4().hex[:8]}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def count(long_form) -> int:
    """Return how many questions are asked at once."""
    return 32 if long_form else 4


@pytest.fixture
def far_server() -> Iterator[tuple]:
    """Yield an engine that recites, a server in a network of its own that asks it, and the link between."""
    if why := _why_not():
        pytest.skip(why)
    with _network_link() as link, reciting(_HERE) as (reciter, upstream):
        server = Server(upstream, _THERE, ("ip", "netns", "exec", link.name))
        yield reciter, f"{server.address}/v1", link
        server.kill()


def test_gone_for_a_second_within_answers_they_are_whole(far_server, count):
    reciter, url, link = far_server
    reciter.hold(begin=True, go_on=False)
    with questions(url, count, _PATIENT) as asked:
        all_half_done(asked)
        link.cut()
        reciter.go_on.set()
        until(lambda: False, 1)
        link.join()
    assert not [one for one in asked if not one.whole]


def test_gone_when_they_are_asked_and_back_again_none_is_lost(far_server, count):
    reciter, url, link = far_server
    reciter.hold(begin=True, go_on=True)
    link.cut()
    with questions(url, count, _PATIENT) as asked:
        until(lambda: False, 2)
        link.join()
    assert not [one for one in asked if not one.whole], "the client asks again"


def test_cut_for_good_within_answers_the_words_are_kept(far_server, count):
    reciter, url, link = far_server
    reciter.hold(begin=True, go_on=False)
    with questions(url, count, _BRIEF) as asked:
        all_half_done(asked)
        link.cut()
        reciter.go_on.set()
    link.join()
    assert not [one for one in asked if not one.cut] and len(reciter.asked) == count

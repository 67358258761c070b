"""The network between a caller and a server is cut with `ip netns`: for good, for a moment, before the first word."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from tests.support.processes import until
from tests.support.reciter import Reciter, all_heard, questions, reciting, row
from tests.support.rows import Row
from tests.support.server_process import Server
from vlm_backends.engines import RequestPolicy

_HERE, _THERE = "10.213.77.1", "10.213.77.2"
_BRIEF = RequestPolicy(connect_timeout=1, idle_timeout=3, backoff=0.5, max_attempts=3)
_PATIENT = RequestPolicy(connect_timeout=1, idle_timeout=60, backoff=0.5, max_attempts=8)


def absent() -> str:
    """Why a network cannot be cut here; empty when it can."""
    if os.geteuid() or not shutil.which("ip"):
        return "cutting a network needs root and iproute2"
    made = subprocess.run(["ip", "netns", "add", name := _name()], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return (
        f"no network of its own can be made here: {made.stderr.strip()}" if made.returncode else ""
    )


def rows(short: bool) -> Iterator[Row]:
    """What callers hear when the line is cut."""
    if why := absent():
        yield Row("A network that is cut", 1, 0, remark=why)
        return
    count = 4 if short else 32
    with _line() as line, reciting(_HERE) as (reciter, upstream):
        server = Server(upstream, _THERE, ("ip", "netns", "exec", line.name))
        try:
            yield _for_a_moment(server, line, reciter, count)
            yield _before(server, line, reciter, count)
            yield _for_good(server, line, reciter, count)
        finally:
            server.kill()


class Line:
    """A network namespace and the line to it, which can be cut and joined."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told."""
        _ip("link", "set", self.name, "down")

    def join(self) -> None:
        """It is as it was."""
        _ip("link", "set", self.name, "up")


@contextmanager
def _line() -> Iterator[Line]:
    name = _name()
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "there", "netns", name)
        _ip("addr", "add", f"{_HERE}/30", "dev", name)
        _ip("link", "set", name, "up")
        for command in (f"addr add {_THERE}/30 dev there", "link set there up", "link set lo up"):
            _ip("-n", name, *command.split())
        yield Line(name)
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True)
        _ip("netns", "del", name)


def _name() -> str:
    return f"vlm{uuid4().hex[:8]}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _for_a_moment(server: Server, line: Line, reciter: Reciter, count: int) -> Row:
    reciter.hold(begin=True, go_on=False)
    with questions(f"{server.address}/v1", count, _PATIENT) as asked:
        all_heard(asked)
        line.cut()
        reciter.go_on.set()
        until(lambda: False, 1)
        line.join()
    return row("The network is gone for a second within answers: they are whole", asked, (one.whole for one in asked),
               f"{len(reciter.asked) - count} asked again")  # fmt: skip


def _before(server: Server, line: Line, reciter: Reciter, count: int) -> Row:
    reciter.hold(begin=True, go_on=True)
    line.cut()
    with questions(f"{server.address}/v1", count, _PATIENT) as asked:
        until(lambda: False, 2)
        line.join()
    return row("It is gone when they are asked, and comes back: the client asks again, none is lost",
               asked, (one.whole for one in asked))  # fmt: skip


def _for_good(server: Server, line: Line, reciter: Reciter, count: int) -> Row:
    reciter.hold(begin=True, go_on=False)
    with questions(f"{server.address}/v1", count, _BRIEF) as asked:
        all_heard(asked)
        line.cut()
        reciter.go_on.set()
    line.join()
    return row("It is cut for good within answers: the words are kept, one sentence says so", asked,
               (one.cut and len(reciter.asked) == count for one in asked), f"“{asked[0].error}”")  # fmt: skip

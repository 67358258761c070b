"""`python -m vlm_backends.server` is killed, between answers and within them, and comes back."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import requests

from tests.support.processes import until
from tests.support.ray_cluster import free_port
from tests.support.reciter import Reciter, all_heard, questions, reciting, row
from tests.support.rows import Row
from vlm_backends.engines import Patience

_HASTY = Patience(connect=2, silence=5, pause=0.1, tries=3)


def rows(short: bool) -> Iterator[Row]:
    """What callers hear of it."""
    count = 8 if short else 64
    with reciting() as (reciter, upstream):
        server = Server(upstream)
        try:
            yield _killed_before(server, reciter, count)
            yield _killed_within(server, reciter, count)
            yield _away(server, reciter, count)
        finally:
            server.kill()


class Server:
    """The command in a process of its own, at an address that it keeps."""

    def __init__(self, upstream: str, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> None:
        self.address = f"http://{host}:{free_port()}"
        port = self.address.rpartition(":")[2]
        self._command = [*prefix, sys.executable, "-m", "vlm_backends.server", "--engine", "openai", "--host", host,
                         "--port", port, "--parallel", "128"]  # fmt: skip
        self._env = os.environ | {"VLM_BASE_URL": upstream}
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self._process = subprocess.Popen(self._command, env=self._env, stdout=subprocess.DEVNULL)
        assert until(self._answers, 60), "the server did not come up"

    def kill(self) -> None:
        """It is gone at once, and says nothing."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.address}/health", timeout=2).ok
        except requests.RequestException:
            return False


def _killed_before(server: Server, reciter: Reciter, count: int) -> Row:
    reciter.hold(begin=False, go_on=True)
    with questions(f"{server.address}/v1", count) as asked:
        until(lambda: len(reciter.asked) >= count)
        server.kill()
        server.start()
        reciter.begin.set()
    again = len(reciter.asked) - count
    return row("A server is killed before its answers begin: none is lost, the client asks again",
               asked, (one.whole for one in asked), f"{again} asked again")  # fmt: skip


def _killed_within(server: Server, reciter: Reciter, count: int) -> Row:
    reciter.hold(begin=True, go_on=False)
    with questions(f"{server.address}/v1", count) as asked:
        all_heard(asked)
        server.kill()
    reciter.go_on.set()
    return row("A server is killed within its answers: the words are kept, one sentence says so, nothing is asked twice",
               asked, (one.cut and len(reciter.asked) == count for one in asked), f"“{asked[0].error}”")  # fmt: skip


def _away(server: Server, reciter: Reciter, count: int) -> Row:
    with questions(f"{server.address}/v1", count, _HASTY) as lost:
        pass
    server.start()
    with questions(f"{server.address}/v1", count) as found:
        pass
    return row("While it is away callers hear one sentence; when it is back it answers", [*lost, *found],
               [*(one.refused for one in lost), *(one.whole for one in found)], f"“{lost[0].error}”")  # fmt: skip

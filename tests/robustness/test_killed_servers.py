"""`python -m vlm_backends.server` is killed, between answers and within them, and comes back."""

from collections.abc import Iterator

from tests.support.processes import until
from tests.support.reciter import Reciter, all_heard, questions, reciting, row
from tests.support.rows import Row
from tests.support.server_process import Server
from vlm_backends.engines import RequestPolicy

_HASTY = RequestPolicy(connect_timeout=2, idle_timeout=5, backoff=0.1, max_attempts=3)


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

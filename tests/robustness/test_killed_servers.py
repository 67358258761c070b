"""`python -m vlm_backends.server` is killed, between answers and within them, and comes back."""

from collections.abc import Iterator

import pytest

from tests.support.processes import until
from tests.support.reciter import all_half_done, questions, reciting
from tests.support.server_process import Server
from vlm_backends.engines import RequestPolicy

_HASTY = RequestPolicy(connect_timeout=2, idle_timeout=5, backoff=0.1, max_attempts=3)


@pytest.fixture
def count(long_form) -> int:
    """Return how many questions are asked at once."""
    return 64 if long_form else 8


@pytest.fixture
def reciter_and_server() -> Iterator[tuple]:
    """Yield an engine that recites, and a server of ours that asks it."""
    with reciting() as (reciter, upstream):
        server = Server(upstream)
        yield reciter, server
        server.kill()


def test_killed_before_its_answers_begin_none_is_lost(reciter_and_server, count):
    reciter, server = reciter_and_server
    reciter.hold(begin=False, go_on=True)
    with questions(f"{server.address}/v1", count) as asked:
        until(lambda: len(reciter.asked) >= count)
        server.kill()
        server.start()
        reciter.begin.set()
    assert not [one for one in asked if not one.whole], "the client asks again"


def test_killed_within_its_answers_the_words_are_kept_and_nothing_is_asked_twice(
    reciter_and_server, count
):
    reciter, server = reciter_and_server
    reciter.hold(begin=True, go_on=False)
    with questions(f"{server.address}/v1", count) as asked:
        all_half_done(asked)
        server.kill()
    reciter.go_on.set()
    assert not [one for one in asked if not one.cut] and len(reciter.asked) == count


def test_while_it_is_away_callers_hear_a_sentence_and_when_it_is_back_it_answers(
    reciter_and_server, count
):
    reciter, server = reciter_and_server
    reciter.hold(begin=True, go_on=True)
    server.kill()
    with questions(f"{server.address}/v1", count, _HASTY) as lost:
        pass
    server.start()
    with questions(f"{server.address}/v1", count) as found:
        pass
    assert not [one for one in lost if not one.refused]
    assert not [one for one in found if not one.whole]

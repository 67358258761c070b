"""Processes of Ray Serve are killed: a replica that answers, and the front before all of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import ray_cluster as cluster
from tests.support.paths import ASSETS
from tests.support.processes import until
from tests.support.reciter import all_half_done, questions, reciting
from vlm_backends import Embedded, OpenAI, Prompt, Turn, VLMError, ask, find_model, find_task, read

pytest.importorskip("ray", reason="Ray is not installed: see requirements-ray.txt")
_APP, _ANSWERS, _FRONT = "faults", "everything", "Front"
_FEW = 4  # answers
_SIGN = read(ASSETS / "sign.jpg")


@pytest.fixture(scope="module")
def count(long_form) -> int:
    """Return how many questions are asked at once."""
    return 48 if long_form else 8


@pytest.fixture(scope="module")
def application(count) -> Iterator[tuple]:
    """Yield an engine that recites, and the URL of two replicas that ask it."""
    options = {"num_replicas": 2, "max_ongoing_requests": count}
    with (
        reciting() as (reciter, upstream),
        cluster.running(_APP, {"VLM_BASE_URL": upstream}, options, engine="openai") as url,
    ):
        yield reciter, url


@pytest.mark.parametrize("victim", [_ANSWERS, _FRONT])
def test_killed_before_answers_begin_none_is_lost(application, count, victim):
    reciter, url = application
    reciter.hold(begin=False, go_on=True)
    with questions(url, count) as asked:
        until(lambda: len(reciter.asked) >= count)
        cluster.kill(cluster.replicas(_APP, victim)[0])
        until(lambda: len(reciter.asked) > count)
        reciter.begin.set()
    cluster.healed(_APP)
    assert not [one for one in asked if not one.whole]


def test_killed_within_its_answers_they_end_in_a_sentence_and_others_are_whole(application, count):
    reciter, url = application
    reciter.hold(begin=True, go_on=False)
    with questions(url, count) as asked:
        all_half_done(asked)
        for pid in cluster.replicas(_APP, _ANSWERS):
            cluster.kill(pid)
            if until(lambda: any(one.error for one in asked), 10):
                break  # otherwise it had no question: the other one has them all
        reciter.go_on.set()
    assert any(one.cut for one in asked)
    assert not [one for one in asked if not one.whole and not one.cut]


@pytest.mark.only_long
def test_replicas_that_read_pictures_are_killed_again_and_again(count):
    """Have two replicas read a sign: each answer is whole, or a sentence says what failed."""
    model, task = find_model("microsoft/florence-2"), find_task("<OCR>")
    prompt = Prompt((Turn("user", task.token, (_SIGN,)),))
    *_, right = ask(Embedded(), model, prompt, task)

    def ask_once(_: int) -> tuple[str, str]:
        try:
            *_, answer = ask(OpenAI(url), model, prompt, task)
            return answer.text, ""
        except VLMError as error:
            return "", str(error)

    with (
        cluster.running("reads", None, {"num_replicas": 2}, engine="embedded") as url,
        ThreadPoolExecutor(count) as pool,
    ):
        under_way = [pool.submit(ask_once, i) for i in range(count)]
        for come in range(_FEW, count, _FEW):
            if not until(lambda come=come: sum(one.done() for one in under_way) >= come, 60):
                break  # a slow machine: it would die before it has read anything
            cluster.kill(cluster.replicas("reads", _ANSWERS)[0])
        ended = [one.result() for one in under_way]
    assert (right.text, "") in ended
    assert all(text == right.text if not sentence else not text for text, sentence in ended)

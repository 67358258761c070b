"""Processes of Ray Serve are killed: a replica that answers, and the front before all of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.support import ray_cluster as cluster
from tests.support.paths import ASSETS
from tests.support.processes import until
from tests.support.reciter import Reciter, all_heard, questions, reciting, row
from tests.support.rows import Row
from vlm_backends import Embedded, OpenAI, Prompt, Turn, VLMError, ask, find_model, find_task, read

_APP, _ANSWERS, _FRONT = "faults", "everything", "Front"
_FEW = 4  # answers
_SIGN = read(ASSETS / "sign.jpg")


def rows(short: bool) -> Iterator[Row]:
    """What callers hear of it; the long form also kills replicas that really read pictures."""
    count = 8 if short else 48
    options = {"num_replicas": 2, "max_ongoing_requests": count}
    with (
        reciting() as (reciter, upstream),
        cluster.running(_APP, {"VLM_BASE_URL": upstream}, options, engine="openai") as url,
    ):
        yield _before(
            url,
            reciter,
            count,
            _ANSWERS,
            "A replica is killed before its answers begin: none is lost",
        )
        yield _before(
            url,
            reciter,
            count,
            _FRONT,
            "The front is killed before answers begin: none is lost, the client asks again",
        )
        yield _within(url, reciter, count)
    if not short:
        yield _reading(count)


def _before(url: str, reciter: Reciter, count: int, victim: str, promise: str) -> Row:
    reciter.hold(begin=False, go_on=True)
    with questions(url, count) as asked:
        until(lambda: len(reciter.asked) >= count)
        cluster.kill(cluster.replicas(_APP, victim)[0])
        until(lambda: len(reciter.asked) > count)
        reciter.begin.set()
    cluster.healed(_APP)
    return row(
        promise, asked, (one.whole for one in asked), f"{len(reciter.asked) - count} asked again"
    )


def _within(url: str, reciter: Reciter, count: int) -> Row:
    reciter.hold(begin=True, go_on=False)
    with questions(url, count) as asked:
        all_heard(asked)
        for pid in cluster.replicas(_APP, _ANSWERS):
            cluster.kill(pid)
            if until(lambda: any(one.error for one in asked), 10):
                break  # or else it had no question: the other one has them all
        reciter.go_on.set()
    cut = [one for one in asked if one.cut]
    return row("A replica is killed within its answers: they end in a sentence, those of others whole", asked,
               (bool(cut) and (one.whole or one.cut) for one in asked), f"{len(cut)} cut: “{cut[0].error}”" if cut else "none was cut")  # fmt: skip


def _reading(count: int) -> Row:
    """The embedded engine reads a sign on two replicas; one is killed again and again."""
    model, task = find_model("microsoft/florence-2"), find_task("<OCR>")
    prompt = Prompt((Turn("user", task.token, (_SIGN,)),))
    *_, right = ask(Embedded(), model, prompt, task)

    def heard(_: int) -> tuple[str, str]:
        """The words of an answer, or the sentence that is there in their place."""
        try:
            *_, answer = ask(OpenAI(url), model, prompt, task)
            return answer.text, ""
        except VLMError as error:
            return "", str(error)

    killed = 0
    with (
        cluster.running("reads", None, {"num_replicas": 2}, engine="embedded") as url,
        ThreadPoolExecutor(count) as pool,
    ):
        under_way = [pool.submit(heard, i) for i in range(count)]
        for come in range(_FEW, count, _FEW):
            if not until(lambda come=come: sum(one.done() for one in under_way) >= come, 60):
                break  # a slow machine: it would die before it has read anything
            cluster.kill(cluster.replicas("reads", _ANSWERS)[0])
            killed += 1
        ended = [one.result() for one in under_way]
    whole, said = (
        ended.count((right.text, "")),
        sorted({sentence for _, sentence in ended if sentence}),
    )
    refused = sum(bool(sentence) for _, sentence in ended)
    return Row(f"Replicas that read pictures are killed after every {_FEW} answers: whole ones, or a sentence", count,
               whole and whole + refused, count - whole - refused, " ".join([f"{killed} killed, {whole} whole", *(f"“{one}”" for one in said)]))  # fmt: skip

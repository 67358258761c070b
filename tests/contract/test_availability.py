"""Which models answer: what calls and looks leave behind, how it is said, and that nobody is asked unasked."""

import threading
import time
from contextlib import nullcontext

import pytest

from tests.support.async_tools import finished
from tests.support.availability import (
    DEPLOT,
    LLAMA,
    NEMOTRON,
    NOW,
    NOWHERE,
    PHI,
    availability_of,
    shown_table,
)
from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from tests.support.wire.problems import problem, problems
from ui.core.session import EngineRegistry, Visitor
from ui.state.availability import availability
from ui.state.replies import PageReply, follow
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    Embedded,
    Local,
    OpenAI,
    Prompt,
    Question,
    Reply,
    Turn,
    read,
)
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.journal import look

KEY, OTHER = "nvapi-canary-0123456789", "nvapi-second-0123456789"
QUICK = RequestPolicy(connect_timeout=2, idle_timeout=2, backoff=0.01, poll_interval=0.01)
CAT = read(ASSETS / "cat.jpg")


def call(journal, engine, model=NEMOTRON, stop_at_once=False):
    """A question as the page asks it; the reply with its answer or its error."""
    prompt = Prompt((Turn("user", model.prompts[0], (CAT,)),), model.sampling)
    reply = PageReply(Question(model, prompt))

    async def run():
        async for _ in follow(reply, engine, nullcontext(), journal.observe):
            if stop_at_once:
                reply.stop()

    finished(run())
    return reply


GONE = problems["410 integrate"]


@pytest.mark.parametrize("replies, word, detail", [
    ([say.sse(["a cat"])], "ready", "answered just now"), ([say.sse([])], "ready", "answered just now"),
    ([say.sse(["half ", "whole"], cut_after=1)], "ready", "answered just now"),
    ([GONE], "withdrawn", "since 2026-05-18"), ([problems["404 function"]], "withdrawn", "NVIDIA said so just now"),
    ([problems["404 text"]], "withdrawn", "NVIDIA said so just now"),
    ([problem(429, "Too Many Requests", retry_after=120)], "rate limited", "until about"), ([problems["429"]] * 3, "rate limited", "until about"),
    ([problems["401 bad key"]], "refused", "not accepted"), ([problems["402"]], "refused", "credits"), ([problems["403"]], "refused", "may not call"),
    ([problems["503 offline"]], "refused", "until about"), ([problems["500"]], "refused", "status 500"),
    ([say.drop()] * 3, "unreachable", "just now"), ([problems["html 200"]], "unreachable", "just now"),
    ([problems["400 openai"]], "seen live", "by others"), ([problems["422 pydantic"]], "seen live", "by others"),
])  # fmt: skip
def test_real_calls_are_kept(wire, journal, replies, word, detail):
    engine = NVIDIA(KEY, wire.url, QUICK)
    wire.script += replies
    call(journal, engine)
    assert len(wire.asked("chat")) == len(replies)
    found = availability(engine, NEMOTRON, journal, time.time())
    assert found.word == word and detail in found.detail


def test_nobody_there_is_unreachable(journal):
    engine = NVIDIA(KEY, NOWHERE, QUICK)
    assert "cannot be reached" in call(journal, engine).failure
    assert availability_of(engine, NEMOTRON, journal)[0] == "unreachable"
    assert availability_of(NVIDIA(KEY), NEMOTRON, journal)[0] == "seen live", "another address"


def test_a_call_stopped_before_its_first_word_tells_nothing(wire, journal):
    wire.script.append(say.slow_headers(20))
    call(journal, NVIDIA(KEY, wire.url, QUICK), stop_at_once=True)
    assert not len(journal)


def test_leaving_after_the_first_word_is_an_answer(wire, journal):
    engine, gate = NVIDIA(KEY, wire.url, QUICK), threading.Event()
    wire.script.append(say.sse(["one ", "two"], gate=gate))
    prompt = Prompt((Turn("user", "Who?", (CAT,)),), NEMOTRON.sampling)
    answers = Reply(Question(NEMOTRON, prompt), engine, observer=journal.observe)
    while not next(answers).text:
        assert not len(journal)
    answers.close()
    assert journal.newest(engine, NEMOTRON, NOW).kind == "answered"
    assert wire.until(lambda: wire.disconnects == 1)


def test_a_server_that_lost_a_model_does_not_serve_it(wire, journal):
    engine = OpenAI(f"{wire.url}/v1", "", QUICK)
    wire.script.append(say.status(404, {"error": {"message": "The model `x` does not exist"}}))
    assert call(journal, engine, PHI).gone
    assert availability_of(engine, PHI, journal, time.time())[:2] == (
        "not served",
        "it said so just now",
    )


def test_two_keys_are_not_mixed(wire, journal, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    halls = EngineRegistry((NVIDIA("nvapi-owner", wire.url), Embedded()))
    first, second, owner = Visitor(KEY), Visitor(OTHER), Visitor()
    engine = halls.engines_for(first)[0]
    wire.script.append(problem(429, "Too Many Requests", retry_after=120))
    call(journal, engine)
    assert "rate limited" in shown_table(halls, first, journal)[1]
    assert (
        "rate limited"
        not in shown_table(halls, second, journal)[1] + shown_table(halls, owner, journal)[1]
    )
    wire.script += [problems["401 bad key"]]
    call(journal, halls.engines_for(second)[0])
    assert "not accepted" in shown_table(halls, second, journal)[1]
    assert (
        "not accepted"
        not in shown_table(halls, first, journal)[1] + shown_table(halls, owner, journal)[1]
    )


def test_a_look_at_nvidia_carries_no_key_and_asks_no_model(wire, journal):
    engine = NVIDIA(KEY, wire.url, QUICK)
    wire.scripts["models"].append(
        say.json_body(
            {"data": [{"id": LLAMA.id}, {"id": DEPLOT.id}, {"id": ["x"]}, {"id": 7}, "y", {}]}
        )
    )
    wire.scripts["model"] += [
        GONE,
        say.status(404, "Model does not exist by the name of x"),
        say.status(418, "tea"),
    ]
    look(engine, journal)
    assert {seen.method for seen in wire.seen} == {"GET"} and not wire.asked("chat")
    assert all(seen.token is None and KEY not in str(seen.headers) for seen in wire.seen)
    assert len(wire.asked("models")) == 1 and len(wire.asked("model")) == len(CATALOGUE) - 2
    assert wire.asked("model")[0].path == f"/v1/models/{PHI.id}"
    now = time.time()
    words = {model.title: availability(engine, model, journal, now).word for model in CATALOGUE}
    assert (
        words["Llama 3.2 Vision"] == "listed"
        and words["DePlot"] == words["Phi-3.5 Vision"] == "withdrawn"
    )
    assert words["Florence-2"] == words["PaliGemma"] == "unproven" and words["NeVA"] == "withdrawn"
    before = len(wire.seen)
    look(NVIDIA(OTHER, wire.url), journal)
    assert len(wire.seen) == before, "one look in a while, whoever asks for it"


@pytest.mark.parametrize("reply, words", [
    (say.status(502, "bad"), {"refused"}), (say.drop(), {"unreachable"}), (say.half_json(), {"unreachable"}),
    (problems["html 200"], {"unreachable"}), (say.status(503, b"", headers={"Retry-After": "600"}), {"refused"}),
    (say.sse([]), {"unproven", "withdrawn", "listed"}), (say.json_body({"data": 7}), {"unproven", "withdrawn", "listed"}),
    (say.json_body({}), {"unproven", "withdrawn", "listed"}), (say.status(401, "no"), {"unproven", "withdrawn", "listed"}),
    (say.redirect("http://127.0.0.1:9/"), {"unproven", "withdrawn", "listed"}),
])  # fmt: skip
def test_a_list_that_cannot_be_had_raises_nothing(wire, journal, reply, words):
    engine = NVIDIA(KEY, wire.url)
    wire.scripts["models"].append(reply)
    look(engine, journal)
    now = time.time()
    assert {availability(engine, model, journal, now).word for model in CATALOGUE} == words


def test_what_was_seen_before_the_line_broke_stays(wire, journal):
    wire.scripts["models"].append(say.json_body({"data": [{"id": LLAMA.id}]}))
    wire.scripts["model"].append(say.drop())
    engine = NVIDIA(KEY, wire.url)
    look(engine, journal)
    assert (
        availability_of(engine, LLAMA, journal)[0] == "listed"
        and availability_of(engine, PHI, journal)[0] == "unreachable"
    )


def test_a_look_at_a_server_asks_for_its_list_afresh(wire, journal):
    engine = OpenAI(f"{wire.url}/v1", KEY, QUICK)
    wire.scripts["models"].append(say.status(503, "starting"))
    word, detail, tone = availability_of(engine, PHI, journal)
    assert word == "not known" and "gave no list" in detail and tone == "off"
    look(engine, journal)
    word, detail, tone = availability_of(engine, PHI, journal, time.time())
    assert word.startswith("ready at 127.0.0.1") and detail == "listed just now" and tone == "good"
    assert availability_of(engine, DEPLOT, journal)[0].startswith("not served") and not wire.asked(
        "chat"
    )


@pytest.mark.parametrize("reply, word", [(say.drop(), "unreachable"), (say.status(401, "no"), "refused"), (say.status(500, "no"), "refused"),
                                         (say.half_json(), "unreachable"), (say.status(404, "404 page not found"), "not served")])  # fmt: skip
def test_a_server_that_does_not_list_says_why(wire, journal, reply, word):
    engine = OpenAI(f"{wire.url}/v1", KEY, QUICK)
    wire.scripts["models"].append(reply)
    look(engine, journal)
    assert availability_of(engine, PHI, journal)[0] == word


def test_a_look_at_this_machine_asks_nobody(journal):
    for engine in (Embedded(), Local()):
        look(engine, journal)
    assert not len(journal)

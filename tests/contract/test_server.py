"""Our own server on the OpenAI wire: nothing is lost on the way, bad requests are sentences, nobody waits for ever."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from tests.support.async_tools import finished
from tests.support.paths import ASSETS
from tests.support.ports import free_port
from tests.support.questions import DEPLOT, FLORENCE, LLAMA, QUICK, SIGN, outcome
from tests.support.questions import chat_body as body
from tests.support.servers import ScriptedEngine, serving
from tests.support.wire import replies as say
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    TASKS,
    BadPrompt,
    CancelToken,
    Chunk,
    Embedded,
    Gone,
    MissingKey,
    OpenAI,
    Prompt,
    Refused,
    Region,
    Turn,
    Unreachable,
    VLMError,
    ask,
    find_model,
    find_task,
    read,
    write_task,
)
from vlm_backends.engines.http import client, transport
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.wire.errors import explain
from vlm_backends.server import bodies
from vlm_backends.server.app import application, main
from vlm_backends.server.bodies import MAX_BODY
from vlm_backends.server.requests import ChatRequest
from vlm_backends.server.responses import pieces
from vlm_backends.server.workers import WorkerPool

KEY = "nvapi-canary-0123456789"


def post(url, body, **options):
    return requests.post(f"{url}/chat/completions", json=body, timeout=60, **options)


# the same suite, in the same process and over the wire


HI = Prompt((Turn("user", "Hi", (SIGN,)),), LLAMA.sampling)
QUESTIONS = [
    *[(FLORENCE, Prompt((Turn("user", write_task(task, task.example if task.takes == "words" else "", task.example
       if task.takes == "region" else None), (SIGN,)),)), task) for task in TASKS],
    *[(model, Prompt((Turn("user", model.prompts[0], (read(ASSETS / model.samples[0]),)),), model.sampling), None)
      for model in CATALOGUE if not model.tasks],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "model, prompt, task", QUESTIONS, ids=lambda value: getattr(value, "title", "")
)
def test_the_embedded_engine_loses_nothing_over_the_wire(model, prompt, task, embedded):
    there = OpenAI(embedded, "", QUICK)
    assert outcome(Embedded(), model, prompt, task) == outcome(there, model, prompt, task)
    assert Embedded().capability(model, task).summary in there.capability(model, task).summary


@pytest.fixture(scope="module")
def embedded():
    with serving(Embedded()) as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize(
    "model, prompt, task", QUESTIONS, ids=lambda value: getattr(value, "title", "")
)
def test_nvidias_engine_loses_nothing_over_the_wire(model, prompt, task, wire):
    here = NVIDIA(KEY, wire.url, QUICK)
    with serving(here) as url:
        there = OpenAI(url, "", QUICK)
        assert outcome(here, model, prompt, task) == outcome(there, model, prompt, task)
        assert here.capability(model, task).summary in there.capability(model, task).summary


@pytest.mark.slow
def test_a_note_and_the_count_of_tokens_come_along(embedded):
    prompt = Prompt((Turn("user", "<OCR>", (SIGN,)),))
    *_, here = ask(Embedded(), FLORENCE, prompt, find_task("<OCR>"))
    *_, there = ask(OpenAI(embedded, "", QUICK), FLORENCE, prompt, find_task("<OCR>"))
    assert here.note in there.note and "127.0.0.1" in there.note
    with serving(ScriptedEngine(Chunk("one "), Chunk("two", tokens=7))) as url:
        *_, counted = ask(OpenAI(url, "", QUICK), LLAMA, HI)
    assert counted.tokens == 7 and counted.text == "one two"


# words for people, and the model's own


WORDS = [
    (LLAMA, None, "<think>no</think>A **bold** word, é, \u2028 and </s>"),
    (find_model("google/paligemma"), None, "<loc0123><loc0200><loc0500><loc0700> cat ; <loc0001><loc0002><loc0300><loc0400> dog"),
    (find_model("microsoft/kosmos-2"), None, "<grounding> An image of<phrase> a dog</phrase><object><patch_index_0010><patch_index_0200></object> on<phrase> grass</phrase><object><patch_index_0500><patch_index_1000></object>."),
    (DEPLOT, None, "TITLE | Rain <0x0A> Month | mm <0x0A> May | 12.5 <0x0A> June | 130"),
    (FLORENCE, find_task("<OD>"), "car<loc_52><loc_334><loc_932><loc_774>wheel<loc_708><loc_575><loc_862><loc_765>"),
    (FLORENCE, find_task("<OCR_WITH_REGION>"), "Eagle<loc_1><loc_2><loc_30><loc_2><loc_30><loc_9><loc_1><loc_9>Point<loc_1><loc_20><loc_30><loc_20><loc_30><loc_29><loc_1><loc_29>"),
    (FLORENCE, find_task("<REGION_TO_SEGMENTATION>"), "<loc_1><loc_2><loc_300><loc_2><loc_300><loc_900>"),
    (FLORENCE, find_task("<CAPTION>"), "A sign in the woods.</s>"),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "model, task, words",
    WORDS,
    ids=[f"{row[0].title}{row[1].token if row[1] else ''}" for row in WORDS],
)
def test_what_was_sent_is_the_answer_however_it_was_cut(model, task, words, size):
    cut = [Chunk(words[i : i + size]) for i in range(0, len(words), size)]
    prompt = Prompt((Turn("user", task.token if task else "?", (SIGN,)),))
    *_, whole = ask(ScriptedEngine(*cut), model, prompt, task)
    for raw in (False, True):
        *some, last = pieces(
            ScriptedEngine(*cut), ChatRequest(model, prompt, task, raw=raw), CancelToken()
        )
        sent = "".join(piece.text for piece in (*some, last))
        assert sent == (words if raw else whole.text), "words for people cannot be taken back"
        assert (
            last.answer == whole
            and sum((piece.regions for piece in (*some, last)), ()) == whole.regions
        )


@pytest.mark.parametrize("raw", [False, True])
def test_half_a_character_beside_the_words_breaks_no_stream(raw):
    corners = ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2))
    engine = ScriptedEngine(
        Chunk("a", note="why \ud800\x07"),
        Chunk("b", (Region("cat \ud800\u202e", corners),), note="why \ud800\x07"),
    )
    with serving(engine) as url:
        reply = post(url, body(stream=True, **({"skip_special_tokens": False} if raw else {})))
    assert (
        reply.text.endswith("data: [DONE]\n\n")
        and reply.text.count('"note": "why "') == 1
        and '"phrase": "cat "' in reply.text
    )


ROWS = (("", "2021", "a | b"), ("Figs", "", "-3"), ("日本", "1,200", ""))


@pytest.mark.parametrize("stream", [True, False])
def test_the_rows_of_a_table_come_along_with_the_words(stream):
    """They are sent once, and whatever a cell holds is what arrives."""
    engine = ScriptedEngine(Chunk("Figs  ", literal=True), Chunk("-3", rows=ROWS, note="A table."))
    asked = body("<OCR>", FLORENCE.id, stream=stream)
    with serving(engine) as url:
        assert post(url, asked).text.count('"rows"') == 1
        *_, answer = ask(
            OpenAI(url, "", QUICK), FLORENCE, Prompt((Turn("user", "<OCR>", (SIGN,)),))
        )
    assert (answer.text, answer.rows) == ("Figs  -3", ROWS) and "A table." in answer.note


def test_rows_that_change_are_sent_again():
    engine = ScriptedEngine(
        Chunk("a", literal=True, rows=ROWS[:2]),
        Chunk("b", rows=ROWS),
        Chunk("c"),
        Chunk("d", rows=()),
    )
    with serving(engine) as url:
        sent = post(url, body("<OCR>", FLORENCE.id, stream=True)).text
        *_, answer = ask(
            OpenAI(url, "", QUICK), FLORENCE, Prompt((Turn("user", "<OCR>", (SIGN,)),))
        )
    assert sent.count('"rows"') == 2 and answer.rows == ROWS


@pytest.mark.parametrize("chunk", [Chunk("a"), Chunk("a", rows=ROWS), Chunk("a", literal=True)])
def test_words_that_a_reader_parses_bring_no_rows(chunk):
    """The table of such words is read from them at the other end."""
    with serving(ScriptedEngine(chunk)) as url:
        assert "rows" not in post(url, body(stream=True)).text


def test_half_a_character_in_a_cell_breaks_no_stream():
    rows = (("a\ud800", "b\x07"), ("\u202e1", "2\0"))
    with serving(ScriptedEngine(Chunk("x", literal=True, rows=rows))) as url:
        *_, answer = ask(
            OpenAI(url, "", QUICK), FLORENCE, Prompt((Turn("user", "<OCR>", (SIGN,)),))
        )
    assert answer.rows == (("a", "b"), ("1", "2"))


@pytest.mark.slow
def test_a_client_waits_for_as_long_as_the_server_says_that_it_is_at_work(monkeypatch):
    monkeypatch.setattr("vlm_backends.server.workers._TICK", 0.1)
    monkeypatch.setattr("vlm_backends.server.streaming._PATIENCE", 2)
    gate, prompt = threading.Event(), Prompt((Turn("user", "?", (SIGN,)),))
    for begin, said in (
        ((), "at work"),
        ((Chunk(status="Waiting in line: 1 before you."),), "in line"),
    ):
        gate.clear()
        with serving(ScriptedEngine(*begin, gate, Chunk("late"))) as url:
            threading.Timer(3, gate.set).start()
            told = list(
                ask(
                    OpenAI(
                        url, "", RequestPolicy(connect_timeout=2, idle_timeout=1, max_attempts=1)
                    ),
                    LLAMA,
                    prompt,
                )
            )
        assert told[-1].text == "late" and sum(said in answer.status for answer in told) > 2


def test_a_stream_has_openais_shape(embedded):
    reply = post(embedded, body("<OCR_WITH_REGION>", FLORENCE.id, stream=True), stream=True)
    lines = [line for line in reply.iter_lines() if line]
    events = [json.loads(line.removeprefix(b"data: ")) for line in lines[:-1]]
    assert (
        reply.headers["Content-Type"].startswith("text/event-stream")
        and lines[-1] == b"data: [DONE]"
    )
    assert {event["object"] for event in events} == {"chat.completion.chunk"} and len(
        {event["id"] for event in events}
    ) == 1
    assert [event["choices"][0]["finish_reason"] for event in events] == [None] * (
        len(events) - 1
    ) + ["stop"]
    words = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    entities = events[-1]["choices"][0]["delta"]["entities"]
    assert words.startswith("PINE RIDGE PARK\nLake Loop") and entities[1]["phrase"] == "Lake Loop"
    first, last = entities[1]["substring"]
    assert words[first : last + 1] == "Lake Loop" and all(
        0 <= value <= 1 for value in entities[1]["bboxes"][0]
    )


def test_without_streaming_it_is_one_object(embedded):
    reply = post(
        embedded,
        body(
            "Generate underlying data table of the figure below:",
            DEPLOT.id,
            read(ASSETS / "chart.png"),
        ),
    ).json()
    message = reply["choices"][0]["message"]
    assert (
        reply["object"] == "chat.completion"
        and "2021" in message["content"]
        and "|" in message["content"]
    )
    assert (
        reply["choices"][0]["finish_reason"] == "stop" and "not by DePlot" in reply["vlm"]["note"]
    )


def test_the_list_says_what_each_can_do(embedded):
    listed = {
        entry["id"]: entry
        for entry in requests.get(f"{embedded}/models", timeout=10).json()["data"]
    }
    assert (
        set(listed) == {model.id for model in CATALOGUE} and listed[FLORENCE.id]["tasks"]["<OCR>"]
    )
    assert requests.get(embedded.removesuffix("/v1") + "/health", timeout=10).json() == {
        "status": "ok",
        "busy": 0,
    }


def test_a_system_message_and_the_hubs_name_are_understood():
    engine = ScriptedEngine(Chunk("yes"))
    asked = body(
        model="META-LLAMA/llama-3.2-11B-Vision-Instruct",
        max_completion_tokens=9,
        temperature=0.5,
        seed=3,
    )
    asked["messages"] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A"},
                         {"role": "assistant", "content": "B"}, *asked["messages"]]  # fmt: skip
    with serving(engine) as url:
        assert post(url, asked).json()["model"] == LLAMA.id
    (prompt,) = engine.prompts
    assert [turn.text for turn in prompt.turns] == ["Be brief.\n\nA", "B", "What is in this image?"]
    assert (prompt.sampling.max_tokens, prompt.sampling.temperature, prompt.sampling.seed) == (
        9,
        0.5,
        3,
    )
    assert prompt.turns[-1].pictures == (SIGN,)


# what cannot be asked


def changed(**more):
    return body() | more


def content(*parts):
    return changed(messages=[{"role": "user", "content": list(parts)}])


PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def image(url):
    return content({"type": "image_url", "image_url": {"url": url}})


@pytest.mark.parametrize("asked, status, said", [
    ([], 400, "JSON object"), ("x", 400, "JSON object"), ({}, 404, "does not exist"), (changed(model="gpt-4o"), 404, "does not exist"),
    (changed(model=None), 404, "does not exist"), (changed(model=["x"]), 404, "does not exist"), (changed(messages=[]), 400, "1 to 200"),
    (changed(messages="Hi"), 400, "1 to 200"), (changed(messages=[7]), 400, "must be the user's"), (changed(messages=body()["messages"] * 201), 400, "1 to 200"),
    (changed(messages=[{"role": "assistant", "content": "x"}]), 400, "must be the user's"),
    (changed(messages=[{"role": "tool", "content": "x"}, {"role": "user", "content": "x"}]), 400, "role"),
    (changed(messages=[{"role": "user", "content": 7}]), 400, "a text, or a list"), (changed(messages=[{"role": "user"}]), 400, "a text, or a list"),
    (changed(messages=[{"role": "user", "content": "x" * 200_001}]), 400, "longer than"), (content({"type": "input_audio"}), 400, "A part of a message"),
    (content({"type": "text", "text": 7}), 400, "A part of a message"), (content("x"), 400, "A part of a message"),
    (image(7), 400, "holds a url"), (image("data:image/png,abc"), 400, "in base64"), (image("data:image/png;base64,@@@"), 400, "broken or cut off"),
    (image("data:image/png;base64,"), 400, "not a picture"), (image("data:image/png;base64,AAAA"), 400, "not a picture"),
    (image("http://example.org/a.png"), 400, "--urls"), (image("file:///etc/passwd"), 400, "--urls"), (changed(n=2), 400, "One answer"),
    (changed(tools=[{}]), 400, "tools is not supported"), (changed(stop=["x"]), 400, "stop is not"), (changed(temperature=9), 400, "temperature must be from"),
    (changed(temperature="hot"), 400, "must be a number"), (changed(max_tokens=True), 400, "must be a number"), (changed(max_tokens=0), 400, "max_tokens must be from"),
    (changed(max_tokens=1.5), 400, "whole number"), (changed(seed="x"), 400, "whole number"), (changed(seed=-1), 400, "seed must be"),
    (body("Read this", FLORENCE.id), 400, "begin with one of"), (body("<od>", FLORENCE.id), 400, "begin with one of"),
    (content(*[{"type": "image_url", "image_url": {"url": PIXEL}}] * 101), 400, "100 pictures"),
    (changed(messages=content(*[{"type": "image_url", "image_url": {"url": PIXEL}}] * 60)["messages"] * 2), 400, "100 pictures"),
    (body("<CAPTION>", FLORENCE.id), 501, "Florence-2"), (changed(top_p=float("nan")), 400, "top_p"), (changed(max_tokens=float("inf")), 400, "whole number"),
])  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_asked_is_a_status_and_a_sentence(embedded, asked, status, said, stream):
    asked = asked | {"stream": True} if stream and isinstance(asked, dict) else asked
    reply = requests.post(f"{embedded}/chat/completions", data=json.dumps(asked), timeout=60)
    error = reply.json()["error"]
    assert (
        reply.status_code == status == error["code"]
        and said in error["message"]
        and "Traceback" not in reply.text
    )


def test_a_request_that_promises_too_much_is_turned_away_at_once(embedded):
    host, port = embedded.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), 30) as sock:
        sock.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
        )
        assert sock.recv(100).startswith(b"HTTP/1.1 413 ")


def test_who_does_not_send_the_question_is_not_waited_for_for_ever(embedded, monkeypatch):
    monkeypatch.setattr(bodies, "_ARRIVAL", 0.2)
    host, port = embedded.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), 30) as sock:
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert sock.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("method, path, status", [
    ("POST", "/chat/completions", 404), ("GET", "/v1", 404), ("GET", "/v1/models/none", 404), ("GET", "/docs", 404), ("GET", "/openapi.json", 404),
    ("GET", "/v1/chat/completions", 405), ("OPTIONS", "/v1/chat/completions", 405), ("DELETE", "/v1/models", 405), ("POST", "/health", 405),
    ("HEAD", "/health", 200), ("GET", "/health", 200),
])  # fmt: skip
def test_other_addresses_and_methods_have_a_sentence(embedded, method, path, status):
    reply = requests.request(method, embedded.removesuffix("/v1") + path, timeout=30)
    assert reply.status_code == status and (
        status == 200 or reply.json()["error"]["code"] == status
    )


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"model": '])
def test_what_is_no_json_is_a_sentence(embedded, data):
    reply = requests.post(f"{embedded}/chat/completions", data=data, timeout=10)
    assert reply.status_code == 400 and "JSON object" in reply.json()["error"]["message"]


def test_a_request_beyond_measure_is_not_read_to_its_end(embedded):
    sent = (b" " * 2**20 for _ in range(MAX_BODY // 2**20 + 2))
    reply = requests.post(f"{embedded}/chat/completions", data=sent, timeout=30)
    assert reply.status_code == 413 and "smaller" in reply.json()["error"]["message"]


def since(date):
    error = Gone("It is gone.")
    error.since = date
    return error


FAILURES = [
    (BadPrompt("Too odd."), 400), (MissingKey("Needs a key."), 501), (since("2026-05-14"), 410), (Refused("Slow down.", 429), 429),
    (Refused("No credits.", 402), 502), (Refused("No.", 401), 502), (Refused("Broken.", 500), 500), (Unreachable("Nobody there."), 502),
]  # fmt: skip


@pytest.mark.parametrize("error, status", FAILURES)
def test_what_fails_is_the_same_error_on_the_other_side(error, status):
    for words in ((), (Chunk("Half a "),)):
        engine = ScriptedEngine(*words, error)
        with serving(engine) as url:
            there = outcome(OpenAI(url, "", QUICK), LLAMA, HI, None)
            assert there == outcome(engine, LLAMA, HI, None) and there[0] is type(error)
            for stream in (False,) if words else (False, True):
                assert post(url, body(stream=stream)).status_code == status


def test_a_fault_is_a_sentence_that_says_nothing_of_itself():
    with serving(ScriptedEngine(RuntimeError("secret"))) as url:
        for stream in (False, True):
            reply = post(url, body(stream=stream))
            assert reply.status_code == 500 and "secret" not in reply.text
        with pytest.raises(Refused, match="met a fault"):
            list(ask(OpenAI(url, "", QUICK), LLAMA, HI))


@pytest.mark.parametrize("told", [
    {}, {"kind": 7}, {"kind": ["BadPrompt"]}, {"kind": "VLMError"}, {"kind": "Exception"}, {"kind": "__class__"}, 7, "BadPrompt", [],
])  # fmt: skip
def test_an_error_that_is_not_of_our_own_server_is_a_refusal(told):
    error = explain(400, json.dumps({"error": {"message": "No.", "vlm": told}}).encode())
    assert type(error) is Refused and "It said: 400 No." in str(error)


def test_what_a_server_says_of_an_error_is_bounded_and_without_the_key():
    told = {
        "error": {
            "message": f"{KEY} " * 1000,
            "vlm": {"kind": "Refused", "status": "x", "since": 7},
        }
    }
    error = explain(400, json.dumps(told).encode(), "3", key=KEY)
    assert (
        KEY not in str(error)
        and len(str(error)) <= 1000
        and (error.status, error.retry_after) == (0, 3)
    )


def test_what_fails_later_ends_the_stream_with_a_sentence_and_keeps_the_words():
    with serving(
        ScriptedEngine(Chunk("Half a "), Chunk("sentence"), Unreachable("The line broke."))
    ) as url:
        heard = []
        with pytest.raises(VLMError, match="The line broke"):
            for answer in ask(OpenAI(url, "", QUICK), LLAMA, HI):
                heard.append(answer.text)
        assert heard[-1] == "Half a sentence"
        assert post(url, body()).status_code == 502, "without a stream there are no words to keep"


def test_how_long_to_wait_is_passed_on():
    error = Refused("Slow down.", 429)
    error.retry_after = 12.0
    with serving(ScriptedEngine(error)) as url:
        assert post(url, body()).headers["Retry-After"] == "12"


# callers


def test_the_first_words_come_before_the_last_and_leaving_ends_the_call():
    engine = ScriptedEngine(Chunk("first"), threading.Event(), Chunk("never"))
    with serving(engine) as url:
        reply = post(url, body(stream=True), stream=True)
        lines = reply.iter_lines()  # when nobody holds it any more, its connection is closed
        assert b"first" in next(lines)
        assert not engine.stops[0].is_set()
        reply.close()
        assert until(engine.stops[0].is_set)
        assert until(
            lambda: requests.get(url.removesuffix("/v1") + "/health", timeout=5).json()["busy"] == 0
        )


def test_events_of_pieces_that_are_there_are_sent_together():
    gate, pool, sent = threading.Event(), WorkerPool(), []
    app = application(ScriptedEngine(Chunk("first"), gate, *map(Chunk, "manymore")), pool=pool)
    question = [{"type": "http.request", "body": json.dumps(body(stream=True)).encode()}]

    async def receive():
        return question.pop() if question else await asyncio.Event().wait()

    async def send(message):
        sent.append(message.get("body", b"").count(b"data: "))
        gate.set()
        if sent[-1]:
            await asyncio.to_thread(until, lambda: not pool.busy)

    finished(
        app(
            {
                "type": "http",
                "method": "POST",
                "path": "/v1/chat/completions",
                "query_string": b"",
                "headers": [],
            },
            receive,
            send,
        )
    )
    assert sent == [0, 1, 9, 1, 0], (
        "its head, the first piece, the others with the last word, [DONE] and the end"
    )


def test_leaving_a_call_that_does_not_stream_ends_it_too():
    engine = ScriptedEngine(Chunk("first"), threading.Event())
    with serving(engine) as url:
        with pytest.raises(requests.Timeout):
            requests.post(f"{url}/chat/completions", json=body(), timeout=0.5)
        assert until(engine.stops[0].is_set)


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_who_comes_when_all_places_are_taken_is_told_so_at_once():
    gate = threading.Event()
    engine = ScriptedEngine(Chunk("first "), gate, Chunk("last"))
    with serving(engine, pool=WorkerPool(parallel=1, waiting=1)) as url:
        replies = [post(url, body(stream=True), stream=True) for _ in range(1)]
        waits = threading.Thread(target=lambda: replies.append(post(url, body())))
        waits.start()
        assert until(
            lambda: requests.get(url.removesuffix("/v1") + "/health", timeout=5).json()["busy"] == 2
        )
        turned_away = post(url, body())
        assert turned_away.status_code == 503 and turned_away.headers["Retry-After"] == "1"
        gate.set()
        waits.join(10)
        assert replies[1].json()["choices"][0]["message"]["content"] == "first last"
        assert b"last" in replies[0].content


def test_a_question_that_is_not_sent_takes_no_memory_when_all_places_are_taken():
    with serving(ScriptedEngine(Chunk("yes")), pool=WorkerPool(parallel=1, waiting=-1)) as url:
        assert post(url, "no question at all").status_code == 503, "its body was not looked at"


def test_what_is_waited_for_is_seen_on_the_other_side():
    engine = ScriptedEngine(
        Chunk(status="Fetching the weights: 10 %."),
        Chunk(status="Fetching the weights: 90 %."),
        Chunk("Done.", literal=True),
    )
    with serving(engine) as url:
        here, there = (
            [answer.status for answer in ask(each, LLAMA, HI) if answer.status]
            for each in (engine, OpenAI(url, "", QUICK))
        )
    assert there == here and len(here) == 2


def test_a_stop_on_the_page_reaches_the_service_behind_the_server(wire):
    for leave in (
        lambda answers, stop: answers.close(),
        lambda answers, stop: (stop.set(), list(answers)),
    ):
        wire.script.append(say.sse(["one ", "two"], gate=threading.Event()))
        before, stop = wire.disconnects, CancelToken()
        with serving(NVIDIA(KEY, wire.url, QUICK)) as url:
            answers = ask(OpenAI(url, "", QUICK), LLAMA, HI, stop=stop)
            while not next(answers).text:
                pass
            leave(answers, stop)
            assert wire.until(lambda before=before: wire.disconnects == before + 1)


def test_a_client_that_is_patient_gets_its_place():
    gate = threading.Event()
    with serving(
        ScriptedEngine(Chunk("first "), gate, Chunk("last")), pool=WorkerPool(parallel=1, waiting=0)
    ) as url:
        held = post(url, body(stream=True), stream=True)
        threading.Timer(0.5, gate.set).start()
        patient = OpenAI(
            url, "", RequestPolicy(connect_timeout=2, idle_timeout=5, backoff=0.5, max_attempts=4)
        )
        *_, answer = ask(patient, LLAMA, HI)
        assert answer.text == "first last" and held.status_code == 200


def test_only_who_has_the_key_is_let_in():
    with serving(ScriptedEngine(Chunk("yes")), key="server-canary") as url:
        for headers in (
            {},
            {"Authorization": "Bearer no"},
            {"Authorization": "Bearer sérver".encode("latin-1")},
        ):
            reply = post(url, body(), headers=headers)
            assert reply.status_code == 401 and "server-canary" not in reply.text
            assert requests.get(f"{url}/models", headers=headers, timeout=5).status_code == 401
        assert LLAMA in OpenAI(url, "server-canary", QUICK).models()
        assert OpenAI(url, "", QUICK).models() == ()


# pictures by address


def public_everywhere(monkeypatch):
    """Or else nothing on this machine could be fetched."""
    for module in (client, transport):
        monkeypatch.setattr(module, "is_private", lambda host: False)


@pytest.mark.parametrize("address", [
    "http://127.0.0.1:{port}/a.png", "http://localhost:{port}/a.png", "http://0.0.0.0:{port}/a.png", "http://2130706433:{port}/a.png",
    "http://[::1]:{port}/a.png", "http://[::ffff:127.0.0.1]:{port}/a.png", "http://0x7f.1:{port}/a.png", "http://user@127.0.0.1:{port}/a",
])  # fmt: skip
def test_no_picture_is_fetched_from_a_private_address(address, wire):
    with serving(ScriptedEngine(Chunk("yes")), urls=True) as url:
        reply = post(url, image(address.format(port=wire.url.rpartition(":")[2])))
    assert (
        reply.status_code in (400, 502)
        and ("private one" in reply.text or "cannot be reached" in reply.text)
        and not wire.seen
    )


@pytest.mark.parametrize("answer, status, said", [
    (say.status(200, (ASSETS / "sign.jpg").read_bytes()), 200, "yes"), (say.status(404, "no"), 400, "answered 404"),
    (say.redirect("http://127.0.0.1:9/"), 400, "answered 302"), (say.status(200, b"<html>"), 400, "not a picture"), (say.drop(), 502, ""),
])  # fmt: skip
def test_a_picture_by_a_public_address(wire, monkeypatch, answer, status, said):
    public_everywhere(monkeypatch)
    wire.scripts["models"].append(answer)
    with serving(ScriptedEngine(Chunk("yes")), urls=True) as url:
        reply = post(url, image(f"{wire.url}/v1/models"))
    assert reply.status_code == status and said in reply.text


def test_a_picture_that_does_not_come_to_its_end_is_not_waited_for(wire, monkeypatch):
    public_everywhere(monkeypatch)
    monkeypatch.setattr(client, "_FETCH_POLICY", RequestPolicy(idle_timeout=0.2, max_attempts=1))
    wire.scripts["models"].append(say.slow_headers(60))
    with pytest.raises(Unreachable):
        client.fetch(f"{wire.url}/v1/models", CancelToken())


@pytest.mark.parametrize("host, public", [
    ("93.184.216.34", True), ("2606:4700::1", True), ("::ffff:8.8.8.8", True), ("64:ff9b::808:808", True), ("2002:808:808::1", True),
    ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False), ("0.0.0.0", False),
    ("100.64.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::", False), ("::1", False), ("fe80::1%eth0", False), ("fc00::1", False),
    ("fd00:ec2::254", False), ("ff0e::1", False), ("::ffff:10.0.0.1", False), ("::ffff:169.254.169.254", False), ("64:ff9b::7f00:1", False),
    ("64:ff9b::a9fe:a9fe", False), ("64:ff9b:1::1", False), ("2002:7f00:1::1", False), ("2002:a00:1::1", False), ("2001:0:7f00:1::1", False),
    ("::a00:1", False), ("::127.0.0.1", False), ("::8.8.8.8", False), ("::ffff:0:7f00:1", False), ("fec0::1", False), ("4000::1", False),
    ("2002:e000:1::1", False), ("2002:a9fe:a9fe::1", False), ("64:ff9b::e000:1", False), ("2a00:1450:4001::8a", True),
])  # fmt: skip
def test_which_addresses_are_public(host, public):
    assert transport.is_private(host) is not public


@pytest.mark.parametrize(
    "address", ["ftp://example.org/a", "/etc/passwd", "javascript:1", "gopher://x"]
)
def test_what_is_no_address_is_refused(address):
    with serving(ScriptedEngine(Chunk("yes")), urls=True) as url:
        assert post(url, image(address)).status_code == 400


@pytest.mark.parametrize("listed", [say.json_body({"data": []}), say.status(503, "no"), say.drop()])
def test_without_any_model_it_says_so_and_calls_none_missing(wire, listed):
    wire.scripts["models"] += [listed] * 3
    with serving(OpenAI(f"{wire.url}/v1")) as url:
        reply = post(url, body())
        assert requests.get(f"{url}/models", timeout=60).json()["data"] == []
    assert reply.status_code == 502
    assert "lists none, or could not be asked" in reply.json()["error"]["message"]


# the command


def test_the_command_serves_and_ends_when_it_is_told():
    command = [
        sys.executable,
        "-m",
        "vlm_backends.server",
        "--engine",
        "embedded",
        "--port",
        "8137",
    ]
    env = os.environ | {"VLM_SERVER_KEY": "server-canary", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said = process.stdout.readline()
            assert "http://127.0.0.1:8137/v1" in said and "canary" not in said
            assert until(lambda: answers("http://127.0.0.1:8137/health"), 20)
            assert FLORENCE in OpenAI("http://127.0.0.1:8137/v1", "server-canary", QUICK).models()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)


def answers(url):
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("env, said", [({"VLM_ENGINE": "nvidia"}, "NVIDIA_API_KEY"), ({"VLM_SERVER_KEY": "two words"}, "not a key"),
                                       ({"VLM_SERVERS": "nowhere.json"}, "could not be read")])  # fmt: skip
def test_a_server_that_cannot_begin_says_why(env, said):
    command = [sys.executable, "-m", "vlm_backends.server", "--port", str(free_port())]
    run = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=60)
    assert (
        run.returncode == 1
        and said in run.stderr
        and "Traceback" not in run.stderr
        and "two words" not in run.stderr
    )


@pytest.mark.parametrize("option", ["--parallel", "--waiting", "--grace"])
@pytest.mark.parametrize("value", ["-1", "many", "1.5", "", "9" * 12])
def test_a_number_that_cannot_be_is_refused(capsys, option, value):
    with pytest.raises(SystemExit) as left:
        main([option, value])
    assert left.value.code == 2 and f"{option}: give a whole number from" in capsys.readouterr().err


def test_regions_keep_their_outlines_and_their_places_in_the_text():
    mask = Region(
        "a cat",
        ((0.1, 0.2), (0.5, 0.25), (0.4, 0.9), (0.2, 0.7), (0.15, 0.4)),
        is_mask=True,
        span=(0, 5),
    )
    with serving(ScriptedEngine(Chunk("a cat", (mask,)))) as url:
        *_, answer = ask(
            OpenAI(url, "", QUICK), LLAMA, Prompt((Turn("user", "?", (SIGN,)),), LLAMA.sampling)
        )
    assert answer.regions == (mask,)

"""NVIDIA's wire over real sockets: the engine law, every fault, and what was really sent."""

import io
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from tests.support.wire import replies as say
from tests.support.wire.problems import problems as PROBLEMS
from vlm_backends import (
    CATALOGUE,
    TASKS,
    CancelToken,
    Gone,
    MissingKey,
    Prompt,
    Refused,
    Turn,
    Unreachable,
    VLMError,
    ask,
    connect,
    find_model,
    read,
    write_task,
)
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.nvidia import NVIDIA
from vlm_backends.engines.nvidia.api import NvidiaApi
from vlm_backends.engines.nvidia.jobs import NvidiaJob

KEY = "nvapi-canary-0123456789"
LLAMA, FLORENCE, KOSMOS = (
    "meta/llama-3.2-11b-vision-instruct",
    "microsoft/florence-2",
    "microsoft/kosmos-2",
)
CHATS = [model for model in CATALOGUE if not model.tasks]
QUICK = RequestPolicy(connect_timeout=2, idle_timeout=2, backoff=0.01, poll_interval=0.01)


def picture(size=(320, 200), format="JPEG"):
    buffer = io.BytesIO()
    Image.effect_mandelbrot(size, (-2, -1, 1, 1), 30).convert("RGB").save(buffer, format)
    return read(buffer.getvalue())


PICTURE = picture()


def answers(
    wire, id=LLAMA, text="What is in this image?", shown=PICTURE, task=None, stop=None, **policy
):
    """All answers of one question, as `ask` yields them."""
    engine = NVIDIA(KEY, wire.url, RequestPolicy(**{**QUICK.__dict__, **policy}))
    return ask(engine, find_model(id), Prompt((Turn("user", text, (shown,)),)), task, stop)


def last(iterator):
    *_, answer = iterator
    return answer


@pytest.mark.parametrize("model", CHATS, ids=lambda model: model.id)
def test_every_chat_model_answers(wire, model):
    answer = last(answers(wire, model.id, model.prompts[0]))
    assert answer.text and answer.sent.way == "inline" and answer.sent.width == 320
    (seen,) = wire.asked("chat")
    assert seen.token == KEY and seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Accept"] == ("text/event-stream" if model.streams else "application/json")
    assert ("stream" in seen.json) == model.streams
    assert ("model" in seen.json) == ("/v1/vlm/" not in model.url)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.token)
def test_every_florence_task_answers_by_asset(wire, task):
    region = (0.25, 0.25, 0.75, 0.75) if task.takes == "region" else None
    answer = last(answers(wire, FLORENCE, write_task(task, "a black dog", region), task=task))
    assert answer.text or answer.regions
    assert all(0 <= v <= 1 for r in answer.regions for point in r.outline for v in point)
    announce, upload, chat, result, delete = wire.seen
    assert [seen.route for seen in wire.seen] == ["announce", "upload", "chat", "result", "delete"]
    assert announce.json == {
        "contentType": "image/jpeg",
        "description": upload.headers["x-amz-meta-nvcf-asset-description"],
    }
    assert upload.headers["content-type"] == "image/jpeg" and upload.body == PICTURE.data
    assert upload.token is None and result.token is None, "the key went to the other host"
    assert announce.token == chat.token == delete.token == KEY
    (id,) = wire.deleted
    assert (
        chat.headers["NVCF-INPUT-ASSET-REFERENCES"] == chat.headers["NVCF-FUNCTION-ASSET-IDS"] == id
    )
    assert list(chat.json) == ["messages"] and answer.sent.way == "asset"
    assert not wire.assets


def test_kosmos_phrases_have_their_place_in_the_text(wire):
    answer = last(answers(wire, KOSMOS, "Who is in this photo?"))
    assert answer.regions
    for region in answer.regions:
        assert answer.text[slice(*region.span)] == region.label


def test_deplot_gives_rows(wire):
    answer = last(
        answers(wire, "google/deplot", "Generate underlying data table of the figure below:")
    )
    assert (
        len(answer.rows) >= 2
        and len({len(row) for row in answer.rows}) == 1
        and "<0x0A>" not in answer.text
    )


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_pieces_add_up(wire, framing, newline):
    wire.script.append(
        say.sse(["Grüße ", "aus ", "Köln: ", "東京"], framing=framing, newline=newline)
    )
    assert last(answers(wire)).text == "Grüße aus Köln: 東京"


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_the_first_piece_arrives_while_the_server_holds_the_rest(wire, framing):
    gate = threading.Event()
    wire.script.append(say.sse(["first ", "second"], framing=framing, gate=gate))
    arriving = answers(wire)
    texts = []
    for answer in arriving:
        texts.append(answer.text)
        if answer.text == "first":
            assert not gate.is_set()
            gate.set()
    assert texts[-1] == "first second" and "first" in texts


def test_closing_the_iterator_closes_the_socket(wire):
    wire.script.append(say.sse(["first ", "second"], gate=threading.Event()))
    arriving = answers(wire)
    assert next(answer for answer in arriving if answer.text).text == "first"
    arriving.close()
    assert wire.until(lambda: wire.disconnects == 1)


def stop_once_asked(wire, stop, route="chat"):
    """Cancel when the server has a request of this route; return whether the client then leaves."""
    assert wire.until(lambda: wire.asked(route))
    stop.set()
    return route == "status" or wire.until(lambda: wire.disconnects == 1)


@pytest.mark.parametrize("id, reply, route", [
    (LLAMA, lambda: say.sse(["first ", "second"], gate=threading.Event()), "chat"),
    (KOSMOS, lambda: say.slow_headers(3600), "chat"),  # nothing has come yet, not even a header
    (LLAMA, lambda: say.pending(1000), "status"),
])  # fmt: skip
def test_a_stop_from_another_thread_ends_the_call_at_once(wire, id, reply, route):
    wire.script.append(reply())
    stop = CancelToken()
    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(stop_once_asked, wire, stop, route)
        for answer in answers(wire, id, "Hello", stop=stop, idle_timeout=60, poll_interval=0.1):
            assert answer.text in ("", "first")
    assert left.result() and len(wire.asked("status")) < 1000


def test_a_stop_takes_the_asset_back(wire):
    wire.script.append(say.slow_headers(3600))
    stop = CancelToken()
    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(stop_once_asked, wire, stop)
        list(answers(wire, FLORENCE, "<OD>", stop=stop, idle_timeout=60))
    assert left.result()
    assert wire.until(lambda: wire.deleted) and not wire.assets


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_is_one_sentence(wire, name):
    wire.script.extend([PROBLEMS[name]] * 6)
    with pytest.raises(VLMError) as caught:
        last(answers(wire))
    sentence = str(caught.value)
    assert (
        sentence[0].isupper()
        and 20 < len(sentence) < 600
        and "<html" not in sentence.lower()
        and KEY not in sentence
    )
    gone = "410" in name or "function" in name
    assert not gone or isinstance(caught.value, Gone)


@pytest.mark.parametrize("status", [*range(400, 432), 451, 499, *range(500, 512), 520, 529, 599])
def test_only_vlmerror_comes_out_for_every_status(wire, status):
    wire.script.extend([say.status(status, "no")] * 3)
    with pytest.raises((Refused, Gone)):
        last(answers(wire, KOSMOS, "Hi"))
    retried = status in (429, 502, 503, 504)
    assert len(wire.asked("chat")) == (3 if retried else 1)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_fault_is_retried(wire, status):
    wire.script.append(say.status(status))
    assert last(answers(wire)).text
    assert len(wire.asked("chat")) == 2


def test_retry_after_is_honoured_and_a_long_one_told(wire):
    wire.script.append(say.status(429, headers={"Retry-After": "1"}))
    begun = time.monotonic()
    assert last(answers(wire)).text and time.monotonic() - begun >= 1
    wire.script.append(say.status(503, headers={"Retry-After": "10800"}))
    with pytest.raises(Refused, match="3 hours"):
        last(answers(wire))


def test_a_dropped_connection_is_tried_again(wire):
    wire.script.extend([say.drop(), say.drop()])
    assert last(answers(wire)).text
    assert len(wire.asked("chat")) == 3


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_cut_stream_keeps_its_words_and_is_not_asked_again(wire, framing):
    wire.script.append(say.sse(["one ", "two ", "three"], cut_after=2, framing=framing))
    seen = []
    with pytest.raises(Unreachable, match="kept"):
        for answer in answers(wire):
            seen.append(answer.text)
    assert seen[-1] == "one two" and len(wire.asked("chat")) == 1


def test_an_error_inside_the_stream_is_a_sentence(wire):
    wire.script.append(say.sse(["some words"], error={"message": "out of memory", "code": 500}))
    seen = []
    with pytest.raises(Refused, match="out of memory"):
        for answer in answers(wire):
            seen.append(answer.text)
    assert seen[-1] == "some words"


@pytest.mark.parametrize(
    "reply, said",
    [
        (say.half_json(), "half an answer"),
        (say.status(200, b"<html><body>Sign in</body></html>", "text/html"), "web page"),
        (say.status(200), "nothing"),
        (say.empty_zip(), "no answer"),
        (say.not_a_zip(), "broken"),
        (say.zip_bomb(64), "bomb"),
        (say.zip_many(), "too many files"),
        (say.redirect("ftp://example.org/x"), "address"),
    ],
    ids=["half", "html", "empty", "empty zip", "no zip", "bomb", "crowd", "redirect"],
)
def test_answers_that_are_none(wire, reply, said):
    wire.script.extend([reply] * 3)
    with pytest.raises(Unreachable, match=said):
        last(answers(wire, FLORENCE, "<OD>", idle_timeout=20))  # the bomb takes time to build
    assert not wire.assets, "the asset was left behind"


def test_a_zip_with_wicked_names_is_read_and_never_unpacked(wire, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wire.script.append(say.zip_traversal())
    assert last(answers(wire, FLORENCE, "<OD>")).text == "harmless"
    assert not list(tmp_path.rglob("*"))


def test_silence_is_noticed(wire):
    wire.script.append(say.sse(["one ", "two"], gate=threading.Event()))
    seen = []
    with pytest.raises(Unreachable, match="silent"):
        for answer in answers(wire, idle_timeout=0.5):
            seen.append(answer.text)
    assert seen[-1] == "one"


@pytest.mark.parametrize(
    "id, route",
    [(LLAMA, "/v1/status/"), ("microsoft/phi-3.5-vision-instruct", "/v2/nvcf/pexec/status/")],
)
def test_a_job_is_polled_where_its_host_has_a_status_route(wire, id, route):
    wire.script.append(say.pending(2))
    assert last(answers(wire, id)).text
    polls = wire.asked("status")
    assert len(polls) == 3 and all(
        seen.path.startswith(route) and seen.token == KEY for seen in polls
    )


def test_a_job_without_end_is_given_up(wire):
    wire.script.append(say.pending(1000))
    with pytest.raises(Unreachable, match="in time"):
        last(answers(wire, KOSMOS, "Hi", max_polls=5))


def test_a_job_that_was_taken_is_never_begun_twice(wire):
    wire.script.append(say.pending(1))
    wire.scripts["status"] += [say.status(503, "busy")]
    assert last(answers(wire, KOSMOS, "Hi")).text
    wire.script.append(say.pending(1))
    wire.scripts["status"] += [say.status(503, "busy")] * 9
    with pytest.raises(Refused):
        last(answers(wire, KOSMOS, "Hi"))
    assert len(wire.asked("chat")) == 2


def test_llama_is_asked_at_its_second_address_once(wire):
    wire.script.append(PROBLEMS[next(name for name in PROBLEMS if "410" in name)])
    assert last(answers(wire)).text
    assert [seen.path for seen in wire.asked("chat")] == [
        "/v1/gr/meta/llama-3.2-11b-vision-instruct/chat/completions", "/v1/chat/completions",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_page_of_small_print_goes_by_asset(wire):
    from PIL import ImageDraw

    page = Image.new("RGB", (2400, 3000), "white")
    pen = ImageDraw.Draw(page)
    for y in range(20, 2980, 24):
        pen.text(
            (20, y), f"{y} sphinx of black quartz judge my vow " * 9, fill="black", font_size=20
        )
    answer = last(answers(wire, "nvidia/neva-22b", "Read it.", read(page)))
    assert answer.sent.way == "asset" and answer.sent.width == 2400
    assert wire.deleted and not wire.assets


@pytest.mark.parametrize("broken", ["announce", "upload", "delete"])
def test_an_asset_store_that_fails(wire, broken, caplog):
    wire.scripts[broken].append(say.status(500, "no"))
    if broken == "delete":
        with caplog.at_level(logging.WARNING):
            assert last(answers(wire, FLORENCE, "<CAPTION>")).sent
        assert "not deleted" in caplog.text and KEY not in caplog.text
    else:
        with pytest.raises(Refused):
            last(answers(wire, FLORENCE, "<CAPTION>"))
        assert not wire.asked("chat")
        assert bool(wire.asked("delete")) == (broken == "upload")


def test_no_key_is_a_sentence(wire):
    with pytest.raises(MissingKey, match="build.nvidia.com"):
        last(ask(NVIDIA("", wire.url), find_model(LLAMA), Prompt((Turn("user", "x", (PICTURE,)),))))
    assert not wire.seen


def test_no_host_is_a_sentence():
    for url in ("http://127.0.0.1:9", "http://no-such-host.invalid", "https://127.0.0.1:9"):
        engine = NVIDIA(KEY, url, QUICK)
        with pytest.raises(Unreachable, match="cannot be reached"):
            last(ask(engine, find_model(LLAMA), Prompt((Turn("user", "x", (PICTURE,)),))))


def test_silence_law(wire, caplog):
    """The key appears in no repr, error, log line or address."""
    engine = connect({"NVIDIA_API_KEY": KEY, "NVIDIA_BASE_URL": wire.url})
    assert KEY not in repr(engine) and KEY not in str(engine)
    api = NvidiaApi(KEY, "", RequestPolicy())
    job = NvidiaJob(api, wire.url, api.authorization, None, CancelToken())
    assert KEY not in repr(job)
    with caplog.at_level(logging.DEBUG):
        for reply in (
            say.status(401, {"detail": f"bad key {KEY}"}), say.half_json(), say.status(500, f"Bearer {KEY}"),
            say.json_body({"error": {"code": 401, "message": f"no {KEY}"}}),
            *(say.status(401, "x" * length + KEY) for length in range(300 - len(KEY), 301)),
        ):  # fmt: skip
            wire.script.append(reply)
            with pytest.raises(VLMError) as caught:
                last(ask(engine, find_model(KOSMOS), Prompt((Turn("user", "x", (PICTURE,)),))))
            assert KEY[:12] not in str(caught.value) and KEY[:12] not in repr(caught.value)
    assert KEY not in caplog.text
    assert all(KEY not in seen.path + seen.query for seen in wire.seen)


def test_several_threads_do_not_mix(wire):
    results = {}

    def run(i):
        wire_answer = last(answers(wire, text=f"Question number {i}?"))
        results[i] = wire_answer.text

    threads = [threading.Thread(target=run, args=(i,)) for i in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(results) == 12 and all(f"number {i}?" in text for i, text in results.items())

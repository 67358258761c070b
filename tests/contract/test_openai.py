"""Any server with the OpenAI wire: what is asked of it, what it lists, and how it fails; over real sockets."""

import threading

import pytest

from tests.support.questions import PHI, QUICK, SLIDES
from tests.support.questions import deck_question as question
from tests.support.wire import replies as say
from vlm_backends import (
    BadPrompt,
    CancelToken,
    Gone,
    MissingKey,
    OpenAI,
    Prompt,
    Refused,
    Turn,
    Unreachable,
    VLMError,
    ask,
    connect,
    find_model,
    find_task,
)
from vlm_backends.engines import openai
from vlm_backends.engines.openai import listing

KEY = "server-canary-0123456789"


@pytest.fixture
def server(wire):
    openai.clear_cache()
    return OpenAI(f"{wire.url}/v1", KEY, QUICK)


def test_several_pictures_go_as_parts_in_their_order(wire, server):
    """The specification's question to Phi-3.5: a deck of slides, 1000 tokens, deterministic."""
    *_, answer = ask(server, PHI, question(SLIDES))
    body = wire.seen[-1].json
    text, *shown = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "Summarize the deck of slides."}
    assert len(shown) == 3 and len({part["image_url"]["url"] for part in shown}) == 3
    assert all(part["image_url"]["url"].startswith("data:image/png;base64,") for part in shown)
    assert {name: body[name] for name in body if name != "messages"} == {
        "model": PHI.id, "max_tokens": 1000, "temperature": 0.0, "top_p": 1.0, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert wire.seen[-1].token == KEY and wire.seen[-1].path == "/v1/chat/completions"
    assert answer.text and answer.sent.way == "inline" and "127.0.0.1" in answer.note
    assert answer.tokens, "the server counted"


def test_twenty_pictures_may_go_at_once(wire, server):
    list(ask(server, PHI, question((SLIDES * 7)[:19])))
    assert len(wire.seen[-1].json["messages"][0]["content"]) == 20


def test_the_list_decides_whom_it_answers_for(wire, server):
    assert PHI in server.models() and find_model("google/deplot") not in server.models()
    assert (
        server.capability(PHI).summary.startswith("ready at 127.0.0.1")
        and "not served" in server.capability(find_model("google/deplot")).summary
    )
    assert len(wire.asked("models")) == 1, "the list is asked for once a minute"


@pytest.mark.parametrize("reply", [say.json_body({"data": [{"id": "microsoft/Phi-3.5-vision-instruct"}]}),
                                   say.json_body({"data": [{"id": 7}, "x", {"id": "Microsoft/PHI-3.5-vision-instruct"}]}),
                                   say.json_body({"data": [{"id": "microsoft/Phi-3.5-Vision-instruct:latest"}]})])  # fmt: skip
def test_the_name_is_the_servers_own(wire, server, reply):
    wire.scripts["models"].append(reply)
    wire.script.append(say.sse(["yes"]))
    list(ask(server, PHI, question()))
    assert (
        wire.asked("chat")[-1].json["model"].lower().removesuffix(":latest") == PHI.id
        and wire.asked("chat")[-1].json["model"] != PHI.id
    )


@pytest.mark.parametrize("reply", [say.status(401, "no"), say.status(500, "no"), say.json_body([]), say.json_body({"data": 7}),
                                   say.half_json(), say.drop(), say.status(200, "<html>")])  # fmt: skip
def test_a_list_that_cannot_be_had_is_empty(wire, server, reply):
    wire.scripts["models"].append(reply)
    assert server.models() == ()


@pytest.mark.parametrize("reply", [say.status(503, "no"), say.half_json(), say.drop()])
def test_a_list_that_could_not_be_had_is_asked_for_again(wire, server, reply, monkeypatch):
    wire.scripts["models"].append(reply)
    monkeypatch.setattr(listing, "_PAUSE", 3600)
    assert server.models() == () == server.models()
    assert len(wire.asked("models")) == 1, "not at once"
    monkeypatch.setattr(listing, "_PAUSE", 0)
    assert PHI in server.models()


def test_a_task_of_florence_keeps_its_grammar(wire, server):
    wire.script.append(say.sse(["car<loc_100><loc_100><loc_500><loc_500>"]))
    task = find_task("<OD>")
    *_, answer = ask(
        server,
        find_model("microsoft/florence-2"),
        Prompt((Turn("user", "<OD>", SLIDES[:1]),)),
        task,
    )
    assert answer.text == "car" and len(answer.regions) == 1
    assert set(wire.seen[-1].json) == {
        "model",
        "messages",
        "stream",
        "stream_options",
        "skip_special_tokens",
    }


def tabled(rows) -> dict:
    return say.whole_reply("a table") | {"vlm": {"literal": True, "rows": rows, "note": "Read."}}


@pytest.mark.parametrize("rows", [
    [["a", "b"], ["1", "2"]], [["a"]], [["", ""], ["", ""]], [["a | b", "<b>"], ["\n", "日本"]], [["x"]] * 1_000, [["x"] * 1_000],
], ids=["two", "one", "empty", "odd", "long", "wide"])  # fmt: skip
def test_rows_of_a_server_of_ours_become_rows(wire, server, rows):
    wire.script.append(say.json_body(tabled(rows)))
    *_, answer = ask(server, PHI, question())
    assert [list(row) for row in answer.rows] == rows and answer.text == "a table"


@pytest.mark.parametrize("rows", [
    None, True, 0, 7, "", "a | b", {}, {"0": ["a"]}, [], [[]], [[], []], ["a"], ["ab", "cd"], [None], [["a"], None], [["a"], "b"],
    [["a", "b"], ["1"]], [["a"], ["1", "2"]], [["a"], []], [["a", 1]], [["a", None]], [["a", ["b"]]], [["a", {"b": 1}]], [["a", True]],
    [["a"], [1.5]], [{"a": "b"}], [[["a"]]], [["x"]] * 1_001, [["x"] * 1_001], [["x"], ["x"] * 10_000],
], ids=lambda rows: str(rows)[:24])  # fmt: skip
def test_what_is_no_table_of_words_is_passed_over(wire, server, rows):
    wire.script.append(say.json_body(tabled(rows)))
    *_, answer = ask(server, PHI, question())
    assert answer.rows == () and answer.text == "a table" and "Read." in answer.note


@pytest.mark.parametrize("vlm", [None, 7, "rows", [], [["a"]], {"rows": [["a"]], "literal": "yes"}])
def test_fields_of_ours_that_are_none_leave_the_words(wire, server, vlm):
    wire.script.append(say.json_body(say.whole_reply("a table") | {"vlm": vlm}))
    *_, answer = ask(server, PHI, question())
    assert answer.text == "a table" and not answer.literal


def test_a_long_cell_is_cut(wire, server):
    wire.script.append(say.json_body(tabled([["a"], ["x" * 50_000]])))
    *_, answer = ask(server, PHI, question())
    assert answer.rows == (("a",), ("x" * 2_000,))


def test_regions_of_the_wire_become_regions(wire, server):
    wire.script.append(
        say.json_body(
            say.whole_reply(
                "a dog",
                [{"phrase": "a dog", "bboxes": [[0.1, 0.1, 0.5, 0.5]], "start": 0, "end": 4}],
            )
        )
    )
    *_, answer = ask(server, find_model("microsoft/kosmos-2"), question())
    assert [region.label for region in answer.regions] == ["a dog"]


def test_the_first_words_come_while_the_server_holds_the_rest(wire, server):
    gate = threading.Event()
    wire.script.append(say.sse(["first ", "second"], gate=gate))
    answers = ask(server, PHI, question())
    while not (answer := next(answers)).text:
        pass
    assert answer.text == "first" and not gate.is_set()
    gate.set()
    assert [*answers][-1].text == "first second"


def test_stop_and_leaving_close_the_socket(wire, server):
    for leave in (
        lambda answers, stop: answers.close(),
        lambda answers, stop: (stop.set(), list(answers)),
    ):
        before, stop = wire.disconnects, CancelToken()
        wire.script.append(say.sse(["one ", "two"], gate=threading.Event()))
        answers = ask(server, PHI, question(), stop=stop)
        while not next(answers).text:
            pass
        leave(answers, stop)
        assert wire.until(lambda before=before: wire.disconnects == before + 1)


@pytest.mark.parametrize("status", [*range(400, 418), 422, 429, 500, 502, 503, 504, 529, 599])
def test_every_status_is_a_sentence_without_the_key(wire, server, status):
    wire.script += [say.status(status, {"error": {"message": f"context is 4096 tokens {KEY}"}})] * 5
    with pytest.raises(VLMError) as caught:
        list(ask(server, PHI, question()))
    assert (
        KEY not in str(caught.value)
        and "127.0.0.1" in str(caught.value)
        or isinstance(caught.value, Refused)
    )


@pytest.mark.parametrize("reply, kind, words", [
    (say.status(404, {"error": {"message": "The model `x` does not exist by the name"}}), Gone, "does not serve"),
    (say.status(404, {"error": {"message": "The model `x/y` does not exist.", "code": 404}}), Gone, "does not serve"),
    (say.status(404, {"error": {"message": 'model "x" not found, try pulling it first'}}), Gone, "does not serve"),
    (say.sse(["half "], cut_after=1), Unreachable, "broke off"),
    (say.half_json(), Unreachable, None), (say.status(200, "<html>hello"), VLMError, None),
    (say.json_body({"error": {"message": "CUDA out of memory", "code": 500}}), Refused, "out of memory"),
])  # fmt: skip
def test_replies_that_fail_are_sentences(wire, server, reply, kind, words):
    wire.script += [reply] * 4
    with pytest.raises(kind, match=words):
        list(ask(server, PHI, question()))


def test_no_server_is_a_sentence_and_lists_nothing():
    lost = OpenAI("http://127.0.0.1:9/v1", "", QUICK)
    assert lost.models() == ()
    with pytest.raises(Unreachable, match="cannot be reached"):
        list(ask(lost, PHI, question()))


def test_without_a_picture_it_asks_for_one(server):
    with pytest.raises(BadPrompt, match="picture"):
        list(ask(server, PHI, Prompt((Turn("user", "Hi"),))))


def test_it_is_chosen_by_its_address():
    found = connect({"VLM_BASE_URL": "http://localhost:8000/v1", "VLM_API_KEY": KEY})
    assert isinstance(found, OpenAI) and KEY not in repr(found)
    assert not isinstance(
        connect({"VLM_BASE_URL": "http://localhost:8000/v1", "VLM_ENGINE": "embedded"}), OpenAI
    )
    for bad in (
        {"VLM_BASE_URL": "localhost:8000"},
        {"VLM_BASE_URL": "file:///etc"},
        {"VLM_BASE_URL": "http://[::1:8000/v1"},
        {"VLM_BASE_URL": "http://a", "VLM_API_KEY": "é"},
    ):
        with pytest.raises(BadPrompt):
            connect(bad)
    with pytest.raises(MissingKey, match="VLM_BASE_URL"):
        connect({"VLM_ENGINE": "openai"})

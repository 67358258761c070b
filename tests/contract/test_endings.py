"""How replies end, on both wires: an error is an error wherever it stands, and an early end is told; over real sockets."""

import io
import json
import re
import threading

import pytest
from PIL import Image

from tests.support.broken_replies import head, raw
from tests.support.questions import LLAMA, PHI, QUICK
from tests.support.sloppy_streams import END, ERRORS, SSE, WORDS, delta, stream, whole
from tests.support.wire import Wire
from tests.support.wire import replies as say
from vlm_backends import (
    NVIDIA,
    OpenAI,
    Prompt,
    Question,
    Refused,
    Reply,
    Turn,
    Unreachable,
    VLMError,
    find_model,
    read,
)

KEY = "nvapi-canary-0123456789"
KOSMOS = find_model("microsoft/kosmos-2")
_dot = io.BytesIO()
Image.new("RGB", (32, 32), "navy").save(_dot, "PNG")
DOT = read(_dot.getvalue())
WIRES = {  # the engine, and a model that streams there
    "NVIDIA": (lambda wire: NVIDIA(KEY, wire.url, QUICK), LLAMA),
    "OpenAI": (lambda wire: OpenAI(f"{wire.url}/v1", "", QUICK), PHI),
}


@pytest.fixture(scope="module")
def service():
    with Wire() as wire:
        yield wire


@pytest.fixture
def wire(service):
    """Return the module's service without what other tests had it say."""
    service.script.clear()
    service.seen.clear()
    return service


@pytest.fixture(params=WIRES)
def talk(wire, request):
    """Return a function that has one question answered by a body: the reply at its end."""
    make, streaming = WIRES[request.param]

    def ask(*bodies, kind=SSE, model=streaming):
        wire.script += [body if callable(body) else say.status(200, body, kind) for body in bodies]
        reply = Reply(Question(model, prompt(model)), make(wire))
        try:
            for _ in reply.updates():
                pass
        except VLMError as error:
            assert error is reply.error
        return reply

    return ask


def prompt(model):
    return Prompt((Turn("user", "What?", (DOT,)),), model.sampling)


def told(reply) -> str:
    """Return what a person is told besides who answered."""
    who = re.match(r"Answered by [^:]*? at (NVIDIA|127\.0\.0\.1:\d+)\.( |$)", reply.answer.note)
    assert who, reply.answer.note
    return reply.answer.note[who.end() :]


# errors


@pytest.mark.parametrize("error, said", ERRORS.values(), ids=ERRORS)
def test_an_error_after_words_is_told_and_the_words_stay(talk, error, said):
    reply = talk(stream(*WORDS, error))
    assert reply.answer.text == "Half an answer"
    assert (
        isinstance(reply.error, Refused)
        and said in str(reply.error)
        and "{" not in str(reply.error)
    )


@pytest.mark.slow
@pytest.mark.parametrize("error, said", ERRORS.values(), ids=ERRORS)
def test_an_error_is_told_in_the_first_event_and_as_the_whole_body(talk, error, said):
    bodies = stream(error), json.dumps(error).encode(), json.dumps(error, indent=2).encode()
    for body, kind in zip(bodies, (SSE, SSE, "application/json")):
        reply = talk(*[body] * 3, kind=kind)
        assert reply.error and said in str(reply.error) and not reply.answer.text, body


@pytest.mark.slow
@pytest.mark.parametrize(
    "error, said", [row for row in ERRORS.values() if "choices" not in row[0]], ids=lambda value: ""
)
def test_an_error_is_told_without_a_field_with_a_field_of_its_own_and_after_the_end(
    talk, error, said
):
    line = json.dumps(error).encode()
    for body in (
        stream(*WORDS, line + b"\n\n"),
        stream(*WORDS, line, done=False),
        stream(*WORDS, json.dumps(error, indent=1).encode() + b"\n\n"),
        stream(*WORDS, b"error: " + line + b"\n\n"),
        stream(*WORDS, b"event: error\ndata: " + line + b"\n\n"),
        stream(*WORDS, b"event: error\n" + line + b"\n\n"),
        stream(*WORDS, END) + stream(error),
        stream(*WORDS, END) + line,
    ):
        reply = talk(body)
        assert reply.error and said in str(reply.error), body
        assert reply.answer.text == "Half an answer" and "{" not in str(reply.error), body


@pytest.mark.parametrize("body, said", [
    (b"event: error\ndata: {\"message\":\"Overloaded\"}\n\ndata: [DONE]\n\n", "Overloaded"), (b"event: error\ndata: Overloaded\n\n", "Overloaded"),
    (b"event:error\ndata: out of memory", "out of memory"), (b"event: error\n\ndata: [DONE]\n\n", "failed"), (b"event: server_error\ndata: {}\n\n", "failed"),
    (b"error: no slot is free\n\n", "no slot"), (b"error:{\"code\":400,\"message\":\"exceeds the context size\"}\n\ndata: [DONE]\n\n", "longer than the model"),
    (b"event: error\r\ndata: {\"error\":\r\ndata: {\"message\": \"two lines\"}}\r\n\r\n", "two lines"),
    (b"data: Internal Server Error\n\n", "plain text"), (b"data: <html>oops</html>\n\n", "web page"), (b"<!DOCTYPE html><title>Log in</title>", "web page"),
    (b"data: 7\n\n", "not an answer"), (b"{\"hello\": \"world\"}", "not an answer"), (b"data: {\"hello\": 1}\n\ndata: [DONE]\n\n", "not an answer"),
    (b"", "broke off|nothing"), (b"data: {\"choices\": [", "broke off"), (b": wait\n\n", "broke off"),
], ids=lambda value: str(value)[:30])  # fmt: skip
@pytest.mark.parametrize("kind", [SSE, "application/json", "text/html"])
def test_what_is_no_answer_is_an_error(talk, body, said, kind):
    reply = talk(*[body] * 3, kind=kind)
    assert reply.error and not reply.answer.text
    if kind == SSE or b"[DONE]" in body:
        assert re.search(said, str(reply.error))


def test_words_that_come_with_an_error_stay(talk):
    tail = {"choices": [{"index": 0, "delta": {"content": " more"}, "finish_reason": "error"}]}
    assert talk(stream(*WORDS, tail)).answer.text == "Half an answer more"
    body = json.dumps(whole("All that came", "error")).encode()
    reply = talk(body, kind="application/json")
    assert reply.answer.text == "All that came" and reply.error


@pytest.mark.parametrize("status", [None, 400, 429, 500, 599])
def test_a_status_is_said_only_where_the_service_said_it(talk, status):
    error = {"error": {"message": "no luck"} | ({"code": status} if status else {})}
    reply = talk(*[stream(*WORDS, error)] * 3)
    assert reply.error.status == (status or 500)
    assert f"(It said: {status} no luck)" in str(reply.error) or not status
    assert status or "(It said: no luck)" in str(reply.error)


def test_a_model_that_is_missing_within_a_stream_was_not_withdrawn_by_a_server_of_ones_own(wire):
    wire.script.append(
        say.sse([{"error": {"message": "model 'x' not found", "code": 404}}], done=False)
    )
    server = OpenAI(f"{wire.url}/v1", "", QUICK)
    reply = Reply(Question(PHI, prompt(PHI)), server)
    with pytest.raises(VLMError, match="does not serve"):
        list(reply)


def test_a_thought_that_was_heard_is_not_asked_for_again(wire, talk):
    reply = talk(
        stream(delta(reasoning_content="Let me see"), {"error": {"message": "gone", "code": 503}})
    )
    assert reply.error and reply.answer.thought == "Let me see" and len(wire.asked("chat")) == 1


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b'data: {"choices": [], "usage": {"completion_tokens": 3}}\n\n',
        b": bye\n\n",
        b"\r\n\r\n",
        delta("never said"),
    ],
)
def test_what_comes_after_the_end_is_no_error_unless_it_is_one(talk, tail):
    tail = tail if isinstance(tail, bytes) else stream(tail, done=False)
    reply = talk(stream(*WORDS, END) + tail)
    assert reply.error is None and reply.answer.text == "Half an answer"


@pytest.mark.parametrize("then", ["hang", "reset"])
def test_a_server_that_keeps_its_connection_after_the_end_is_not_waited_for(talk, then):
    reply = talk(raw(head(kind=SSE) + stream(*WORDS, END), then=then))
    assert reply.error is None and reply.answer.text == "Half an answer"


# answers about errors


@pytest.mark.parametrize("words", [
    '{"error": {"message": "out of memory", "code": 500}}', '{"title": "Not Found", "status": 404, "detail": "x"}', "event: error\ndata: oops\n\ndata: [DONE]\n\n",
    "error: disk is full", "The sign says: Error 404, not found.", '[{"error": "x"}]', "<html>503</html>", '{"choices": [{"finish_reason": "error"}]}',
])  # fmt: skip
def test_an_answer_about_an_error_stays_an_answer(talk, words):
    for body, kind in (
        (stream(delta(words[:5]), delta(words[5:]), END), SSE),
        (json.dumps(whole(words)).encode(), "application/json"),
    ):
        reply = talk(body, kind=kind)
        assert (
            reply.error is None and reply.answer.text == words.strip() and not reply.answer.finish
        )


@pytest.mark.parametrize(
    "nothing", [None, False, "", {}, {"code": None, "message": ""}, {"code": 0}]
)
def test_an_empty_error_field_is_no_error(talk, nothing):
    reply = talk(stream(*({**each, "error": nothing} for each in (*WORDS, END))))
    assert reply.error is None and reply.answer.text == "Half an answer"


# early ends


ENDINGS = [  # the reason as it is said, as it is kept, and what a person reads of it
    ("length", "length", "cut off"), ("max_tokens", "length", "cut off"), ("MAX_TOKENS", "length", "cut off"), ("FINISH_REASON_MAX_TOKENS", "length", "cut off"),
    ("content_filter", "content_filter", "content filter"), ("SAFETY", "content_filter", "content filter"), ("content-filter", "content_filter", "content filter"),
    ("tool_calls", "tool_calls", "tool"), ("function_call", "tool_calls", "tool"), ("abort", "abort", "“abort”"), ("time_limit", "time_limit", "“time_limit”"),
    ("stop", "", ""), ("STOP", "", ""), ("eos_token", "", ""), ("end_turn", "", ""), ("stop_sequence", "", ""), ("", "", ""), (None, "", ""), (7, "", ""),
]  # fmt: skip


@pytest.mark.parametrize("reason, finish, said", ENDINGS, ids=lambda value: str(value))
def test_the_words_stay_and_a_note_says_how_the_reply_ended(talk, reason, finish, said):
    bodies = (
        (stream(*WORDS, delta("", reason)), SSE),
        (json.dumps(whole("Half an answer", reason)).encode(), "application/json"),
    )
    for body, kind in bodies:
        reply = talk(body, kind=kind)
        assert reply.error is None and (reply.answer.text, reply.answer.finish) == (
            "Half an answer",
            finish,
        )
        assert said in told(reply) and bool(told(reply)) == bool(said)


@pytest.mark.parametrize("payloads, thought, said", [
    ([delta(reasoning_content="Let me"), delta("", "stop")], "Let me", "only thought"), ([delta(reasoning="Let me"), delta("", "length")], "Let me", "before it said anything"),
    ([delta("<think>Let me")], "Let me", "only thought"), ([delta("Let me.\n</think>\n\n"), delta("", "stop")], "Let me.", "only thought"),
    ([delta([{"type": "thinking", "thinking": [{"type": "text", "text": "Let me"}]}])], "Let me", "only thought"),
    ([delta(reasoning_details=[{"type": "reasoning.text", "text": "Let me"}])], "Let me", "only thought"),
    ([delta("", "length")], "", "before it said anything"), ([delta("", "content_filter")], "", "content filter"), ([delta(None, "stop")], "", "without a word"),
    ([], "", "without a word"), ([delta(" \n"), delta("", "stop")], "", "without a word"), ([delta("<|im_end|>")], "", "without a word"),
    ([delta(None, tool_calls=[{"function": {"name": "look", "arguments": "{}"}}]), delta(None, "tool_calls")], "", "call a tool"),
    ([delta(None, "stop", tool_calls=[{"function": {"name": "look"}}])], "", "call a tool"), ([delta(None, "stop", function_call={"name": "look"})], "", "call a tool"),
], ids=range(15))  # fmt: skip
def test_a_reply_without_words_says_why(talk, payloads, thought, said):
    reply = talk(stream(*payloads))
    assert reply.error is None and reply.answer.text == "" and reply.answer.thought == thought
    assert said in told(reply)


@pytest.mark.parametrize("payloads, text", [
    ([delta(refusal="I cannot "), delta(refusal="help."), END], "I cannot help."), ([delta("Well. "), delta(refusal="No."), END], "Well. No."),
    ([delta([{"type": "refusal", "refusal": "No."}]), END], "No."), ([delta("Yes.", refusal=None), END], "Yes."), ([delta("Yes.", refusal=""), END], "Yes."),
])  # fmt: skip
def test_a_refusal_is_the_models_words_and_is_called_one(talk, payloads, text):
    reply = talk(stream(*payloads))
    assert reply.answer.text == text and ("declined" in told(reply)) == ("Yes" not in text)
    assert (reply.answer.finish == "refusal") == ("Yes" not in text)


@pytest.mark.parametrize("fields", [
    {"reasoning_content": "Hm."}, {"reasoning": "Hm."}, {"reasoning": "Hm.", "reasoning_content": "Hm."}, {"thinking": "Hm."},
    {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
])  # fmt: skip
def test_a_thought_is_kept_apart_from_the_answer(talk, fields):
    for body, kind in (
        (stream(delta(None, **fields), delta("It says STOP."), END), SSE),
        (json.dumps(whole("It says STOP.", **fields)).encode(), "application/json"),
    ):
        answer = talk(body, kind=kind).answer
        assert (answer.text, answer.thought) == ("It says STOP.", "Hm.")


def test_parts_of_a_message_that_think_are_a_thought(talk):
    parts = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "STOP"},
        {"type": "reasoning", "text": " Ah."},
        {"type": "output_text", "text": "."},
        "!",
    ]
    answer = talk(json.dumps(whole(parts)).encode(), kind="application/json").answer
    assert (answer.text, answer.thought) == ("STOP.!", "Hm. Ah.")


def test_a_model_that_does_not_stream_is_told_apart_as_well(wire):
    engine = NVIDIA(KEY, wire.url, QUICK)
    for body, said in (
        (whole("A dog on", "length"), "cut off"),
        (whole("", "content_filter"), "content filter"),
        (whole(None), "without a word"),
    ):
        wire.script.append(say.json_body(body))
        *_, answer = Reply(Question(KOSMOS, prompt(KOSMOS)), engine)
        assert said in answer.note and answer.note.startswith("Answered by Kosmos-2 at NVIDIA.")
    wire.script.append(say.json_body({"error": {"message": "no luck", "code": 400}}))
    with pytest.raises(Refused, match="no luck"):
        list(Reply(Question(KOSMOS, prompt(KOSMOS)), engine))


# sloppy servers


HELLO = delta("Hel"), delta("lo"), delta("", "stop")
PLAIN = stream(*HELLO)
TOLERATED = {
    **{f"labelled {kind or 'not at all'}": (PLAIN, kind) for kind in ("application/json", "text/plain", "application/x-ndjson", "", "TEXT/EVENT-STREAM; x")},
    "a byte order mark": (b"\xef\xbb\xbf" + PLAIN, SSE), "a mark under another name": (b"\xef\xbb\xbf" + PLAIN, "application/json"),
    "blank lines before": (b"\r\n\n \n" + PLAIN, "text/plain"), "CR": (stream(*HELLO, newline="\r"), SSE), "CRLF": (stream(*HELLO, newline="\r\n"), SSE),
    "mixed line ends": (stream(HELLO[0], newline="\r\n", done=False) + stream(HELLO[1], newline="\r", done=False) + stream(HELLO[2]), SSE),
    "comments": (b": wait\n\n" * 3 + stream(HELLO[0], b": wait\n\n", *HELLO[1:]), SSE), "only a colon": (b":\n\n" + PLAIN, "application/json"),
    "empty data": (b"data:\n\n" + stream(HELLO[0], b"data: \n\ndata\n\n", *HELLO[1:]), SSE), "ids and times": (b"id: 7\nretry: 100\n" + PLAIN, "text/plain"),
    "named events": (stream(b"event: message\n", HELLO[0], b"event: completion\n", *HELLO[1:]), SSE), "no space": (PLAIN.replace(b"data: ", b"data:"), SSE),
    "lines within an event": (b"".join(b"data: " + line + b"\n" for line in json.dumps(HELLO[0], indent=1).encode().split(b"\n")) + b"\n" + stream(*HELLO[1:]), SSE),
    "lines without the field": (b"data: " + json.dumps(HELLO[0], indent=1).encode() + b"\n\n" + stream(*HELLO[1:]), SSE),
    "lines of JSON": (b"".join(json.dumps(each).encode() + b"\n" for each in HELLO), "application/x-ndjson"),
    "no blank line at the end": (stream(*HELLO, done=False)[:-2], SSE), "no end of line": (PLAIN.rstrip(), SSE), "an end in quotes": (stream(*HELLO, '"[DONE]"', done=False), SSE),
    "an end without its field": (stream(*HELLO[:2], b"[DONE]\n\n", done=False), SSE), "a role first": (stream(delta(role="assistant"), *HELLO), SSE),
    "the whole message last": (stream(*HELLO[:2], whole("Hello")), SSE), "the whole message beside an empty delta": (
        stream(*HELLO[:2], {"choices": [{"index": 0, "delta": {}, "message": {"content": "Hello"}, "finish_reason": "stop"}]}), SSE),
    "the rest in the message": (stream(HELLO[0], whole("Hello")), SSE), "the message alone": (stream({"choices": [{"index": 0, "delta": {"role": "assistant"}, "message": {"content": "Hello"}}]}), SSE),
    "all words as the last delta": (stream(*HELLO[:2], delta("Hello", "stop")), SSE), "a message in other blanks": (stream(delta(" Hel"), delta("lo\n"), whole("Hello")), SSE),
    "an empty reason": (stream(delta("Hel", ""), delta("lo", "")), SSE), "no reason, then the end": (stream(*HELLO[:2]), SSE),
    "an older field": (stream({"choices": [{"text": "Hel"}]}, {"choices": [{"text": "lo", "finish_reason": "stop"}]}), SSE),
    "usage and no choices": (stream(*HELLO, {"choices": [], "usage": {"completion_tokens": 2}}, {"usage": {"completion_tokens": 2}}), SSE),
    "pings": (stream({"type": "ping"}, *HELLO), SSE), "filters first": (stream({"choices": [], "prompt_filter_results": []}, *HELLO), SSE),
    "one body": (json.dumps(whole("Hello")).encode(), "application/json"), "one body under another name": (json.dumps(whole("Hello")).encode(), SSE),
    "one body with a mark": (b"\xef\xbb\xbf" + json.dumps(whole("Hello")).encode(), "application/json"),
}  # fmt: skip


@pytest.mark.parametrize("body, kind", TOLERATED.values(), ids=TOLERATED)
def test_a_sloppy_server_is_understood(talk, body, kind):
    reply = talk(body, kind=kind)
    assert reply.error is None and reply.answer.text == "Hello" and not reply.answer.thought
    assert told(reply) == ""


@pytest.mark.parametrize(
    "words", [["ha", "ha"], ["no", " no", " no no"], ["1", "1"], ["Hello", "Hello"]]
)
def test_words_that_repeat_themselves_are_kept(talk, words):
    """Only the last piece may repeat, and only all of the others."""
    reply = talk(stream(*map(delta, words), END))
    assert reply.answer.text == "".join(words)
    *first, last = words
    if len(first) == 1:
        assert talk(stream(*map(delta, first), delta(last, "stop"))).answer.text == "".join(words)


@pytest.mark.parametrize("body", [
    stream(delta("Half an", ""), done=False), stream(*WORDS, done=False), stream(*WORDS, delta(None, None), done=False), stream(*WORDS, done=False)[:-9],
    stream(delta("Half an"), b'data: {"choi', done=False), stream(delta("Half an"), b'{"error": {"mess', done=False), stream(delta("Half an"), {"choices": []}, done=False),
], ids=range(7))  # fmt: skip
def test_a_stream_without_an_end_broke_off(talk, body):
    reply = talk(body)
    assert isinstance(reply.error, Unreachable) and "broke off" in str(reply.error)
    assert reply.answer.text.startswith("Half an")


def test_the_first_words_of_a_mislabelled_stream_come_before_the_rest(wire):
    gate = threading.Event()

    def reply(exchange):
        exchange.begin("application/json", {}, True)
        exchange.write(stream(delta("first "), done=False))
        gate.wait(30)
        exchange.write(stream(delta("second"), END))
        exchange.end()

    wire.script.append(reply)
    answers = iter(Reply(Question(PHI, prompt(PHI)), OpenAI(f"{wire.url}/v1", "", QUICK)))
    while not (answer := next(answers)).text:
        pass
    assert answer.text == "first" and not gate.is_set()
    gate.set()
    assert [*answers][-1].text == "first second"


@pytest.mark.parametrize(
    "pieces",
    [[PLAIN], [PLAIN[:-14], PLAIN[-14:]], [PLAIN[:-1], PLAIN[-1:]], [PLAIN.rstrip()]],
    ids=range(4),
)
def test_a_server_that_closes_at_once_after_the_end_is_understood(talk, pieces):
    """However its last bytes come: the connection may be closed before its end is read."""
    for pause in (0.0, 0.01):
        reply = talk(raw(head(kind=SSE), *pieces, pause=pause))
        assert reply.error is None and reply.answer.text == "Hello"

"""Events from bytes, as the format has them and as servers bend it: the same however the bytes are cut."""

import pytest

from vlm_backends import Unreachable
from vlm_backends.engines.http import decode, sse

BENT = {  # a stream, and the data of its events; an error by its name or field is marked with “!”
    "an event named error": ('event: error\ndata: {"a": 1}\n\ndata: x\n\n', ['!{"a": 1}', "x"]),
    "named so, after its data": ("data: x\nevent: error\n\ndata: y\n\n", ["!x", "y"]),
    "named so, without data": ("event: error\n\ndata: x\n\n", ["!", "x"]),
    "another name": ("event: message\ndata: x\n\n", ["x"]),
    "a name without data": ("event: ping\n\ndata: x\n\n", ["x"]),
    "a field error": ("error: oops\ndata: x\n\n", ["! oops", "x"]),
    "a field error at the end": ("data: x\n\nerror: oops", ["x", "! oops"]),
    "JSON without a field": ('data: x\n\n{"error": 1}\n\n', ["x", '{"error": 1}']),
    "a list without a field": ('[{"error": 1}]\ndata: x\n\n', ['[{"error": 1}]', "x"]),
    "JSON on several lines": ('{\n "error": {\n  "a": 1\n }\n}\ndata: x\n\n', ['{\n "error": {\n  "a": 1\n }\n}', "x"]),
    "more lines of an event's JSON": ('data: {\n "a": 1\n}\n\n', ['{\n "a": 1\n}']),
    "JSON under an error's name": ('event: error\n{"a": 1}\n\n', ['!{"a": 1}']),
    "lines of JSON": ('{"a": 1}\n{"b": 2}\n', ['{"a": 1}', '{"b": 2}']),
    "JSON between the lines of an event": ('data: x\n{"a": 1}\ndata: y\n\n', ["x", '{"a": 1}', "y"]),
    "a whole event at the end": ('data: x\n\ndata: {"a": 1}', ["x", '{"a": 1}']),
    "half an event at the end": ('data: x\n\ndata: {"a": ', ["x"]),
    "half of it without a field": ('data: x\n\n{"error": {"mess', ["x"]),
    "words at the end": ("data: x\n\ndata: y", ["x"]),
    "an end at the end": ("data: x\n\ndata: [DONE]", ["x", "[DONE]"]),
    "an end without a field": ("data: x\n\n[DONE]\n", ["x", "[DONE]"]),
    "empty data": ("data:\n\ndata: \n\ndata\n\ndata: x\n\n", ["", "", "x"]),
    "unknown fields": ("foo: 1\nid: 7\nretry: 3\n: wait\ndata: x\nbar\n\n", ["x"]),
    "an answer about an error": ('data: {"a": "event: error"}\n\n', ['{"a": "event: error"}']),
}  # fmt: skip


def marked(event: bytes) -> str:
    return "!" * isinstance(event, sse.ErrorEvent) + event.decode()


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("text, expected", BENT.values(), ids=BENT)
def test_any_cut_law_of_bent_streams(text, expected, end):
    data = text.replace("\n", end).encode()
    for i in range(len(data) + 1):
        for j in range(i, len(data) + 1, 5):
            assert list(map(marked, sse.events([data[:i], data[i:j], data[j:]]))) == expected
    assert list(map(marked, sse.events(data[k : k + 1] for k in range(len(data))))) == expected


def test_an_error_is_told_before_the_rest_of_the_stream():
    def pieces(line):
        yield line
        raise AssertionError("asked for more before giving what had come")

    for line in (b'{"error": 1}\n', b"error: oops\n", b"event: error\ndata: x\n\n"):
        assert next(sse.events(pieces(line)))


@pytest.mark.parametrize("body, kind, stream", [
    (b"data: x", "application/json", True), (b"event: x", "", True), (b": wait", "text/html", True), (b"error: x", "text/plain", True), (b":\n\ndata", "", True),
    (b"", "text/event-stream", True), (b"foo: 1", "text/event-stream; charset=utf-8", True), (b"[DONE]", "text/event-stream", True), (b"id: 1", "a/b", True),
    (b'{"a": 1}', "text/event-stream", False), (b"[{}]", "text/event-stream", False), (b"<html>", "text/event-stream", False), (b"PK\x03\x04..", "text/event-stream", False),
    (b"", "", False), (b"dat", "application/json", False), (b"database: x", "text/plain", False), (b"datum", "text/plain", False), (b"hello: x", "text/plain", False),
])  # fmt: skip
def test_the_first_bytes_tell_a_stream(body, kind, stream):
    assert sse.is_event_stream(body, kind) == stream


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n \n", b"\xef\xbb\xbf\n\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_look_at_the_head_loses_nothing_but_marks_and_blanks(before, size):
    body = before + b"data: one\n\ndata: two\n\n"
    head, pieces = sse.peek(body[i : i + size] for i in range(0, len(body), size))
    assert head.startswith(b"data: "[: len(head)]) and len(head) >= 6
    assert b"".join(pieces) == b"data: one\n\ndata: two\n\n"


@pytest.mark.slow
@pytest.mark.parametrize("flood", [b"\n", b"data: \n", b"event: x\n", b'"', b" "])
def test_a_flood_of_anything_ends(flood):
    pieces = (flood * (2**20 // len(flood)) for _ in range(12))
    try:
        assert set(sse.events(pieces)) <= {b""}
    except Unreachable as error:
        assert "too long" in str(error)


def test_bare_lines_take_linear_time():
    """Of a hundred thousand lines without a field only the first may begin an event, and nothing is read twice."""
    assert list(sse.events([b"{\n" + b" }\n" * 10**5])) == []
    with pytest.raises(Unreachable, match="half an answer"):
        list(decode.event_payloads([b"{\n" + b" }\n" * 10**5 + b"\n"]))


@pytest.mark.parametrize("after, told", [
    (b'data: {"error": "late"}\n\n', [{"error": "late"}]), (b'{"error": "late"}', [{"error": "late"}]), (b"error: late\n\n", [{"message": "late", "object": "error"}]),
    (b'data: {"choices": [{"delta": {"content": "more"}}]}\n\n', []), (b"data: oops\n\n", []), (b": bye\n\n", []), (b"\n\n", []), (b'data: {"error', []), (b"", []),
])  # fmt: skip
def test_after_the_end_only_an_error_is_of_interest(after, told):
    calls = []
    first, *more = decode.event_payloads(
        [b'data: {"n": 1}\n\ndata: [DONE]\n\n', after], lambda: calls.append(1)
    )
    assert first == {"n": 1} and more == told and calls == [1]


def test_a_connection_that_breaks_after_the_end_is_no_error():
    def pieces():
        yield b"data: [DONE]\n\n"
        raise Unreachable("broke off")

    assert list(decode.event_payloads(pieces())) == []

"""Replies for the script of the local NVIDIA-wire server: good ones, slow ones, and everything that can go wrong.

A reply is a function that answers one exchange. Put some into `Wire.script`, and each takes one chat request.
"""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import chain
from math import inf
from threading import Event
from typing import Literal

from tests.support.wire.exchange import Exchange

Reply = Callable[[Exchange], None]


def status(
    code: int,
    body: dict | list | str | bytes = b"",
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Reply with this status and body: a dict or list goes as JSON, a str as plain text."""
    if isinstance(body, (dict, list)):
        data, kind = json.dumps(body).encode(), "application/json"
    elif isinstance(body, str):
        data, kind = body.encode(), "text/plain; charset=utf-8"
    else:
        data, kind = body, ""
    return lambda exchange: exchange.answer(
        code, data, kind if content_type is None else content_type, headers
    )


def json_body(body: dict | list) -> Reply:
    """Reply with one JSON body and status 200."""
    return lambda exchange: status(200, body, headers=nvcf_headers())(exchange)


def redirect(url: str) -> Reply:
    """Reply with a 302 to this URL and an empty body."""
    return lambda exchange: exchange.answer(302, headers={"location": url, **nvcf_headers()})


def half_json() -> Reply:
    """Reply with a complete HTTP response whose JSON stops in the middle."""
    return status(
        200,
        b'{"id":"1","choices":[{"index":0,"message":{"role":"assistant","conte',
        "application/json",
    )


def drop() -> Reply:
    """Close the connection without an answer."""

    def reply(exchange: Exchange) -> None:
        exchange.close_connection = True

    return reply


def slow_headers(seconds: float, then: Reply | None = None) -> Reply:
    """Stay silent for `seconds`, and then answer (by default as usual)."""

    def reply(exchange: Exchange) -> None:
        exchange.hold(seconds)
        (then or exchange.usual)(exchange)

    return reply


def sse(
    pieces: Iterable[str | dict | bytes],
    done: bool = True,
    cut_after: int | None = None,
    framing: Literal["chunked", "close"] = "chunked",
    gate: Event | None = None,
    newline: str = "\n",
    error: dict | None = None,
) -> Reply:
    """Reply with an event stream. A piece is words, a JSON object, or bytes that are sent as they are.

    After the pieces come the finish, the usage and `[DONE]`; without `done` nothing of it; with `error` that object
    and `[DONE]`. `gate` holds everything behind the first piece until it is set. `cut_after` breaks the connection
    after that many pieces, in the middle of the event that follows.
    """
    given = list(pieces)
    tail = [{"error": error}] if error else [_FINISH, _USAGE] if done else []

    def reply(exchange: Exchange) -> None:
        shape = _chunk_shape(exchange, given)
        exchange.begin("text/event-stream", nvcf_headers(), framing == "chunked")
        for index, item in enumerate([*given, *tail, *([_DONE] if done else [])]):
            text = shape(item)
            event = (
                text
                if isinstance(text, bytes)
                else f"data: {text}{newline * 2}".encode(errors="replace")
            )
            exchange.write(event, cut=index == cut_after)
            if index == cut_after:
                return
            exchange.hold(
                inf if gate and index == 0 else exchange.wire.window, gate if index == 0 else None
            )
        exchange.end()

    return reply


def pending(times: int, then: Reply | None = None) -> Reply:
    """Reply with a 202 and NVCF-REQID; the next `times` polls get 202 again, the one after that the answer, once."""

    def reply(exchange: Exchange) -> None:
        id = exchange.wire.enqueue(exchange, times, then or exchange.usual)
        exchange.answer(202, headers=nvcf_headers("in-progress", id))

    return reply


def zipped(files: Mapping[str, bytes | str | dict]) -> Reply:
    """Reply with a 302 to a zip of these files, in their order; a dict goes as JSON."""
    return lambda exchange: _elsewhere(pack(files))(exchange)


def empty_zip() -> Reply:
    """Reply with a 302 to a zip without entries."""
    return zipped({})


def not_a_zip() -> Reply:
    """Reply with a 302 to a file that is called a zip and is none."""
    return _elsewhere(b"PK\x03\x04 this is no archive")


def zip_bomb(mebibytes: int = 256) -> Reply:
    """Reply with a 302 to a small zip whose `.response` unpacks to a valid answer after that many MiB of blanks."""
    return lambda exchange: _elsewhere(_bomb(mebibytes))(exchange)


def zip_many(entries: int = 10_000) -> Reply:
    """Reply with a 302 to a zip with a good `.response` and this many other entries."""
    return lambda exchange: _elsewhere(_crowd(entries))(exchange)


def zip_traversal() -> Reply:
    """Reply with a 302 to a zip with a good `.response`, and names that point out of its folder."""
    outside = dict.fromkeys(("../../x", "/x", "..\\..\\x", "a/../../x", "../../2.response"), b"x")
    return zipped({"1.response": whole_reply("harmless"), **outside})


def whole_reply(
    content: str, entities: list | dict | None = None, model: str | None = None
) -> dict:
    """Return the JSON of an answer that does not stream; with `model` in the longer form of OpenAI."""
    extra = {} if entities is None else {"entities": entities}
    message = {"role": "assistant", "content": content, **extra}
    return {
        **_named(model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage(content),
    }


def usage(content: str) -> dict[str, int]:
    """Return the token counts, counted as words."""
    said = len(content.split())
    return {"completion_tokens": said, "prompt_tokens": 46, "total_tokens": 46 + said}


def nvcf_headers(state: str = "fulfilled", id: str | None = None) -> dict[str, str]:
    """Return the two headers of every response of the invocation service."""
    return {"nvcf-reqid": id or str(uuid.uuid4()), "nvcf-status": state}


def pack(files: Mapping[str, bytes | str | dict]) -> bytes:
    """Return a zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(content) if isinstance(content, dict) else content)
    return packed.getvalue()


_FINISH, _USAGE, _DONE = (
    object(),
    object(),
    object(),
)  # the end of a stream, spelled when its request is known


def _chunk_shape(exchange: Exchange, pieces: list) -> Callable[[object], str | bytes]:
    """How a piece is written in this stream: the newer paths add the fields of OpenAI to each chunk."""
    path_only = exchange.seen.path.startswith("/v1/vlm/")
    base = _named(None if path_only else _model(exchange), "chat.completion.chunk")
    first = chain([{"role": "assistant"}], iter(lambda: {}, None))
    said = "".join(piece for piece in pieces if isinstance(piece, str))

    def shape(item: object) -> str | bytes:
        if item is _DONE or isinstance(item, bytes):
            return "[DONE]" if item is _DONE else item
        if isinstance(item, str):
            item = {
                **base,
                "choices": [
                    {"index": 0, "delta": {**next(first), "content": item}, "finish_reason": None}
                ],
            }
        elif item is _FINISH:
            item = {
                **base,
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}],
            }
        elif item is _USAGE:
            item = {**base, "choices": [], "usage": usage(said)}
        return json.dumps(item, ensure_ascii=False)

    return shape


def _model(exchange: Exchange) -> str:
    try:
        return str(exchange.seen.json["model"])
    except (ValueError, KeyError, TypeError):
        return "unknown"


def _named(model: str | None, kind: str) -> dict:
    if model is None:
        return {"id": str(uuid.uuid4())}
    return {
        "id": f"chatcmpl-{uuid.uuid4()}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
    }


def _elsewhere(data: bytes) -> Reply:
    """Reply with a 302 to these bytes in the object store."""
    return lambda exchange: redirect(exchange.wire.store(data))(exchange)


@cache
def _bomb(mebibytes: int) -> bytes:
    packed, blanks = io.BytesIO(), b" " * 2**20
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("1.response", "w") as entry,
    ):
        for _ in range(mebibytes):
            entry.write(blanks)
        entry.write(json.dumps(whole_reply("boom")).encode())
    return packed.getvalue()


@cache
def _crowd(entries: int) -> bytes:
    return pack(
        {"1.response": whole_reply("crowded"), **{f"{n}.txt": b"" for n in range(entries - 1)}}
    )

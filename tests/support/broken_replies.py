"""Broken HTTP replies, byte by byte, for the script of the local NVIDIA server."""

import gzip
import json
import socket
import struct
from itertools import repeat

from tests.support.wire import Exchange, Reply

WORDS = "one two three"


def raw(*pieces: bytes, pause: float = 0.0, then: str = "close") -> Reply:
    """Reply with these bytes, and then `close` or `reset` the connection, or `hang` in silence."""

    def reply(exchange: Exchange) -> None:
        exchange.close_connection = True
        for piece in pieces:
            exchange.wfile.write(piece)
            exchange.hold(pause)
        if then == "reset":
            exchange.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            exchange.connection.close()
        elif then == "hang":
            exchange.hold(60)

    return reply


def flood(data: bytes, ever: bytes, pause: float = 0.0) -> Reply:
    """Reply with these bytes, and then with `ever` again and again while the client listens."""

    def reply(exchange: Exchange) -> None:
        exchange.close_connection = True
        exchange.wfile.write(data)
        while True:
            exchange.wfile.write(ever)
            exchange.hold(pause)

    return reply


def head(
    status: int = 200, kind: str = "application/json", length: int | None = None, **headers: str
) -> bytes:
    """Return the head of a response."""
    fields = {
        "content-type": kind,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    if length is not None:
        fields["content-length"] = str(length)
    lines = [
        f"HTTP/1.1 {status} So",
        *(f"{name}: {value}" for name, value in fields.items() if value),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def moved(location: str, status: int = 302) -> Reply:
    """Return a redirect."""
    return raw(head(status, "", 0, location=location))


def event(text: str) -> bytes:
    """Return an event of a stream with these words."""
    return (
        b"data: "
        + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode()
        + b"\n\n"
    )


def whole(text: str = WORDS) -> bytes:
    """Return a whole answer as JSON, which can stand for an announced asset too."""
    return json.dumps(
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    ).encode()


def bomb(body: bytes, mebibytes: int = 64) -> bytes:
    """Return the body after that many MiB of blanks, compressed."""
    return gzip.compress(b" " * (mebibytes << 20) + body, 1)


SSE = "text/event-stream"
FAULTS: dict[str, Reply] = {  # by name
    "says nothing and closes": raw(),
    "resets the connection": raw(then="reset"),
    "says nothing and stays": raw(then="hang"),
    "is no web server": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "speaks HTTP/0.9": raw(whole()),
    "has a status that is none": raw(b"HTTP/1.1 abc So\r\n\r\n"),
    "drips its head": flood(b"HTTP/1.1 200 So\r\n", b"x", 0.05),
    "drips one header": flood(b"HTTP/1.1 200 So\r\nx-a: ", b"b", 0.05),
    "has a thousand headers": raw(b"HTTP/1.1 200 So\r\n" + b"x-a: b\r\n" * 1000 + b"\r\n" + whole()),
    "has a header of 1 MB": raw(b"HTTP/1.1 200 So\r\nx-a: " + b"b" * 10**6 + b"\r\n\r\n" + whole()),
    "drips its body": flood(head(length=100_000), b" ", 0.05),
    "drips a chunk's size": flood(head(transfer_encoding="chunked"), b"0", 0.05),
    "has a chunk of 4 GB": flood(head(transfer_encoding="chunked") + b"FFFFFFFF\r\n", b" " * 65536),
    "has a chunk without a size": raw(head(transfer_encoding="chunked") + b"zz\r\n" + whole()),
    "falls silent in its body": raw(head(length=1000) + whole()[:20], then="hang"),
    "resets in its body": raw(head(length=1000) + whole()[:20], then="reset"),
    "promises more than it sends": raw(head(length=10**6) + whole()[:-1]),
    "sends half of its JSON": raw(head() + whole()[:-20]),
    "has a length that is no number": raw(head(content_length="many") + whole()[:-20]),
    "has an endless body": flood(head(), b" " * 10**6),
    "packs a bomb": raw(head(content_encoding="gzip") + bomb(whole())),
    "packs a bomb in a stream": raw(head(kind=SSE, content_encoding="gzip") + bomb(event(WORDS))),
    "packs what is not packed": raw(head(content_encoding="gzip") + whole()),
    "packs in an unknown way": raw(head(content_encoding="zstd, br, x-own") + whole()),
    "sends an empty body": raw(head(length=0)),
    "sends a web page": raw(head(kind="text/html") + b"<!DOCTYPE html><title>Log in</title>"),
    "sends a list": raw(head() + b"[1, 2]"),
    "sends a number of 10,000 digits": raw(head() + b'{"a": ' + b"9" * 10_000 + b"}"),
    "sends brackets a million deep": raw(head() + b'{"a":' * 10**6),
    "sends bytes that are no text": raw(head() + bytes(range(256)) * 9),
    "moves in a circle": moved("http://127.0.0.1/v1/loop"),
    "moves to nowhere": raw(head(302, "", 0)),
    "moves to a file": moved("file:///etc/passwd"),
    "moves to what is no address": moved("http://[::1/\x7f"),
    "moves to a name that is none": moved("http://" + "a" * 70 + ".example/"),
    "moves to a port that is none": moved("http://127.0.0.1:99999/"),
    "moves to a dead port": moved("http://127.0.0.1:9/", 307),
    "is busy for ever": raw(head(202, "", 0, nvcf_reqid="00000000-0000-4000-8000-000000000000")),
    "is busy and does not say with what": raw(head(202, "", 0)),
    "is busy with what is no id": raw(head(202, "", 0, nvcf_reqid="../../x?y")),
    "says 200 and then an error": raw(head(kind=SSE) + b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'),
}  # fmt: skip
STREAMS: dict[str, Reply] = {  # what else can go wrong after the first word of a stream
    "falls silent": raw(head(kind=SSE) + event("one ") + event("two "), then="hang"),
    "closes": raw(head(kind=SSE) + event("one ") + event("two ")),
    "resets": raw(head(kind=SSE) + event("one ") + event("two "), pause=0.05, then="reset"),
    "comments for ever": flood(head(kind=SSE) + event("one ") + event("two "), b": still here\n\n", 0.02),
    "sends empty lines for ever": flood(head(kind=SSE) + event("one ") + event("two "), b"\n" * 65536),
    "sends a line of 10 MB": raw(head(kind=SSE) + event("one ") + event("two ") + b"data: " + b"x" * 10**7),
    "sends a line of 10 MB in small pieces": raw(
        head(kind=SSE) + event("one ") + event("two ") + b"data: ", *repeat(b"x" * 500, 20_000)
    ),
    "sends half a line": raw(head(kind=SSE) + event("one ") + event("two ") + event("three")[:30]),
    "sends what is no JSON": raw(head(kind=SSE) + event("one ") + event("two ") + b"data: {oops\n\n"),
    "fails": raw(head(kind=SSE) + event("one ") + event("two ") + b'data: {"error": {"message": "oops"}}\n\n'),
}  # fmt: skip

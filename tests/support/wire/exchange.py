"""One HTTP connection of the local NVIDIA-wire server: what came in, and how an answer goes out."""

import json
import select
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Seen:
    """One request as it arrived. `headers` takes names in any case; `host` is the name that the client called."""

    method: str
    path: str
    query: str
    host: str
    headers: HTTPMessage
    body: bytes
    route: str  # chat, models, status, announce, assets, asset, delete, upload, result; "" for none

    @cached_property
    def json(self) -> Any:
        """Return the body as JSON. Raises ValueError when it is not JSON."""
        return json.loads(self.body)

    @property
    def token(self) -> str | None:
        """Return the key after `Bearer` in the Authorization header; None without the header."""
        given = self.headers.get("Authorization")
        return None if given is None else given.partition("Bearer")[2].strip()


class Left(Exception):
    """The client closed its socket, or the server is closing, before the answer was complete."""


class Exchange(BaseHTTPRequestHandler):
    """A connection, with one request after the other; what a scripted reply gets to answer through."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "wire", ""
    disable_nagle_algorithm = True
    seen: Seen
    usual: Callable[["Exchange"], None]  # how its route answers when nothing is scripted
    chunked = False

    @property
    def wire(self) -> Any:
        """Return the server that all connections belong to."""
        return self.server.wire

    def serve(self) -> None:
        """Read one request and have it answered."""
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            return self.answer(411, b"Length Required\n", "text/plain")
        url = urlsplit(self.path)
        route, self.usual = self.server.route(self.command, url.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        host = self.headers.get("Host", "").rpartition(":")[0]
        self.seen = Seen(self.command, url.path, url.query, host, self.headers, body, route)
        try:
            self.wire.play(self)
        except (Left, OSError):
            self.close_connection = True
            self.wire.lost(self)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def answer(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a whole response."""
        fields = dict(headers or {})
        if content_type:
            fields["content-type"] = content_type
        if status != 204:
            fields["content-length"] = str(len(body))
        self._head(status, fields)
        self.wfile.write(body)

    def begin(self, content_type: str, headers: Mapping[str, str], chunked: bool) -> None:
        """Send the head of a streamed response; without chunks the end of the connection ends it."""
        self.chunked = chunked
        framing = {"transfer-encoding": "chunked"} if chunked else {"connection": "close"}
        self._head(200, {"content-type": content_type, **headers, **framing})

    def write(self, data: bytes, cut: bool = False) -> None:
        """Send a piece of a streamed response; with `cut` only its first half, and then close."""
        if self.client_left():
            raise Left
        sent = data[: len(data) // 2] if cut else data
        head, tail = (b"%x\r\n" % len(data), b"\r\n") if self.chunked and data else (b"", b"")
        self.wfile.write(head + sent + (b"" if cut else tail))
        self.close_connection = self.close_connection or cut

    def end(self) -> None:
        """End a streamed response in order."""
        if self.chunked:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def hold(self, seconds: float, gate: Event | None = None) -> None:
        """Wait for `seconds`, or until the gate is open. Raises Left when the client goes away meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (gate and gate.is_set()):
            if self.client_left() or self.wire.closing.is_set():
                raise Left
            pause = min(0.01, max(0.0, end - time.monotonic()))
            (gate or self.wire.closing).wait(pause)

    def client_left(self) -> bool:
        """Return True when the client has closed its socket."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def log_message(self, format: str, *args: object) -> None:
        """Print one line a request when the server is watched."""
        if self.wire.watched:
            super().log_message(format, *args)

    def _head(self, status: int, fields: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()

"""The two addresses of the local NVIDIA-wire server: NVIDIA's hosts, and the object store of the signed addresses."""

import contextlib
import re
import socket
import socketserver
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar
from uuid import uuid4

from tests.support.wire.exchange import Exchange
from tests.support.wire.problems import ACCOUNT, problem, problems
from tests.support.wire.questions import LISTED_ONLY, LLAMA, VLM, Asset
from tests.support.wire.replies import Reply, status

Routes = list[
    tuple[str, str, str]
]  # method, pattern of the path, name of the route and of the method that answers

_CHAT = [
    "/v1/chat/completions",
    f"/v1/gr/{LLAMA}/chat/completions",
    *(f"/v1/vlm/{id}" for id in VLM),
]
_SIGNED = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=2100&X-Amz-SignedHeaders={}&X-Amz-Signature={}"
)
_DESCRIPTION = "x-amz-meta-nvcf-asset-description"


class Host(ThreadingHTTPServer):
    """A listener with routes."""

    daemon_threads = False
    request_queue_size = 64
    routes: ClassVar[Routes] = []

    def __init__(self, wire: Any, port: int = 0) -> None:
        self.wire = wire
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Exchange)

    def route(self, method: str, path: str) -> tuple[str, Reply]:
        """Return the name of the route, and how it answers."""
        for verb, pattern, name in self.routes:
            if verb == method and (match := re.fullmatch(pattern, path)):
                return name, partial(_call, getattr(self, name), match.groups())
        return "", problems["404 text"]

    def server_bind(self) -> None:
        """Bind without a reverse look-up of the address."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to end it with the server."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End all connections."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep a fault of this server; a client that left is none."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.wire.errors.append(error)


class NVIDIA(Host):
    """ai.api, integrate.api and api.nvcf in one."""

    routes: ClassVar[Routes] = [
        ("POST", "|".join(map(re.escape, _CHAT)), "chat"),
        ("GET", r"/v1/models", "models"),
        ("GET", r"/v1/models/(.+)", "model"),
        ("GET", r"(?:/v1|/v2/nvcf/pexec)/status/([^/]+)", "status"),
        ("POST", r"/v2/nvcf/assets", "announce"),
        ("GET", r"/v2/nvcf/assets", "assets"),
        ("GET", r"/v2/nvcf/assets/([^/]+)", "asset"),
        ("DELETE", r"/v2/nvcf/assets/([^/]+)", "delete"),
    ]

    def chat(self, exchange: Exchange) -> None:
        """Answer with what the model would say."""
        self.wire.default(exchange)

    def models(self, exchange: Exchange) -> None:
        """Answer with the list, which needs no key and holds withdrawn models too."""
        ids = sorted({*self.wire.models, *LISTED_ONLY})
        status(200, {"object": "list", "data": [_entry(id) for id in ids]})(exchange)

    def model(self, exchange: Exchange, id: str) -> None:
        """Answer with one entry of the list."""
        if id in (*self.wire.models, *LISTED_ONLY):
            return status(200, _entry(id))(exchange)
        status(404, f"Model does not exist by the name of {id}")(exchange)

    def status(self, exchange: Exchange, id: str) -> None:
        """Answer a poll for a job that was answered with 202."""
        self.wire.poll(exchange, id)

    def announce(self, exchange: Exchange) -> None:
        """Announce a new asset: answer with its id and where to put it."""
        self.wire.authorise(exchange)
        try:
            entry = exchange.seen.json
            kind, description = entry["contentType"], entry["description"]
        except (ValueError, KeyError, TypeError):
            return problem(400, "Bad Request", "contentType and description are required")(exchange)
        if not re.fullmatch(r"\w+/[-+.\w]+", str(kind)):
            return problem(
                400, "Bad Request", f"Invalid contentType '{kind}' in the request payload"
            )(exchange)
        id = str(uuid4())
        self.wire.assets[id] = Asset(kind, description)
        url = self.wire.sign(f"/assets/{id}", f"content-type%3Bhost%3B{_DESCRIPTION}")
        status(
            200, {"assetId": id, "uploadUrl": url, "contentType": kind, "description": description}
        )(exchange)

    def assets(self, exchange: Exchange) -> None:
        """Answer with the ids of all assets."""
        self.wire.authorise(exchange)
        status(200, {"assets": [{"assetId": id} for id in list(self.wire.assets)]})(exchange)

    def asset(self, exchange: Exchange, id: str) -> None:
        """Answer with what is known of one asset."""
        self.wire.authorise(exchange)
        asset = self.wire.assets.get(id)
        if not asset:
            return _no_such_asset(id)(exchange)
        known = {
            "description": asset.description,
            "contentType": asset.content_type,
            "createdAt": "2026-01-01T00:00:00Z",
        }
        status(200, {"asset": {"assetId": id, **known}})(exchange)

    def delete(self, exchange: Exchange, id: str) -> None:
        """Delete an asset."""
        self.wire.authorise(exchange)
        asset = self.wire.assets.pop(id, None)
        if not asset:
            return _no_such_asset(id)(exchange)
        self.wire.deleted[id] = asset
        exchange.answer(204)


class Store(Host):
    """The object store: signed addresses instead of keys, and errors in XML."""

    routes: ClassVar[Routes] = [
        ("PUT", r"/assets/([^/]+)", "upload"),
        ("GET", r"/results/[^/]+", "result"),
    ]

    def __init__(self, wire: Any) -> None:
        super().__init__(wire)
        self.url = f"http://localhost:{self.server_port}"  # another name and port than NVIDIA's
        self._signatures: dict[str, str] = {}
        self._results: dict[str, bytes] = {}

    def sign(self, path: str, headers: str = "host") -> str:
        """Return a URL that works without a key."""
        self._signatures[path] = uuid4().hex
        return f"{self.url}{path}?{_SIGNED.format(headers, self._signatures[path])}"

    def keep(self, data: bytes) -> str:
        """Store a result; return its signed URL."""
        path = f"/results/{uuid4()}.zip"
        self._results[path] = data
        return self.sign(path)

    def upload(self, exchange: Exchange, id: str) -> None:
        """Take the bytes of an announced asset, with the two headers that were signed."""
        if not self._allowed(exchange):
            return
        seen, asset = exchange.seen, self.wire.assets.get(id)
        if not asset:
            return _xml(404, "NoSuchKey", "The asset was deleted.")(exchange)
        if (seen.headers.get("content-type"), seen.headers.get(_DESCRIPTION)) != (
            asset.content_type,
            asset.description,
        ):
            return _xml(403, "SignatureDoesNotMatch", "The signed headers differ.")(exchange)
        self.wire.assets[id] = replace(asset, data=seen.body)
        exchange.answer(200, headers={"etag": '"0"'})

    def result(self, exchange: Exchange) -> None:
        """Answer with a stored result."""
        if self._allowed(exchange):
            exchange.answer(200, self._results[exchange.seen.path], "application/zip")

    def _allowed(self, exchange: Exchange) -> bool:
        seen = exchange.seen
        if seen.headers.get("Authorization") is not None:
            _xml(400, "InvalidArgument", "Only one auth mechanism allowed")(exchange)
            return False
        if seen.query.rpartition("=")[2] != self._signatures.get(seen.path):
            _xml(403, "SignatureDoesNotMatch", "The signature is not that of this address.")(
                exchange
            )
            return False
        return True


def _call(answer: Callable[..., None], given: tuple[str, ...], exchange: Exchange) -> None:
    answer(exchange, *given)


def _entry(id: str) -> dict:
    return {"id": id, "object": "model", "created": 735790403, "owned_by": id.partition("/")[0]}


def _no_such_asset(id: str) -> Reply:
    return problem(404, "Not Found", f"Asset '{id}' does not exist for account '{ACCOUNT}'")


def _xml(code: int, name: str, message: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{name}</Code><Message>{message}</Message></Error>'
    return status(code, body, "application/xml")

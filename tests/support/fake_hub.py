"""Plays the few routes of the Hugging Face hub that a download needs, slowly on purpose."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PIECE, _PIECES = 20_000, 15  # bytes at least; of a file at most
_PAUSE = 0.4  # seconds after each
_README = b"# Weights\n"  # each repository of the real hub has one, which nobody downloads


@contextmanager
def hub(
    repositories: dict[str, Path],
    gated: tuple[str, ...] = (),
    refusal: int = 0,
    seen: list[str] | None = None,
    claimed: int = 0,
) -> Iterator[str]:
    """Yield the URL of a hub with these folders; `gated` ones answer 401, as the real hub does.

    With a `refusal`, an HTTP status, it answers nothing else. The names of files whose bodies were
    asked for are added to `seen`. `claimed` is the size in bytes that it tells of weights, in place
    of the true one.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            path = unquote(urlsplit(self.path).path).removeprefix("/api/models/").lstrip("/")
            id = "/".join(path.split("/")[:2])
            if refusal:
                return self._send(refusal, b'{"error":"Not now"}', {}, with_body)
            if id not in repositories:
                return self._send(
                    404,
                    b'{"error":"Repository not found"}',
                    {"X-Error-Code": "RepoNotFound"},
                    with_body,
                )
            if id in gated and "/resolve/" in path:
                return self._send(
                    401,
                    b'{"error":"Access is restricted"}',
                    {"X-Error-Code": "GatedRepo"},
                    with_body,
                )
            if "/tree/" in path:
                files = [
                    {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
                    for name, data in _files(repositories[id]).items()
                ]
                return self._send(200, json.dumps(files).encode(), {}, with_body)
            if "/resolve/" not in path:
                names = [{"rfilename": name} for name in _files(repositories[id])]
                entry = {
                    "id": id,
                    "modelId": id,
                    "sha": COMMIT,
                    "siblings": names,
                    "tags": [],
                    "private": False,
                }
                return self._send(200, json.dumps(entry).encode(), {}, with_body)
            name = path.rpartition("/")[2]
            data = _files(repositories[id])[name]
            if with_body and seen is not None:
                seen.append(name)
            etag = {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            if claimed and name.endswith(".safetensors"):
                etag["X-Linked-Size"] = str(claimed)
            self._send(200, data, etag, with_body)

        def _send(self, status: int, data: bytes, headers: dict[str, str], with_body: bool) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Length": str(len(data)),
                "Content-Type": "application/json",
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            piece = max(_PIECE, len(data) // _PIECES)
            with suppress(ConnectionError):  # a download that is stopped
                for start in range(0, len(data) if with_body else 0, piece):
                    self.wfile.write(data[start : start + piece])
                    self.wfile.flush()
                    time.sleep(_PAUSE if len(data) > _PIECE else 0)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())} | {
        "README.md": _README
    }


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()

"""Speaks Gradio's protocol as a browser does, light enough for hundreds of visitors in one process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

_MOST = 2**25  # bytes of a line


@dataclass(frozen=True)
class Page:
    """A page's URL and its /config, which says which handler belongs to which component."""

    url: str
    config: dict

    def event(self, kind: str, type: str = "", elem_id: str = "") -> dict:
        """Return the first event of this kind at a component of this type or with this id."""
        for found in self.config["dependencies"]:
            for target, name in found["targets"]:
                part = self._part(target)
                if (
                    name == kind
                    and part.get("type", "") == (type or part.get("type"))
                    and elem_id in ("", part["props"].get("elem_id"))
                ):
                    return found
        raise LookupError(f"{kind} of {type or elem_id}")

    def after(self, event: dict) -> dict:
        """Return the event that follows this one."""
        return next(
            each for each in self.config["dependencies"] if each["trigger_after"] == event["id"]
        )

    def named(self, name: str) -> dict:
        """Return the event of a public endpoint."""
        return next(each for each in self.config["dependencies"] if each["api_name"] == name)

    def values(self, event: dict) -> list:
        """Return the values that a newly opened page has in the inputs of this event."""
        return [self._part(id).get("props", {}).get("value") for id in event["inputs"]]

    def _part(self, id: int | None) -> dict:
        return next((part for part in self.config["components"] if part["id"] == id), {"props": {}})


@dataclass
class Session:
    """One visit; `on_line` is called with every line that the page sends to it."""

    page: Page
    on_line: Callable[[bytes], None] = lambda _: None
    hash: str = field(default_factory=lambda: uuid4().hex)

    async def run(self, event: dict, *data: Any, event_data: dict | None = None) -> list:
        """Run a handler that is not in the queue, its last inputs as on a new page; return its outputs."""
        answer = await self._post("run/predict", self._body(event, data, event_data))
        if "data" not in answer:
            raise ConnectionError(f"no outputs but {str(answer)[:200]}")
        return answer["data"]

    async def join(
        self, event: dict, *data: Any, event_data: dict | None = None
    ) -> AsyncIterator[dict]:
        """Yield the messages of a queued event, to its end."""
        answer = await self._post("queue/join", self._body(event, data, event_data))
        if "event_id" not in answer:
            raise ConnectionError(f"no place in the queue but {str(answer)[:200]}")
        async with asked(
            self.page.url, "GET", f"/gradio_api/queue/data?session_hash={self.hash}"
        ) as (_, reader):
            while line := await reader.readline():
                if line.startswith(b"data: "):  # each event is a line, and a chunk of its own
                    self.on_line(line)
                    message = json.loads(line[6:])
                    if (
                        message["msg"] == "close_stream"
                    ):  # who leaves before it cancels what this session asks next
                        return
                    yield message
        raise ConnectionError("the events broke off")

    async def upload(self, name: str, data: bytes) -> dict:
        """Upload a file; return it as the inputs take it."""
        edge = uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        (path,) = await self._post("upload", body, f"multipart/form-data; boundary={edge}")
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Hold the open connection by which the page knows that its visitor is there."""
        async with asked(self.page.url, "GET", f"/gradio_api/heartbeat/{self.hash}"):
            yield

    def _body(self, event: dict, data: tuple, event_data: dict | None = None) -> bytes:
        return json.dumps(
            {
                "fn_index": event["id"],
                "session_hash": self.hash,
                "data": [*data, *self.page.values(event)[len(data) :]],
                "event_data": event_data,
            }
        ).encode()

    async def _post(self, path: str, body: bytes, kind: str = "application/json") -> Any:
        async with asked(self.page.url, "POST", f"/gradio_api/{path}", body, kind) as (
            head,
            reader,
        ):
            answer = await whole(head, reader)
        self.on_line(answer)
        return json.loads(answer)


@asynccontextmanager
async def asked(
    url: str, method: str, path: str, body: bytes = b"", kind: str = ""
) -> AsyncIterator[tuple[bytes, asyncio.StreamReader]]:
    """Send one request on a connection of its own; yield the response's head, and its body to be read."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=_MOST)
    try:
        head = f"{method} {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Content-Type: {kind}\r\n\r\n".encode() + body)
        yield await reader.readuntil(b"\r\n\r\n"), reader
    finally:
        writer.close()


async def whole(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """Return the whole body."""
    if b"transfer-encoding: chunked" not in head.lower():
        return await reader.read()
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    return body


async def opened(url: str) -> Page:
    """Return the page as a browser gets it."""
    async with asked(url, "GET", "/config") as (head, reader):
        return Page(url, json.loads(await whole(head, reader)))

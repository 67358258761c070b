"""A visitor's half of Gradio's wire, light enough for hundreds of them in one process: the routes that a browser calls."""

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
    """A page's address and its /config: which handler is behind which part."""

    url: str
    config: dict

    def event(self, kind: str, type: str = "", elem_id: str = "") -> dict:
        """The first event of this kind at a component of this type or with this id."""
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

    def choice(self, value: str) -> dict:
        """The event of the radio that offers this value."""
        for found in self.config["dependencies"]:
            if any(
                name == "input" and value in str(self._part(id)["props"].get("choices"))
                for id, name in found["targets"]
            ):
                return found
        raise LookupError(value)

    def after(self, event: dict) -> dict:
        """The event that follows this one."""
        return next(
            each for each in self.config["dependencies"] if each["trigger_after"] == event["id"]
        )

    def named(self, name: str) -> dict:
        """A public endpoint."""
        return next(each for each in self.config["dependencies"] if each["api_name"] == name)

    def values(self, event: dict) -> list:
        """What a page that was just opened has in the inputs of this event."""
        return [self._part(id).get("props", {}).get("value") for id in event["inputs"]]

    def _part(self, id: int | None) -> dict:
        return next((part for part in self.config["components"] if part["id"] == id), {"props": {}})


@dataclass
class Session:
    """One visit; `heard` is called with every line that the page sends to it."""

    page: Page
    heard: Callable[[bytes], None] = lambda _: None
    hash: str = field(default_factory=lambda: uuid4().hex)

    async def run(self, event: dict, *data: Any) -> list:
        """The outputs of a handler that needs no place in the queue."""
        answer = await self._post("run/predict", self._body(event, data))
        if "data" not in answer:
            raise ConnectionError(f"no outputs but {str(answer)[:200]}")
        return answer["data"]

    async def join(self, event: dict, *data: Any) -> AsyncIterator[dict]:
        """The messages of a queued event, to its end."""
        answer = await self._post("queue/join", self._body(event, data))
        if "event_id" not in answer:
            raise ConnectionError(f"no place in the queue but {str(answer)[:200]}")
        async with asked(
            self.page.url, "GET", f"/gradio_api/queue/data?session_hash={self.hash}"
        ) as (_, reader):
            while line := await reader.readline():
                if line.startswith(b"data: "):  # each event is a line, and a chunk of its own
                    self.heard(line)
                    message = json.loads(line[6:])
                    if (
                        message["msg"] == "close_stream"
                    ):  # who leaves before it cancels what this session asks next
                        return
                    yield message
        raise ConnectionError("the events broke off")

    async def upload(self, name: str, data: bytes) -> dict:
        """A file, as the inputs take it."""
        edge = uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        (path,) = await self._post("upload", body, f"multipart/form-data; boundary={edge}")
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """The open connection by which the page knows that its visitor is there."""
        async with asked(self.page.url, "GET", f"/gradio_api/heartbeat/{self.hash}"):
            yield

    def _body(self, event: dict, data: tuple) -> bytes:
        return json.dumps(
            {
                "fn_index": event["id"],
                "session_hash": self.hash,
                "data": list(data),
                "event_data": None,
            }
        ).encode()

    async def _post(self, path: str, body: bytes, kind: str = "application/json") -> Any:
        async with asked(self.page.url, "POST", f"/gradio_api/{path}", body, kind) as (
            head,
            reader,
        ):
            answer = await whole(head, reader)
        self.heard(answer)
        return json.loads(answer)


@asynccontextmanager
async def asked(
    url: str, method: str, path: str, body: bytes = b"", kind: str = ""
) -> AsyncIterator[tuple[bytes, asyncio.StreamReader]]:
    """One request on a connection of its own: the head of its answer, and its body still on the wire."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=_MOST)
    try:
        head = f"{method} {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Content-Type: {kind}\r\n\r\n".encode() + body)
        yield await reader.readuntil(b"\r\n\r\n"), reader
    finally:
        writer.close()


async def whole(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """The body to its end."""
    if b"transfer-encoding: chunked" not in head.lower():
        return await reader.read()
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    return body


async def opened(url: str) -> Page:
    """The page as a browser gets it."""
    async with asked(url, "GET", "/config") as (head, reader):
        return Page(url, json.loads(await whole(head, reader)))

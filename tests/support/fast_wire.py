"""Plays NVIDIA's API for a crowd: `python -m tests.support.fast_wire` answers each question with its token.

A stream is 300 pieces, each with the token; Florence-2 says it as labels, at the size of its picture. `tests.support.wire` is
the careful server, a thread a connection; this one is light enough for 200 streams on half a core.
"""

import argparse
import asyncio
import json
import re
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import uuid4

from tests.support.wire.replies import whole_reply

PIECES = 300
HELD = b"held"  # a question with this word is never answered
TOKEN = re.compile(r"tok[0-9a-f]{12}")
_ASSETS = "/v2/nvcf/assets"


def said(token: str) -> Iterator[str]:
    """Yield the pieces of the one right answer to a question with this token."""
    return (f"{token}n{number} " for number in range(PIECES))


class Upstream:
    """The server's assets and figures; `pace` is in seconds between two pieces."""

    def __init__(self, window: float) -> None:
        self.window, self.url = window, ""
        self.assets: dict[str, bytes] = {}
        self.figures = Counter(sockets=0, questions=0, announced=0, deletes=0, left=0)

    async def serve(self) -> None:
        """Print the port, and serve until the process ends."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=512)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        print(self.url, flush=True)
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.figures["sockets"] += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, *_ = head.decode("latin-1").split()
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if HELD in body:
                    await reader.read(1)  # until the client has gone
                await self._answer(writer, method, urlsplit(path).path, body)
        except asyncio.IncompleteReadError:
            pass  # the client had no more to ask
        except OSError:
            self.figures["left"] += 1
        finally:
            self.figures["sockets"] -= 1
            writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, method: str, path: str, body: bytes
    ) -> None:
        id = path.rpartition("/")[2]
        if path == "/figures":
            return _send(
                writer,
                {
                    **self.figures,
                    "sockets": self.figures["sockets"] - 1,
                    "assets": len(self.assets),
                },
            )
        if path == _ASSETS:
            self.figures["announced"] += 1
            self.assets[id := str(uuid4())] = b""
            return _send(writer, {"assetId": id, "uploadUrl": f"{self.url}/store/{id}"})
        if method == "PUT":
            self.assets[id] = body
            return _send(writer, {})
        if method == "DELETE":
            self.figures["deletes"] += 1
            found = self.assets.pop(id, None)
            return _send(
                writer,
                {} if found is not None else {"detail": "no such asset"},
                200 if found is not None else 404,
            )
        self.figures["questions"] += 1
        question = json.loads(body)["messages"][-1]["content"]
        token = TOKEN.findall(question)[-1]
        if "florence" in path:
            return _send(writer, self._found(token, question))
        await self._stream(writer, token)

    def _found(self, token: str, question: str) -> dict:
        width, height = size(self.assets[re.search(r"asset_id,([-0-9a-f]+)", question)[1]])
        box = [width / 10, height / 10, width / 2, height / 2]
        return whole_reply("", {"bboxes": [box], "labels": [f"{token} {width}x{height}"]})

    async def _stream(self, writer: asyncio.StreamWriter, token: str) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        due = asyncio.get_running_loop().time()
        for piece in said(token):
            event = json.dumps({"choices": [{"index": 0, "delta": {"content": piece}}]})
            writer.write(_chunk(f"data: {event}\n\n"))
            await writer.drain()
            due += self.window
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        writer.write(_chunk("data: [DONE]\n\n") + b"0\r\n\r\n")


def _chunk(text: str) -> bytes:
    return f"{len(text):x}\r\n{text}\r\n".encode()


def _send(writer: asyncio.StreamWriter, value: dict, status: int = 200) -> None:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def size(jpeg: bytes) -> tuple[int, int]:
    """Return the width and height of a JPEG, from its frame header."""
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    height, width = struct.unpack(">HH", jpeg[at + 5 : at + 9])
    return width, height


def main() -> None:
    """Run the server in the foreground."""
    options = argparse.ArgumentParser(prog="python -m tests.support.fast_wire")
    options.add_argument("--pace", type=float, default=0.05)
    with suppress(KeyboardInterrupt):
        asyncio.run(Upstream(options.parse_args().pace).serve())


if __name__ == "__main__":
    main()

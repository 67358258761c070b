"""A server with the OpenAI API that streams what a benchmark asks for, in a process of its own.

The base URL says what an answer looks like: `/MODE/PIECES/RATE/FRAMING/v1`.

- `/flood/20000/0/chunked/v1` sends 20,000 pieces at once, in chunks.
- `/stamped/300/100/close/v1` sends 100 pieces a second; each is the moment when it was sent. The
  end of the connection ends the answer.
- `/timed/400/50/chunked/v1` starts with the moment of its start; piece i of five characters then
  comes i / 50 seconds later.
- `/asked/0/0/chunked/v1` does what the last question says, such as "say timed 400 50".

Moments are 20 digits of monotonic nanoseconds.
"""

import asyncio
import json
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, monotonic_ns

MODEL = "meta/llama-3.2-11b-vision-instruct"
MOMENT = 20  # digits
_SAID = re.compile(rb"say (\w+ \d+ \d+)")
_BEFORE, _AFTER = (
    json.dumps(
        {
            "id": "chat-7b0c6b3a5f6d4b1e9c2a",
            "object": "chat.completion.chunk",
            "created": 1735689600,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": "@"},
                    "logprobs": None,
                    "finish_reason": None,
                    "stop_reason": None,
                }
            ],
        },
        separators=(",", ":"),
    )
    .encode()
    .split(b"@")
)
_LISTED = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode()


@dataclass(frozen=True)
class ModelServer:
    """The addresses of a running server; `trust` is the file of its certificate authority."""

    plain: str
    tls: str | None
    trust: Path

    def base(
        self, mode: str, pieces: int, rate: float = 0, framing: str = "chunked", tls: bool = False
    ) -> str:
        """Return the base URL under which the server answers like this."""
        return f"{self.tls if tls else self.plain}/{mode}/{pieces}/{rate:g}/{framing}/v1"


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Run the server until the end of the block; with TLS where `trustme` is installed."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks._model_server", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                plain, tls = json.loads(server.stdout.readline())
                yield ModelServer(
                    f"http://127.0.0.1:{plain}",
                    tls and f"https://127.0.0.1:{tls}",
                    Path(folder, "ca.pem"),
                )
            finally:
                server.terminate()


def _framed(data: bytes, chunked: bool) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data) if chunked else data


def _event(words: str, chunked: bool) -> bytes:
    return _framed(b"data: %s%s%s\n\n" % (_BEFORE, words.encode(), _AFTER), chunked)


@lru_cache(maxsize=8)
def _flood(pieces: int, chunked: bool) -> bytes:
    return b"".join(_event(f"{i % 10_000:04d} ", chunked) for i in range(pieces))


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        while await _answer(reader, writer):
            pass
    writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; return True when another may follow on the same connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next(
        (
            int(line[15:])
            for line in head.splitlines()
            if line.lower().startswith("content-length:")
        ),
        0,
    )
    body = await reader.readexactly(length)
    path = head.split(" ")[1]
    if path.endswith("/models"):
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(_LISTED)
        )
        writer.write(_LISTED)
        return True
    mode, pieces, rate, framing = path.split("/")[1:5]
    if mode == "asked":
        mode, pieces, rate = _SAID.findall(body)[-1].decode().split()
    chunked = framing == "chunked"
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Connection: close\r\n\r\n")
    await _MODES[mode](writer, int(pieces), float(rate), chunked)
    writer.write(_framed(b"data: [DONE]\n\n", chunked) + (b"0\r\n\r\n" if chunked else b""))
    await writer.drain()
    return chunked


async def _all_at_once(writer: asyncio.StreamWriter, pieces: int, _: float, chunked: bool) -> None:
    writer.write(_flood(pieces, chunked))


async def _stamped(writer: asyncio.StreamWriter, pieces: int, rate: float, chunked: bool) -> None:
    start = monotonic()
    for i in range(pieces):
        await asyncio.sleep(start + i / rate - monotonic())
        writer.write(_event(f"{monotonic_ns():0{MOMENT}d}", chunked))


async def _timed(writer: asyncio.StreamWriter, pieces: int, rate: float, chunked: bool) -> None:
    start = monotonic_ns()
    writer.write(_event(f"{start:0{MOMENT}d}", chunked))
    for i in range(pieces):
        await asyncio.sleep(start / 1e9 + (i + 1) / rate - monotonic())
        writer.write(_event(f"{i % 10_000:04d} ", chunked))


_MODES = {"flood": _all_at_once, "stamped": _stamped, "timed": _timed}


def _tls_context(folder: str) -> ssl.SSLContext:
    """Return a TLS context with a new certificate; write its authority to `ca.pem`."""
    import trustme

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(f"{folder}/ca.pem")
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def main(folder: str) -> None:
    """Serve until the process is ended; print the ports, plain and TLS, in the first line."""
    plain = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=512)
    ports, servers = [plain.sockets[0].getsockname()[1], None], [plain]
    with suppress(ModuleNotFoundError):
        servers.append(await asyncio.start_server(_serve, "127.0.0.1", 0, ssl=_tls_context(folder)))
        ports[1] = servers[1].sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

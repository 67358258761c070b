"""Measures reading a streamed reply: processor time a piece, and the delay from the socket to the
words.

Every side gets the same bytes from the same server, yields the words of each piece, and keeps its
connection as its own documentation shows. "This engine" includes the question, a new connection,
and every check of what arrives.
"""

import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from io import BytesIO
from operator import attrgetter
from time import monotonic_ns, process_time
from urllib.parse import urlsplit

from benchmarks._measure import goals_table, installed, markdown_table, medians, percentile, ratio
from benchmarks._model_server import MODEL, ModelServer, model_server
from vlm_backends import OpenAI, Prompt, Turn, find_model, read

Client = Callable[[str], Iterator[str]]  # takes a base URL, yields the words of each piece
OURS = "**this engine**"
FLOOR, PLAIN = "raw socket, orjson (floor)", "requests, `iter_lines`"
BARE = "requests, orjson, no check (floor on requests)"
_FLOOD, _FLOOD_OF_SDKS = 20_000, 2_000  # pieces at once; the slow sides would take minutes
_RATE, _PACED = 100, 50  # pieces a second, and how many
_QUESTION = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "What is this?"}],
    "stream": True,
}
_WAYS = [("chunked", False), ("close", False), ("chunked", True), ("close", True)]  # framing, TLS


@lru_cache
def _prompt() -> Prompt:
    from PIL import Image

    dot = BytesIO()
    Image.new("RGB", (32, 32), "navy").save(dot, "PNG")
    return Prompt((Turn("user", "What is this?", (read(dot.getvalue()),)),))


def ours(base: str) -> Iterator[str]:
    """Read with this project's engine for servers with the OpenAI API."""
    return filter(None, map(attrgetter("text"), OpenAI(base).stream(find_model(MODEL), _prompt())))


def raw(base: str) -> Iterator[str]:
    """Do the least possible: lines off the socket, no HTTP, no checks."""
    import orjson

    address, rest = urlsplit(base), b""
    sock = socket.create_connection((address.hostname, address.port))
    if address.scheme == "https":
        trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        sock = trust.wrap_socket(sock, server_hostname=address.hostname)
    with sock:
        body = json.dumps(_QUESTION).encode()
        sock.sendall(
            b"POST %s/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
            % (address.path.encode(), len(body), body)
        )
        while data := sock.recv(65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line == b"data: [DONE]":
                    return
                if line.startswith(b"data: "):
                    yield orjson.loads(line[6:])["choices"][0]["delta"]["content"]


@lru_cache
def _session() -> object:
    import requests

    return requests.Session()


def iter_lines(base: str) -> Iterator[str]:
    """Read with the loop of NVIDIA's own snippets and of most public code."""
    with _session().post(f"{base}/chat/completions", json=_QUESTION, stream=True) as response:
        for line in response.iter_lines():
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])["choices"][0]["delta"]["content"]


def bare(base: str) -> Iterator[str]:
    """Do the least possible with requests: split events, check nothing."""
    import orjson

    with _session().post(f"{base}/chat/completions", json=_QUESTION, stream=True) as response:
        raw, rest = response.raw, b""
        for piece in raw.read_chunked() if raw.chunked else iter(partial(raw.read1, 65536), b""):
            *events, rest = (rest + piece).split(b"\n\n")
            for event in events:
                if event.startswith(b"data: {"):
                    yield orjson.loads(event[6:])["choices"][0]["delta"]["content"]


@lru_cache
def _httpx() -> object:
    import httpx

    return httpx.Client(timeout=60)


def httpx_sse(base: str) -> Iterator[str]:
    """Read with httpx-sse."""
    from httpx_sse import connect_sse

    with connect_sse(_httpx(), "POST", f"{base}/chat/completions", json=_QUESTION) as source:
        for event in source.iter_sse():
            if event.data != "[DONE]":
                yield json.loads(event.data)["choices"][0]["delta"]["content"]


@lru_cache
def _langchain(base: str) -> object:
    import warnings

    from langchain_nvidia_ai_endpoints import ChatNVIDIA

    with warnings.catch_warnings(action="ignore"):
        return ChatNVIDIA(model=MODEL, base_url=base, api_key="nvapi-none")


def langchain(base: str) -> Iterator[str]:
    """Read with NVIDIA's package for LangChain."""
    return (
        message.content for message in _langchain(base).stream("What is this?") if message.content
    )


@lru_cache
def _openai(base: str) -> object:
    import openai

    return openai.OpenAI(base_url=base, api_key="none", max_retries=0)


def openai_sdk(base: str) -> Iterator[str]:
    """Read with OpenAI's own client."""
    for event in _openai(base).chat.completions.create(**_QUESTION):
        if event.choices and event.choices[0].delta.content:
            yield event.choices[0].delta.content


def sides() -> dict[str, Client]:
    """Return this engine, the floors, and the peers that are installed."""
    peers = {
        "httpx-sse": (httpx_sse, "httpx_sse"),
        "openai SDK": (openai_sdk, "openai"),
        "langchain-nvidia-ai-endpoints": (langchain, "langchain_nvidia_ai_endpoints"),
    }
    return {OURS: ours, FLOOR: raw, BARE: bare, PLAIN: iter_lines} | {
        name: client for name, (client, module) in peers.items() if installed(module)
    }


def _cost(client: Client, server: ModelServer, framing: str, tls: bool) -> float:
    """Return microseconds of processor time a piece, when all arrive at once."""
    wanted = _FLOOD_OF_SDKS if client in (openai_sdk, langchain) else _FLOOD
    base = server.base("flood", wanted, framing=framing, tls=tls)
    start = process_time()
    pieces = sum(1 for _ in client(base))
    if pieces != wanted:
        raise RuntimeError(f"{client.__name__} gave {pieces} of {wanted} pieces")
    return (process_time() - start) / pieces * 1e6


def _p95(client: Client, base: str) -> float:
    """Return the p95 of a piece's delay from the server's socket to the words, in milliseconds."""
    return percentile([(monotonic_ns() - int(words)) / 1e6 for words in client(base)], 0.95)


def _named(framing: str, tls: bool) -> str:
    return f"{'TLS' if tls else 'plain'}, {framing if framing == 'chunked' else 'until closed'}"


def tables(rounds: int) -> Iterator[str]:
    """Yield a piece's cost in a flood, its delay at 100 a second, and the goals."""
    with model_server() as server:
        os.environ |= {"REQUESTS_CA_BUNDLE": str(server.trust), "SSL_CERT_FILE": str(server.trust)}
        yield from _measured(
            server, sides(), [way for way in _WAYS if server.tls or not way[1]], rounds
        )


def _measured(
    server: ModelServer, clients: dict[str, Client], ways: list[tuple[str, bool]], rounds: int
) -> Iterator[str]:
    costs, late, plain = {}, {}, [way for way in ways if not way[1]]
    for way in plain:
        slow = server.base("stamped", _PACED, _RATE, *way)
        paced = {name: partial(_p95, client, slow) for name, client in clients.items()}
        late[way] = medians(paced, (rounds + 1) // 2)
    for way in ways:
        flood = {name: partial(_cost, client, server, *way) for name, client in clients.items()}
        costs[way] = medians(flood, rounds)
    yield markdown_table(
        ["processor time a piece, flood, µs", *(_named(*way) for way in ways)],
        [[name, *(f"{costs[way][name]:.1f}" for way in ways)] for name in clients],
    )
    yield markdown_table(
        [f"delay of a piece, {_RATE} a second, p95, ms", *(_named(*way) for way in plain)],
        [[name, *(f"{late[way][name]:.2f}" for way in plain)] for name in clients],
    )
    limits = {PLAIN: 0.75, "langchain-nvidia-ai-endpoints": 0.12, "openai SDK": 0.05}
    yield goals_table(
        [
            (f"processor time of {peer}, {_named(*way)}", ratio(costs[way], OURS, peer), limit)
            for way in plain
            for peer, limit in limits.items()
        ]
    )
    yield goals_table([(f"p95 delay, {_named(*way)}", late[way][OURS], 0.6) for way in plain], "ms")

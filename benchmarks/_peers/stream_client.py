"""Reads an OpenAI stream as most pages do: `requests` in a thread, `httpx` in an event loop."""

import json
import os
from collections.abc import AsyncIterator, Iterator

import httpx
import requests

from benchmarks._model_server import MODEL

_URL = f"{os.environ['VLM_BASE_URL']}/chat/completions"


def _body(question: str) -> dict:
    return {"model": MODEL, "messages": [{"role": "user", "content": question}], "stream": True}


def _piece(line: str) -> str:
    return json.loads(line[6:])["choices"][0]["delta"]["content"]


def pieces(question: str) -> Iterator[str]:
    """Yield each piece of the answer, in a thread."""
    with requests.post(_URL, json=_body(question), stream=True, timeout=120) as response:
        for line in response.iter_lines(decode_unicode=True):
            if line.startswith("data: {"):
                yield _piece(line)


_client = httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None))


async def pieces_async(question: str) -> AsyncIterator[str]:
    """Yield each piece of the answer, in an event loop."""
    async with _client.stream("POST", _URL, json=_body(question)) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                yield _piece(line)

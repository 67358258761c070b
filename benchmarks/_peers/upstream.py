"""How a page's author reads an OpenAI-compatible stream: `requests` in a thread, `httpx` in a loop."""

import json
import os
from collections.abc import AsyncIterator, Iterator

import httpx
import requests

from benchmarks._upstream import MODEL

_URL = f"{os.environ['VLM_BASE_URL']}/chat/completions"


def _body(question: str) -> dict:
    return {"model": MODEL, "messages": [{"role": "user", "content": question}], "stream": True}


def _piece(line: str) -> str:
    return json.loads(line[6:])["choices"][0]["delta"]["content"]


def pieces(question: str) -> Iterator[str]:
    """Each piece of the answer."""
    with requests.post(_URL, json=_body(question), stream=True, timeout=120) as response:
        for line in response.iter_lines(decode_unicode=True):
            if line.startswith("data: {"):
                yield _piece(line)


_client = httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None))


async def apieces(question: str) -> AsyncIterator[str]:
    """The same, without a thread."""
    async with _client.stream("POST", _URL, json=_body(question)) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                yield _piece(line)

"""Slow callers, by accident or on purpose: nobody else waits for them."""

import json
import socket
import threading
from urllib.parse import urlsplit

import pytest

from tests.support.fake_engine import FakeEngine
from tests.support.questions import chat_body as body
from tests.support.reciter import LLAMA, PICTURE, questions, recital
from tests.support.servers import serving
from vlm_backends import Chunk
from vlm_backends.server.workers import WorkerPool

_PLACES = 2
_PIECE, _PIECES = "word " * 20_000, 60  # 6 MB: more than the sockets hold between them


class _Talker(FakeEngine):
    """An engine that recites, or never comes to an end."""

    name = "Talker"

    def stream(self, model, prompt, stop=None):
        text = prompt.turns[-1].text
        for piece in [_PIECE] * _PIECES if text == "Talk" else [recital(text)]:
            yield Chunk(piece)


def _request(url: str) -> bytes:
    data = json.dumps(body("Talk", LLAMA.id, PICTURE, stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def _slow_reader(url: str, over: threading.Event) -> None:
    with _connected(url) as line:
        line.sendall(_request(url))
        while not over.wait(1) and line.recv(1):
            pass


def _slow_sender(url: str, over: threading.Event) -> None:
    with _connected(url) as line:
        for byte in _request(url):
            line.sendall(bytes([byte]))
            if over.wait(1):
                break


def _connected(url: str) -> socket.socket:
    at = urlsplit(url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect((at.hostname, at.port))
    return line


@pytest.mark.parametrize("caller", [_slow_reader, _slow_sender])
def test_callers_that_take_a_second_for_a_byte_hold_up_nobody(caller, long_form):
    count, slow = (64, 16 * _PLACES) if long_form else (8, 2 * _PLACES)
    over = threading.Event()
    with serving(_Talker(), pool=WorkerPool(_PLACES, 256)) as url:
        callers = [threading.Thread(target=caller, args=(url, over)) for _ in range(slow)]
        for one in callers:
            one.start()
        with questions(url, count) as asked:
            pass
        over.set()
        for one in callers:
            one.join()
    assert not [one for one in asked if not one.whole]

"""Requests and their answers over the network: the only file with a socket."""

import ipaddress
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from vlm_backends.engines import _payloads
from vlm_backends.errors import BadPrompt, Unreachable, VLMError
from vlm_backends.types import Chunk, Stop

T = TypeVar("T")
_PIECE = 65536  # bytes
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try."""

    connect: float = 10.0
    silence: float = 120.0  # between two pieces of an answer, and before its first
    pause: float = 0.5  # before the second try, doubled for each further one
    tries: int = 3
    poll: float = 0.5  # between two looks at a job that is not done
    polls: int = 600


_GLANCE = Patience(connect=5.0, silence=10.0, tries=1)


@contextmanager
def send(
    method: str, url: str, stop: Stop, patience: Patience, public: bool = False, **options: object
) -> Iterator[requests.Response]:
    """The response to one request, its body still on the wire; closed at the end, and at once on `stop`.

    Follows no redirect, so that no header reaches a host that was not asked; `public` allows public addresses only,
    whatever a name resolves to. Raises Unreachable.
    """
    with requests.Session() as session:
        session.trust_env = not public  # a proxy would see to addresses that cannot be checked from here
        for scheme in ("http://", "https://"):
            session.mount(scheme, _StoppableAdapter(stop, public))
        session.auth = lambda request: request  # or else a netrc file would replace the key
        try:
            response = session.request(
                method, url, stream=True, allow_redirects=False, timeout=(patience.connect, patience.silence), **options
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
            raise Unreachable(f"“{_host(url)}” is not an address that can be called. Check the setting.") from None
        except _BROKEN as error:
            raise _unreachable(error, url) from None
        with response:
            yield response


def payloads(response: requests.Response) -> Iterator[dict]:
    """The JSON objects that answer: many for an event stream, one for JSON or for a zip, by the Content-Type."""
    if response.headers.get("Content-Type", "").startswith("text/event-stream"):
        yield from _payloads.streamed(_pieces(response))
    else:
        yield _payloads.single(body(response))


def fetch(url: str, stop: Stop, most: int = 25 * 2**20) -> bytes:
    """What lies at a public http(s) address, `most` bytes of it at most. Raises BadPrompt and Unreachable."""
    if not url.startswith(("http://", "https://")):
        raise BadPrompt("A picture is a data:image/…;base64,… URL, or an http(s) address.")
    with send("GET", url, stop, _GLANCE, public=True) as response:
        if response.status_code != 200:
            raise BadPrompt(f"The picture's address answered {response.status_code}. Give one that answers 200 itself.")
        return body(response, most)


def body(response: requests.Response, most: int = _payloads.MOST_BODY) -> bytes:
    """The whole body; Unreachable when it is larger than `most` bytes or broken off."""
    data = bytearray()
    for piece in _pieces(response):
        data += piece
        if len(data) > most:
            raise Unreachable("The answer is far too long to be true; it was not read to its end.")
    return bytes(data)


def persistent(attempt: Callable[[], Iterator[Chunk]], stop: Stop, patience: Patience) -> Iterator[Chunk]:
    """The chunks of an attempt, tried again after passing faults as long as nothing has been said yet."""
    for tried in range(1, patience.tries + 1):
        said = False
        try:
            for chunk in attempt():
                said = said or bool(chunk.text or chunk.regions)
                yield chunk
            return
        except VLMError as error:
            if said or not _again(error, tried, stop, patience):
                raise


def insist(call: Callable[[], T], stop: Stop, patience: Patience) -> T:
    """What the call returns, tried again after passing faults."""
    tried = 0
    while True:
        tried += 1
        try:
            return call()
        except VLMError as error:
            if not _again(error, tried, stop, patience):
                raise


def _again(error: VLMError, tried: int, stop: Stop, patience: Patience) -> bool:
    """True when another try makes sense, after the pause that is due before it."""
    if error.again is None or tried >= patience.tries:
        return False
    pause = patience.pause * 2 ** (tried - 1) * random.uniform(0.5, 1.5)
    return not stop.wait(max(error.again, pause))


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives: iter_lines and iter_content would hold back what has come."""
    raw = response.raw
    try:
        if raw.chunked:
            yield from raw.read_chunked(decode_content=True)
        else:
            while piece := raw.read1(_PIECE, decode_content=True):
                yield piece
    except (*_BROKEN, ValueError, AttributeError) as error:  # the last two: a socket shut by `stop` in mid-read
        raise _unreachable(error, response.url) from None


def _unreachable(error: Exception, url: str) -> Unreachable:
    """What went wrong on the network, in a sentence that names the host but neither path nor key."""
    host = _host(url)
    if isinstance(error, (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return Unreachable(f"{host} has been silent for too long. Try again, or choose another model.")
    if isinstance(error, requests.exceptions.SSLError):
        return Unreachable(f"No safe connection to {host}: its certificate was not accepted.")
    if isinstance(error, (requests.ConnectTimeout, requests.ConnectionError)):
        sentence = f"{host} cannot be reached. Check the network connection, then try again."
    else:
        sentence = f"The connection to {host} broke off. What had arrived is kept; try again."
    unreachable = Unreachable(sentence)
    unreachable.again = 0.0
    return unreachable


def _host(url: str) -> str:
    with suppress(ValueError, urllib3.exceptions.HTTPError):
        return urllib3.util.parse_url(url).host or "The service"
    return "The service"


class _StoppableAdapter(HTTPAdapter):
    """Shuts its connections down on `stop`, so that a read in another thread ends at once."""

    def __init__(self, stop: Stop, public: bool) -> None:
        self._pools = {
            "http": _stoppable(HTTPConnectionPool, stop, public),
            "https": _stoppable(HTTPSConnectionPool, stop, public),
        }
        super().__init__()

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: object) -> urllib3.PoolManager:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _stoppable(pool: type[HTTPConnectionPool], stop: Stop, public: bool) -> type[HTTPConnectionPool]:
    class Connection(pool.ConnectionCls):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            if public and not ipaddress.ip_address(sock.getpeername()[0].partition("%")[0]).is_global:
                sock.close()  # before a word was said
                raise urllib3.exceptions.NewConnectionError(self, "not a public address")
            return sock

        def connect(self) -> None:
            super().connect()
            stop.then(lambda sock=self.sock: _shut(sock))

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # it may be closed already
        sock.shutdown(socket.SHUT_RDWR)

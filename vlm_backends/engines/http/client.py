"""Requests and their answers over the network, whose sockets are those of _connections.py."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import requests
import urllib3

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.http import decode
from vlm_backends.engines.http.transport import Lease, StoppableAdapter, is_private
from vlm_backends.errors import BadPrompt, Unreachable, VLMError
from vlm_backends.types import Chunk

T = TypeVar("T")
_PIECE = 65536  # bytes
_STEP = 2**20  # bytes of a body that prolong the wait for its rest
_PRIVATE = "The address of this is a private one, where nothing may be asked. Try again, or choose another model."
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
    method: str,
    url: str,
    stop: CancelToken,
    patience: Patience,
    public: bool = False,
    proxied: bool = True,
    **options: object,
) -> Iterator[requests.Response]:
    """The response to one request, its body still on the wire; closed at the end, and at once on `stop`.

    Follows no redirect, so that no header reaches a host that was not asked; `public` allows public addresses only,
    whatever a name resolves to, save that a proxy looks its names up itself. Raises Unreachable.
    """
    lease = Lease(patience.silence)
    with requests.Session() as session:
        session.trust_env = proxied
        for scheme in ("http://", "https://"):
            session.mount(scheme, StoppableAdapter(stop, lease, public))
        session.auth = lambda request: request  # or else a netrc file would replace the key
        session.get_redirect_target = lambda response: (
            None
        )  # or else requests would parse it, and fail at some
        session.headers["Accept-Encoding"] = "identity"  # what is packed may be a bomb
        if public and is_private(_host(url)):
            raise Unreachable(_PRIVATE)
        try:
            response = session.request(
                method,
                url,
                stream=True,
                allow_redirects=False,
                timeout=(patience.connect, patience.silence),
                **options,
            )
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ):
            raise Unreachable(
                f"“{_host(url)}” is not an address that can be called. Check the setting."
            ) from None
        except _BROKEN as error:
            raise _unreachable(error, url) from None
        with response:
            response.lease = lease
            yield response


def payloads(response: requests.Response) -> Iterator[dict]:
    """The JSON objects that answer: many for an event stream, one for JSON or for a zip, by the Content-Type."""
    if response.headers.get("Content-Type", "").lower().startswith("text/event-stream"):
        renew = response.lease.renew
        for payload in decode.streamed(_pieces(response, decode.MOST_BODY)):
            yield payload
            renew()
    else:
        yield decode.single(body(response))


def fetch(url: str, stop: CancelToken, most: int = 25 * 2**20) -> bytes:
    """What lies at a public http(s) address, `most` bytes of it at most. Raises BadPrompt and Unreachable."""
    if not url.startswith(("http://", "https://")):
        raise BadPrompt("A picture is a data:image/…;base64,… URL, or an http(s) address.")
    with send("GET", url, stop, _GLANCE, public=True, proxied=False) as response:
        if response.status_code != 200:
            raise BadPrompt(
                f"The picture's address answered {response.status_code}. Give one that answers 200 itself."
            )
        return body(response, most)


def body(response: requests.Response, most: int = decode.MOST_BODY) -> bytes:
    """The whole body; Unreachable when it is larger than `most` bytes or broken off."""
    data, step = bytearray(), _STEP
    for piece in _pieces(response, most):
        data += piece
        if len(data) >= step:
            step = len(data) + _STEP
            response.lease.renew()
    return bytes(data)


def retry_stream(
    attempt: Callable[[], Iterator[Chunk]], stop: CancelToken, patience: Patience
) -> Iterator[Chunk]:
    """The chunks of an attempt, tried again after passing faults as long as nothing has been said yet."""
    for tried in range(1, patience.tries + 1):
        said, arriving = False, attempt()
        try:
            for chunk in arriving:
                said = bool(chunk.text or chunk.regions)
                yield chunk
                if said:
                    yield from arriving
            return
        except VLMError as error:
            if said or not _again(error, tried, stop, patience):
                raise


def retry(call: Callable[[], T], stop: CancelToken, patience: Patience) -> T:
    """What the call returns, tried again after passing faults."""
    tried = 0
    while True:
        tried += 1
        try:
            return call()
        except VLMError as error:
            if not _again(error, tried, stop, patience):
                raise


def _again(error: VLMError, tried: int, stop: CancelToken, patience: Patience) -> bool:
    """True when another try makes sense, after the pause that is due before it."""
    if error.again is None or tried >= patience.tries:
        return False
    pause = patience.pause * 2 ** (tried - 1) * random.uniform(0.5, 1.5)
    return not stop.wait(max(error.again, pause))


def _pieces(response: requests.Response, most: int) -> Iterator[bytes]:
    """The body as it arrives, `most` bytes at most: iter_lines and iter_content would hold back what has come."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Unreachable(
            f"{_host(response.url)} packed its answer, unasked. Try again, or choose another model."
        )
    raw = response.raw
    read = partial(raw.read1, _PIECE, decode_content=False)
    try:
        for piece in (
            raw.read_chunked(_PIECE, decode_content=False) if raw.chunked else iter(read, b"")
        ):
            most -= len(piece)
            if most < 0:
                raise Unreachable(
                    "The answer is far too long to be true; it was not read to its end."
                )
            yield piece
    except (
        *_BROKEN,
        ValueError,
        AttributeError,
    ) as error:  # the last two: a socket shut by `stop` in mid-read
        raise _unreachable(error, response.url) from None


def _unreachable(error: Exception, url: str) -> Unreachable:
    """What went wrong on the network, in a sentence that names the host but neither path nor key."""
    host = _host(url)
    if isinstance(error, (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return Unreachable(
            f"{host} has been silent for too long. Try again, or choose another model."
        )
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

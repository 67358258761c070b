"""Read an open HTTP response while it arrives: its body as bytes or as JSON objects."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

import requests
import urllib3.util

from vlm_backends.engines.http import decode, sse
from vlm_backends.engines.http.transport import IdleDeadline
from vlm_backends.errors import Unreachable

NETWORK_ERRORS = requests.RequestException, urllib3.exceptions.HTTPError, OSError
_PIECE = 65536  # bytes
_PROGRESS = 2**20  # bytes of a body that count as progress
_AFTER_DONE = 0.5  # seconds in which a server that keeps the connection open may tell an error


class HttpResponse:
    """Reads a response whose body has not arrived yet."""

    def __init__(self, response: requests.Response, deadline: IdleDeadline) -> None:
        self._response, self._deadline = response, deadline

    @property
    def status_code(self) -> int:
        """Return the HTTP status."""
        return self._response.status_code

    @property
    def is_ok(self) -> bool:
        """Return True for a status of 200 to 299."""
        return self.status_code // 100 == 2

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers; their names may be looked up in any case."""
        return self._response.headers

    @property
    def retry_after(self) -> str | None:
        """Return the Retry-After header as it was sent; None without one."""
        return self.headers.get("Retry-After")

    def payloads(self) -> Iterator[dict]:
        """Yield the JSON objects of the body: one for each event, or the one of JSON or a zip.

        Raises Unreachable when the body breaks off or is something else.
        """
        head, pieces = sse.peek(self._pieces(decode.MAX_BODY))
        if not sse.is_event_stream(head, self.headers.get("Content-Type", "")):
            yield from decode.body_payloads(self._joined(pieces))
            return
        deadline = self._deadline
        for payload in decode.event_payloads(pieces, partial(deadline.finish, _AFTER_DONE)):
            yield payload
            deadline.reset()

    def body(self, limit: int = decode.MAX_BODY) -> bytes:
        """Return the whole body; Unreachable when it is over `limit` bytes or breaks off."""
        return self._joined(self._pieces(limit))

    def _joined(self, pieces: Iterator[bytes]) -> bytes:
        data, next_reset = bytearray(), _PROGRESS
        for piece in pieces:
            data += piece
            if len(data) >= next_reset:
                next_reset = len(data) + _PROGRESS
                self._deadline.reset()
        return bytes(data)

    def _pieces(self, limit: int) -> Iterator[bytes]:
        """Yield the body as it arrives; requests' own iterators would buffer it."""
        url, raw = self._response.url, self._response.raw
        if self.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise Unreachable(
                f"{host_of(url)} compressed its answer, against the request. Try again, or choose "
                "another model."
            )
        read = partial(raw.read1, _PIECE, decode_content=False)
        chunks = raw.read_chunked(_PIECE, decode_content=False) if raw.chunked else iter(read, b"")
        try:
            for piece in chunks:
                limit -= len(piece)
                if limit < 0:
                    raise Unreachable("The answer is far too long; it was not read to its end.")
                yield piece
        # a socket that is shut in the middle of a read raises one of the last two
        except (*NETWORK_ERRORS, ValueError, AttributeError) as error:
            raise network_error(error, url) from None


def network_error(error: Exception, url: str) -> Unreachable:
    """Return the error with a sentence that names the host, but no path and no key."""
    host = host_of(url)
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
    return Unreachable(sentence, retry_delay=0.0)


def host_of(url: str) -> str:
    """Return the host in an address; "The service" when there is none."""
    with suppress(ValueError, urllib3.exceptions.HTTPError):
        return urllib3.util.parse_url(url).host or "The service"
    return "The service"

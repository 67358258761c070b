"""Send requests that can be cancelled, fetch pictures, and retry after passing faults."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.http.response import (
    NETWORK_ERRORS,
    HttpResponse,
    host_of,
    network_error,
)
from vlm_backends.engines.http.transport import CancellableAdapter, IdleDeadline, is_private
from vlm_backends.errors import BadPrompt, Unreachable, VLMError
from vlm_backends.types import Chunk

T = TypeVar("T")
_MAX_PICTURE = 25 * 2**20  # bytes
_PRIVATE = (
    "The address of this is a private one, which may not be called from here. Try again, or "
    "choose another model."
)
_BAD_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


@dataclass(frozen=True)
class RequestPolicy:
    """Timeouts, retries and polling of requests. Times are in seconds."""

    connect_timeout: float = 10.0
    idle_timeout: float = 120.0  # between two pieces of an answer, and before its first
    backoff: float = 0.5  # before the second attempt, doubled for each further one
    max_attempts: int = 3
    poll_interval: float = 0.5  # between two looks at a job that is not done
    max_polls: int = 600


_FETCH_POLICY = RequestPolicy(connect_timeout=5.0, idle_timeout=10.0, max_attempts=1)


@contextmanager
def send(
    method: str,
    url: str,
    cancel: CancelToken,
    policy: RequestPolicy,
    public: bool = False,
    proxied: bool = True,
    **options: Any,
) -> Iterator[HttpResponse]:
    """Send one request and open its response; closed at the end, and at once on cancellation.

    Follows no redirect, so that no header reaches a host that was not asked. `public` allows public
    addresses only, whatever a name resolves to; a proxy looks its names up itself. `options` are
    those of `requests.request`. Raises Unreachable.
    """
    if public and is_private(host_of(url)):
        raise Unreachable(_PRIVATE)
    deadline = IdleDeadline(policy.idle_timeout)
    timeouts = policy.connect_timeout, policy.idle_timeout
    with _session(cancel, deadline, public, proxied) as session:
        try:
            response = session.request(
                method, url, stream=True, allow_redirects=False, timeout=timeouts, **options
            )
        except _BAD_ADDRESS:
            raise Unreachable(
                f"“{host_of(url)}” is not an address that can be called. Check the setting."
            ) from None
        except NETWORK_ERRORS as error:
            raise network_error(error, url) from None
        with response:
            yield HttpResponse(response, deadline)


class _Session(requests.Session):
    """A session that parses no redirect: requests would raise for some that nobody follows."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def _session(
    cancel: CancelToken, deadline: IdleDeadline, public: bool, proxied: bool
) -> requests.Session:
    session = _Session()
    session.trust_env = proxied
    session.auth = lambda request: request  # without it, a netrc file would replace the key
    session.headers["Accept-Encoding"] = (
        "identity"  # a compressed answer may be a decompression bomb
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, CancellableAdapter(cancel, deadline, public))
    return session


def fetch(url: str, cancel: CancelToken, limit: int = _MAX_PICTURE) -> bytes:
    """Return the bytes at a public http(s) address, `limit` of them at most.

    Raises BadPrompt for an address that does not answer 200 itself, and Unreachable.
    """
    if not url.startswith(("http://", "https://")):
        raise BadPrompt(
            "This is no address of a picture. Give an http(s) address, or the picture itself as "
            "data:image/…;base64,…."
        )
    with send("GET", url, cancel, _FETCH_POLICY, public=True, proxied=False) as response:
        if response.status_code != 200:
            raise BadPrompt(
                f"The picture's address answered {response.status_code}. Give one that answers 200 "
                "itself."
            )
        return response.body(limit)


def retry_stream(
    attempt: Callable[[], Iterator[Chunk]], cancel: CancelToken, policy: RequestPolicy
) -> Iterator[Chunk]:
    """Yield the chunks of an attempt; repeat it after a passing fault, until the first words.

    Nothing is repeated once words, thoughts or regions have come. Raises the last VLMError.
    """
    for attempts in range(1, policy.max_attempts + 1):
        has_begun, chunks = False, attempt()
        try:
            for chunk in chunks:
                has_begun = bool(chunk.text or chunk.regions or chunk.thought)
                yield chunk
                if has_begun:
                    yield from chunks
            return
        except VLMError as error:
            if has_begun or not _wait_for_retry(error, attempts, cancel, policy):
                raise


def retry(call: Callable[[], T], cancel: CancelToken, policy: RequestPolicy) -> T:
    """Return the result of a call; repeat it after a passing fault. Raises the last VLMError."""
    attempts = 0
    while True:
        attempts += 1
        try:
            return call()
        except VLMError as error:
            if not _wait_for_retry(error, attempts, cancel, policy):
                raise


def _wait_for_retry(
    error: VLMError, attempts: int, cancel: CancelToken, policy: RequestPolicy
) -> bool:
    """Wait before the next attempt; return False when there is to be none, or when cancelled."""
    if error.retry_delay is None or attempts >= policy.max_attempts:
        return False
    pause = policy.backoff * 2 ** (attempts - 1) * random.uniform(0.5, 1.5)
    return not cancel.wait(max(error.retry_delay, pause))

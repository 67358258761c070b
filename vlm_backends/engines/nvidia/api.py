"""Send requests to NVIDIA with one key; anything but a good response raises."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.http.response import HttpResponse
from vlm_backends.engines.http.transport import is_public
from vlm_backends.engines.wire.errors import explain
from vlm_backends.errors import Unreachable, VLMError

INTEGRATE = "https://integrate.api.nvidia.com"
ASSETS = "https://api.nvcf.nvidia.com/v2/nvcf/assets"
PENDING = 202, 302, 303, 307  # the answer is at another address, or not ready yet
_HOSTS = "ai.api.nvidia.com", "integrate.api.nvidia.com", "api.nvcf.nvidia.com"


@dataclass(frozen=True)
class NvidiaApi:
    """Sends requests to NVIDIA with one key.

    `base_url` replaces scheme, host and port of its hosts.
    """

    key: str = field(repr=False)
    base_url: str
    policy: RequestPolicy

    def resolve_url(self, url: str) -> str:
        """Return the address with `base_url` in place of NVIDIA's host, if one is set."""
        if not self.base_url or urlsplit(url).hostname not in _HOSTS:
            return url
        scheme, host, *_ = urlsplit(self.base_url)
        return urlunsplit((scheme, host, *urlsplit(url)[2:]))

    @property
    def authorization(self) -> dict[str, str]:
        """Return the header that carries the key."""
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def is_public(self) -> bool:
        """Return True when NVIDIA is called over the internet: its links must be public too."""
        return is_public(urlsplit(self.resolve_url(ASSETS)).hostname or "")

    @contextmanager
    def send(
        self,
        method: str,
        url: str,
        cancel: CancelToken,
        accept: tuple[int, ...] = (),
        **options: Any,
    ) -> Iterator[HttpResponse]:
        """Open the response to a request: one with status 2xx or one of `accept`.

        Raises VLMError for any other status and when the host cannot be reached. The options are
        those of `http.client.send`; the key goes only where `headers` has it.
        """
        with client.send(method, url, cancel, self.policy, **options) as response:
            if not response.is_ok and response.status_code not in accept:
                raise self._error(response)
            yield response

    def _error(self, response: HttpResponse) -> VLMError:
        try:
            words = response.body()
        except Unreachable:
            words = b""
        retry_after = response.retry_after
        return explain(response.status_code, words, retry_after, "NVIDIA", self.key)

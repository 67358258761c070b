"""Send one question to NVIDIA as a job, and poll or follow it until its answer arrives."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.http import client
from vlm_backends.engines.http.response import HttpResponse
from vlm_backends.engines.nvidia.api import PENDING, NvidiaApi
from vlm_backends.engines.wire.errors import explain
from vlm_backends.engines.wire.responses import job_id, parse_chunks
from vlm_backends.errors import Unreachable, VLMError
from vlm_backends.types import Chunk, Sent

_STATUS = "https://api.nvcf.nvidia.com/v2/nvcf/pexec/status/"
_VANITY, _VANITY_STATUS = "ai.api.nvidia.com", "https://ai.api.nvidia.com/v1/status/"
_MAX_MOVES = 5  # redirects; a result is one away


def status_of(url: str) -> str:
    """Return the address at which a job begun at `url` is polled, without the job's id."""
    return _VANITY_STATUS if urlsplit(url).hostname == _VANITY else _STATUS


@dataclass(frozen=True)
class NvidiaJob:
    """A question at one address; `headers` carry the key and the ids of assets."""

    api: NvidiaApi
    url: str
    headers: Mapping[str, str] = field(repr=False)
    sent: Sent | None  # how the newest picture travels
    cancel: CancelToken

    def chunks(self, request: Mapping[str, object]) -> Iterator[Chunk]:
        """Ask, and yield the answer's chunks; an unfinished job is polled, a 302 followed.

        Raises VLMError, with no `retry_delay` once NVIDIA has taken the job.
        """
        url, options = self.api.resolve_url(self.url), {"headers": self.headers, "json": request}
        with self.api.send("POST", url, self.cancel, PENDING, **options) as response:
            if response.status_code not in PENDING:
                yield from self._read(response)
                return
        try:
            yield from self._result(response)
        except VLMError as error:
            error.retry_delay = None  # NVIDIA has taken the job: never pay for it twice
            raise

    def _result(self, response: HttpResponse) -> Iterator[Chunk]:
        """Yield the chunks of the result that the pending response announces."""
        moves = 0
        for _ in range(self.api.policy.max_polls):
            moves += response.status_code != 202
            if moves > _MAX_MOVES:
                raise Unreachable(
                    "NVIDIA sends this question from one place to the next. Try again later."
                )
            with self._next_response(response) as response:
                if response.status_code not in PENDING:
                    yield from self._read(response)
                    return
        raise Unreachable(
            "NVIDIA did not finish this job in time. Try again, or use a smaller picture."
        )

    def _read(self, response: HttpResponse) -> Iterator[Chunk]:
        refuse = partial(explain, key=self.api.key)
        yield from parse_chunks(response.payloads(), self.sent, refuse)

    @contextmanager
    def _next_response(self, pending: HttpResponse) -> Iterator[HttpResponse]:
        """Open the response that follows a pending one; passing faults are retried."""
        if pending.status_code == 202:
            url = self.api.resolve_url(status_of(self.url) + job_id(pending.headers))
            options = {"headers": self.headers}
            if self.cancel.wait(self.api.policy.poll_interval):
                raise Unreachable("Stopped before NVIDIA had finished.")
        else:  # the key stays with NVIDIA
            url, options = pending.headers.get("Location", ""), {"public": self.api.is_public}
        with ExitStack() as stack:
            yield client.retry(
                lambda: stack.enter_context(
                    self.api.send("GET", url, self.cancel, PENDING, **options)
                ),
                self.cancel,
                self.api.policy,
            )

"""NVIDIA's hosted models, on the wire that NVIDIA publishes.

A picture goes inside the text as `<img src="data:…" />`. One that would lose too much under the inline
budget goes to the asset store first, and is deleted afterwards, whatever happens.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import requests

from vlm_backends import models
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import Patience
from vlm_backends.engines.http.transport import is_public
from vlm_backends.engines.wire.errors import explain
from vlm_backends.engines.wire.requests import body, inline, trimmed
from vlm_backends.engines.wire.responses import announced, chunk, job_of
from vlm_backends.errors import Gone, MissingKey, Unreachable, VLMError
from vlm_backends.media import images
from vlm_backends.types import Chunk, Model, Picture, Prompt, Sent, Task

ASSETS = "https://api.nvcf.nvidia.com/v2/nvcf/assets"
_STATUS = "https://api.nvcf.nvidia.com/v2/nvcf/pexec/status/"
_VANITY, _VANITY_STATUS = "ai.api.nvidia.com", "https://ai.api.nvidia.com/v1/status/"
DESCRIPTION = "Input Image"
_MOVES = 5  # a result is one move away
_PENDING = 202, 302, 303, 307  # the answer is elsewhere, or not there yet
_log = logging.getLogger(__name__)

Way = Literal["inline", "asset"]
Reference = tuple[str, Sent]  # what stands in `src`, and how the picture travelled


@dataclass(frozen=True)
class NVIDIA:
    """Answers from NVIDIA's host with the owner's or a visitor's key; `base_url` replaces scheme, host and port."""

    key: str = field(repr=False)
    base_url: str = ""
    patience: Patience = Patience()
    name: str = "NVIDIA"

    def models(self) -> Sequence[Model]:
        """The whole catalogue: only a real call can tell which of them are still there."""
        return models.CATALOGUE

    def state(self, model: Model, task: Task | None = None) -> str:
        """What is known of the model at NVIDIA, with the date."""
        words = {
            "alive": "live at NVIDIA",
            "withdrawn": "withdrawn by NVIDIA",
            "unknown": "not proven at NVIDIA",
        }
        return f"{words[model.hosted.state]} (as of {model.hosted.checked})"

    def stream(
        self, model: Model, prompt: Prompt, stop: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """The reply's chunks. Asks the model's second address when its first is gone."""
        if not self.key:
            where = "give it at the top of the page, or as NVIDIA_API_KEY"
            raise MissingKey(f"NVIDIA needs a key: make one at build.nvidia.com and {where}.")
        stop = stop or CancelToken()
        prompt = trimmed(model, prompt)
        try:
            with self._references(model, prompt, stop) as references:
                yield from self._first_alive(model, prompt, references, stop)
        except VLMError:
            if not stop.is_set():  # a connection that was shut on purpose is no error
                raise

    def _first_alive(
        self,
        model: Model,
        prompt: Prompt,
        references: Mapping[Picture, Reference],
        stop: CancelToken,
    ) -> Iterator[Chunk]:
        try:
            yield from self._ask(model.url, model, prompt, references, stop)
        except Gone:
            if not model.fallback:
                raise
            yield from self._ask(model.fallback, model, prompt, references, stop)

    def _ask(
        self,
        url: str,
        model: Model,
        prompt: Prompt,
        references: Mapping[Picture, Reference],
        stop: CancelToken,
    ) -> Iterator[Chunk]:
        request = body(
            model, prompt, url, {picture: source for picture, (source, _) in references.items()}
        )
        sent = next((sent for _, sent in reversed(references.values())), None)
        if sent:
            yield Chunk(sent=sent)

        def attempt() -> Iterator[Chunk]:
            with self._answered(url, model, request, references, stop) as response:
                for payload in client.payloads(response):
                    if said := chunk(payload, sent, "NVIDIA", self.key):
                        yield said

        yield from client.retry_stream(attempt, stop, self.patience)

    @contextmanager
    def _answered(
        self,
        url: str,
        model: Model,
        request: dict,
        references: Mapping[Picture, Reference],
        stop: CancelToken,
    ) -> Iterator[requests.Response]:
        """The response that carries the answer: an unfinished job is polled, a 302 followed without the key."""
        headers = {
            "Accept": "text/event-stream" if model.streams else "application/json",
            **self._bearer(),
        }
        if assets := [
            _asset_id(source) for source, sent in references.values() if sent.way == "asset"
        ]:
            headers["NVCF-INPUT-ASSET-REFERENCES"] = headers["NVCF-FUNCTION-ASSET-IDS"] = ",".join(
                assets
            )
        with ExitStack() as stack:
            response = self._opened(
                stack, "POST", self.at(url), stop, headers=headers, json=request
            )
            begun, moves = response.status_code in _PENDING, 0
            try:
                for _ in range(self.patience.polls):
                    if response.status_code not in _PENDING:
                        yield response
                        return
                    moves += response.status_code != 202
                    if moves > _MOVES:
                        raise Unreachable(
                            "NVIDIA sends this question from one place to the next. Try again later."
                        )
                    look = self._look(response, stack, status_of(url), stop, headers)
                    response = client.retry(look, stop, self.patience)
                raise Unreachable(
                    "NVIDIA did not finish this job in time. Try again, or use a smaller picture."
                )
            except VLMError as error:
                if begun:
                    error.again = (
                        None  # NVIDIA has taken the job: it is not begun, and paid for, twice
                    )
                raise

    def _look(
        self,
        response: requests.Response,
        stack: ExitStack,
        status: str,
        stop: CancelToken,
        headers: Mapping[str, str],
    ) -> Callable[[], requests.Response]:
        """The call that asks for what follows a response that is not the answer yet; the key stays with NVIDIA."""
        if response.status_code != 202:
            address, public = response.headers.get("Location", ""), self._is_public()
            return partial(self._opened, stack, "GET", address, stop, public=public)
        url = self.at(status + job_of(response.headers))
        if stop.wait(self.patience.poll):
            raise Unreachable("Stopped before NVIDIA had finished.")
        return partial(self._opened, stack, "GET", url, stop, headers=headers)

    def _opened(
        self, stack: ExitStack, method: str, url: str, stop: CancelToken, **options: object
    ) -> requests.Response:
        """The response, good or pending, open as long as the stack holds it; the one before is closed."""
        stack.close()
        response = stack.enter_context(client.send(method, url, stop, self.patience, **options))
        return response if response.status_code in _PENDING else self._accepted(response)

    @contextmanager
    def _references(
        self, model: Model, prompt: Prompt, stop: CancelToken
    ) -> Iterator[dict[Picture, Reference]]:
        """What stands for each picture in the request; the assets among them live as long as this context."""
        found: dict[Picture, Reference] = {}
        try:
            for picture in dict.fromkeys(
                picture for turn in prompt.turns for picture in turn.pictures
            ):
                carried, way = fit_for_transport(model, picture)
                if way == "inline":
                    source = inline(carried)
                else:
                    id = client.retry(partial(self._upload, carried, stop), stop, self.patience)
                    source = f"data:{carried.mime};asset_id,{id}"
                found[picture] = source, _sent(carried, way)
            yield found
        finally:
            for source, sent in found.values():
                if sent.way == "asset":
                    self._delete(_asset_id(source))

    def _upload(self, picture: Picture, stop: CancelToken) -> str:
        """The id of a new asset: announced first, then put at the address that NVIDIA signs for it."""
        entry = {"contentType": picture.mime, "description": DESCRIPTION}
        headers = {"accept": "application/json", **self._bearer()}
        with client.send(
            "POST", self.at(ASSETS), stop, self.patience, headers=headers, json=entry
        ) as response:
            try:
                answer = next(client.payloads(self._accepted(response)), {})
            except Unreachable:
                _log.warning(
                    "an asset was announced whose name did not arrive; NVIDIA drops it after a day"
                )
                raise
        id, url = announced(answer)
        try:
            headers = {
                "x-amz-meta-nvcf-asset-description": DESCRIPTION,
                "content-type": picture.mime,
            }
            options = {"public": self._is_public(), "headers": headers, "data": picture.data}
            with client.send("PUT", url, stop, self.patience, **options) as response:
                self._accepted(response)
        except BaseException:
            self._delete(id)
            raise
        return id

    def _delete(self, id: str) -> None:
        """Takes the asset back, even after a stop; a failure is logged, since the answer is worth more."""
        try:
            url = f"{self.at(ASSETS)}/{id}"
            with client.send(
                "DELETE", url, CancelToken(), self.patience, headers=self._bearer()
            ) as response:
                self._accepted(response)
        except VLMError as error:
            _log.warning("asset %s was not deleted; NVIDIA drops it after a day: %s", id, error)

    def _accepted(self, response: requests.Response) -> requests.Response:
        if response.status_code // 100 == 2:
            return response
        try:
            words = client.body(response)
        except Unreachable:
            words = b""
        raise explain(
            response.status_code, words, response.headers.get("Retry-After"), "NVIDIA", self.key
        )

    def _is_public(self) -> bool:
        """True when NVIDIA is asked over the internet: what it points to must stand there too."""
        return is_public(urlsplit(self.at(ASSETS)).hostname or "")

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def at(self, url: str) -> str:
        """The same path at `base_url`, if there is one."""
        if not self.base_url or urlsplit(url).hostname not in (_VANITY, *_HOSTS):
            return url
        scheme, host, *_ = urlsplit(self.base_url)
        return urlunsplit((scheme, host, *urlsplit(url)[2:]))


def fit_for_transport(
    model: Model, picture: Picture, way: Way | None = None
) -> tuple[Picture, Way]:
    """The picture as it goes to the model, and by which way; a `way` that is known is not weighed again."""
    if not model.asset and way != "asset":
        fitted = images.encode(picture)
        if model.parts or way == "inline" or not images.loses(picture, fitted):
            return fitted, "inline"
    return images.as_jpeg(picture), "asset"


def status_of(url: str) -> str:
    """Where a job is asked for that was begun at `url`, without the job's id."""
    return _VANITY_STATUS if urlsplit(url).hostname == _VANITY else _STATUS


_HOSTS = ("integrate.api.nvidia.com", "api.nvcf.nvidia.com")


def _asset_id(source: str) -> str:
    return source.rpartition(",")[2]


def _sent(picture: Picture, way: Way) -> Sent:
    return Sent(picture.mime, picture.width, picture.height, len(picture.data), way)

"""Ask NVIDIA's hosted models, as NVIDIA documents it.

A picture goes inside the text as `<img src="data:…" />`. One that would lose too much detail under
the inline budget goes to the asset store first, and is deleted after the answer or the error.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from vlm_backends import models
from vlm_backends.concurrency import CancelToken
from vlm_backends.config import check_key
from vlm_backends.engines.base import Capability, Observation, Traits, account_digest
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.nvidia import assets, probe
from vlm_backends.engines.nvidia.api import ASSETS, INTEGRATE, NvidiaApi
from vlm_backends.engines.nvidia.assets import DESCRIPTION, Reference, Way, fit_for_transport
from vlm_backends.engines.nvidia.jobs import NvidiaJob, status_of
from vlm_backends.engines.wire.requests import body, trim_prompt
from vlm_backends.errors import Gone, MissingKey, VLMError
from vlm_backends.types import Chunk, Model, Picture, Prompt, Task

__all__ = ["ASSETS", "DESCRIPTION", "NVIDIA", "Way", "fit_for_transport", "status_of"]
_CONCURRENCY = 4
_REQUESTS_PER_MINUTE = 40  # of a free account
_SUMMARIES = {
    "alive": "live at NVIDIA",
    "withdrawn": "withdrawn by NVIDIA",
    "unknown": "not proven at NVIDIA",
}


@dataclass(frozen=True)
class NVIDIA:
    """Asks NVIDIA's host with one key.

    `base_url` replaces scheme, host and port of its addresses.
    """

    key: str = field(repr=False)
    base_url: str = ""
    policy: RequestPolicy = RequestPolicy()
    name: str = "NVIDIA"

    @property
    def traits(self) -> Traits:
        """Return what holds for all of its models."""
        return Traits(
            "nvidia",
            concurrency=_CONCURRENCY,
            requests_per_minute=_REQUESTS_PER_MINUTE,
            takes_key=True,
            takes_system=True,
            has_key=bool(self.key),
            sends_to="NVIDIA",
            account=account_digest(self.base_url, self.key),
            endpoint=self.base_url or INTEGRATE,
        )

    def models(self) -> Sequence[Model]:
        """List the whole catalogue: only a real call can tell which models are still there."""
        return models.CATALOGUE

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say what the catalogue knows of the model at NVIDIA; a task has its model's state."""
        if model.hosted is None:
            return Capability(False, "not offered by NVIDIA", "model", "NVIDIA", proven=False)
        summary = f"{_SUMMARIES[model.hosted.state]} (as of {model.hosted.checked})"
        state, needs = model.hosted.state, "" if self.key else "key"
        return Capability(
            not needs,
            summary,
            needs,
            "NVIDIA",
            proven=state == "alive",
            gone=state == "withdrawn" and not self.base_url,
        )

    def with_key(self, key: str) -> "NVIDIA":
        """Return the engine that asks with this key; itself for an empty one. Raises BadPrompt."""
        return replace(self, key=check_key(key)) if key else self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation | None]]:
        """Look the models up in NVIDIA's list, without the key. Raises VLMError."""
        return probe.probe(self.resolve_url(probe.LIST), models)

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield the reply's chunks; when the model's first address is gone, ask its second.

        Raises VLMError.
        """
        if not self.key:
            where = "give it at the top of the page, or as NVIDIA_API_KEY"
            raise MissingKey(f"NVIDIA needs a key: make one at build.nvidia.com and {where}.")
        cancel = cancel or CancelToken()
        prompt = trim_prompt(model, prompt)
        try:
            with assets.references(self._api, model, prompt, cancel) as references:
                yield from self._ask_with_fallback(model, prompt, references, cancel)
        except VLMError:
            if not cancel.is_set():  # a connection that was shut on purpose is no error
                raise

    def _ask_with_fallback(
        self,
        model: Model,
        prompt: Prompt,
        references: dict[Picture, Reference],
        cancel: CancelToken,
    ) -> Iterator[Chunk]:
        try:
            yield from self._ask(model.url, model, prompt, references, cancel)
        except Gone:
            if not model.fallback:
                raise
            yield from self._ask(model.fallback, model, prompt, references, cancel)

    def _ask(
        self,
        url: str,
        model: Model,
        prompt: Prompt,
        references: dict[Picture, Reference],
        cancel: CancelToken,
    ) -> Iterator[Chunk]:
        sources = {picture: source for picture, (source, _) in references.items()}
        request = body(model, prompt, url, sources)
        sent = next((sent for _, sent in reversed(references.values())), None)
        yield Chunk(sent=sent, note=f"Answered by {model.title} at NVIDIA.")
        job = NvidiaJob(self._api, url, self._headers(model, references), sent, cancel)
        yield from client.retry_stream(partial(job.chunks, request), cancel, self.policy)

    def _headers(self, model: Model, references: dict[Picture, Reference]) -> dict[str, str]:
        accepted = "text/event-stream" if model.streams else "application/json"
        headers = {"Accept": accepted, **self._api.authorization}
        if ids := ",".join(assets.asset_ids(references)):
            headers["NVCF-INPUT-ASSET-REFERENCES"] = headers["NVCF-FUNCTION-ASSET-IDS"] = ids
        return headers

    @property
    def _api(self) -> NvidiaApi:
        return NvidiaApi(self.key, self.base_url, self.policy)

    def resolve_url(self, url: str) -> str:
        """Return the same path at `base_url`, if there is one."""
        return self._api.resolve_url(url)

"""Ask any server with the OpenAI API, such as vLLM, NIM, Ollama or llama.cpp's.

Pictures go as `image_url` parts. The server answers for the models that it lists under `/models`.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

from vlm_backends import models
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import Capability, Observation, Traits, account_digest
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.openai.listing import ListedModel, clear_cache, list_models
from vlm_backends.engines.wire.errors import explain
from vlm_backends.engines.wire.requests import body, data_url, trim_prompt
from vlm_backends.engines.wire.responses import parse_chunks
from vlm_backends.errors import BadPrompt, Refused, Unreachable, VLMError
from vlm_backends.media import images
from vlm_backends.readers import plain
from vlm_backends.types import Chunk, Model, Picture, Prompt, Sampling, SamplingLimits, Sent, Task

__all__ = ["OpenAI", "clear_cache", "fit_for_transport", "unknown_model"]
_BUDGET = 6_000_000  # characters of base64: larger pictures are fitted
_CONCURRENCY = 4
_OPTIONAL = "stream_options", "skip_special_tokens"  # fields that a strict server may not know
_MAX_TOKENS = "max_completion_tokens"  # OpenAI's newer name for max_tokens
_PROBE_POLICY = RequestPolicy(connect_timeout=3.0, idle_timeout=5.0, max_attempts=1)


@dataclass(frozen=True)
class OpenAI:
    """Asks the server at `base_url`, such as http://127.0.0.1:8000/v1."""

    base_url: str
    key: str = field(default="", repr=False)
    policy: RequestPolicy = RequestPolicy()
    name: str = "Your server"
    only: tuple[str, ...] = ()  # ids as the server lists them; empty: all that it lists
    pictures: int = 1  # how many a request may carry to a model that the catalogue does not know

    @property
    def traits(self) -> Traits:
        """Return what holds for all of its models."""
        return Traits(
            "openai",
            concurrency=_CONCURRENCY,
            has_key=bool(self.key),
            takes_system=True,
            takes_schema=True,
            sends_to=self._host,
            account=account_digest(self.base_url, self.key),
            endpoint=self.base_url,
        )

    def models(self) -> Sequence[Model]:
        """List the catalogue's models that the server lists, then its others; none without it."""
        served = [(model, self._served_id(model)) for model in models.CATALOGUE]
        known_ids = {id for _, id in served}
        known = [model for model, id in served if id]
        others = [listed.id for listed in self._listed() if listed.id not in known_ids]
        return (*known, *(unknown_model(id, self.pictures) for id in others))

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say whether the server lists the model, and what it says of it or of the task."""
        id, host = self._served_id(model), self._host
        states = next((listed.states for listed in self._listed() if listed.id == id), None)
        if states is None:
            return Capability(False, self._absence(), "server", host)
        phrase = states.get(task.token if task else "", "")
        if not (task and phrase):
            phrase = f"ready at {host}: {phrase}" if phrase else f"ready at {host}"
        return Capability(True, phrase, computed_by=host)

    def with_key(self, key: str) -> "OpenAI":
        """Return the engine itself: its key is its owner's."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation | None]]:
        """Ask the server for its list again, and look the models up in it. Raises VLMError."""
        clear_cache()
        address, headers = f"{self._base}/models", self._headers
        with client.send("GET", address, CancelToken(), _PROBE_POLICY, headers=headers) as response:
            if not response.is_ok:
                raise explain(response.status_code, response.body(), response.retry_after)
            next(response.payloads(), {})
        served = self.models()
        if not served and list_models(self._base, self._headers) is None:
            raise Unreachable(f"{self._host} gave no list of its models. Try again in a moment.")
        for model in models:
            yield model, Observation("listed" if model in served else "unlisted", time.time())

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield the reply's chunks. Raises VLMError."""
        prompt, cancel = trim_prompt(model, prompt), cancel or CancelToken()
        pictures = [picture for turn in prompt.turns for picture in turn.pictures]
        if not pictures:
            raise BadPrompt("Add a picture first: this model answers about pictures.")
        fitted = {picture: fit_for_transport(picture) for picture in pictures}
        last = fitted[pictures[-1]]
        sent = Sent(last.mime, last.width, last.height, len(last.data), "inline")
        note = f"Answered by {model.title} at {self._host}."
        yield Chunk(sent=sent, note=note)
        sources = {picture: data_url(encoded) for picture, encoded in fitted.items()}
        try:
            for piece in self._chunks(self.request(model, prompt, sources), sent, cancel):
                yield piece._replace(note=f"{note} {piece.note}") if piece.note else piece
        except VLMError:
            if not cancel.is_set():  # a connection that was shut on purpose is no error
                raise

    def _chunks(
        self, request: Mapping[str, object], sent: Sent, cancel: CancelToken
    ) -> Iterator[Chunk]:
        """Yield the chunks of the reply to a request.

        A server that refuses a field by name is asked again without it.
        """
        try:
            attempt = partial(self._ask, request, sent, cancel)
            yield from client.retry_stream(attempt, cancel, self.policy)
        except Refused as error:
            reduced = _without_refused(request, error.detail)
            if error.status not in (400, 422) or reduced == request:
                raise
            yield from self._chunks(reduced, sent, cancel)

    def _ask(
        self, request: Mapping[str, object], sent: Sent, cancel: CancelToken
    ) -> Iterator[Chunk]:
        host, options = self._host, {"headers": self._headers, "json": request}
        absent = (
            f"{host} does not serve {request['model']}. Start it there, or choose another engine."
        )
        refuse = partial(explain, who=host, key=self.key, absent=absent)
        with client.send("POST", self.address, cancel, self.policy, **options) as response:
            if not response.is_ok:
                raise refuse(response.status_code, response.body(), response.retry_after)
            yield from parse_chunks(response.payloads(), sent, refuse)

    def request(self, model: Model, prompt: Prompt, sources: Mapping[Picture, str]) -> dict:
        """Return the request's JSON, with the model's id as the server lists it.

        `sources` has the URL that stands for each picture.
        """
        id = self._served_id(model) or model.id
        as_served = replace(model, id=id, parts=True, streams=True)
        request = body(as_served, prompt, self.base_url, sources)
        request["stream_options"] = {"include_usage": True}
        if model.read is not plain.read or model.tasks:
            # vLLM's option: places and labels are special tokens, which it would leave out
            request["skip_special_tokens"] = False
        return request

    @property
    def address(self) -> str:
        """Return the address that questions go to."""
        return f"{self._base}/chat/completions"

    def _served_id(self, model: Model) -> str | None:
        """Return the id under which the server lists the model; None when it does not.

        That is the model's id or that of its weights, in upper or lower case.
        """
        names = {model.id.lower(), model.weights.id.lower() if model.weights else ""}
        ids = (listed.id for listed in self._listed())
        return next((id for id in ids if id.lower().removesuffix(":latest") in names), None)

    def _absence(self) -> str:
        """Say why a model is not there; without a list of models, nothing is known of it."""
        if list_models(self._base, self._headers) is None:
            return f"not known: {self._host} gave no list of its models"
        return f"not served at {self._host}"

    def _listed(self) -> list[ListedModel]:
        listed = list_models(self._base, self._headers) or ()
        return [model for model in listed if not self.only or model.id in self.only]

    @property
    def _base(self) -> str:
        return self.base_url.rstrip("/")

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def fit_for_transport(picture: Picture) -> Picture:
    """Return the picture as it goes to such a server: under 6,000,000 characters of base64."""
    return images.encode(picture, _BUDGET)


def unknown_model(id: str, pictures: int) -> Model:
    """Return a catalogue entry for a model that only the server knows: a plain conversation."""
    publisher, _, name = id.removesuffix(":latest").rpartition("/")
    return Model(
        id,
        name[:60],
        publisher[:60],
        "A model that this page's own server lists; its abilities are not known here.",
        "",
        "",
        None,
        plain.read,
        Sampling(512, 0.7, 1.0),
        SamplingLimits(8192, (0.0, 2.0)),
        prompts=("What is in this image?", "What does the sign say?"),
        samples=("poster.jpg", "sign.jpg"),
        pictures=pictures,
        parts=True,
    )


def _without_refused(request: Mapping[str, object], complaint: str) -> dict:
    """Return the request without the optional fields that a complaint names.

    The limit of tokens gets the name that the complaint asks for.
    """
    reduced = {
        name: value
        for name, value in request.items()
        if name not in _OPTIONAL or name not in complaint
    }
    if _MAX_TOKENS in complaint and "max_tokens" in reduced:
        reduced[_MAX_TOKENS] = reduced.pop("max_tokens")
    return reduced

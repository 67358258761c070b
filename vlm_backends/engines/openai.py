"""Any server that speaks the OpenAI wire, such as vLLM, NIM, Ollama or llama.cpp's.

Pictures go as `image_url` parts. What the server lists under `/models` is what it answers for.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import urlsplit

from vlm_backends import models
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import Capability, Observation, Traits, account_digest
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import Patience
from vlm_backends.engines.wire.errors import explain
from vlm_backends.engines.wire.requests import body, inline, trimmed
from vlm_backends.engines.wire.responses import chunk
from vlm_backends.errors import BadPrompt, Refused, VLMError
from vlm_backends.media import images
from vlm_backends.readers import plain
from vlm_backends.text import clean
from vlm_backends.types import Chunk, Model, Picture, Prompt, Sampling, SamplingLimits, Sent, Task

_BUDGET = 6_000_000  # characters of base64: larger pictures are fitted
_FRESH = 60  # seconds for which the server's list is believed
_PHRASE = 120  # characters
_EXTRAS = "stream_options", "skip_special_tokens"  # a strict server may not know them
_NEWER = "max_completion_tokens"  # OpenAI's name for max_tokens
_GLANCE = Patience(connect=2.0, silence=5.0, tries=1)
_LOOK = Patience(connect=3.0, silence=5.0, tries=1)
_CONCURRENCY = 4


@dataclass(frozen=True)
class OpenAI:
    """Answers from the server at `base_url`, such as http://127.0.0.1:8000/v1."""

    base_url: str
    key: str = field(default="", repr=False)
    patience: Patience = Patience()
    name: str = "Your server"
    only: tuple[str, ...] = ()  # ids as the server lists them; empty: whatever it lists
    pictures: int = 1  # how many a request may carry to a model that the catalogue does not know

    @property
    def traits(self) -> Traits:
        """What holds for all of its models."""
        return Traits(
            "openai",
            concurrency=_CONCURRENCY,
            has_key=bool(self.key),
            sends_to=self._host,
            account=account_digest(self.base_url, self.key),
            endpoint=self.base_url,
        )

    def models(self) -> Sequence[Model]:
        """What the server lists: the catalogue's models, then strangers; none when it cannot be reached."""
        known = tuple(model for model in models.CATALOGUE if self._served(model))
        taken = {self._served(model) for model in known}
        return known + tuple(_stranger(id, self.pictures) for id in self._ids() if id not in taken)

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say whether the server lists the model, and what it says of it or of the task."""
        id, host = self._served(model), self._host
        states = next((entry.states for entry in self._entries() if entry.id == id), None)
        if states is None:
            return Capability(False, f"not served at {host}", "server", host)
        phrase = states.get(task.token if task else "", "")
        if not (task and phrase):
            phrase = f"ready at {host}: {phrase}" if phrase else f"ready at {host}"
        return Capability(True, phrase, computed_by=host)

    def state(self, model: Model, task: Task | None = None) -> str:
        """Return the capability's summary."""
        return self.capability(model, task).summary

    def with_key(self, key: str) -> "OpenAI":
        """Return the engine itself: its key is its owner's."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation | None]]:
        """Ask the server for its list, afresh, and look the models up in it. Raises VLMError."""
        forget()
        address, headers = f"{self._base}/models", self._headers()
        with client.send("GET", address, CancelToken(), _LOOK, headers=headers) as response:
            if response.status_code // 100 != 2:
                retry_after = response.headers.get("Retry-After")
                raise explain(response.status_code, client.body(response), retry_after)
            next(client.payloads(response), {})
        served = self.models()
        for model in models:
            yield model, Observation("listed" if model in served else "unlisted", time.time())

    def stream(
        self, model: Model, prompt: Prompt, stop: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """The reply's chunks. Raises VLMError."""
        prompt, stop = trimmed(model, prompt), stop or CancelToken()
        pictures = [picture for turn in prompt.turns for picture in turn.pictures]
        if not pictures:
            raise BadPrompt("Add a picture first: this model answers about pictures.")
        fitted = {picture: fit_for_transport(picture) for picture in pictures}
        last = fitted[pictures[-1]]
        sent = Sent(last.mime, last.width, last.height, len(last.data), "inline")
        host = self._host
        note = f"Answered by {model.title} at {host}."
        yield Chunk(sent=sent, note=note)
        request = self.request(
            model, prompt, {picture: inline(encoded) for picture, encoded in fitted.items()}
        )
        try:
            for piece in self._chunks(request, sent, stop):
                yield piece._replace(note=f"{note} {piece.note}") if piece.note else piece
        except VLMError:
            if not stop.is_set():  # a connection that was shut on purpose is no error
                raise

    def _chunks(
        self, request: Mapping[str, object], sent: Sent, stop: CancelToken
    ) -> Iterator[Chunk]:
        """The chunks of the reply to this request, sent again without what the server says it does not know."""
        host = self._host
        absent = (
            f"{host} does not serve {request['model']}. Start it there, or choose another engine."
        )

        def attempt() -> Iterator[Chunk]:
            with client.send(
                "POST", self.address, stop, self.patience, headers=self._headers(), json=request
            ) as response:
                if response.status_code // 100 != 2:
                    raise explain(
                        response.status_code,
                        client.body(response),
                        response.headers.get("Retry-After"),
                        host,
                        self.key,
                        absent,
                    )
                for payload in client.payloads(response):
                    if said := chunk(payload, sent, host, self.key):
                        yield said

        try:
            yield from client.retry_stream(attempt, stop, self.patience)
        except Refused as error:
            known = _known(request, error.detail) if error.status in (400, 422) else request
            if known == request:
                raise
            yield from self._chunks(known, sent, stop)

    def request(self, model: Model, prompt: Prompt, sources: Mapping[Picture, str]) -> dict:
        """The request's JSON, the model called as the server lists it; `sources` says what stands for each picture."""
        asked = replace(model, id=self._served(model) or model.id, parts=True, streams=True)
        plain_words = model.read is plain.read and not model.tasks
        grammar = (
            {} if plain_words else {"skip_special_tokens": False}
        )  # vLLM's name for it: places are such tokens
        return (
            body(asked, prompt, self.base_url, sources)
            | {"stream_options": {"include_usage": True}}
            | grammar
        )

    @property
    def address(self) -> str:
        """Where questions go."""
        return f"{self._base}/chat/completions"

    def _served(self, model: Model) -> str | None:
        """The name under which the server lists the model: its id here or at the hub, in any case."""
        wanted = {model.id.lower(), model.weights.id.lower() if model.weights else ""}
        return next(
            (id for id in self._ids() if id.lower().removesuffix(":latest") in wanted), None
        )

    def _ids(self) -> list[str]:
        return [entry.id for entry in self._entries()]

    def _entries(self) -> list["_Entry"]:
        listed = _listed(self, int(time.monotonic() / _FRESH))
        return [entry for entry in listed if not self.only or entry.id in self.only]

    @property
    def _base(self) -> str:
        return self.base_url.rstrip("/")

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def _known(request: Mapping[str, object], complaint: str) -> dict:
    """The request without the extras that the complaint names, the limit of tokens by the name that it asks for."""
    known = {
        name: value
        for name, value in request.items()
        if name not in _EXTRAS or name not in complaint
    }
    if _NEWER in complaint and "max_tokens" in known:
        known[_NEWER] = known.pop("max_tokens")
    return known


def fit_for_transport(picture: Picture) -> Picture:
    """The picture as it goes to such a server."""
    return images.encode(picture, _BUDGET)


def _stranger(id: str, pictures: int) -> Model:
    """An entry for a model that the catalogue does not know: a plain chat."""
    publisher, _, name = id.removesuffix(":latest").rpartition("/")
    return Model(
        id,
        name[:60],
        publisher[:60],
        "A model that this page's own server lists; what it can do, only it knows.",
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


def forget() -> None:
    """The servers' lists are asked for anew."""
    _listed.cache_clear()


@lru_cache(maxsize=16)
def _listed(server: OpenAI, _: int) -> tuple["_Entry", ...]:
    """What the server lists and may see pictures; nothing when it cannot be asked."""
    try:
        with client.send(
            "GET", f"{server._base}/models", CancelToken(), _GLANCE, headers=server._headers()
        ) as response:
            listed = next(client.payloads(response), {}).get("data")
    except VLMError:
        return ()
    entries = (
        [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )
    named = [
        entry for entry in entries if isinstance(entry.get("id"), str) and _is_name(entry["id"])
    ]
    return tuple(
        {
            entry["id"]: _Entry(entry["id"], _states(entry)) for entry in named if not _blind(entry)
        }.values()
    )


@dataclass(frozen=True)
class _Entry:
    """A model in a server's list, with what the server says of it and, by token, of its tasks."""

    id: str
    states: Mapping[str, str]


def _states(entry: dict) -> dict[str, str]:
    """The phrases that this project's own server gives."""
    tasks = entry.get("tasks")
    said = {**(tasks if isinstance(tasks, dict) else {}), "": entry.get("state")}
    return {
        name: clean(phrase[:_PHRASE]) for name, phrase in said.items() if isinstance(phrase, str)
    }


def _is_name(id: str) -> bool:
    """True for what can be shown and asked for alike."""
    return bool(id.strip()) and clean(id) == id


def _blind(entry: dict) -> bool:
    """True when the list itself says that a model takes no pictures, as OpenRouter's and Mistral's do."""
    architecture, capabilities = entry.get("architecture"), entry.get("capabilities")
    modalities = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    vision = capabilities.get("vision") if isinstance(capabilities, dict) else None
    return vision is False or isinstance(modalities, list) and "image" not in modalities

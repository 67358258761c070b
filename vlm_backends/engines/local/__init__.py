"""Answer with open weights on this machine, through `transformers`.

Nothing heavy is imported before the first question. One question is answered at a time, or several
of a structured task in one pass; the others wait in line.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vlm_backends import models
from vlm_backends.concurrency import CancelToken, WaitingLine
from vlm_backends.engines.base import Capability, DownloadProgress, Observation, Traits
from vlm_backends.engines.local import checkpoints
from vlm_backends.engines.local.errors import explain_failure
from vlm_backends.engines.wire import requests
from vlm_backends.errors import BadPrompt, MissingKey, VLMError
from vlm_backends.types import Chunk, Model, Prompt, Sent, Task

_log = logging.getLogger(__name__)
_device_line = WaitingLine()  # one device, one caller at a time


@dataclass(frozen=True)
class Local:
    """Answers from checkpoints under `folder`, as publisher/model, or in the hub's cache."""

    folder: Path | None = None
    # model id to hub id, for other checkpoints than the catalogue's
    ids: Mapping[str, str] = field(default_factory=dict)
    downloads: bool = False  # fetch missing weights at the first question
    offers: bool = False  # fetch them when a visitor asks for it
    residents: int = 1  # models that stay in memory
    name: str = "Open weights here"

    @property
    def traits(self) -> Traits:
        """Return what holds for all of its models: one question at a time, on this machine."""
        return Traits("local", batches=True, fetches=self.downloads or self.offers)

    def models(self) -> Sequence[Model]:
        """List the models whose weights are here, or may be fetched."""
        own = (model for model in models.CATALOGUE if model.weights and not model.weights.served)
        return tuple(model for model in own if self.downloads or self._find(model))

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say whether the weights are here, and if not, what they take; the same for each task."""
        weights = model.weights
        if weights is None:
            return Capability(False, "no open weights", "model")
        id = self._hub_id(model)
        if weights.served:
            return Capability(False, "needs a server of its own: such as vLLM", "server", id)
        if self._find(model):
            return Capability(True, "ready", computed_by=id)
        summary = f"needs {weights.gigabytes:g} GB of weights"
        if not self.downloads:
            return Capability(False, summary, "weights", id)
        summary += ": fetched at the first question"
        return Capability(True, summary, computed_by=id, download_gb=weights.gigabytes)

    def with_key(self, key: str) -> Local:
        """Return this engine: it takes no key."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation]]:
        """Yield nothing: there is no address to look at."""
        return iter(())

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield the reply's chunks, after those with the status of a wait. Raises VLMError."""
        if model.weights is None:
            raise MissingKey(
                f"{model.title} has no open weights for this machine. Choose another engine."
            )
        if model.weights.served:
            raise MissingKey(
                f"{model.title} cannot run in this program: its code needs another version of its "
                f"library. Serve {model.weights.id} with vLLM and set VLM_BASE_URL, as the README "
                "says."
            )
        prompt = requests.trim_prompt(model, prompt)
        cancel, folder = cancel or CancelToken(), self._find(model)
        yield Chunk(sent=_sent(prompt), note=self._note(model))
        if folder is None:
            id = self._hub_id(model)
            for each in checkpoints.fetch(id, model.weights, self.downloads, cancel):
                yield Chunk(status=f"Downloading {id}: {each.text}…")
            folder = self._find(model)
        with _device_line.place(cancel) as place:
            for ahead in place:
                yield Chunk(status=f"Waiting in line: {ahead} before you.")
            if folder and not cancel.is_set():
                yield from self._answer(folder, model, prompt, cancel)

    def fetch(self, model: Model, stop: CancelToken) -> Iterator[DownloadProgress]:
        """Download the model's weights where the owner allows it. See `FetchingEngine`."""
        weights = model.weights
        if weights is None or weights.served:
            raise MissingKey(f"{model.title} has no open weights for this machine.")
        if self._find(model) is None:
            allowed = self.traits.fetches
            yield from checkpoints.fetch(self._hub_id(model), weights, allowed, stop, ends=True)

    def can_batch(self, model: Model, prompt: Prompt) -> bool:
        """Return True for a question that `answer_batch` takes: a structured task on a picture."""
        from vlm_backends.engines.local import processors

        return processors.is_structured(model, prompt) and bool(
            prompt.turns[-1].pictures and self._find(model)
        )

    def answer_batch(
        self, model: Model, prompts: Sequence[Prompt], cancels: Sequence[CancelToken]
    ) -> list[Chunk]:
        """Answer several questions for which `can_batch` is True, in one pass of the network.

        Returns a whole answer for each prompt. Ends early once all of them are cancelled. Raises
        VLMError, for all of them.
        """
        folder = self._find(model)
        if folder is None:
            raise MissingKey(f"The weights of {model.title} are not on this machine.")
        with _device_line.place(CancelToken()) as place, self._failures_explained(folder, model):
            from vlm_backends.engines.local import generation, loader, processors

            deque(place, maxlen=0)
            deque(loader.load(folder, model.title, self.residents, CancelToken()), maxlen=0)
            loaded = loader.get_loaded(folder)
            batch = [processors.prepare_inputs(loaded, model, prompt) for prompt in prompts]
            chunks = generation.generate_batch(loaded, batch, cancels)
        note = self._note(model)
        return [
            chunk._replace(note=note, sent=_sent(prompt)) for chunk, prompt in zip(chunks, prompts)
        ]

    def _answer(
        self, folder: str, model: Model, prompt: Prompt, cancel: CancelToken
    ) -> Iterator[Chunk]:
        with self._failures_explained(folder, model):
            from vlm_backends.engines.local import generation, loader, processors

            loaded = yield from loader.load(folder, model.title, self.residents, cancel)
            if loaded and not cancel.is_set():
                inputs = processors.prepare_inputs(loaded, model, prompt)
                yield from generation.generate_stream(loaded, inputs, cancel)

    @contextmanager
    def _failures_explained(self, folder: str, model: Model) -> Iterator[None]:
        """Log every failure and raise it as a VLMError."""
        try:
            yield
        except VLMError:
            raise
        except Exception as error:
            _log.exception("%s failed", folder)
            raise explain_failure(error, self._hub_id(model)) from error

    def _find(self, model: Model) -> str | None:
        """Return the folder of the model's checkpoint, None when it is not on this machine."""
        folder = None if model.id in self.ids else self.folder
        return checkpoints.find(model.id, self._hub_id(model), folder)

    def _hub_id(self, model: Model) -> str:
        """Return the id of the model's checkpoint at the hub; empty when it has none."""
        return self.ids.get(model.id) or (model.weights.id if model.weights else "")

    def _note(self, model: Model) -> str:
        """Say which checkpoint answers, and why when it is not the model's own."""
        id = self._hub_id(model)
        if model.id in self.ids:
            return f"Answered on this machine by {id}."
        if self.folder and checkpoints.find_in(self.folder, model.id):
            id = f"the weights at VLM_WEIGHTS/{model.id}"
        note = f"Answered on this machine by {id}."
        instead = model.weights.instead if model.weights else ""
        return f"{note} {instead}." if instead else note


def _sent(prompt: Prompt) -> Sent:
    """Describe the newest picture, which never leaves this machine. Raises BadPrompt."""
    picture = prompt.picture
    if picture is None:
        raise BadPrompt("Add a picture first: this model answers about pictures.")
    return Sent(picture.mime, picture.width, picture.height, len(picture.data))

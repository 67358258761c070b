"""The open weights on one's own machine, by `transformers`: the same words, the same readers, no host.

Nothing heavy is imported before the first question. One model answers at a time; who comes second waits in line.
"""

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vlm_backends import models
from vlm_backends.concurrency import CancelToken, WaitingLine
from vlm_backends.engines.base import Capability, Observation, Traits
from vlm_backends.engines.local import checkpoints
from vlm_backends.engines.local.errors import sentence
from vlm_backends.engines.wire import requests
from vlm_backends.errors import BadPrompt, MissingKey, VLMError
from vlm_backends.types import Chunk, Model, Prompt, Sent, Task

_log = logging.getLogger(__name__)
_line = WaitingLine()  # one device, one caller at a time


@dataclass(frozen=True)
class Local:
    """Answers from checkpoints under `folder`, or of the hub's cache; downloads only when `downloads` is set.

    `ids` replaces the hub id of a catalogue's model.
    """

    folder: Path | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    downloads: bool = False
    residents: int = 1  # models that stay in memory
    name: str = "Open weights here"

    def models(self) -> Sequence[Model]:
        """The models whose weights are here, or may be fetched."""
        own = (model for model in models.CATALOGUE if model.weights and not model.weights.served)
        return tuple(model for model in own if self.downloads or self._found(model))

    @property
    def traits(self) -> Traits:
        """What holds for all of its models: one question at a time, and nothing leaves this machine."""
        return Traits("local")

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say whether the weights are here, and if not, what they would take; the same for each task."""
        weights = model.weights
        if weights is None:
            return Capability(False, "no open weights", "model")
        id = self._id(model)
        if weights.served:
            return Capability(False, "needs a server of its own: see the README", "server", id)
        if self._found(model):
            return Capability(True, "ready", computed_by=id)
        summary = f"needs {weights.gigabytes:g} GB of weights"
        if not self.downloads:
            return Capability(False, summary, "weights", id)
        summary += ": fetched at the first question"
        return Capability(True, summary, computed_by=id, download_gb=weights.gigabytes)

    def state(self, model: Model, task: Task | None = None) -> str:
        """Return the summary of `capability`."""
        return self.capability(model, task).summary

    def with_key(self, key: str) -> "Local":
        """Return this engine: it takes no key."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation]]:
        """Yield nothing: there is no address to look at."""
        return iter(())

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """The reply's chunks, after what it waits for. Raises VLMError."""
        if model.weights is None:
            raise MissingKey(
                f"{model.title} has no open weights for this machine. Choose another engine."
            )
        if model.weights.served:
            raise MissingKey(
                f"{model.title} cannot run in this program: its code needs another version of its library. Serve "
                f"{model.weights.id} with vLLM and set VLM_BASE_URL, as the README says."
            )
        prompt = requests.trimmed(model, prompt)
        cancel, found = cancel or CancelToken(), self._found(model)
        yield Chunk(sent=_sent(prompt), note=self._signed(model))
        if found is None:
            found = yield from checkpoints.fetch(
                self._id(model), model.weights, self.downloads, cancel
            )
        with _line.place(cancel) as place:
            for ahead in place:
                yield Chunk(status=f"Waiting in line: {ahead} before you.")
            if not cancel.is_set():
                yield from self._answer(found, model, prompt, cancel)

    def joins(self, model: Model, prompt: Prompt) -> bool:
        """True for a question that can be answered together with others like it: one of a structured task."""
        from vlm_backends.engines.local import processors

        return processors.is_structured(model, prompt) and bool(
            prompt.turns[-1].pictures and self._found(model)
        )

    def together(
        self, model: Model, prompts: Sequence[Prompt], stops: Sequence[CancelToken]
    ) -> list[Chunk]:
        """The answers to questions that join, in one pass of the network; it ends early when all of them are stopped.

        Raises VLMError, for all of them.
        """
        found = self._found(model)
        with _line.place(CancelToken()) as place, self._sentences(found, model):
            from vlm_backends.engines.local import generation, loader, processors

            deque(place, maxlen=0)
            deque(loader.load(found, model.title, self.residents, CancelToken()), maxlen=0)
            resident = loader.held(found)
            texts = generation.together(
                resident, [processors.asked(resident, model, prompt) for prompt in prompts], stops
            )
        return [
            Chunk(text, note=self._signed(model), sent=_sent(prompt))
            for text, prompt in zip(texts, prompts)
        ]

    def _answer(
        self, found: str, model: Model, prompt: Prompt, cancel: CancelToken
    ) -> Iterator[Chunk]:
        with self._sentences(found, model):
            from vlm_backends.engines.local import generation, loader, processors

            resident = yield from loader.load(found, model.title, self.residents, cancel)
            if resident and not cancel.is_set():
                yield from generation.speak(
                    resident, processors.asked(resident, model, prompt), cancel
                )

    @contextmanager
    def _sentences(self, found: str, model: Model) -> Iterator[None]:
        """Whatever goes wrong is raised as a VLMError."""
        try:
            yield
        except VLMError:
            raise
        except Exception as error:
            _log.exception("%s failed", found)
            raise sentence(error, self._id(model)) from error

    def _found(self, model: Model) -> str | None:
        folder = None if model.id in self.ids else self.folder
        return checkpoints.find(model.id, self._id(model), folder)

    def _id(self, model: Model) -> str:
        return self.ids.get(model.id, model.weights.id)

    def _signed(self, model: Model) -> str:
        if model.id in self.ids:
            return f"Answered on this machine by {self._id(model)}."
        own = self.folder and checkpoints.find_in(self.folder, model.id)
        name = f"the weights at VLM_WEIGHTS/{model.id}" if own else self._id(model)
        return f"Answered on this machine by {name}." + (
            f" {model.weights.instead}." if model.weights.instead else ""
        )


def _sent(prompt: Prompt) -> Sent:
    """The picture that is looked at; it never leaves this machine. Raises BadPrompt when there is none."""
    picture = next((turn.pictures[-1] for turn in reversed(prompt.turns) if turn.pictures), None)
    if picture is None:
        raise BadPrompt("Add a picture first: this model answers about pictures.")
    return Sent(picture.mime, picture.width, picture.height, len(picture.data))

"""Serve this project's engines on Ray Serve, with the OpenAI API.

`serve run deploy.ray_serve:app engine=embedded`, or deploy/serve.yaml. A front with the same API
as `vlm_backends.server` passes questions on to one deployment a model. How many replicas, on what
part of a GPU and how many questions may wait are Serve's own settings, by the deployment's name.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from functools import cached_property, partial
from typing import Any, NamedTuple, cast

from fastapi import FastAPI
from pydantic import BaseModel, PositiveInt, field_validator
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from vlm_backends import (
    CancelToken,
    Chunk,
    Engine,
    Model,
    Prompt,
    Refused,
    Task,
    Unreachable,
    VLMError,
)
from vlm_backends.config import Config, server_key
from vlm_backends.engines import RequestPolicy, connect_engine, retry_stream
from vlm_backends.engines.base import BatchEngine, Capability, Observation, Traits
from vlm_backends.server.app import application
from vlm_backends.server.workers import WorkerPool

_log = logging.getLogger(__name__)
_PLACES = 100  # questions that one replica may have at a time
_START_S = 120.0  # seconds that a deployment may take to list its models
_POLICY = RequestPolicy(backoff=0.2, max_attempts=4)  # for replicas that die
_MAX_FAULTS = 3  # in a row, after which a replica is replaced: a lost GPU stays lost
_GATHER_S = 0.02  # seconds in which questions gather that are answered in one pass


class Settings(BaseModel, extra="forbid"):
    """Settings of `serve run … name=value` and of a configuration's `args`.

    `together`: pictures of Florence-2's structured tasks in one pass of the network. `places`:
    questions that a front may have at a time; the next one is answered 503.
    """

    engine: str = ""  # as VLM_ENGINE
    models: list[str] = []  # a deployment each; none: one for all that the engine has
    together: PositiveInt = 1
    urls: bool = False  # pictures by public address
    places: PositiveInt = 200

    @field_validator("models", mode="before")
    @classmethod
    def parted(cls, given: object) -> object:
        """Split a text at its commas; return anything else as it is."""
        return [id.strip() for id in given.split(",")] if isinstance(given, str) else given


class Listed(NamedTuple):
    """A model that a deployment answers for, and what its engine can do for it.

    `capabilities` has an entry for each task by its token, and one for the model by "".
    """

    model: Model
    capabilities: Mapping[str, Capability]


@serve.deployment(
    autoscaling_config={"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 2},
    max_ongoing_requests=4,
    max_queued_requests=64,
    backpressure_config={"retry_after_s": 1},
    health_check_period_s=5,
)
class Answers:
    """An engine in a process of its own.

    It answers for one model, or, when `id` is empty, for all of its models.
    """

    def __init__(self, given: Settings, id: str) -> None:
        self._engine: Engine = connect_engine(Config.from_env(engine=given.engine or None))
        self._id, self._pool, self._faults = id, WorkerPool(_PLACES, 0), 0
        self._batches = given.together > 1 and self._engine.traits.batches
        batch: Any = serve.batch(max_batch_size=given.together, batch_wait_timeout_s=_GATHER_S)
        self._batched = batch(self._answer_batch)

    def listed(self) -> list[Listed]:
        """List the models that it answers for."""
        can = self._engine.capability
        return [
            Listed(model, {"": can(model)} | {task.token: can(model, task) for task in model.tasks})
            for model in self._engine.models()
            if self._id in ("", model.id)
        ]

    async def stream(self, model: Model, prompt: Prompt) -> AsyncIterator[list[Chunk]]:
        """Yield the answer's chunks, all that are there at a time; leaving ends the work.

        Raises VLMError.
        """
        cancel = CancelToken()
        try:
            async with aclosing(self._chunks(model, prompt, cancel)) as arriving:
                async for chunks in arriving:
                    yield chunks
            self._faults = 0
        except Exception as error:
            self._faults = self._faults + 1 if _is_own_fault(error) else 0
            raise
        finally:
            cancel.set()

    async def _chunks(
        self, model: Model, prompt: Prompt, cancel: CancelToken
    ) -> AsyncGenerator[list[Chunk], None]:
        if self._batches and await asyncio.to_thread(self._batch_engine.can_batch, model, prompt):
            # one bad picture fails a whole batch: each is then asked alone, for its own error
            with suppress(VLMError):
                yield [await self._batched((model, prompt, cancel))]
                return
        produce = partial(self._engine.stream, model, prompt, cancel)
        async with aclosing(self._pool.stream(produce, cancel)) as arriving:
            async for chunks in arriving:
                if chunks:
                    yield chunks

    async def _answer_batch(
        self, asked: Sequence[tuple[Model, Prompt, CancelToken]]
    ) -> list[Chunk]:
        models, prompts, cancels = zip(*asked)  # a deployment that batches has one model
        answer = self._batch_engine.answer_batch
        return await asyncio.to_thread(answer, models[0], prompts, cancels)

    @property
    def _batch_engine(self) -> BatchEngine:
        return cast(BatchEngine, self._engine)

    def check_health(self) -> None:
        """Raise RuntimeError when the model is missing, or several questions in a row failed."""
        if self._faults >= _MAX_FAULTS or not self.listed():
            raise RuntimeError("this replica cannot answer any more")


def _is_own_fault(error: Exception) -> bool:
    """Return True for a fault of the process, rather than of the question or of an upstream."""
    return not isinstance(error, VLMError) or isinstance(error, Refused) and not error.status


class Replicas:
    """An engine whose answers come from deployments.

    When a replica dies, another one is asked its question.
    """

    name = "Ray Serve"
    traits = Traits("openai", concurrency=_PLACES)

    def __init__(self, answers: Sequence[DeploymentHandle]) -> None:
        self._answers = answers

    @cached_property
    def _listed(self) -> dict[str, tuple[Listed, DeploymentHandle]]:
        """Return the deployments by model id; asked once, so that they may scale down to zero."""
        waiting = [(handle, handle.listed.remote()) for handle in self._answers]
        return {
            entry.model.id: (entry, handle)
            for handle, response in waiting
            for entry in cast(list[Listed], response.result(timeout_s=_START_S))
        }

    def models(self) -> Sequence[Model]:
        """List the models that the deployments answer for."""
        with _plain_errors():
            return tuple(entry.model for entry, _ in self._listed.values())

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Say what the deployment's engine can do."""
        entry, _ = self._listed[model.id]
        return entry.capabilities[task.token if task else ""]

    def with_key(self, key: str) -> "Replicas":
        """Return itself: the deployments have keys of their own."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation]]:
        """Yield nothing: there is no list to look at but the deployments' own."""
        return iter(())

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield the reply's chunks. Raises VLMError."""
        cancel = cancel or CancelToken()
        handle: Any = self._listed[model.id][1].options(stream=True)

        def attempt() -> Iterator[Chunk]:
            with _plain_errors():
                reply = handle.stream.remote(model, prompt)
                cancel.add_callback(reply.cancel)
                for chunks in reply:
                    yield from chunks

        try:
            yield from retry_stream(attempt, cancel, _POLICY)
        except VLMError:
            if not cancel.is_set():
                raise


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Raise Ray's errors as this project's; an engine's own error is unwrapped."""
    try:
        yield
    except BackPressureError as error:
        cause = getattr(error, "cause", error)  # the error itself, or the one in Ray's wrapping
        raise Refused(
            "All places are taken. Try again in a moment.",
            cause.status_code,
            retry_after=cause.retry_after_s,
        ) from None
    except RayTaskError as error:
        raise (error.cause if isinstance(error.cause, VLMError) else error) from None
    except (RayError, RayServeException, TimeoutError) as error:
        _log.warning("a deployment did not answer: %s", error)
        raise Unreachable(
            "The process that answered is gone. Ask again: another takes its place.",
            retry_delay=0.0,
        ) from None


@serve.deployment(
    max_ongoing_requests=1000,
    max_queued_requests=1000,
    backpressure_config={"retry_after_s": 1},
    ray_actor_options={"num_cpus": 0},  # with 1 it would wait for a core
)
@serve.ingress()
class Front:
    """Serves the OpenAI API in front of the deployments.

    It has fewer places than Serve allows, because Serve's own refusals are not JSON. A caller that
    leaves ends its question in the replica too.
    """

    def __init__(self, given: Settings, *answers: DeploymentHandle) -> None:
        self._given, self._engine = given, Replicas(answers)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Return the application, in the process that serves it."""
        pool = WorkerPool(self._given.places, 0)
        return application(self._engine, server_key(), self._given.urls, pool)


def app(given: Settings) -> serve.Application:
    """Return the application, as `serve run` and a configuration's `import_path` want it."""
    return built(given)


def built(
    given: Settings, answers: serve.Deployment = Answers, front: serve.Deployment = Front
) -> serve.Application:
    """Return the front, and behind it a deployment a model, named without the publisher."""
    deployments = {id.rpartition("/")[2]: id for id in given.models} or {"everything": ""}
    return front.bind(
        given, *(answers.options(name=name).bind(given, id) for name, id in deployments.items())
    )

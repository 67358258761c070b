"""This project's engines on Ray Serve: `serve run deploy.ray_serve:app engine=embedded`, or deploy/serve.yaml.

A front with the OpenAI wire, the same as `vlm_backends.server`, before one deployment a model. How many replicas, on
what part of a GPU and how many questions may wait are Serve's own settings, by the deployment's name.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from functools import cached_property, partial
from typing import NamedTuple

from fastapi import FastAPI
from pydantic import BaseModel, PositiveInt, field_validator
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from vlm_backends import (
    CancelToken,
    Chunk,
    Local,
    Model,
    Prompt,
    Refused,
    Task,
    Unreachable,
    VLMError,
)
from vlm_backends.config import Config, server_key
from vlm_backends.engines import RequestPolicy, connect_engine, retry_stream
from vlm_backends.server.app import application
from vlm_backends.server.workers import Desk

_log = logging.getLogger(__name__)
_MOST = 100  # questions that one replica has in hand
_STARTS = 120.0  # seconds that a deployment may take to say what it has
_POLICY = RequestPolicy(backoff=0.2, max_attempts=4)  # with replicas that die
_FAULTS = 3  # in a row, after which a replica is replaced: a lost GPU stays lost


class Settings(BaseModel, extra="forbid"):
    """What `serve run … name=value` and a configuration's `args` may say."""

    engine: str = ""  # as VLM_ENGINE
    models: list[str] = []  # a deployment each; none: one for all that the engine has
    together: PositiveInt = (
        1  # pictures of Florence-2's structured tasks in one pass of the network
    )
    urls: bool = False  # pictures by public address
    places: PositiveInt = 200  # questions that a front has in hand; who comes then is answered 503

    @field_validator("models", mode="before")
    @classmethod
    def parted(cls, given: object) -> object:
        """A list, or its words parted by commas."""
        return [id.strip() for id in given.split(",")] if isinstance(given, str) else given


class Listed(NamedTuple):
    """A model that a deployment answers for, with its engine's phrases about it and, by token, about its tasks."""

    model: Model
    states: dict[str, str]


@serve.deployment(
    autoscaling_config={"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 2},
    max_ongoing_requests=4,
    max_queued_requests=64,
    backpressure_config={"retry_after_s": 1},
    health_check_period_s=5,
)
class Answers:
    """An engine in a process of its own; it answers for one model, or with no id for all that it has."""

    def __init__(self, given: Settings, id: str) -> None:
        self._engine = connect_engine(Config.from_env(engine=given.engine))
        self._id, self._desk, self._faults = id, Desk(_MOST, 0), 0
        self._joins = given.together > 1 and isinstance(self._engine, Local)
        self._joined = serve.batch(max_batch_size=given.together, batch_wait_timeout_s=0.02)(
            self._together
        )

    def listed(self) -> list[Listed]:
        """What it answers for."""
        state = self._engine.state
        return [
            Listed(
                model, {"": state(model)} | {task.token: state(model, task) for task in model.tasks}
            )
            for model in self._engine.models()
            if self._id in ("", model.id)
        ]

    async def stream(self, model: Model, prompt: Prompt) -> AsyncIterator[list[Chunk]]:
        """The answer's chunks, all that are there at a time; who leaves ends the work. Raises VLMError."""
        stop = CancelToken()
        try:
            async with aclosing(self._chunks(model, prompt, stop)) as chunks:
                async for come in chunks:
                    yield come
            self._faults = 0
        except Exception as error:
            own = not isinstance(error, VLMError) or isinstance(error, Refused) and not error.status
            self._faults = self._faults + 1 if own else 0
            raise
        finally:
            stop.set()

    async def _chunks(
        self, model: Model, prompt: Prompt, stop: CancelToken
    ) -> AsyncIterator[list[Chunk]]:
        if self._joins and await asyncio.to_thread(self._engine.can_batch, model, prompt):
            with suppress(
                VLMError
            ):  # one bad picture spoils it for all: each is asked alone, and hears its own error
                yield [await self._joined((model, prompt, stop))]
                return
        async with aclosing(
            self._desk.arriving(partial(self._engine.stream, model, prompt, stop), stop)
        ) as arriving:
            async for come in arriving:
                if come:
                    yield come

    async def _together(self, asked: Sequence[tuple[Model, Prompt, CancelToken]]) -> list[Chunk]:
        models, prompts, stops = zip(*asked)  # a deployment has one model that joins
        return await asyncio.to_thread(self._engine.answer_batch, models[0], prompts, stops)

    def check_health(self) -> None:
        """Raises when the model is gone from here, or nothing but faults came of the last questions."""
        if self._faults >= _FAULTS or not self.listed():
            raise RuntimeError("this replica cannot answer any more")


class Replicas:
    """An engine whose answers come from deployments; the question of a replica that dies is asked of another."""

    name = "Ray Serve"

    def __init__(self, answers: Sequence[DeploymentHandle]) -> None:
        self._answers = answers

    @cached_property
    def _listed(self) -> dict[str, tuple[Listed, DeploymentHandle]]:
        """By the model's id; asked once, so that deployments of no replica may sleep."""
        waiting = [(handle, handle.listed.remote()) for handle in self._answers]
        return {
            one.model.id: (one, handle)
            for handle, said in waiting
            for one in said.result(timeout_s=_STARTS)
        }

    def models(self) -> Sequence[Model]:
        """What the deployments answer for."""
        with _plain_errors():
            return tuple(one.model for one, _ in self._listed.values())

    def state(self, model: Model, task: Task | None = None) -> str:
        """What the deployment's engine says of it."""
        one, _ = self._listed[model.id]
        return one.states[task.token if task else ""]

    def stream(
        self, model: Model, prompt: Prompt, stop: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """The reply's chunks. Raises VLMError."""
        stop, handle = stop or CancelToken(), self._listed[model.id][1].options(stream=True)

        def attempt() -> Iterator[Chunk]:
            with _plain_errors():
                reply = handle.stream.remote(model, prompt)
                stop.add_callback(reply.cancel)
                for come in reply:
                    yield from come

        try:
            yield from retry_stream(attempt, stop, _POLICY)
        except VLMError:
            if not stop.is_set():
                raise


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What Ray raises as errors of this project: an engine's own error is taken out of its wrapping."""
    try:
        yield
    except BackPressureError as error:
        said = getattr(error, "cause", error)  # itself, or in Ray's wrapping
        busy = Refused("All places are taken. Try again in a moment.", said.status_code)
        busy.retry_after = said.retry_after_s
        raise busy from None
    except RayTaskError as error:
        raise (error.cause if isinstance(error.cause, VLMError) else error) from None
    except (RayError, RayServeException, TimeoutError) as error:
        _log.warning("a deployment did not answer: %s", error)
        lost = Unreachable("The process that answered is gone. Ask again: another takes its place.")
        lost.retry_delay = 0.0
        raise lost from None


@serve.deployment(
    max_ongoing_requests=1000,
    max_queued_requests=1000,
    backpressure_config={"retry_after_s": 1},
    ray_actor_options={"num_cpus": 0},  # or it waits for a core that the answers have taken
)
@serve.ingress()
class Front:
    """The OpenAI wire, with places of its own far below Serve's, whose refusals are no JSON.

    A caller that leaves ends its question in the replica too.
    """

    def __init__(self, given: Settings, *answers: DeploymentHandle) -> None:
        self._given, self._engine = given, Replicas(answers)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The wire, made in the process that speaks it."""
        key = server_key()
        return application(self._engine, key, self._given.urls, Desk(self._given.places, 0))


def app(given: Settings) -> serve.Application:
    """The application, as `serve run` and a configuration's `import_path` want it."""
    return built(given)


def built(
    given: Settings, answers: serve.Deployment = Answers, front: serve.Deployment = Front
) -> serve.Application:
    """The front, and behind it a deployment a model, named as the model is without its publisher."""
    deployments = {id.rpartition("/")[2]: id for id in given.models} or {"everything": ""}
    return front.bind(
        given, *(answers.options(name=name).bind(given, id) for name, id in deployments.items())
    )

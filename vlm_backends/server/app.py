"""Serve any engine over the OpenAI wire: `vlm serve --engine embedded`.

POST /v1/chat/completions (JSON, or server-sent events), GET /v1/models, GET /health. A page
that calls it by VLM_BASE_URL gets the same answers as from the engine in its own process.
"""

import argparse
import asyncio
import hmac
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from vlm_backends import CancelToken, Engine
from vlm_backends.arguments import whole as whole_number
from vlm_backends.config import ENGINES, Config
from vlm_backends.engines import connect_engine, fetch
from vlm_backends.errors import BadPrompt, VLMError
from vlm_backends.server.bodies import read_json
from vlm_backends.server.errors import NOWHERE, Unauthorized, nowhere, refusal
from vlm_backends.server.requests import read_request
from vlm_backends.server.responses import pieces
from vlm_backends.server.streaming import events, first_pieces, whole
from vlm_backends.server.workers import WorkerPool
from vlm_backends.startup import check_can_listen, return_freed_memory

_STREAM = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
# seconds in which answers that are cut off may clean up, such as delete a stored picture
_CLEANUP = 5


def application(
    engine: Engine, key: str = "", urls: bool = False, pool: WorkerPool | None = None
) -> FastAPI:
    """Return the server as an ASGI application.

    With `key`, callers must send it as a bearer; with `urls`, pictures may be public addresses.
    """
    routes = Routes(engine, key, urls, pool or WorkerPool())
    handlers: dict[Any, Callable[..., Any]] = {
        status: partial(nowhere, status) for status in NOWHERE
    }
    handlers |= {kind: lambda _, error: refusal(error) for kind in (VLMError, Exception)}
    app = FastAPI(
        title="VLM Showcase",
        lifespan=_draining(routes.pool),
        openapi_url=None,
        exception_handlers=handlers,
    )
    app.add_api_route("/health", routes.health, methods=["GET", "HEAD"])
    app.add_api_route("/v1/models", routes.models, methods=["GET"])
    app.add_api_route("/v1/chat/completions", routes.completions, methods=["POST"])
    return app


class Routes:
    """The three routes of a server."""

    def __init__(self, engine: Engine, key: str, urls: bool, pool: WorkerPool) -> None:
        self._engine, self._key, self._urls, self.pool = engine, key, urls, pool

    async def health(self) -> dict:
        """Return that the server is up, and how many questions it has."""
        return {"status": "ok", "busy": self.pool.busy}

    async def models(self, request: Request) -> dict:
        """List the models that the engine answers for."""
        self._authorize(request)
        return {"object": "list", "data": await asyncio.to_thread(_listing, self._engine)}

    async def completions(self, request: Request) -> Response:
        """Answer a question, whole or as the answer arrives."""
        self._authorize(request)
        self.pool.admit()
        body, cancel = await read_json(request), CancelToken()
        load = partial(fetch, cancel=cancel) if self._urls else _no_addresses
        question = await asyncio.to_thread(lambda: read_request(body, self._engine.models(), load))
        arriving = self.pool.stream(partial(pieces, self._engine, question, cancel), cancel)
        if not question.streams:
            return JSONResponse(await whole(arriving, question, request))
        first = await first_pieces(arriving, request)
        return StreamingResponse(events(first, arriving, question), headers=_STREAM)

    def _authorize(self, request: Request) -> None:
        """Raise Unauthorized unless the request carries the server's key."""
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._key and not hmac.compare_digest(sent.encode(), self._key.encode()):
            raise Unauthorized("This server wants its key: Authorization: Bearer …")


def _draining(pool: WorkerPool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return the application's lifespan, at whose end all answers are ended."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await pool.drain(_CLEANUP)

    return lifespan


def _no_addresses(_: str) -> bytes:
    raise BadPrompt(
        "This server takes no addresses of pictures. "
        "Send data:image/…;base64,…, or start it with --urls."
    )


def _listing(engine: Engine) -> list[dict]:
    """Return the engine's models in OpenAI's shape, with a phrase on what it can do for each."""
    return [
        {
            "id": model.id,
            "object": "model",
            "created": 0,
            "owned_by": model.publisher,
            "state": engine.capability(model).summary,
            "tasks": {task.token: engine.capability(model, task).summary for task in model.tasks},
        }
        for model in engine.models()
    ]


def main(
    arguments: Sequence[str] | None = None, program: str = "python -m vlm_backends.server"
) -> int:
    """Serve until stopped; return the exit status.

    1 after an error, which is one sentence on stderr.
    """
    given = _options(program).parse_args(arguments)
    try:
        check_can_listen(given.host, str(given.port), "--host", "--port")
        config = Config.from_env(engine=given.engine)
        engine = connect_engine(config)
    except VLMError as error:
        print(error, file=sys.stderr)
        return 1
    return_freed_memory()
    pool = WorkerPool(given.parallel, given.waiting)
    app = application(engine, config.server_key, given.urls, pool)
    print(f"{engine.name} answers at http://{given.host}:{given.port}/v1")
    settings = uvicorn.Config(
        app,
        given.host,
        given.port,
        log_level="warning",
        timeout_graceful_shutdown=given.grace + _CLEANUP,
    )
    with suppress(KeyboardInterrupt):
        GracefulServer(settings, pool, given.grace).run()
    return 0


class GracefulServer(uvicorn.Server):
    """Ends at a signal: running answers get `grace` seconds, and then an error.

    A second signal ends the process at once.
    """

    def __init__(self, config: uvicorn.Config, pool: WorkerPool, grace: float) -> None:
        super().__init__(config)
        self._worker_pool, self._grace = pool, grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let running answers end, or end the process."""
        if self.should_exit:
            os._exit(128 + sig)
        super().handle_exit(sig, frame)
        timer = threading.Timer(self._grace, self._worker_pool.close)
        timer.daemon = True
        timer.start()


def _options(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(program, description=_DESCRIPTION)
    add = parser.add_argument
    add("--engine", choices=ENGINES, help="as VLM_ENGINE")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8000)
    parallel = "questions that are answered at a time"
    add("--parallel", type=whole_number(1000), default=4, help=parallel)
    waiting = "may wait; others are answered 503"
    add("--waiting", type=whole_number(10_000, 0), default=64, help=waiting)
    urls = "take pictures by http(s) address, public ones only"
    add("--urls", action="store_true", help=urls)
    grace = "seconds that answers have when it stops"
    add("--grace", type=whole_number(3600, 0), default=30, help=grace)
    return parser


_DESCRIPTION = (__doc__ or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())

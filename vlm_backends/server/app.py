"""Any engine of this project as a server with the OpenAI wire: `python -m vlm_backends.server --engine embedded`.

POST /v1/chat/completions (JSON, or server-sent events), GET /v1/models, GET /health. A page elsewhere that is pointed
at it by VLM_BASE_URL loses nothing against the engine in its own process.
"""

import argparse
import asyncio
import hmac
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from vlm_backends import CancelToken, Engine
from vlm_backends.arguments import whole
from vlm_backends.config import Config
from vlm_backends.engines import connect_engine, fetch
from vlm_backends.errors import BadPrompt, Refused, VLMError
from vlm_backends.server.errors import NOWHERE, NoEntry, failure, nowhere, refusal
from vlm_backends.server.requests import Question, question
from vlm_backends.server.responses import Envelope, Piece, pieces
from vlm_backends.server.workers import Desk
from vlm_backends.startup import check_can_listen, return_freed_memory

MOST_BODY = 64 * 2**20  # bytes of a request
_ARRIVAL = 120  # seconds in which a request must have come
_PATIENCE = 10  # seconds of silence after which a stream begins without a word, and between its signs of life
_STREAM = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
_LAST = 5  # seconds in which answers that are cut off take back what they lent, such as a picture in an asset store
_AT_WORK = "The server is at work, or has others before you."
Arriving = AsyncIterator[list[Piece]]  # no piece: a second of silence


def application(
    engine: Engine, key: str = "", urls: bool = False, desk: Desk | None = None
) -> FastAPI:
    """The server. With `key`, callers must send it as a bearer; with `urls`, pictures may be public addresses."""
    desk = desk or Desk()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.ended(_LAST)

    handlers = {status: partial(nowhere, status) for status in NOWHERE}
    handlers |= {kind: lambda _, error: refusal(error) for kind in (VLMError, Exception)}
    app = FastAPI(
        title="VLM Showcase", lifespan=lifespan, openapi_url=None, exception_handlers=handlers
    )

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> dict:
        """That the server is there, and how many questions it has."""
        return {"status": "ok", "busy": desk.busy}

    @app.get("/v1/models")
    async def models(request: Request) -> dict:
        """What the engine answers for."""
        _admit(request, key)
        return {"object": "list", "data": await asyncio.to_thread(_listing, engine)}

    @app.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        """An answer, whole or as it arrives."""
        _admit(request, key)
        desk.admit()
        body, stop = await _body(request), CancelToken()
        load = partial(fetch, cancel=stop) if urls else _no_addresses
        asked = await asyncio.to_thread(lambda: question(body, engine.models(), load))
        arriving = desk.arriving(partial(pieces, engine, asked, stop), stop)
        if not asked.streams:
            return JSONResponse(await _whole(arriving, asked, request))
        first = await _first(
            arriving, request
        )  # what fails before its first word has a status of its own
        return StreamingResponse(_events(first, arriving, asked), headers=_STREAM)

    return app


def _admit(request: Request, key: str) -> None:
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if key and not hmac.compare_digest(sent.encode(), key.encode()):
        raise NoEntry("This server wants its key: Authorization: Bearer …")


async def _body(request: Request) -> object:
    try:
        data = await asyncio.wait_for(_arrived(request), _ARRIVAL)
    except asyncio.TimeoutError:
        raise Refused(
            f"The request did not arrive within {_ARRIVAL} seconds. Send smaller pictures.", 408
        ) from None
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError):
        raise BadPrompt(
            "The request's body must be a JSON object with model and messages."
        ) from None


async def _arrived(request: Request) -> bytearray:
    """The request's bytes, MOST_BODY of them at most; none when its header promises more."""
    data, promised = bytearray(), request.headers.get("Content-Length", "")
    too_large = Refused(
        f"The request is larger than {MOST_BODY >> 20} MB. Send smaller pictures.", 413
    )
    if promised.isdecimal() and int(promised) > MOST_BODY:
        raise too_large
    async for piece in request.stream():
        data += piece
        if len(data) > MOST_BODY:
            raise too_large
    return data


def _no_addresses(_: str) -> bytes:
    raise BadPrompt(
        "This server takes no addresses of pictures. Send data:image/…;base64,…, or start it with --urls."
    )


def _listing(engine: Engine) -> list[dict]:
    """The engine's models in OpenAI's shape, with what it can do for each in a phrase."""
    return [
        {
            "id": model.id,
            "object": "model",
            "created": 0,
            "owned_by": model.publisher,
            "state": engine.state(model),
            "tasks": {task.token: engine.state(model, task) for task in model.tasks},
        }
        for model in engine.models()
    ]


async def _first(arriving: Arriving, request: Request) -> list[Piece]:
    """The first pieces; none when they are long in coming. Raises what went wrong before them."""
    for _ in range(_PATIENCE):
        if come := await anext(arriving):
            return come
        if await request.is_disconnected():
            break
    return []


async def _events(
    first: Sequence[Piece], arriving: Arriving, asked: Question
) -> AsyncIterator[str]:
    """The server-sent events of a reply, those of pieces that came together as one text; a failure is the last."""
    envelope, silent, status = Envelope(asked.model.id), 0, _status(first, _AT_WORK)
    async with aclosing(arriving):
        try:
            if first:
                yield "".join(_told(first, envelope, asked))
            async for come in arriving:
                silent, status = 0 if come else silent + 1, _status(come, status)
                if come:
                    yield "".join(_told(come, envelope, asked))
                elif silent % _PATIENCE == 0:
                    yield _event(
                        envelope.chunk(Piece(beside={"status": status}))
                    )  # a comment would prolong no wait
            yield "data: [DONE]\n\n"
        except Exception as error:
            yield _event(failure(error)[1])


def _status(come: Sequence[Piece], before: str) -> str:
    """What is waited for, by the newest piece that says it."""
    return next(
        (piece.beside["status"] for piece in reversed(come) if "status" in piece.beside), before
    )


def _told(come: Sequence[Piece], envelope: Envelope, asked: Question) -> Iterator[str]:
    """An event a piece; the last one may be followed by its count."""
    for piece in come:
        yield _event(envelope.chunk(piece))
        if piece.answer and asked.counts and piece.answer.tokens:
            yield _event(envelope.count(piece.answer))


def _event(payload: dict) -> str:
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n"


async def _whole(arriving: Arriving, asked: Question, request: Request) -> dict:
    """The reply in one JSON object."""
    words, beside, answer = "", {}, None
    async with aclosing(arriving):
        async for come in arriving:
            for piece in come:
                words, beside, answer = (
                    words + piece.text,
                    beside | dict(piece.beside),
                    piece.answer,
                )
            if not come and await request.is_disconnected():
                break
    return Envelope(asked.model.id).whole(words, beside, answer) if answer else {}


def main(
    arguments: Sequence[str] | None = None, program: str = "python -m vlm_backends.server"
) -> int:
    """Serves until it is stopped; returns the exit status: 1 after an error, which is one sentence on stderr."""
    given = _options(program).parse_args(arguments)
    try:
        check_can_listen(given.host, str(given.port), "--host", "--port")
        settings = Config.from_env(engine=given.engine or "")
        engine = connect_engine(settings)
    except VLMError as error:
        print(error, file=sys.stderr)
        return 1
    return_freed_memory()
    desk = Desk(given.parallel, given.waiting)
    app = application(engine, settings.server_key, given.urls, desk)
    print(f"{engine.name} answers at http://{given.host}:{given.port}/v1")
    last = given.grace + _LAST
    config = uvicorn.Config(
        app, given.host, given.port, log_level="warning", timeout_graceful_shutdown=last
    )
    with suppress(KeyboardInterrupt):
        _Server(config, desk, given.grace).run()
    return 0


class _Server(uvicorn.Server):
    """Ends at a signal: running answers have `grace` seconds, and then a sentence; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, desk: Desk, grace: float) -> None:
        super().__init__(config)
        self._desk, self._grace = desk, grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        super().handle_exit(sig, frame)
        timer = threading.Timer(self._grace, self._desk.close)
        timer.daemon = True
        timer.start()


def _options(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--engine", choices=("embedded", "local", "nvidia", "openai"), help="as VLM_ENGINE"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--parallel", type=whole(1000), default=4, help="questions that are answered at a time"
    )
    parser.add_argument(
        "--waiting", type=whole(10_000, 0), default=64, help="may wait; others are answered 503"
    )
    parser.add_argument(
        "--urls", action="store_true", help="take pictures by http(s) address, public ones only"
    )
    parser.add_argument(
        "--grace", type=whole(3600, 0), default=30, help="seconds that answers have when it stops"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

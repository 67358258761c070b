"""The floor: a bare route that passes on the words of this project's engine."""

import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks._model_server import MODEL
from benchmarks._pictures import ROOT
from vlm_backends import OpenAI, Prompt, Question, Reply, Turn, find_model, read
from vlm_backends.concurrency import latest_items

ENGINE, PICTURE = OpenAI(os.environ["VLM_BASE_URL"]), read(ROOT / "assets" / "coffee.jpg")


async def answer(request: Request) -> StreamingResponse:
    prompt = Prompt((Turn("user", request.query_params["question"], (PICTURE,)),))
    reply = Reply(Question(find_model(MODEL), prompt), ENGINE)

    async def events():
        sent = 0
        async for _ in latest_items(reply.updates, reply.cancel_token):
            text = reply.chunk.text
            yield f"data: {text[sent:]}\n\n"
            sent = len(text)

    return StreamingResponse(events(), media_type="text/event-stream")


uvicorn.run(
    Starlette(routes=[Route("/answer", answer), Route("/", lambda _: StreamingResponse(iter(())))]),
    port=int(os.environ["GRADIO_SERVER_PORT"]),
    log_level="error",
)

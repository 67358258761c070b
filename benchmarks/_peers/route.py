"""The floor: a bare route that passes the words on, read by this project's engine in a thread."""

import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks._pictures import ROOT
from benchmarks._upstream import MODEL
from vlm_backends import CancelToken, OpenAI, Prompt, Turn, find_model, read
from vlm_backends.concurrency import latest_items
from vlm_backends.reply import heard

ENGINE, PICTURE = OpenAI(os.environ["VLM_BASE_URL"]), read(ROOT / "assets" / "coffee.jpg")


async def answer(request: Request) -> StreamingResponse:
    prompt, stop = (
        Prompt((Turn("user", request.query_params["question"], (PICTURE,)),)),
        CancelToken(),
    )

    async def events():
        at = 0
        async for whole in latest_items(
            lambda: heard(ENGINE, find_model(MODEL), prompt, stop), stop
        ):
            yield f"data: {whole.text[at:]}\n\n"
            at = len(whole.text)

    return StreamingResponse(events(), media_type="text/event-stream")


uvicorn.run(
    Starlette(routes=[Route("/answer", answer), Route("/", lambda _: StreamingResponse(iter(())))]),
    port=int(os.environ["GRADIO_SERVER_PORT"]),
    log_level="error",
)

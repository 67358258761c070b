"""What the page costs, counted: messages, updates, hand-overs, imports. No clock decides here."""

import asyncio
import threading
from contextlib import nullcontext
from dataclasses import replace

import gradio as gr
import pytest
import requests
from gradio.blocks import Block

import ui
from benchmarks._instant_server import InstantEngine
from tests.support.async_tools import finished, gather
from tests.support.fake_engine import FakeEngine
from tests.support.gradio_wire import Session, opened
from tests.support.paths import ASSETS
from tests.support.ports import launch_page
from tests.support.processes import printed
from tests.support.updates import values_of
from ui.core.session import Visitor, find_engines
from ui.state.conversation import Conversation
from ui.state.replies import PageReply, follow
from ui.tabs.chat import ChatTab
from vlm_backends import (
    Chunk,
    Prompt,
    Question,
    Turn,
    find_model,
    find_task,
)


class Talkative(FakeEngine):
    """An engine that gives its second piece only when its first was read, and then a thousand."""

    name = "talkative"

    def __init__(self) -> None:
        self.gate = threading.Event()

    def stream(self, model, prompt, stop=None):
        yield Chunk("cat<loc_1><loc_2><loc_3><loc_4>")
        self.gate.wait(30)
        yield from (Chunk(f"cat {i}<loc_1><loc_2><loc_3><loc_4>") for i in range(1000))


def test_an_answer_is_read_when_it_is_looked_at_and_not_at_every_piece():
    engine, reads = Talkative(), []
    task = find_task("<OD>")
    counting = replace(task, read=lambda words: reads.append(len(words)) or task.read(words))
    asked = PageReply(
        Question(find_model("microsoft/florence-2"), Prompt((Turn("user", "<OD>"),)), counting)
    )

    async def followed() -> None:
        async for _ in follow(asked, engine, nullcontext()):
            engine.gate.set()

    finished(asyncio.wait_for(followed(), 60))
    assert len(asked.answer.regions) == 1001
    assert len(reads) <= 20, "a thousand pieces, some tenths of a second"


@pytest.mark.slow
def test_a_streamed_piece_is_no_larger_behind_a_long_conversation():
    async def streamed(session: Session, words: str) -> int:
        """The bytes of all messages of a question's stream."""
        submit = session.page.event("submit", "multimodaltextbox")
        stream, came = session.page.after(submit), []
        await session.run(submit, None, {"text": words, "files": [file]})
        session.on_line = lambda line: came.append(len(line))
        async for _ in session.join(stream, *session.page.values(stream)):
            pass
        session.on_line = lambda line: None
        await session.run(session.page.after(stream), None, None)
        return sum(came)

    async def conversation() -> tuple[int, int]:
        nonlocal file
        session = Session(await opened(url.rstrip("/")))
        file = await session.upload("coffee.jpg", (ASSETS / "coffee.jpg").read_bytes())
        first = await streamed(session, "500")
        for _ in range(16):
            await streamed(session, "20")
        return first, await streamed(session, "500")

    file, page = None, ui.build(InstantEngine())
    url = launch_page(page, **ui.settings())
    try:
        first, last = finished(conversation())
    finally:
        page.close()
    assert 500 * len("word ") < last <= 1.2 * first


def test_the_page_and_what_describes_it_are_compressed_on_the_way_and_a_stream_is_not():
    page = ui.build(InstantEngine())
    url = launch_page(page, **ui.settings()).rstrip("/")
    sent = {}
    try:
        for path in ("/", "/config", "/gradio_api/info", "/gradio_api/heartbeat/x"):
            for encoding in ("gzip", "identity"):
                headers = {"Accept-Encoding": encoding}
                with requests.get(url + path, headers=headers, stream=True, timeout=30) as answer:
                    stream = "event-stream" in answer.headers["content-type"]
                    raw = b"" if stream else answer.raw.read()
                    how = answer.headers.get("content-encoding", "identity")
                sent[path, encoding] = how, len(raw)
    finally:
        page.close()
    for path in ("/", "/config", "/gradio_api/info"):
        (packed, small), (plain, large) = sent[path, "gzip"], sent[path, "identity"]
        assert (packed, plain) == ("gzip", "identity") and 0 < small < large / 4, path
    assert {sent["/gradio_api/heartbeat/x", each][0] for each in ("gzip", "identity")} == {
        "identity"
    }
    assert sent["/", "gzip"][1] < 200_000


def test_a_question_and_its_end_make_no_more_than_one_part_of_the_page_anew():
    """Gradio makes a part anew for each update, also for one that skips it; a value is only a value."""
    with gr.Blocks():
        chat = ChatTab(
            find_model("meta/llama-3.2-11b-vision-instruct"),
            find_engines(InstantEngine()),
            gr.State(Visitor()),
        )
    talk = Conversation()
    taken = values_of(
        chat.handlers.take(talk, {"text": "3", "files": [ASSETS / "cat.jpg"]}),
        chat.handlers.fields.asked,
    )
    gather(chat.handlers.stream(talk, Visitor(), 512, 1.0, 1.0, None))
    done = values_of(chat.handlers.finish(talk, Visitor()), chat.handlers.fields.done)
    assert (
        "word" in done[0][-1]["content"] and not any(map(anew, taken)) and sum(map(anew, done)) == 1
    )


def anew(value: object) -> bool:
    return isinstance(value, Block) or isinstance(value, dict) and value.get("__type__") == "update"


@pytest.mark.slow
def test_gradio_sums_up_no_events_for_nobody():
    code = (
        "import app, ui; from vlm_backends import connect; queue = ui.build(connect({}))._queue; queue.events_recorded = 9;"
        "print(queue.compute_analytics_summary([{'function': 'take', 'status': 'success', 'process_time': 1.0}]))"
    )
    assert printed(code) == "{'functions': {}}"


@pytest.mark.slow
def test_the_page_is_built_without_what_only_an_answer_needs():
    heavy = "cv2", "rapidocr", "onnxruntime", "torch", "transformers", "matplotlib"
    code = (
        "import sys, ui; from vlm_backends import connect; ui.build(connect({}));"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert printed(code) == "[]"

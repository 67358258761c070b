"""What the benchmarks measure in time, counted: encodes, calls, hand-overs, bytes. No clock decides here."""

import asyncio
import io
import json
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace
from unittest.mock import patch

import gradio as gr
import pytest
from gradio.blocks import Block
from PIL import Image

import ui
from benchmarks._recital import Reciter
from benchmarks.readers import GRAMMARS
from tests.conftest import finished
from tests.page.test_page import gather
from tests.support.gradio_wire import Session, opened
from tests.support.paths import ASSETS
from tests.unit.test_laws import printed
from ui.components.viewer import scene
from ui.core.session import Visitor, registry
from ui.state.conversation import Talk
from ui.state.question import Asked, follow
from ui.tabs.chat import ChatTab
from vlm_backends import (
    Answer,
    CancelToken,
    Chunk,
    Prompt,
    Region,
    Turn,
    encode,
    find_model,
    find_task,
    read,
)
from vlm_backends.concurrency import latest_items
from vlm_backends.media import drawing, images


def photograph(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    noise = Image.effect_noise((width // 4, height // 4), 60).resize((width, height), Image.BICUBIC)
    Image.merge("RGB", [noise, noise.transpose(Image.Transpose.ROTATE_180), noise]).save(
        buffer, "JPEG", quality=92
    )
    return buffer.getvalue()


def calls(work) -> int:
    """How many functions, Python's and C's, one call goes through."""
    count = 0

    def note(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("width, height", [(1200, 800), (4000, 3000), (6000, 4000), (8000, 6000)])
def test_a_photograph_is_fitted_in_three_encodes_and_never_decoded_whole(width, height):
    data, sizes = photograph(width, height), []
    with (
        patch.object(images, "_save", side_effect=images._save) as save,
        patch.object(
            images,
            "_shrunk",
            side_effect=lambda image, *a: sizes.append(image.size) or shrunk(image, *a),
        ),
    ):
        encode(data)
    assert 1 <= save.call_count <= 3
    assert all(wide * high <= max(width * height / 4, 1_500_000) for wide, high in sizes)


shrunk = images._shrunk


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_reading_is_linear_in_the_reply(grammar):
    reader, item = GRAMMARS[grammar]
    few, many = ("".join(item(7) for _ in range(count)) for count in (200, 2000))
    assert calls(lambda: reader(many)) <= 10.5 * calls(lambda: reader(few))


def test_a_thousand_pieces_are_a_few_hand_overs_and_nothing_of_them_is_lost():
    gate = threading.Event()

    def pieces():
        yield 0
        gate.wait(30)
        yield from range(1, 1000)

    async def handed() -> list[int]:
        found = []
        async for item in latest_items(pieces, CancelToken(), pause=0.5):
            found.append(item)
            gate.set()
        return found

    found = finished(asyncio.wait_for(handed(), 60))
    assert found[0] == 0 and found[-1] == 999 and len(found) <= 4


class Talkative:
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
    asked = Asked(find_model("microsoft/florence-2"), Prompt((Turn("user", "<OD>"),)), counting)

    async def followed() -> None:
        async for _ in follow(asked, engine, nullcontext()):
            engine.gate.set()

    finished(asyncio.wait_for(followed(), 60))
    assert len(asked.answer.regions) == 1001
    assert len(reads) <= 20, "a thousand pieces, some tenths of a second"


def test_a_streamed_piece_is_no_larger_behind_a_long_conversation():
    async def streamed(session: Session, words: str) -> int:
        """The bytes of all messages of a question's stream."""
        submit = session.page.event("submit", "multimodaltextbox")
        stream, came = session.page.after(submit), []
        await session.run(submit, None, {"text": words, "files": [file]})
        session.heard = lambda line: came.append(len(line))
        async for _ in session.join(stream, *session.page.values(stream)):
            pass
        session.heard = lambda line: None
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

    file, page = None, ui.build(Reciter())
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **ui.settings())
    try:
        first, last = finished(conversation())
    finally:
        page.close()
    assert 500 * len("word ") < last <= 1.2 * first


def test_a_question_and_its_end_make_no_more_than_one_part_of_the_page_anew():
    """Gradio makes a part anew for each update, also for one that skips it; a value is only a value."""
    with gr.Blocks():
        chat = ChatTab(
            find_model("meta/llama-3.2-11b-vision-instruct"),
            registry(Reciter()),
            gr.State(Visitor()),
        )
    talk = Talk()
    taken = chat.take(talk, {"text": "3", "files": [ASSETS / "cat.jpg"]})
    gather(chat.stream(talk, Visitor(), 512, 1.0, 1.0, None))
    done = chat.finish(talk, Visitor())
    assert (
        "word" in done[0][-1]["content"] and not any(map(anew, taken)) and sum(map(anew, done)) == 1
    )


def anew(value: object) -> bool:
    return isinstance(value, Block) or isinstance(value, dict) and value.get("__type__") == "update"


def test_gradio_sums_up_no_events_for_nobody():
    code = (
        "import app, ui; from vlm_backends import connect; queue = ui.build(connect({}))._queue; queue.events_recorded = 9;"
        "print(queue.compute_analytics_summary([{'function': 'take', 'status': 'success', 'process_time': 1.0}]))"
    )
    assert printed(code) == "{'functions': {}}"


def box(i: int) -> Region:
    x, y = i % 17 / 20, i // 17 / 20
    return Region(f"object {i}", ((x, y), (x + 0.04, y), (x + 0.04, y + 0.04), (x, y + 0.04)))


def test_the_scene_of_many_regions_is_small_and_grows_with_their_number_only():
    picture = read(photograph(1200, 800))
    sizes = [
        len(json.dumps(scene(picture, Answer("", tuple(map(box, range(count)))))))
        for count in (50, 100, 200)
    ]
    assert sizes[2] < 200 * 250 and sizes[2] - sizes[1] <= 2.2 * (sizes[1] - sizes[0])


def test_drawing_on_a_large_picture_makes_no_mask_of_its_own():
    image = Image.new("RGB", (4000, 3000))
    mask = Region("mask", ((0.1, 0.1), (0.9, 0.2), (0.5, 0.9)), is_mask=True)
    with patch.object(Image, "new", side_effect=Image.new) as new:
        drawing.draw(image, [mask])
    assert not any(call.args[0] == "L" and call.args[1][0] > 1000 for call in new.call_args_list)


def test_the_page_is_built_without_what_only_an_answer_needs():
    heavy = "cv2", "rapidocr", "onnxruntime", "torch", "transformers", "matplotlib"
    code = (
        "import sys, ui; from vlm_backends import connect; ui.build(connect({}));"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert printed(code) == "[]"

"""What a visit holds and how it ends: pictures lie in files, the line is fair, and who waits is told of the end."""

import asyncio
from contextlib import aclosing, nullcontext
from pathlib import Path

import pytest

from tests.support.async_tools import finished
from tests.support.child_processes import answering, child
from tests.support.fake_engine import FakeEngine
from tests.support.paths import ASSETS
from tests.support.ports import free_port
from ui.core.shutdown import RESTART, ShutdownRegistry
from ui.core.storage import picture_path, store_picture
from ui.state.conversation import Conversation, read_message
from ui.state.replies import PageReply, follow
from ui.state.task_plan import task_prompt
from vlm_backends import BadPrompt, CancelToken, Chunk, Embedded, Prompt, Question, Turn, find_model
from vlm_backends.errors import Refused
from vlm_backends.media import images
from vlm_backends.server.workers import WorkerPool

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def test_a_visits_pictures_lie_in_files(folder):
    turn = read_message(
        {"text": "Hi", "files": [str(ASSETS / "coffee.jpg")]}, Conversation(), LLAMA
    )
    prompt, _ = task_prompt("<OCR>", str(ASSETS / "coffee.jpg"), "", None)
    (first,), (second,) = turn.pictures, prompt.turns[0].pictures
    assert (
        first == second
        and folder in first.source.parents
        and picture_path(first) == str(first.source)
    )
    assert first.data == (ASSETS / "coffee.jpg").read_bytes()
    assert len(list(folder.rglob("*.jpeg"))) == 1, "the same picture twice is one file"


@pytest.mark.parametrize("act", [lambda p: p.data, images.pixels, images.encode, images.as_jpeg,
                                 lambda p: list(Embedded().stream(LLAMA, Prompt((Turn("user", "Read", (p,)),))))])  # fmt: skip
def test_a_picture_that_was_deleted_is_a_sentence(folder, act):
    picture = store_picture(ASSETS / "coffee.jpg")
    Path(picture.source).unlink()
    assert picture_path(picture) == str(picture.source)
    with pytest.raises(BadPrompt, match="no longer there"):
        act(picture)


class Speaks(FakeEngine):
    """Says a word, and then waits for its stop."""

    name = "Speaks"

    def stream(self, model, prompt, stop):
        yield Chunk("word")
        stop.wait(30)


def test_the_end_of_the_page_is_told_and_the_words_stay(monkeypatch):
    registry = ShutdownRegistry()
    monkeypatch.setattr("ui.state.replies.shutdown_registry", registry)
    running, late = (PageReply(Question(LLAMA, Prompt((Turn("user", "Hi"),)))) for _ in range(2))

    async def drive():
        async with aclosing(follow(running, Speaks(), nullcontext())) as arriving:
            async for answer in arriving:
                assert answer.text == "word"
                await asyncio.to_thread(registry.end, 10)
        assert [answer.text async for answer in follow(late, Speaks(), nullcontext())] in (
            [],
            ["word"],
        )

    finished(drive())
    assert (running.answer.text, running.failure, late.failure) == ("word", RESTART, RESTART)


def test_who_waits_at_a_desk_that_closes_is_told_so():
    async def drive():
        pool = WorkerPool(parallel=1)
        held = CancelToken()
        first = pool.stream(lambda: (held.wait(30) and item for item in "a"), held)
        waiting = pool.stream(lambda: iter("b"), CancelToken())
        await pool.drain(10)
        for arriving in (first, waiting):
            with pytest.raises(Refused, match="being restarted"):
                async for _ in arriving:
                    pass
        with pytest.raises(Refused, match="being restarted"):
            pool.stream(lambda: iter("c"), CancelToken())
        assert not pool.busy

    finished(drive())


@pytest.mark.slow
def test_each_page_keeps_its_pictures_in_a_folder_of_its_own_and_takes_it_away(tmp_path):
    folders = []
    for _ in range(2):
        port = free_port()
        with child("app.py", GRADIO_SERVER_PORT=port, TMPDIR=tmp_path) as process:
            answering(f"http://127.0.0.1:{port}", process)
            folders += tmp_path.glob("vlm-showcase-*")
            process.terminate()
            process.wait(30)
    assert len(set(folders)) == 2 and not [*tmp_path.glob("vlm-showcase-*")]

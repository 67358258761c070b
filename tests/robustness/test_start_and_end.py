"""Ends and starts: a signal in the midst of streams, a restart at once, and a start with a wrong setting."""

import asyncio
import base64
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support.async_tools import finished
from tests.support.child_processes import ROOT, answering, child, figures, page, settings
from tests.support.gradio_wire import Session, opened
from tests.support.paths import ASSETS
from tests.support.ports import free_port
from tests.support.processes import until
from tests.support.wrong_settings import SERVER as WRONG_FOR_THE_SERVER
from tests.support.wrong_settings import WRONG

PAGE, SERVER = ("app.py",), ("-m", "vlm_backends.server")
pytestmark = pytest.mark.filterwarnings("ignore")
LLAMA = "meta/llama-3.2-11b-vision-instruct"
_SAID = "being restarted"
_BOUND = 20  # seconds from the signal to the end of the process


@dataclass(frozen=True)
class End:
    """How the process and its answers ended."""

    status: int
    seconds: float
    answers: list[
        tuple[bool, bool]
    ]  # of each visitor: words that had arrived are there, and the sentence


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try each wrong setting; the short form every fifth."""
    long = metafunc.config.getoption("--long")
    if "setting" in metafunc.fixturenames:
        cases = [(PAGE, case) for case in WRONG[:: 1 if long else 5]]
        cases += [(SERVER, case) for case in WRONG_FOR_THE_SERVER[:: 1 if long else 5]]
        ids = [f"{command[-1]}-{i}-{named}" for i, (command, (_, named)) in enumerate(cases)]
        metafunc.parametrize("command, setting", cases, ids=ids)
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", (signal.SIGTERM, signal.SIGINT)[: 2 if long else 1])


@pytest.fixture
def many(long_form) -> int:
    """Return how many visitors there are."""
    return 30 if long_form else 3


@pytest.fixture
def upstream() -> Iterator[str]:
    """Yield the URL of a local server that plays NVIDIA's API, slowly."""
    with child("-m", "tests.support.fast_wire", "--pace", 0.2) as process:
        yield process.stdout.readline().strip()


def test_a_page_that_is_told_to_end_while_nvidias_models_answer(tmp_path, upstream, many):
    env = {"NVIDIA_API_KEY": "nvapi-ends", "NVIDIA_BASE_URL": upstream}
    with page(tmp_path, **env) as (url, process):
        end = finished(_ended(url, process, many, lambda: figures(upstream)["assets"] > 0))
    left = figures(upstream)
    _assert_in_order(end)
    assert left["announced"] == left["deletes"] > 0, "pictures at NVIDIA are deleted before"
    assert left["assets"] == left["sockets"] == 0
    with page(tmp_path, port=int(url.rpartition(":")[2]), **env):
        pass  # it starts again at once, at its port


def test_a_page_that_is_told_to_end_while_this_machine_answers(tmp_path):
    with page(tmp_path, VLM_ENGINE="embedded") as (url, process):
        _assert_in_order(finished(_ended(url, process, 2, lambda: True, embedded=True)))


def test_a_page_that_is_told_to_end_while_it_reads_its_samples(tmp_path):
    with page(tmp_path, VLM_ENGINE="embedded") as (_, process):
        time.sleep(1)  # all of them take longer
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
        assert time.monotonic() - start < _BOUND
    assert "Traceback" not in (tmp_path / "page.log").read_text()
    assert not [*tmp_path.rglob("picture.*")], "no picture is left"


def test_a_second_signal_ends_the_page_at_once(tmp_path, number):
    with page(tmp_path, VLM_ENGINE="embedded") as (_, process):
        process.send_signal(number)
        assert until(lambda: not _catches(process, number), 60), "the first signal was not met"
        process.send_signal(number)
        assert process.wait(20) in (-number, 128 + number)


def _catches(process: subprocess.Popen, number: int) -> bool:
    """Tell whether the process still has a handler of its own for this signal."""
    caught = re.search(r"(?m)^SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
    return bool(int(caught[1], 16) >> (number - 1) & 1)


def test_a_server_that_is_told_to_end_while_it_answers(upstream, many):
    """Ask with callers half of whom stream, while the others wait for the whole answer."""
    port = free_port()
    options = ("--engine", "nvidia", "--port", port, "--grace", 1, "--parallel", many)
    env = {"NVIDIA_API_KEY": "nvapi-ends", "NVIDIA_BASE_URL": upstream}
    url = f"http://127.0.0.1:{port}"
    with (
        child(*SERVER, *options, **env) as process,
        ThreadPoolExecutor(many) as pool,
    ):
        answering(url, process, "/health")
        answers = [pool.submit(_called, url, number) for number in range(many)]
        while figures(upstream)["questions"] < many:
            time.sleep(0.05)
        time.sleep(1)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
        took = time.monotonic() - start
        end = End(status, took, [answer.result() for answer in answers])
    _assert_in_order(end)
    with child(*SERVER, *options, **env) as again:
        answering(url, again, "/health")  # it starts again at once, at its port


def test_nothing_starts_with_a_wrong_setting_and_the_refusal_names_it(command, setting):
    given, named = setting
    env = {name: value for name, value in given.items() if not name.startswith("--")}
    options = [word for pair in given.items() if pair[0].startswith("--") for word in pair]
    run = subprocess.run(
        [sys.executable, *command, *options],
        cwd=ROOT,
        env=settings(**env),
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = (run.stdout + run.stderr).strip()
    assert run.returncode == 1 and named in said, said[-300:]
    assert "Traceback" not in said and said.count("\n") == 0, said[-300:]


def _assert_in_order(end: End) -> None:
    """Assert that the process ended in time, and that each answer kept its words and says why it ended."""
    assert end.status in (0, -signal.SIGTERM) and end.seconds < _BOUND
    assert end.answers and all(words and explained for words, explained in end.answers)


async def _ended(
    url: str,
    process: subprocess.Popen,
    many: int,
    ready: Callable[[], bool],
    embedded: bool = False,
) -> End:
    """Send a signal while visitors' answers are on their way; return how process and answers ended."""
    here = await opened(url)
    begun = asyncio.Semaphore(0)
    ask = _reads if embedded else _chats
    visits = [asyncio.create_task(ask(Session(here), begun)) for _ in range(many)]
    if not embedded:
        visits.append(asyncio.create_task(_grounds(Session(here), begun)))
    for _ in visits:
        await asyncio.wait_for(begun.acquire(), 90)
    assert await asyncio.to_thread(until, ready, 90), "the answers never began"
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    answers = await asyncio.wait_for(asyncio.gather(*visits), 60)
    status = await asyncio.to_thread(process.wait, 60)
    return End(status, time.monotonic() - start, answers)


async def _chats(session: Session, begun: asyncio.Semaphore) -> tuple[bool, bool]:
    """Ask in a chat; return whether the words that had arrived, and the sentence, are shown."""
    submit = session.page.event("submit", "multimodaltextbox")
    stream, token = session.page.after(submit), f"tok{session.hash[:12]}"
    async with session.alive():
        file = await session.upload("poster.jpg", (ASSETS / "poster.jpg").read_bytes())
        await session.run(submit, None, {"text": f"Say {token}", "files": [file]})
        await _followed(
            session, stream, begun, lambda text: token in text, *session.page.values(stream)
        )
        shown, *_ = await session.run(session.page.after(stream), None, None)
    return f"{token}n0" in json.dumps(shown), _SAID in json.dumps(shown)


async def _grounds(session: Session, begun: asyncio.Semaphore) -> tuple[bool, bool]:
    """Run Florence-2 about an asset, with no words before its end; return the same as `_chats`."""
    go = session.page.event("click", elem_id="run-task")
    stream = session.page.after(go)
    async with session.alive():
        choose = session.page.event("choose", elem_id="tasks")
        await session.run(choose, event_data={"token": "<CAPTION_TO_PHRASE_GROUNDING>"})
        await _given(session, "coffee.jpg")
        await session.run(go, None, None, f"tok{session.hash[:12]} held")
        begun.release()
        await _followed(session, stream, asyncio.Semaphore(0), lambda text: True, None, None)
        shown = await session.run(session.page.after(stream), None, None)
    return True, _SAID in json.dumps(shown)


async def _reads(session: Session, begun: asyncio.Semaphore) -> tuple[bool, bool]:
    """Have this machine read a page, line by line; return the same as `_chats`."""
    go = session.page.event("click", elem_id="run-task")
    stream = session.page.after(go)
    async with session.alive():
        await _given(session, "page.png")
        await session.run(go)
        await _followed(
            session, stream, begun, lambda text: re.search(r'"[^"*…]{12,}', text), None, None
        )
        shown = json.dumps(await session.run(session.page.after(stream), None, None))
    return '"points"' in shown, _SAID in shown


async def _given(session: Session, name: str) -> None:
    """Give Florence-2's viewer this picture of the assets."""
    file = await session.upload(name, (ASSETS / name).read_bytes())
    picked = session.page.event("picked", elem_id="result")
    await session.run(picked, event_data={"paths": [file["path"]]})


async def _followed(
    session: Session,
    stream: dict,
    begun: asyncio.Semaphore,
    first: Callable[[str], object],
    *data: object,
) -> None:
    """Follow the stream to its end; release `begun` once, at the first piece that `first` accepts."""
    waiting = True
    async with aclosing(session.join(stream, *data)) as messages:
        async for message in messages:
            if waiting and message["msg"] == "process_generating":
                waiting = not first(json.dumps(message["output"]["data"], ensure_ascii=False))
                if not waiting:
                    begun.release()


def _called(url: str, number: int) -> tuple[bool, bool]:
    token = f"tok{number:012x}"
    link = (
        "data:image/jpeg;base64," + base64.b64encode((ASSETS / "poster.jpg").read_bytes()).decode()
    )
    content = [
        {"type": "text", "text": f"Say {token}"},
        {"type": "image_url", "image_url": {"url": link}},
    ]
    body = {"model": LLAMA, "messages": [{"role": "user", "content": content}], "stream": True}
    text = requests.post(f"{url}/v1/chat/completions", json=body, timeout=60).text
    return f"{token}n0" in text, _SAID in text

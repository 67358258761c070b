"""Ends and beginnings: a signal in the midst of streams, a restart at once, and a start with a wrong setting."""

import asyncio
import base64
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests

from tests.support.child_processes import ROOT, answering, child, figures, free_port, page, settings
from tests.support.gradio_wire import Session, opened
from tests.support.paths import ASSETS
from tests.support.rows import Row
from tests.support.wrong_settings import SERVER, WRONG

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


def rows(short: bool) -> Iterator[Row]:
    """Each kind of process is ended in the midst of its answers and started again; then the table of wrong settings."""
    many = 3 if short else 30
    with tempfile.TemporaryDirectory() as name:
        yield from _page_on_nvidia(Path(name), many)
        yield _page_alone(Path(name))
        yield from _server(many)
    yield _second_signal(short)
    yield from _wrong(short)


def _page_on_nvidia(folder: Path, many: int) -> Iterator[Row]:
    with child("-m", "tests.support.fast_wire", "--pace", 0.2) as upstream:
        address = upstream.stdout.readline().strip()
        env = {"NVIDIA_API_KEY": "nvapi-ends", "NVIDIA_BASE_URL": address}
        with page(folder, **env) as (url, process):
            end = asyncio.run(_ended(url, process, many, lambda: figures(address)["assets"] > 0))
        left = figures(address)
        yield _row("the page, told to end while NVIDIA's models answer", end)
        remark = f"{left['uploads']} uploaded, {left['deletes']} deleted, {left['sockets']} connections open"
        yield Row(
            "pictures at NVIDIA are deleted before the page ends",
            left["uploads"],
            left["deletes"],
            left["assets"] + left["sockets"],
            remark,
        )
        with page(folder, port=int(url.rpartition(":")[2]), **env):
            yield Row("the page starts again at once, at its port", 1, 1)


def _page_alone(folder: Path) -> Row:
    with page(folder, VLM_ENGINE="embedded") as (url, process):
        return _row(
            "the page, told to end while this machine answers",
            asyncio.run(_ended(url, process, 2, lambda: True, embedded=True)),
        )


async def _ended(
    url: str,
    process: subprocess.Popen,
    many: int,
    ready: Callable[[], bool],
    embedded: bool = False,
) -> End:
    """Visitors whose answers are on their way, and a signal; what they see of it."""
    here = await opened(url)
    begun = asyncio.Semaphore(0)
    ask = _reads if embedded else _chats
    visits = [asyncio.create_task(ask(Session(here), begun)) for _ in range(many)]
    if not embedded:
        visits.append(asyncio.create_task(_grounds(Session(here), begun)))
    for _ in visits:
        await asyncio.wait_for(begun.acquire(), 90)
    while not await asyncio.to_thread(ready):
        await asyncio.sleep(0.1)
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    answers = await asyncio.wait_for(asyncio.gather(*visits), 60)
    status = await asyncio.to_thread(process.wait, 60)
    return End(status, time.monotonic() - start, answers)


async def _chats(session: Session, begun: asyncio.Semaphore) -> tuple[bool, bool]:
    """A talk, whose first words have come."""
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
    """A run of Florence-2, whose picture is an asset; there are no words before its end."""
    go = session.page.event("click", elem_id="run-task")
    stream = session.page.after(go)
    async with session.alive():
        await session.run(
            session.page.choice("<CAPTION_TO_PHRASE_GROUNDING>"),
            None,
            "<CAPTION_TO_PHRASE_GROUNDING>",
            *[None] * 5,
        )
        file = await session.upload("coffee.jpg", (ASSETS / "coffee.jpg").read_bytes())
        await session.run(go, None, file, f"tok{session.hash[:12]} held", *[None] * 4)
        begun.release()
        await _followed(session, stream, asyncio.Semaphore(0), lambda text: True, None, None)
        shown = await session.run(session.page.after(stream), None, None)
    return True, _SAID in json.dumps(shown)


async def _reads(session: Session, begun: asyncio.Semaphore) -> tuple[bool, bool]:
    """A page that this machine reads, line by line."""
    go = session.page.event("click", elem_id="run-task")
    stream = session.page.after(go)
    async with session.alive():
        file = await session.upload("page.png", (ASSETS / "page.png").read_bytes())
        await session.run(go, None, file, "", *[None] * 4)
        await _followed(
            session, stream, begun, lambda text: re.search(r'"[^"*…]{12,}', text), None, None
        )
        shown = json.dumps(await session.run(session.page.after(stream), None, None))
    return '"points"' in shown, _SAID in shown


async def _followed(
    session: Session,
    stream: dict,
    begun: asyncio.Semaphore,
    first: Callable[[str], object],
    *data: object,
) -> None:
    async with aclosing(session.join(stream, *data)) as messages:
        async for message in messages:
            if message["msg"] == "process_generating" and first(
                json.dumps(message["output"]["data"], ensure_ascii=False)
            ):
                begun.release()


def _row(what: str, end: End) -> Row:
    whole = sum(words and told for words, told in end.answers)
    ended = end.status in (0, -signal.SIGTERM) and end.seconds < _BOUND
    remark = f"status {end.status} after {end.seconds:.1f} s; {whole} of {len(end.answers)} answers keep their words and say why they ended"
    return Row(what, len(end.answers) + 1, whole + ended, remark=remark)


def _server(many: int) -> Iterator[Row]:
    """The server on NVIDIA's wire: one half of the callers stream, the others wait for the whole."""
    port = free_port()
    command = (
        "-m",
        "vlm_backends.server",
        "--engine",
        "nvidia",
        "--port",
        port,
        "--grace",
        1,
        "--parallel",
        many,
    )
    with child("-m", "tests.support.fast_wire", "--pace", 0.2) as upstream, ExitStack() as stack:
        address = upstream.stdout.readline().strip()
        env = {"NVIDIA_API_KEY": "nvapi-ends", "NVIDIA_BASE_URL": address}
        process = stack.enter_context(child(*command, **env))
        url = f"http://127.0.0.1:{port}"
        answering(url, process, "/health")
        with ThreadPoolExecutor(many) as pool:
            answers = [pool.submit(_called, url, number) for number in range(many)]
            while figures(address)["questions"] < many:
                time.sleep(0.05)
            time.sleep(1)
            start = time.monotonic()
            process.send_signal(signal.SIGTERM)
            end = End(
                process.wait(60), time.monotonic() - start, [answer.result() for answer in answers]
            )
        yield _row("a server of one's own, told to end while it answers", end)
        with child(*command, **env) as again:
            answering(url, again, "/health")
            yield Row("a server of one's own starts again at once, at its port", 1, 1)


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


def _second_signal(short: bool) -> Row:
    """A page that is told twice, by each of the two signals; in the short form by one."""
    ended = []
    with tempfile.TemporaryDirectory() as name:
        for number in (signal.SIGTERM, signal.SIGINT)[: 1 if short else 2]:
            with page(Path(name), VLM_ENGINE="embedded") as (_, process):
                ended.append(_told_twice(process, number))
    return Row("a second signal ends the page at once", len(ended), sum(ended))


def _told_twice(process: subprocess.Popen, number: int) -> bool:
    process.send_signal(number)
    time.sleep(0.3)
    process.send_signal(number)
    return process.wait(20) in (-number, 128 + number)


def _wrong(short: bool) -> Iterator[Row]:
    """Each wrong setting ends the start with one sentence that names it, and status 1."""
    for command, table in (("app.py",), WRONG), (("-m", "vlm_backends.server"), SERVER):
        cases = table[:: 5 if short else 1]
        with ThreadPoolExecutor(2) as pool:
            faults = list(filter(None, pool.map(partial(_refused, command), cases)))
        yield Row(
            f"{command[-1]} does not start with a wrong setting, and says which",
            len(cases),
            len(cases) - len(faults),
            remark="; ".join(faults)[:2000],
        )


def _refused(command: tuple[str, ...], case: tuple[dict, str]) -> str:
    """What is wrong with the refusal of this setting; nothing when it is right."""
    given, named = case
    env, arguments = {name: value for name, value in given.items() if not name.startswith("--")}, []
    for name, value in given.items():
        arguments += [name, value] if name.startswith("--") else []
    run = subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=ROOT,
        env=settings(**env),
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = (run.stdout + run.stderr).strip()
    good = (
        run.returncode == 1 and named in said and "Traceback" not in said and said.count("\n") == 0
    )
    return "" if good else f"{given}: {run.returncode} {said[-300:]}"

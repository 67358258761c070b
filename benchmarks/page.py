"""The page under visitors who all have an answer streamed to them at once, beside pages that others would write.

Each side is a process of its own with the same upstream, which sends a piece of five characters at a fixed rate; its
visitors speak its real wire. All of the page's work counts: the question, the reading of the upstream, the end.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field
from functools import partial
from statistics import median
from subprocess import Popen
from tempfile import TemporaryDirectory
from time import monotonic
from urllib.parse import quote, urlencode
from uuid import uuid4

import psutil

from benchmarks._pictures import ROOT
from benchmarks._sides import goals, installed, percentile, ratio, table, turns
from benchmarks._upstream import MOMENT, upstream
from tests.support.gradio_wire import Page, Session, asked, opened
from tests.support.processes import begun, ended, free_port, until_served

OURS, FLOOR = "**this page**", "a bare SSE route (floor)"
USUAL, INTERFACE, CHAINLIT, STREAMLIT = (
    "usual Gradio page",
    "`gr.ChatInterface`",
    "Chainlit",
    "Streamlit",
)
_RATE, _LETTERS = 50, 5  # pieces a second, and letters in a piece
_VISITORS = {1: 100, 8: 100, 32: 200, 64: 200, 128: 200}  # at once, and pieces of each one's answer
_MESSAGES, _PICTURES = "40 messages", "16 pictures"
_UP_TO = {INTERFACE: 8, STREAMLIT: 8}  # more of them would wait for minutes
_CROWD, _PIECES, _TIMES = (
    8,
    150,
    3,
)  # visitors with a history, pieces of their answer, and so many times as many
_STAGGER = 0.5  # seconds in which all of them come
_SETTLE = (
    1  # seconds: Gradio asks itself whether it serves, and ends when it stands still meanwhile
)
_PATIENCE = 120  # seconds for all answers of a crowd
_PICTURE = (ROOT / "assets" / "coffee.jpg").read_bytes()


def _question(pieces: int) -> str:
    return f"say timed {pieces} {_RATE}"


@dataclass
class Heard:
    """What one visitor heard of one answer: how late each piece was, in seconds, and the bytes of it all."""

    pieces: int
    asked: float = field(default_factory=monotonic)
    first: float = 0.0
    late: list[float] = field(default_factory=list)
    bytes: int = 0
    text: str = ""
    _begun: float = 0.0

    def grow(self, text: str) -> None:
        """All of the answer so far; it begins with the moment when it was begun upstream."""
        now, self.text = monotonic(), text
        if not self._begun and len(text) >= MOMENT:
            self._begun, self.first = int(text[:MOMENT]) / 1e9, now - self.asked
        came = min(
            (len(text) + 1 - MOMENT) // _LETTERS, self.pieces
        )  # a blank at the end may have been taken off
        self.late += [now - self._begun - (i + 1) / _RATE for i in range(len(self.late), came)]

    def line(self, line: bytes) -> None:
        """Bytes came from the page."""
        self.bytes += len(line)


# visitors, each of whom speaks the wire of one kind of page


class Visitor:
    """One who may have a conversation behind him, and asks."""

    def __init__(self, url: str, page: Page | None) -> None:
        self.url, self.page = url, page

    async def prepare(self, history: str) -> None:
        """The conversation that is there before the question."""

    async def ask(self, heard: Heard) -> None:
        """The answer, to its end."""
        raise NotImplementedError


class AtOurs(Visitor):
    """The chain of events of a chat tab, as the page's script runs it."""

    async def prepare(self, history: str) -> None:
        self.session = Session(self.page)
        file = await self.session.upload("picture.jpg", _PICTURE)
        await self._turn("say flood 1 0", [file], Heard(0))
        for _ in range({"": 0, _MESSAGES: 19, _PICTURES: 15}[history]):
            await self._turn("say flood 1 0", [file] if history == _PICTURES else [], Heard(0))

    async def ask(self, heard: Heard) -> None:
        await self._turn(_question(heard.pieces), [], heard)

    async def _turn(self, words: str, files: list, heard: Heard) -> None:
        self.session.heard = heard.line
        submit = self.page.event("submit", "multimodaltextbox")
        stream = self.page.after(submit)
        _, _, _, notice, _ = await self.session.run(submit, None, {"text": words, "files": files})
        if notice:
            raise RuntimeError(notice)
        await _streamed(self.session, stream, self.page.values(stream), heard)
        await self.session.run(self.page.after(stream), None, None)


class AtGradio(Visitor):
    """One event whose output is the conversation, which the browser holds."""

    async def prepare(self, history: str) -> None:
        self.session, self.history = Session(self.page), []
        words = [{"type": "text", "text": "Some words that were said. " * 10}]
        if history == _MESSAGES:
            self.history = [{"role": role, "content": words} for role in ("user", "assistant")] * 20
        if history == _PICTURES:
            picture = [{"type": "file", "file": await self.session.upload("picture.jpg", _PICTURE)}]
            self.history = [
                {"role": "user", "content": picture},
                {"role": "assistant", "content": words},
            ] * 16

    async def ask(self, heard: Heard) -> None:
        self.session.heard = heard.line
        await _streamed(
            self.session, self.page.named("answer"), [_question(heard.pieces), self.history], heard
        )


class AtInterface(AtGradio):
    """The chain of events of `gr.ChatInterface`, whose page holds what was said."""

    async def prepare(self, history: str) -> None:
        await super().prepare(history)
        await self.session.run(self.page.named("lambda"), self.history)

    async def ask(self, heard: Heard) -> None:
        self.session.heard = heard.line
        await self.session.run(self.page.named("_clear_and_save_textbox"), _question(heard.pieces))
        await self.session.run(self.page.named("_append_message_to_history"), None, self.history)
        await _streamed(self.session, self.page.named("_submit_fn"), [None, None], heard)
        await self.session.run(self.page.named("lambda"), self.history)


async def _streamed(session: Session, event: dict, values: list, heard: Heard) -> None:
    first = True
    async for message in session.join(event, *values):
        if message["msg"] == "process_generating":
            outputs = message["output"]["data"]
            heard.grow(
                next(filter(None, map(_whole, outputs)), "")
                if first
                else _after(heard.text, outputs)
            )
            first = False
        elif message["msg"] == "process_completed" and not message["success"]:
            raise RuntimeError(message["output"])


def _whole(value: object) -> str:
    """The answer in an output that came whole."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        return _whole(value[-1].get("content", value[-1].get("text")))
    return ""


def _after(text: str, outputs: list) -> str:
    """The answer after Gradio's differences."""
    for action, _, value in (step for steps in outputs for step in steps or ()):
        if words := _whole(value if isinstance(value, str) else [value]):
            text = text + words if action == "append" and isinstance(value, str) else words
    return text


class AtRoute(Visitor):
    """A script that reads the bare route."""

    async def ask(self, heard: Heard) -> None:
        path = f"/answer?{urlencode({'question': _question(heard.pieces)})}"
        async with asked(self.url, "GET", path) as (_, reader):
            async for line in reader:
                heard.line(line)
                if line.startswith(b"data: "):
                    heard.grow(heard.text + line[6:-1].decode())


class AtChainlit(Visitor):
    """Socket.IO, as Chainlit's own page speaks it."""

    async def ask(self, heard: Heard) -> None:
        import socketio

        line, ended = socketio.AsyncClient(reconnection=False), asyncio.Event()

        def came(data: Mapping) -> None:
            heard.line(json.dumps(data).encode())
            heard.grow(heard.text + (data.get("token") or data.get("output") or ""))
            if len(heard.late) == heard.pieces:
                ended.set()

        line.on("stream_start", came)
        line.on("stream_token", came)
        session = {
            "sessionId": str(uuid4()),
            "clientType": "webapp",
            "userEnv": "{}",
            "chatProfile": "",
            "threadId": "",
        }
        await line.connect(
            self.url, socketio_path="/ws/socket.io", transports=["websocket"], auth=session
        )
        await line.emit("connection_successful")
        await asyncio.sleep(0.2)
        heard.asked = monotonic()
        said = {
            "id": str(uuid4()),
            "threadId": "",
            "name": "user",
            "type": "user_message",
            "output": _question(heard.pieces),
            "createdAt": "2026-01-01T00:00:00Z",
        }
        await line.emit("client_message", {"message": said, "fileReferences": []})
        await ended.wait()
        await line.disconnect()


class AtStreamlit(Visitor):
    """Streamlit's protocol buffers by web socket."""

    async def ask(self, heard: Heard) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.asyncio.client import connect

        address = self.url.replace("http", "ws") + "/_stcore/stream"
        async with connect(address, subprotocols=["streamlit"], max_size=None) as line:
            begun = BackMsg()
            begun.rerun_script.query_string = f"question={quote(_question(heard.pieces))}"
            await line.send(begun.SerializeToString())
            async for data in line:
                heard.line(data)
                message = ForwardMsg.FromString(data)
                if words := message.delta.new_element.markdown.body:
                    heard.grow(words.rstrip("▏▕|"))
                if message.script_finished or len(heard.late) == heard.pieces:
                    return


# sides


@dataclass(frozen=True)
class Load:
    """Microseconds of a processor a piece, milliseconds of a piece's delay and to the first words, bytes a piece."""

    work: float
    late: float
    first: float
    bytes: float


@dataclass
class Side:
    """A page that runs, and the kind of visitor that it gets; it stands still while it has none."""

    url: str
    process: psutil.Process
    visitor: type[Visitor]

    def under(self, visitors: int, pieces: int = _PIECES, history: str = "") -> Load:
        """The page's load from so many visitors at once."""
        with self._awake():
            return asyncio.run(self._crowd(visitors, pieces, history))

    async def _crowd(self, visitors: int, pieces: int, history: str) -> Load:
        page = await opened(self.url) if issubclass(self.visitor, (AtOurs, AtGradio)) else None
        crowd = [self.visitor(self.url, page) for _ in range(visitors)]
        for visitor in crowd:
            await visitor.prepare(history)

        async def one(i: int) -> Heard:
            await asyncio.sleep(_STAGGER * i / visitors)
            heard = Heard(pieces)
            await crowd[i].ask(heard)
            if len(heard.late) != pieces:
                raise RuntimeError(f"{len(heard.late)} of {pieces} pieces came from {self.url}")
            return heard

        before = self._spent()
        heard = await asyncio.wait_for(asyncio.gather(*map(one, range(visitors))), _PATIENCE)
        work = (self._spent() - before) / visitors / pieces
        late = [each for found in heard for each in found.late]
        bytes = sum(found.bytes for found in heard) / visitors / pieces
        return Load(
            work * 1e6,
            percentile(late, 0.95) * 1e3,
            median(found.first for found in heard) * 1e3,
            bytes,
        )

    def _spent(self) -> float:
        """Seconds of the processor, with those of the process's children."""
        return sum(sum(each.cpu_times()[:2]) for each in self._processes())

    @contextmanager
    def _awake(self) -> Iterator[None]:
        for each in self._processes():
            each.resume()
        try:
            yield
        finally:
            self.sleep()

    def sleep(self) -> None:
        """The page stands still, so that its idle loop is no other side's burden."""
        for each in self._processes():
            each.suspend()

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def _commands(port: int) -> dict[str, tuple[list[str], type[Visitor], tuple[str, ...]]]:
    """How each side is started, who visits it, and what must be installed for it."""
    peers = "benchmarks/_peers/"
    chainlit = [
        "-m",
        "chainlit",
        "run",
        f"{peers}chainlit_page.py",
        "--headless",
        "--port",
        f"{port}",
    ]
    streamlit = [
        "-m",
        "streamlit",
        "run",
        f"{peers}streamlit_page.py",
        "--server.headless",
        "true",
        "--server.port",
        f"{port}",
        "--browser.gatherUsageStats",
        "false",
    ]
    return {
        OURS: (["app.py"], AtOurs, ()),
        CHAINLIT: (chainlit, AtChainlit, ("chainlit", "socketio")),
        USUAL: (["-m", "benchmarks._peers.usual"], AtGradio, ()),
        INTERFACE: (["-m", "benchmarks._peers.interface"], AtInterface, ()),
        STREAMLIT: (streamlit, AtStreamlit, ("streamlit", "websockets")),
        FLOOR: (["-m", "benchmarks._peers.route"], AtRoute, ()),
    }


@contextmanager
def _served() -> Iterator[dict[str, Side]]:
    """All sides that are installed, on a core of their own; their visitors and the upstream have the others."""
    with ExitStack() as stack, TemporaryDirectory() as folder:
        first, *others = (
            sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
        )
        stack.enter_context(_on(others))
        base = stack.enter_context(upstream()).base("asked", 0)
        sides: dict[str, Side] = {}
        for name in _commands(0):
            port = free_port()
            command, visitor, needs = _commands(port)[name]
            if installed(*needs):
                env = {
                    "VLM_BASE_URL": base,
                    "GRADIO_SERVER_PORT": f"{port}",
                    "GRADIO_ANALYTICS_ENABLED": "False",
                    "PYTHONPATH": str(ROOT),
                    "CHAINLIT_APP_ROOT": folder,
                }
                with _on([first] if others else []):
                    process = stack.enter_context(
                        _begun(command, url := f"http://127.0.0.1:{port}", env)
                    )
                until_served(url, process)
                time.sleep(_SETTLE)
                sides[name] = Side(url, psutil.Process(process.pid), visitor)
                stack.callback(sides[name].process.resume)
                sides[name].sleep()
        yield sides


@contextmanager
def _on(cores: Sequence[int]) -> Iterator[None]:
    """This thread and the processes that it starts meanwhile are on these cores; on all, when there are none."""
    before = os.sched_getaffinity(0) if cores else None
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


@contextmanager
def _begun(command: Sequence[str], url: str, env: Mapping[str, str]) -> Iterator[Popen]:
    process = begun([sys.executable, *command], **env)
    try:
        yield process
    finally:
        ended(process)


# tables


def tables(rounds: int) -> Iterator[str]:
    """The load from more and more visitors, from those with a history, and the goals."""
    rounds = max(1, rounds // 3)
    with _served() as sides:
        loads = {}
        for count, pieces in _VISITORS.items():
            able = {name: side for name, side in sides.items() if count <= _UP_TO.get(name, count)}
            loads[count] = _loads(able, rounds, visitors=count, pieces=pieces)
        lengths = ", ".join(map(str, _VISITORS.values()))
        yield f"Visitors come within {_STAGGER} s, each for {lengths} pieces, {_RATE} a second; each page has one core."
        yield _table("processor time a piece, µs", loads, "work", "{:.0f}")
        yield _table("delay of a piece, p95, ms", loads, "late", "{:,.0f}")
        yield _table("to the first words, median, ms", loads, "first", "{:,.0f}")
        ways = {
            f"{_CROWD} visitors, {_PIECES} pieces": {},
            f"with {_MESSAGES}": {"history": _MESSAGES},
            f"with {_PICTURES}": {"history": _PICTURES},
            f"an answer of {_TIMES * _PIECES} pieces": {"pieces": _TIMES * _PIECES},
        }
        able = {name: sides[name] for name in (OURS, USUAL)}
        further = {way: _loads(able, rounds, visitors=_CROWD, **how) for way, how in ways.items()}
        yield _table("processor time a piece, µs", further, "work", "{:.0f}")
        yield _table("bytes to the browser a piece", further, "bytes", "{:.0f}")
    yield from _goals(loads, further)


def _loads(sides: Mapping[str, Side], rounds: int, **how: object) -> dict[str, Load]:
    """The median of each figure for each side."""
    found = turns(
        {name: partial(side.under, **how) for name, side in sides.items()}, rounds, warm=False
    )
    return {name: Load(*map(median, zip(*map(astuple, each)))) for name, each in found.items()}


def _table(what: str, loads: Mapping[object, Mapping[str, Load]], figure: str, form: str) -> str:
    names = next(iter(loads.values()))
    head = (what, *(f"{way} visitors" if isinstance(way, int) else way for way in loads))
    rows = [
        [name, *(_cell(found.get(name), figure, form) for found in loads.values())]
        for name in names
    ]
    return table(head, rows)


def _cell(load: Load | None, figure: str, form: str) -> str:
    return form.format(getattr(load, figure)) if load else "–"


def _goals(
    loads: Mapping[int, Mapping[str, Load]], further: Mapping[str, Mapping[str, Load]]
) -> Iterator[str]:
    many = [*_VISITORS][-2:]
    work = {count: {name: load.work for name, load in loads[count].items()} for count in many}
    limits = {CHAINLIT: 0.70, USUAL: 0.25}
    plain, *others = further
    ours = {way: found[OURS].work for way, found in further.items()}
    yield goals(
        [
            (f"processor time of {peer}, {count} visitors", ratio(work[count], OURS, peer), most)
            for count in many
            for peer, most in limits.items()
        ]
        + [
            (f"processor time a piece, {way}, of none such", ours[way] / ours[plain], 1.2)
            for way in others
        ]
    )
    yield goals(
        [(f"p95 delay, {count} visitors", loads[count][OURS].late, 110) for count in many]
        + [(f"first words, {count} visitors", loads[count][OURS].first, 200) for count in many],
        "ms",
    )

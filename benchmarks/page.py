"""Measures the page while many visitors get streamed answers at once, beside other chat pages.

Each side is a process of its own. All of them read the same model server, which sends a piece of
five characters at a fixed rate, and are visited over their real protocol. All of a page's work
counts: the question, reading the stream, the end.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from statistics import median
from subprocess import Popen
from tempfile import TemporaryDirectory

import psutil

from benchmarks._measure import (
    goals_table,
    installed,
    markdown_table,
    percentile,
    ratio,
    take_turns,
)
from benchmarks._model_server import model_server
from benchmarks._pictures import ROOT
from benchmarks._visitors import (
    MESSAGES,
    PICTURES,
    RATE,
    ChainlitVisitor,
    ChatInterfaceVisitor,
    GradioVisitor,
    OurPageVisitor,
    ReceivedAnswer,
    RouteVisitor,
    SimulatedVisitor,
    StreamlitVisitor,
)
from tests.support.gradio_wire import opened
from tests.support.ports import free_port
from tests.support.processes import begun, ended, until_served

OURS, FLOOR = "**this page**", "a bare SSE route (floor)"
USUAL, INTERFACE, CHAINLIT, STREAMLIT = (
    "usual Gradio page",
    "`gr.ChatInterface`",
    "Chainlit",
    "Streamlit",
)
_VISITORS = {1: 100, 8: 100, 32: 200, 64: 200, 128: 200}  # at once, and pieces of each one's answer
_UP_TO = {INTERFACE: 8, STREAMLIT: 8}  # more of them would wait for minutes
_CROWD, _PIECES = 8, 150  # visitors with a history, and pieces of their answer
_TIMES = 3  # a long answer has so many times as many pieces
_STAGGER = 0.5  # seconds in which all of them come
_SETTLE = 1  # seconds: Gradio checks that it serves, and ends when it is suspended meanwhile
_PATIENCE = 120  # seconds for all answers of a crowd


@dataclass(frozen=True)
class PageLoad:
    """What one load costs.

    `work`: microseconds of a processor a piece; `late`: the p95 of a piece's delay in milliseconds;
    `first`: milliseconds to the first words; `bytes`: bytes a piece.
    """

    work: float
    late: float
    first: float
    bytes: float


@dataclass
class RunningPage:
    """A page that runs, and the kind of visitor that it gets; suspended while it has none."""

    url: str
    process: psutil.Process
    visitor: type[SimulatedVisitor]

    def under(self, visitors: int, pieces: int = _PIECES, history: str = "") -> PageLoad:
        """Measure the page's load from so many visitors at once."""
        with self._resumed():
            return asyncio.run(self._crowd(visitors, pieces, history))

    async def _crowd(self, visitors: int, pieces: int, history: str) -> PageLoad:
        page = (
            await opened(self.url)
            if issubclass(self.visitor, (OurPageVisitor, GradioVisitor))
            else None
        )
        crowd = [self.visitor(self.url, page) for _ in range(visitors)]
        for visitor in crowd:
            await visitor.prepare(history)

        async def one(i: int) -> ReceivedAnswer:
            await asyncio.sleep(_STAGGER * i / visitors)
            received = ReceivedAnswer(pieces)
            await crowd[i].ask(received)
            if len(received.late) != pieces:
                raise RuntimeError(f"{len(received.late)} of {pieces} pieces came from {self.url}")
            return received

        before = self._cpu_time()
        received = await asyncio.wait_for(asyncio.gather(*map(one, range(visitors))), _PATIENCE)
        work = (self._cpu_time() - before) / visitors / pieces
        late = [each for found in received for each in found.late]
        bytes = sum(found.bytes for found in received) / visitors / pieces
        return PageLoad(
            work * 1e6,
            percentile(late, 0.95) * 1e3,
            median(found.first for found in received) * 1e3,
            bytes,
        )

    def _cpu_time(self) -> float:
        """Return the processor time of the page and its child processes, in seconds."""
        return sum(sum(each.cpu_times()[:2]) for each in self._processes())

    @contextmanager
    def _resumed(self) -> Iterator[None]:
        for each in self._processes():
            each.resume()
        try:
            yield
        finally:
            self.sleep()

    def sleep(self) -> None:
        """Suspend the page, so that its idle loop does not disturb the other sides."""
        for each in self._processes():
            each.suspend()

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def _commands(port: int) -> dict[str, tuple[list[str], type[SimulatedVisitor], tuple[str, ...]]]:
    """Return how each side is started, who visits it, and the modules that it needs."""
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
        OURS: (["app.py"], OurPageVisitor, ()),
        CHAINLIT: (chainlit, ChainlitVisitor, ("chainlit", "socketio")),
        USUAL: (["-m", "benchmarks._peers.gradio_chatbot"], GradioVisitor, ()),
        INTERFACE: (["-m", "benchmarks._peers.gradio_chat_interface"], ChatInterfaceVisitor, ()),
        STREAMLIT: (streamlit, StreamlitVisitor, ("streamlit", "websockets")),
        FLOOR: (["-m", "benchmarks._peers.bare_route"], RouteVisitor, ()),
    }


@contextmanager
def _served() -> Iterator[dict[str, RunningPage]]:
    """Start all sides that are installed, on a core of their own.

    Their visitors and the model server run on the other cores.
    """
    with ExitStack() as stack, TemporaryDirectory() as folder:
        first, *others = (
            sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
        )
        stack.enter_context(_pinned_to(others))
        base = stack.enter_context(model_server()).base("asked", 0)
        sides: dict[str, RunningPage] = {}
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
                with _pinned_to([first] if others else []):
                    process = stack.enter_context(
                        _started(command, url := f"http://127.0.0.1:{port}", env)
                    )
                until_served(url, process)
                time.sleep(_SETTLE)
                sides[name] = RunningPage(url, psutil.Process(process.pid), visitor)
                stack.callback(sides[name].process.resume)
                sides[name].sleep()
        yield sides


@contextmanager
def _pinned_to(cores: Sequence[int]) -> Iterator[None]:
    """Keep this thread and the processes that it starts on these cores (empty: on all)."""
    before = os.sched_getaffinity(0) if cores else None
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


@contextmanager
def _started(command: Sequence[str], url: str, env: Mapping[str, str]) -> Iterator[Popen]:
    process = begun([sys.executable, *command], **env)
    try:
        yield process
    finally:
        ended(process)


# tables


def tables(rounds: int) -> Iterator[str]:
    """Yield the load from more and more visitors, from visitors with a history, and the goals."""
    rounds = max(1, rounds // 3)
    with _served() as sides:
        loads = {}
        for count, pieces in _VISITORS.items():
            able = {name: side for name, side in sides.items() if count <= _UP_TO.get(name, count)}
            loads[count] = _loads(able, rounds, visitors=count, pieces=pieces)
        lengths = ", ".join(map(str, _VISITORS.values()))
        yield (
            f"Visitors come within {_STAGGER} s, each for {lengths} pieces, {RATE} a second; "
            "each page has one core."
        )
        yield _table("processor time a piece, µs", loads, "work", "{:.0f}")
        yield _table("delay of a piece, p95, ms", loads, "late", "{:,.0f}")
        yield _table("to the first words, median, ms", loads, "first", "{:,.0f}")
        ways = {
            f"{_CROWD} visitors, {_PIECES} pieces": {},
            f"with {MESSAGES}": {"history": MESSAGES},
            f"with {PICTURES}": {"history": PICTURES},
            f"an answer of {_TIMES * _PIECES} pieces": {"pieces": _TIMES * _PIECES},
        }
        able = {name: sides[name] for name in (OURS, USUAL)}
        further = {way: _loads(able, rounds, visitors=_CROWD, **how) for way, how in ways.items()}
        yield _table("processor time a piece, µs", further, "work", "{:.0f}")
        yield _table("bytes to the browser a piece", further, "bytes", "{:.0f}")
    yield from _goals(loads, further)


def _loads(sides: Mapping[str, RunningPage], rounds: int, **how: object) -> dict[str, PageLoad]:
    """Return the median of each figure for each side."""
    found = take_turns(
        {name: partial(side.under, **how) for name, side in sides.items()}, rounds, warm=False
    )
    return {name: PageLoad(*map(median, zip(*map(astuple, each)))) for name, each in found.items()}


def _table(
    what: str, loads: Mapping[object, Mapping[str, PageLoad]], figure: str, form: str
) -> str:
    names = next(iter(loads.values()))
    head = (what, *(f"{way} visitors" if isinstance(way, int) else way for way in loads))
    rows = [
        [name, *(_cell(found.get(name), figure, form) for found in loads.values())]
        for name in names
    ]
    return markdown_table(head, rows)


def _cell(load: PageLoad | None, figure: str, form: str) -> str:
    return form.format(getattr(load, figure)) if load else "–"


def _goals(
    loads: Mapping[int, Mapping[str, PageLoad]], further: Mapping[str, Mapping[str, PageLoad]]
) -> Iterator[str]:
    many = [*_VISITORS][-2:]
    work = {count: {name: load.work for name, load in loads[count].items()} for count in many}
    limits = {CHAINLIT: 0.70, USUAL: 0.25}
    plain, *others = further
    ours = {way: found[OURS].work for way, found in further.items()}
    yield goals_table(
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
    yield goals_table(
        [(f"p95 delay, {count} visitors", loads[count][OURS].late, 110) for count in many]
        + [(f"first words, {count} visitors", loads[count][OURS].first, 200) for count in many],
        "ms",
    )

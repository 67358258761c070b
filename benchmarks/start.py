"""Measures the time from the start of the process to the first page, beside nine tabs in plain
Gradio.

Both run without `mcp`, as requirements.txt installs them: peers of other topics bring it along.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from statistics import median
from urllib.request import urlopen

import psutil

from benchmarks._measure import goals_table, markdown_table, ratio, take_turns
from benchmarks._pictures import ROOT

OURS, PLAIN, FLOOR = "**this page**", "nine tabs in plain Gradio", "`import gradio` (floor)"
_BARE = "import sys; sys.modules['mcp'] = None\n"
_OURS = "import runpy; runpy.run_path('app.py', run_name='__main__')"
NINE_TABS = """
import gradio as gr
with gr.Blocks() as page:
    for i in range(9):
        with gr.Tab(f"Model {i}"):
            talk, words, picture = gr.Chatbot(), gr.MultimodalTextbox(), gr.Image()
            with gr.Accordion("Parameters"):
                knobs = [gr.Slider(0, 1), gr.Slider(0, 1), gr.Slider(1, 1024), gr.Number()]
            words.submit(lambda message, *_: [], [words, picture, *knobs], talk)
page.launch(quiet=True)
"""
_ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
    "GRADIO_ANALYTICS_ENABLED": "False"
}  # without that variable, the first round compiles modules for the others
Start = tuple[float, float]  # seconds to the first page, and MiB then


def _served(command: list[str]) -> Start:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = _ENV | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.DEVNULL
    ) as server:
        try:
            while server.poll() is None:
                with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
                    page.read()
                    return time.perf_counter() - begun, psutil.Process(
                        server.pid
                    ).memory_info().rss / 2**20
                time.sleep(0.01)
            raise RuntimeError(f"the server ended with {server.returncode}")
        finally:
            server.terminate()


def _imported() -> Start:
    code = "import gradio, psutil; print(psutil.Process().memory_info().rss / 2**20)"
    begun = time.perf_counter()
    said = subprocess.run(
        [sys.executable, "-c", code], env=_ENV, capture_output=True, text=True, check=True
    ).stdout
    return time.perf_counter() - begun, float(said)


def tables(rounds: int) -> Iterator[str]:
    """Yield seconds and memory, and the goals."""
    sides: dict[str, Callable[[], Start]] = {
        OURS: partial(_served, ["-c", _BARE + _OURS]),
        PLAIN: partial(_served, ["-c", _BARE + NINE_TABS]),
        FLOOR: _imported,
    }
    found = take_turns(sides, min(rounds, 4))
    times = {name: median(seconds for seconds, _ in starts) for name, starts in found.items()}
    memory = {name: median(mib for _, mib in starts) for name, starts in found.items()}
    yield markdown_table(
        ("start", "s to the first page", "MiB then"),
        [[name, f"{times[name]:.2f}", f"{memory[name]:.0f}"] for name in sides],
    )
    yield goals_table(
        [
            ("time of plain Gradio", ratio(times, OURS, PLAIN), 1.1),
            ("memory of plain Gradio", ratio(memory, OURS, PLAIN), 1.1),
        ]
    )

"""Measures what a browser does when it opens the page, beside nine tabs in plain Gradio.

Needs Playwright and Chromium, which requirements-dev.txt and tests/support/chromium.py name.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from statistics import median
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from benchmarks._measure import goals_table, markdown_table, ratio, take_turns
from benchmarks._pictures import ROOT
from benchmarks.start import NINE_TABS
from tests.support.chromium import ARGUMENTS, CHROMIUM
from ui.components.theme import css, head

OURS, PLAIN = "**this page**", "nine tabs in plain Gradio"
_SERVED = {OURS: ["app.py"], PLAIN: ["-c", NINE_TABS]}
_SETTLED_MS = 4000  # after the load event: Gradio builds the page, and the sample is shown
_WATCH = """
window.seen = { shift: 0, largest: 0 };
const watch = (type, act) => {
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(act));
  observer.observe({ type, buffered: true });
};
watch("layout-shift", ({ value, hadRecentInput }) => hadRecentInput || (seen.shift += value));
watch("largest-contentful-paint", ({ startTime }) => (seen.largest = startTime));
"""
_READ = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  const files = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
  const bytes = files.reduce((sum, { transferSize }) => sum + transferSize, 0);
  return [paint, seen.largest, seen.shift, files.length, bytes];
}"""
Opened = tuple[float, float, float, int, int]


@contextmanager
def _running(command: list[str]) -> Iterator[str]:
    """Run a page; yield its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = dict(os.environ) | {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
    }
    server = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        while server.poll() is None:
            with suppress(OSError), urlopen(url, timeout=60):
                break
            time.sleep(0.1)
        time.sleep(15)  # this page answers its samples at the start
        yield url
    finally:
        server.terminate()
        server.wait()


def _opened(browser: Browser, url: str) -> Opened:
    """Open the page as a new visitor, with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.goto(url, wait_until="load")
        page.wait_for_timeout(_SETTLED_MS)
        return tuple(page.evaluate(_READ))
    finally:
        context.close()


def tables(rounds: int) -> Iterator[str]:
    """Yield the times of the first and the largest paint, the layout shift and the bytes."""
    with (
        _running(_SERVED[OURS]) as ours,
        _running(_SERVED[PLAIN]) as plain,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        sides = {
            OURS: lambda: _opened(browser, ours),
            PLAIN: lambda: _opened(browser, plain),
        }
        found = take_turns(sides, rounds)
    middle = {name: [median(values) for values in zip(*all)] for name, all in found.items()}
    yield markdown_table(
        ("opening", "first paint, ms", "largest paint, ms", "layout shift", "files", "kB"),
        [
            [
                name,
                f"{first:.0f}",
                f"{largest:.0f}",
                f"{shift:.3f}",
                f"{files:.0f}",
                f"{size / 1e3:,.0f}",
            ]
            for name, (first, largest, shift, files, size) in middle.items()
        ],
    )
    first = {name: values[0] for name, values in middle.items()}
    own = (len(head().encode()) + len(css().encode())) / 1e3
    yield goals_table(
        [
            ("first paint of plain Gradio", ratio(first, OURS, PLAIN), 1.2),
            ("kB of its own JavaScript and CSS, unzipped", own, 60),
        ]
    )

"""What all tests share: a clean environment, and a local server that speaks NVIDIA's wire."""

import os
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.chromium import ARGUMENTS, CHROMIUM
from tests.support.wire import Wire
from vlm_backends.engines import openai
from vlm_backends.journal import Journal

os.environ["OMP_NUM_THREADS"] = (
    "1"  # two files of tests share the cores: threads of each would wait for each other
)
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(
    prefix="gradio-"
)  # a page that ends deletes its pictures, not another's
_OURS = ("NVIDIA_API_KEY", "API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC", "NVIDIA_BASE_URL")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="a test that would be skipped fails instead"
    )


def _forbid_skips(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and config.getoption("--no-skips"):
        report.outcome, report.longrepr = (
            "failed",
            f"skipped in spite of --no-skips: {report.longrepr}",
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    _forbid_skips(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _forbid_skips(collector.config, report)
    return report


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no setting of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name in _OURS or name.startswith("VLM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")


@pytest.fixture(autouse=True)
def _fresh_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server lists is asked for in each test, and grows old in the midst of none."""
    openai.forget()
    monkeypatch.setattr(openai, "_FRESH", 1e9)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A server of its own for each test."""
    with Wire() as server:
        yield server


@pytest.fixture
def journal(monkeypatch):
    """A journal of its own for each test, which the page writes and reads."""
    openai.forget()
    journal = Journal()
    monkeypatch.setattr("ui.state.question.journal", journal)
    monkeypatch.setattr("ui.components.availability_table.journal", journal)
    return journal


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, for all tests."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
    )
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address():
    """The address of the page with the embedded engine."""
    import ui
    from vlm_backends import Embedded

    page = ui.build(Embedded())
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **ui.settings())
    yield url
    page.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page as a new visitor; fails on a script error or on a request to any other host."""
    contexts, strays = [], []

    def note(url):
        if not url.startswith((address, "data:", "blob:")):
            strays.append(url)

    def open_page(query="", width=1400, height=1000, dark=False, touch=False):
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch,
                                      color_scheme="dark" if dark else "light", accept_downloads=True)  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: strays.append(str(error)))
        page.on("request", lambda request: note(request.url))
        page.goto(address + query)
        page.locator("#who").get_by_text("This machine answers").wait_for(state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not strays

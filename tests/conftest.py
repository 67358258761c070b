"""Fixtures and options of all tests: a clean environment, and a local server that plays NVIDIA's API."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import ARGUMENTS, CHROMIUM, wait_for_tab
from tests.support.ports import launch_page
from tests.support.wire import Wire
from vlm_backends.engines.openai import listing
from vlm_backends.journal import Journal

os.environ["OMP_NUM_THREADS"] = (
    "1"  # two files of tests share the cores: threads of each would wait for each other
)
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(
    prefix="gradio-"
)  # a page that ends deletes its pictures, not another's
os.environ["VLM_SAMPLES"] = "off"  # for pages that live longer than a test
_OURS = ("NVIDIA_API_KEY", "API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC", "NVIDIA_BASE_URL")


QUICK_NOTE = (
    "This was the quick run, without the slow tests: `pytest --everything` runs all of them."
)
LEFT_OUT_OF_THE_QUICK_RUN = (  # files that need torch, Ray or minutes; they are not even imported
    "robustness",
    "browser/test_accessibility.py",
    "browser/test_batch.py",
    "browser/test_compare.py",
    "browser/test_downloads.py",
    "browser/test_first_screen.py",
    "browser/test_given_pictures.py",
    "browser/test_local_weights.py",
    "browser/test_offers.py",
    "browser/test_outcome.py",
    "browser/test_own_picture.py",
    "browser/test_reload.py",
    "browser/test_streaming.py",
    "browser/test_pages.py",
    "browser/test_thoughts.py",
    "browser/test_unforeseen_errors.py",
    "browser/test_viewer.py",
    "browser/test_zoom.py",
    "contract/test_annotate_on_ray.py",
    "contract/test_local.py",
    "contract/test_ray.py",
    "contract/test_real_servers.py",
    "contract/test_server_local.py",
)


MAY_BE_SKIPPED = (  # files of the quick run with tests that need a tool or a package
    "browser/test_in_browser.py",
    "contract/test_snippets.py",
    "page/test_agent_tools.py",
    "unit/test_datasets.py",
    "unit/test_exports.py",
    "unit/test_images.py",
    "unit/test_packaging.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this project's tests."""
    group = parser.getgroup("VLM Showcase")
    group.addoption("--everything", action="store_true", help="run the slow tests too")
    group.addoption(
        "--rest", action="store_true", help="run what the quick run leaves out, or skips"
    )
    group.addoption(
        "--long", action="store_true", help="robustness: try all cases, not a few of each kind"
    )
    group.addoption(
        "--no-skips", action="store_true", help="a test that would be skipped fails instead"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Decide whether this is the quick run: nothing was named, and not everything was asked for."""
    given = getattr(config, "workerinput", None)
    config.quick_run = (  # pyright: ignore[reportAttributeAccessIssue] — read by the hooks below
        given["quick_run"]
        if given
        else config.args_source is not pytest.Config.ArgsSource.ARGS
        and not config.getoption("--everything")
        and not config.getoption("--rest")
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the decision to a process of pytest-xdist."""
    node.workerinput["quick_run"] = node.config.quick_run


def _place(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).as_posix()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave whole files out of the quick run."""
    is_left_out = _place(collection_path) in LEFT_OUT_OF_THE_QUICK_RUN
    return True if config.quick_run and is_left_out else None  # pyright: ignore


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that are marked `slow` out of the quick run, and all others out of the rest."""
    rest = [item for item in items if _is_of_the_rest(item)]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    kept = quick if config.quick_run else rest if config.getoption("--rest") else items  # pyright: ignore[reportAttributeAccessIssue]
    config.hook.pytest_deselected(items=[*{*items} - {*kept}])
    items[:] = kept


def _is_of_the_rest(item: pytest.Item) -> bool:
    files = (*LEFT_OUT_OF_THE_QUICK_RUN, *MAY_BE_SKIPPED)
    return bool(item.get_closest_marker("slow")) or _place(item.path).startswith(files)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say that there is more to run."""
    if config.quick_run:  # pyright: ignore[reportAttributeAccessIssue]
        terminalreporter.write_line(QUICK_NOTE)


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
    """Remove the keys and settings of the person who runs the tests."""
    for name in list(os.environ):
        if name in _OURS or name.startswith("VLM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("VLM_SAMPLES", "off")  # of a page that opens with one: see test_opening


@pytest.fixture(autouse=True)
def _fresh_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the cached model lists before each test, and let none expire within one."""
    listing.clear_cache()
    monkeypatch.setattr(listing, "_LIFETIME", 1e9)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Yield a local server that plays NVIDIA's API, a new one for each test."""
    with Wire() as server:
        yield server


@pytest.fixture
def journal(monkeypatch):
    """Return a new journal, which the page writes and reads."""
    listing.clear_cache()
    journal = Journal()
    return journal


@pytest.fixture(scope="session")
def browser():
    """Yield a headless Chromium, one for all tests."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
    )
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    sync_api.expect.set_options(timeout=60_000)  # usually 5 s: too few under load
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address():
    """Launch the page with the embedded engine; yield its URL."""
    import ui
    from vlm_backends import Embedded

    page = ui.build(Embedded())
    url = launch_page(page, **ui.settings())
    yield url
    page.close()


@pytest.fixture
def visit(browser, address):
    """Yield a function that opens the page as a new visitor.

    The test fails on a script error, and on a request to any other host.
    """
    contexts, strays = [], []

    def note(url):
        if not url.startswith((address, "data:", "blob:")):
            strays.append(url)

    def open_page(query="", width=1400, height=1000, dark=False, touch=False):
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch,
                                      color_scheme="dark" if dark else "light", accept_downloads=True)  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: strays.append(str(error)))
        page.on("request", lambda request: note(request.url))
        page.goto(address + query)
        page.locator("#who").get_by_text("Built-in tools · free").wait_for(state="attached")
        wait_for_tab(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not strays

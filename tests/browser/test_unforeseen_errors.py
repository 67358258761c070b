"""A fault that nobody foresaw: the page says so, keeps its traceback, and goes on."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import ui
from tests.support.chromium import CHROMIUM
from tests.support.fake_engine import FakeEngine
from tests.support.paths import ASSETS
from tests.support.ports import launch_page
from ui.state.replies import FAULT
from vlm_backends import CATALOGUE, Embedded
from vlm_backends.types import Chunk

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


@dataclass(frozen=True)
class Broken(FakeEngine):
    """An engine with a bug, in the place of this machine's own."""

    name: str = Embedded.name

    def stream(self, model, prompt, stop=None) -> Iterator[Chunk]:
        yield Chunk(status="thinking")
        raise ZeroDivisionError("a bug")


@pytest.fixture(scope="module")
def broken():
    page = ui.build(Broken())
    url = launch_page(page, **ui.settings())
    yield url
    page.close()


@pytest.fixture
def page(browser, broken):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(broken)
    page.locator("#who").get_by_text(Broken.name).wait_for()
    yield page
    context.close()


def test_a_chat_goes_on_after_a_fault(page):
    page.get_by_role("tab", name=CATALOGUE[0].title).click()
    page.locator(".sample:visible").first.click()
    page.locator(".conversation:visible .bot").get_by_text(FAULT).wait_for()
    expect(page.locator(".box:visible textarea")).to_have_value(CATALOGUE[0].prompts[0])
    page.locator(".box:visible .submit-button").click()
    expect(page.locator(".conversation:visible .bot").get_by_text(FAULT)).to_have_count(
        2, timeout=30_000
    )


def test_a_task_goes_on_after_a_fault(page):
    page.get_by_role("tab", name="Florence-2").click()
    page.locator(".sample:visible").first.click()
    expect(page.locator("#task-notice")).to_contain_text(FAULT, timeout=30_000)
    expect(page.locator("#stop-task")).to_be_hidden()
    expect(page.locator("#run-task")).to_be_enabled()


def test_a_comparison_goes_on_after_a_fault(page):
    page.get_by_role("tab", name="Compare").click()
    page.locator(".sample:visible").first.click()
    expect(page.locator(".block.compared", has_text=FAULT).first).to_be_visible(timeout=30_000)
    expect(page.locator("#stop-compare")).to_be_hidden()
    expect(page.locator("#run-compare")).to_be_enabled()


def test_a_batch_goes_on_after_a_fault(page):
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-files input[type=file]").set_input_files([ASSETS / "sign.jpg"])
    page.locator("#batch-files").get_by_text("sign").first.wait_for()
    page.locator("#batch-start").click()
    expect(page.locator(".batch-grid li")).to_contain_text("met a fault", timeout=30_000)
    expect(page.locator("#batch-start")).to_be_enabled()
    expect(page.locator("#batch-resume")).to_be_visible()

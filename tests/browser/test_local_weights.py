"""Open weights seen in a real browser: the load, the words as they are made, the stop, and the wait in line."""

import time

import pytest

from tests.support.chromium import chosen_engine, playwright
from tests.support.ports import launch_page

torch = pytest.importorskip("torch", reason="torch is not installed: see requirements-local.txt")
sync_api = playwright()
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: see requirements-local.txt"
)

import ui  # noqa: E402
from tests.support import checkpoints as tiny  # noqa: E402
from vlm_backends import connect  # noqa: E402
from vlm_backends.engines.local import generation, loader  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.local]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    transformers.utils.logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("weights")
    tiny.build(root)
    loader._in_memory.clear()
    page = ui.build(connect({"VLM_WEIGHTS": str(root), "VLM_ENGINE": "local"}))
    url = launch_page(page, **ui.settings())
    yield url
    page.close()


@pytest.fixture
def visit(browser, address):
    contexts = []

    def open_page(tab: str):
        contexts.append(browser.new_context(viewport={"width": 1400, "height": 1000}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.locator("#who").wait_for()
        page.get_by_role("tab", name=tab).click()
        return page

    yield open_page
    for context in contexts:
        context.close()


class Slow(generation.StopWhen):
    """A tiny network says its thousand words before a second visitor can come: this one takes 40 ms for each."""

    def __call__(self, *args, **options):
        time.sleep(0.04)
        return super().__call__(*args, **options)


def test_a_chat_loads_streams_stops_and_the_next_waits_in_line(visit, monkeypatch):
    read = loader._read_checkpoint
    monkeypatch.setattr(generation, "StopWhen", Slow)
    # a tiny network is in memory before the page can say that it is loaded: this one takes 3 s more
    monkeypatch.setattr(loader, "_read_checkpoint", lambda folder: time.sleep(3) or read(folder))
    page = visit("NeVA")
    sync_api.expect(page.locator("#who")).to_contain_text("Open weights here")
    assert "Here: ready" in chosen_engine(page)
    seen = page.evaluate_handle("""() => {
        const seen = []
        new MutationObserver(() => seen.push([...document.querySelectorAll(".live")].map(e => e.innerText).join("")))
            .observe(document.body, {subtree: true, childList: true, characterData: true})
        return seen
    }""")
    page.locator(".sample:visible").first.click()
    page.wait_for_function(
        "seen => new Set(seen.filter(t => t.length > 40 && !t.includes('Loading'))).size > 2",
        arg=seen,
    )
    other = visit("NeVA")
    other.locator(".sample:visible").first.click()
    other.locator(".live:visible").get_by_text("Waiting in line: 1 before you").wait_for()
    page.locator(".box:visible .stop-button").click()
    page.locator(".conversation:visible .bot").get_by_text("VLM_WEIGHTS/nvidia/neva-22b").wait_for()
    assert any("Loading NeVA into memory" in text for text in seen.json_value())
    other.locator(".live:visible").get_by_text("Waiting in line").wait_for(state="detached")
    other.locator(".box:visible .stop-button").click()
    other.locator(".conversation:visible .bot").first.wait_for()


def test_a_task_is_drawn(visit):
    page = visit("Florence-2")
    page.locator(".sample:visible").first.click()
    sync_api.expect(page.locator(".linked-words:visible .note")).to_contain_text(
        "VLM_WEIGHTS/microsoft/florence-2",
        timeout=120_000,  # random weights know no end of their answer
    )
    page.locator("#result img").wait_for()

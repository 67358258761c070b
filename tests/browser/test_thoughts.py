"""Thoughts in a browser: folded and labelled above the answer in the chat, and beside others in Compare."""

import pytest

from tests.support.chromium import CHROMIUM, use_key
from tests.support.paths import ASSETS
from tests.support.sloppy_streams import SSE, delta, stream
from tests.support.wire import replies as say

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
KEY = "nvapi-canary-0123456789"
THOUGHT = "The user asks what the sign says. I see **STOP** and </details><img src=x>."
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


def thoughtful():
    body = stream(delta(reasoning_content=THOUGHT), delta("The sign says"), delta("", "length"))
    return say.status(200, body, SSE)


def test_a_thought_is_folded_in_the_chat_until_it_is_opened(visit, wire, monkeypatch, tmp_path):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit("?model=llama-3.2-11b-vision-instruct", height=1000)
    use_key(page, KEY)
    wire.script.append(thoughtful())
    page.locator(".sample:visible").first.click()
    expect(page.get_by_text("The sign says").last).to_be_visible(timeout=30_000)
    expect(page.get_by_text("cut off").last).to_be_visible()
    title, words = page.get_by_text("What the model thought").last, page.get_by_text("I see").last
    expect(title).to_be_visible()
    expect(words).to_be_hidden()
    page.screenshot(path=tmp_path / "folded.png")
    title.click()
    expect(words).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
    page.screenshot(path=tmp_path / "opened.png")


def test_a_thought_is_folded_beside_other_answers(visit, wire, monkeypatch, tmp_path):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit(height=1000)
    use_key(page, KEY)
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-viewer input[type=file] >> nth=0").set_input_files(ASSETS / "sign.jpg")
    page.locator("#compare-models input").first.wait_for()
    for box in page.locator("#compare-models label").all():
        box.locator("input").set_checked("Llama 3.2 Vision · NVIDIA" in box.inner_text())
    wire.script.append(thoughtful())
    page.locator("#run-compare").click()
    entry = page.locator(".block.compared", has_text="Llama 3.2")
    expect(entry).to_contain_text("The sign says", timeout=30_000)
    expect(entry).to_contain_text("cut off")
    words = entry.get_by_text("I see")
    expect(words).to_be_hidden()
    entry.get_by_text("What the model thought").click()
    expect(words).to_be_visible()
    expect(entry.get_by_text("The sign says", exact=True)).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
    page.screenshot(path=tmp_path / "compared.png")

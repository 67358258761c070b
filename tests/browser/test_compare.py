"""The compare tab in a browser: columns on a wide screen, a stack on a phone, and a stop."""

import threading

import pytest

from tests.support.chromium import CHROMIUM, use_key
from tests.support.paths import ASSETS
from tests.support.wire import replies as say

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
KEY = "nvapi-canary-0123456789"


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
def test_side_by_side_in_the_browser(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit(height=900)
    use_key(page, KEY)
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-viewer input[type=file] >> nth=0").set_input_files(ASSETS / "sign.jpg")
    boxes = page.locator("#compare-models input")
    boxes.first.wait_for()
    for box in page.locator("#compare-models label").all():
        wanted = any(
            name in box.inner_text()
            for name in ("Llama 3.2 Vision · NVIDIA", "Built-in tools (PP-OCRv6)")
        )
        box.locator("input").set_checked(wanted)
    wire.script.append(say.sse(["slow ", "never"], gate=threading.Event()))
    page.locator("#run-compare").click()
    slow, here = (
        page.locator(".block.compared", has_text="Llama 3.2 Vision · NVIDIA"),
        page.locator(".block.compared", has_text="Built-in tools (PP-OCRv6)"),
    )
    sync_api.expect(slow).to_contain_text("slow", timeout=30_000)
    sync_api.expect(here).to_contain_text("PINE RIDGE PARK", timeout=60_000)
    page.locator("#compare-viewer polygon").first.wait_for(state="attached")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        one, other = slow.bounding_box(), here.bounding_box()
        assert (one["y"] == other["y"]) == (width > 1000), (
            "columns on a wide screen, a stack on a phone"
        )
    page.locator("#stop-compare").click()
    sync_api.expect(slow).to_contain_text("Stopped")
    sync_api.expect(slow).to_contain_text("slow", timeout=30_000)


def compare_two_readers(page, wire):
    """Ask the built-in tools and Kosmos-2, which names one place on the sign; wait for the end."""
    place = {"phrase": "a sign", "bboxes": [[0.1, 0.1, 0.9, 0.9]]}
    use_key(page, KEY)
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-viewer input[type=file] >> nth=0").set_input_files(ASSETS / "sign.jpg")
    page.locator("#compare-models input").first.wait_for()
    for box in page.locator("#compare-models label").all():
        wanted = "Kosmos-2 · NVIDIA", "Built-in tools (PP-OCRv6)"
        box.locator("input").set_checked(any(name in box.inner_text() for name in wanted))
    wire.script.append(say.json_body(say.whole_reply("A sign stands here.", [place])))
    page.locator("#run-compare").click()
    page.locator(".agreement .numbers").wait_for(timeout=60_000)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
def test_answers_blink_over_each_other(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    expect, page = sync_api.expect, visit(height=900)
    compare_two_readers(page, wire)
    shapes = page.locator("#compare-viewer polygon")
    seen = page.locator("#compare-viewer polygon:not(.off)")
    lanes = page.locator("#compare-viewer .lanes .lane")
    every = shapes.count()
    expect(lanes).to_have_count(3)
    expect(seen).to_have_count(every)
    lanes.filter(has_text="Kosmos-2").click()
    expect(seen).to_have_count(1)
    blink = page.locator("#compare-viewer .blink")
    blink.click()
    expect(seen).to_have_count(every - 1)
    expect(seen).to_have_count(1)
    expect(seen).to_have_count(every - 1)
    page.keyboard.press("k")
    expect(blink).to_have_attribute("aria-pressed", "false")
    now = seen.count()
    page.wait_for_timeout(1500)
    expect(seen).to_have_count(now)
    lanes.first.click()
    expect(seen).to_have_count(every)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
def test_nothing_blinks_by_itself_where_motion_is_not_wanted(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    expect, page = sync_api.expect, visit(width=390, height=844)
    page.emulate_media(reduced_motion="reduce")
    compare_two_readers(page, wire)
    seen = page.locator("#compare-viewer polygon:not(.off)")
    every = seen.count()
    page.locator("#compare-viewer .lanes .blink").click()
    expect(page.locator("#compare-viewer polygon.off")).not_to_have_count(0)
    now = seen.count()
    page.wait_for_timeout(1500)
    assert seen.count() == now and now in (1, every - 1), now
    page.keyboard.press("k")
    expect(seen).to_have_count(every - now)
    numbers = page.locator(".agreement .numbers")
    assert numbers.evaluate("node => node.scrollWidth > node.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

"""What is in a picture that was given is offered, in a browser: also what another tab answers."""

import pytest

from tests.support.chromium import CHROMIUM
from tests.support.code_pictures import laid, qr
from tests.support.paths import ASSETS

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


def give(page, path):
    page.locator(".viewer:visible input[type=file]").first.set_input_files(path)


def test_text_in_a_picture_is_read_by_one_click(visit):
    page = visit()
    give(page, ASSETS / "sign.jpg")
    page.locator(".offers:visible button", has_text="Read and locate").click()
    expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text("Lake Loop")


@pytest.mark.parametrize("tab", ["", "?model=neva-22b", "?model=deplot"])
def test_a_chart_is_read_in_deplot_s_tab(visit, tab):
    page = visit(tab)
    give(page, ASSETS / "chart.png")
    page.locator(".offers:visible button", has_text="Read the chart").click()
    expect(page.get_by_role("tab", name="DePlot")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#tab-deplot .conversation table").last).to_contain_text("2018")


def test_a_code_is_read_in_a_chat(visit, tmp_path):
    page = visit()
    laid(qr("GATE 27", 8)).save(tmp_path / "code.png")
    give(page, tmp_path / "code.png")
    page.locator(".offers:visible button", has_text="Read them in a chat").click()
    expect(page.locator(".conversation:visible")).to_contain_text("GATE 27")


def test_a_plain_picture_offers_nothing(visit, tmp_path):
    from PIL import Image

    page = visit()
    Image.new("RGB", (320, 240), "#88aacc").save(tmp_path / "plain.png")
    give(page, tmp_path / "plain.png")
    expect(page.locator("#result .viewer img")).to_be_visible()
    page.locator(".offers:visible", has_text="Looking").wait_for(state="detached")
    expect(page.locator(".offers button")).to_have_count(0)

"""The batch tab in a browser: thumbnails arrive, and the results come as a zip."""

import zipfile

import pytest

from tests.support.chromium import CHROMIUM
from tests.support.paths import ASSETS

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
def test_thumbnails_fill_and_the_results_come_as_a_zip(visit):
    page = visit(width=390, height=900)
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-start").click()
    sync_api.expect(page.locator("#batch-notice")).to_contain_text("Add pictures first")
    page.locator("#batch-files input[type=file]").set_input_files(
        [ASSETS / "sign.jpg", ASSETS / "chart.png"]
    )
    page.locator("#batch-files").get_by_text("chart").first.wait_for()
    page.locator("#batch-start").click()
    sync_api.expect(page.locator("#batch-status [role=status]")).to_contain_text(
        "2 of 2 done", timeout=90_000
    )
    sign = page.locator(".batch-grid li", has_text="sign.jpg")
    sync_api.expect(sign).to_contain_text("PINE RIDGE PARK")
    assert (
        sign.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
        == 360
    )
    for width in (390, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    with page.expect_download() as caught:
        page.locator("#batch-download").click()
    bundle = zipfile.ZipFile(caught.value.path())
    assert {"results.csv", "coco.json", "annotated/sign.jpeg", "json/chart.json"} <= set(
        bundle.namelist()
    )

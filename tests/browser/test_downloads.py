"""The download of Florence-2 by its button, in a real browser, from a hub on a real socket: the progress, a stop, and the task that runs afterwards."""

import os

import pytest

from tests.support.child_processes import page as running_page
from tests.support.chromium import chosen_engine, playwright
from tests.support.fake_hub import hub
from tests.support.paths import ASSETS

torch = pytest.importorskip("torch", reason="torch is not installed: see requirements-local.txt")
sync_api = playwright()
pytest.importorskip(
    "transformers", reason="transformers is not installed: see requirements-local.txt"
)

from tests.support import checkpoints as tiny  # noqa: E402
from vlm_backends import find_model  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.local]
FLORENCE = find_model("microsoft/florence-2")
PADDING = 60_000_000  # bytes, so that the library tells of more than the end: it counts by 10 MB


@pytest.fixture
def address(tmp_path):
    folder = tiny.build(tmp_path, {FLORENCE.id: tiny.florence2})[FLORENCE.id]
    (folder / "padding.txt").write_bytes(os.urandom(PADDING))
    home = {"HF_HOME": tmp_path / "home", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with (
        hub({FLORENCE.weights.id: folder}) as endpoint,
        running_page(tmp_path, HF_ENDPOINT=endpoint, **home) as (url, _),
    ):
        yield url


def test_a_locked_task_fetches_its_model_and_runs(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.locator("#who").wait_for()
    page.get_by_role("tab", name="Florence-2").click()
    page.locator("#result input[type=file] >> nth=0").set_input_files(ASSETS / "cat.jpg")
    page.locator("#tasks").get_by_text("Caption", exact=True).click()
    button = page.get_by_role("button", name="Download Florence-2, 0.5 GB, MIT")
    sync_api.expect(page.locator("#run-task")).to_be_disabled()
    page.locator(".block.about:visible").get_by_text("Needs Florence-2 itself").wait_for()
    button.press("Enter")
    page.locator(".download progress").wait_for()
    assert page.evaluate("document.activeElement.className") == "download"  # Tab leads to Stop
    page.locator(".download").get_by_text("of 60.").wait_for()
    box = page.locator(".download").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.locator("#stop-task").click()
    page.locator("#task-notice").get_by_text("The download was stopped").wait_for()
    button.click()
    page.locator(".linked-words:visible .note").get_by_text(FLORENCE.weights.id).wait_for(
        timeout=120_000  # random weights know no end of their answer
    )
    sync_api.expect(page.locator("#who")).to_contain_text("Open weights here")
    assert "Here: ready" in chosen_engine(page)
    assert page.locator(".download:visible").count() == 0
    assert page.get_by_label("Caption", exact=True).is_checked()
    context.close()

"""The browser that the tests drive: where Chromium is, and what a test needs to use it."""

import re
import shutil
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

_NAMES = (  # the first spends least on itself
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
)
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NEEDS_CHROMIUM = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"
)


def playwright() -> Any:
    """Return Playwright's module, or skip the tests of the module that asks."""
    return pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
    )


def use_key(page: Any, key: str) -> None:
    """Type a key of the visitor's own into the page, and wait until it is taken and was tried."""
    page.locator("#add-key").click()
    page.locator("#key input").fill(key)
    page.locator("#use-key").click()
    page.locator("#who").get_by_text("uses your key").wait_for()
    page.locator("#key-notice").get_by_text(re.compile("^The key (works|is in use)")).wait_for()
    page.keyboard.press("Escape")


def wait_for_tab(page: Any) -> None:
    """Wait until the page shows the tab that its URL names, if it names one.

    A click that begins before waits for ever: it keeps the element that it found in the first tab.
    """
    (model,) = parse_qs(urlsplit(page.url).query).get("model", [""])
    button = page.locator(f'[id="tab-{model}-button"]')
    if button.count():
        button.and_(page.locator("[aria-selected=true]")).wait_for(state="attached")

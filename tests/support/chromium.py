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
    page.locator("#add-key").or_(page.locator("#who")).filter(visible=True).last.click()
    page.locator("#key input").fill(key)
    page.locator("#use-key").click()
    page.locator("#who").get_by_text("uses your key").wait_for(state="attached")
    page.locator("#key-notice").get_by_text(re.compile("^The key (works|is in use)")).wait_for()
    page.keyboard.press("Escape")


def chosen_engine(page: Any) -> str:
    """Open the panel of engines; return what it says of the one that answers on the open tab."""
    page.locator("#who").click()
    said = page.locator("#engines label:has(:checked)").inner_text()
    page.keyboard.press("Escape")
    return said


def model_tabs(page: Any) -> list[Any]:
    """Return the tabs at the top of the page; an answer has tabs of its own, for its views."""
    return page.locator("#models > .tab-wrapper [role=tab]:visible").all()


def ask_a_sample(page: Any) -> None:
    """Ask the first sample of the open tab, and wait until its answer is whole."""
    sample = page.locator(".sample:visible, #batch-sample:visible").first
    busy = page.locator(".stop-button:visible, [id^=stop-]:visible, #batch-stop:visible")
    sample.click()
    answer = ".conversation .bot, .linked-words .text, .compared, .batch-grid li"
    page.locator(f":is({answer}):visible").first.wait_for(timeout=60_000)
    page.wait_for_timeout(300)
    busy.first.wait_for(state="hidden", timeout=90_000)


def comes_to_its_end(page: Any) -> bool:
    """Wait until the conversation in sight is scrolled to its end; a page draws late under load."""
    page.wait_for_function(
        """() => [...document.querySelectorAll(".exchange")].some((pane) => pane.checkVisibility()
          && pane.scrollHeight - pane.scrollTop - pane.clientHeight < 3)"""
    )
    return True


def wait_for_tab(page: Any) -> None:
    """Wait until the page shows the tab that its URL names, if it names one.

    A click that begins before waits for ever: it keeps the element that it found in the first tab.
    """
    (model,) = parse_qs(urlsplit(page.url).query).get("model", [""])
    button = page.locator(f'[id="tab-{model}-button"]')
    if button.count():
        button.and_(page.locator("[aria-selected=true]")).wait_for(state="attached")

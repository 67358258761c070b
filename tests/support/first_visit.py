"""Takes the pictures of a first visit, in order: `python -m tests.support.first_visit FOLDER`.

A visitor without a key opens the page, gives a photo, gets something drawn on it, takes it along,
shares a link, and finds out how to get more models: on a desktop and on a phone.
"""

import sys
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

import ui
from tests.support.chromium import CHROMIUM
from tests.support.paths import ASSETS
from tests.support.ports import launch_page
from vlm_backends import Embedded
from vlm_backends.config import Config

_ARGS = "--no-sandbox", "--disable-gpu"
_PHOTO = ASSETS / "cat.jpg"
_SIZES = {  # by the name of the file: width and height of the window, px, and pictures in a row
    "first-visit": (1440, 900, 2),
    "first-visit-phone": (390, 844, 6),
}
_WIDE = 1600  # px of a row


def visit(page: Page, url: str) -> list[bytes]:
    """Walk through the page; return a screenshot of each step."""
    shots: list[bytes] = []

    def take() -> None:
        page.wait_for_timeout(700)
        shots.append(page.screenshot())

    page.goto(url)
    expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text("Lake Loop")
    take()
    begun = time.perf_counter()
    page.locator("#result input[type=file]").first.set_input_files(_PHOTO)
    page.locator(".offers:visible button").first.wait_for()
    take()
    page.locator(".offers:visible button").first.click()
    page.locator("#result polygon").first.wait_for(state="attached")
    print(f"a true answer, drawn, {time.perf_counter() - begun:.1f} s after the photo was given")
    take()
    page.locator(".outcome:visible .menu summary").first.click()
    take()
    with page.expect_download() as caught:
        page.locator(".outcome:visible").get_by_role("button", name="Web page").click()
    print(f"exported {caught.value.suggested_filename}")
    page.locator(".outcome:visible").get_by_role("button", name="Share").click()
    take()
    page.locator("#who").click()
    take()
    return shots


def sheet(shots: list[bytes], columns: int) -> Image.Image:
    """Put the screenshots beside each other, in rows."""
    pictures = [Image.open(BytesIO(shot)).convert("RGB") for shot in shots]
    wide = _WIDE // columns - 8
    high = round(wide * pictures[0].height / pictures[0].width)
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGB", (_WIDE, rows * (high + 8)), "#94a3b8")
    for i, picture in enumerate(pictures):
        at = (i % columns) * (wide + 8), (i // columns) * (high + 8)
        whole.paste(picture.resize((wide, high), Image.Resampling.LANCZOS), at)
    return whole


def _shots(browser: Browser, url: str, width: int, height: int) -> list[bytes]:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(60_000)
    shots = visit(page, url)
    context.close()
    return shots


def main(folder: Path) -> None:
    """Write one picture for each size of window to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=60_000)
    config = replace(Config.usable(), opens_with_samples=True)
    url = launch_page(app := ui.build(Embedded(), config), **ui.settings(config))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGS)
        for name, (width, height, columns) in _SIZES.items():
            whole = sheet(_shots(browser, url, width, height), columns)
            whole.save(folder / f"{name}.jpg", quality=82, optimize=True)
        browser.close()
    app.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

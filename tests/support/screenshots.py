"""Takes screenshots of a first visit without a key: `python -m tests.support.screenshots FOLDER`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

import ui
from tests.support.chromium import CHROMIUM
from tests.support.ports import launch_page
from vlm_backends import Embedded

_COLOURS = 128  # of a screenshot's palette
_ARGS = "--no-sandbox", "--disable-gpu"


class Camera:
    """Takes screenshots of one page and numbers them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.taken = folder, 0

    def take(self, page: Page, name: str) -> None:
        """Take one picture, small enough to be kept in a repository."""
        self.taken += 1
        page.mouse.move(2, 2)
        page.wait_for_timeout(500)
        self.keep(page.screenshot(), name)

    def keep(self, shot: bytes, name: str) -> None:
        """Write the picture to a file."""
        palette = (
            Image.open(BytesIO(shot)).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        )
        path = self.folder / f"{self.taken:02}-{name}.png"
        palette.save(path, optimize=True)
        print(path)


def walk(page: Page, camera: Camera) -> None:
    """Read a sign, find a word in it, outline a thing, turn a chart into CSV, see which models answer."""
    camera.take(page, "arrive")
    page.locator(".sample:visible").nth(0).click()
    line = page.locator(".linked-words:visible .mark", has_text="Eagle Point")
    until_done(page)
    camera.take(page, "read-a-sign")
    line.click()
    camera.take(page, "point-at-a-word")
    page.locator(".sample:visible").nth(2).click()
    page.locator("#result polygon.solid").first.wait_for(state="attached", timeout=60_000)
    expect(page.locator("#run-task")).to_be_enabled()
    drag(page, (0.53, 0.58), (0.7, 0.86))
    page.locator("#run-task").click()
    until_done(page)
    camera.take(page, "outline-by-dragging")
    chart(page, camera)
    page.locator("#who").click()
    page.get_by_text("Which models answer?").click()
    page.locator("#availability table").wait_for()
    camera.take(page, "who-else-answers")
    page.keyboard.press("Escape")


def until_done(page: Page) -> None:
    """Wait until a run that was begun is done."""
    page.locator("#stop-task").wait_for()
    page.locator("#stop-task").wait_for(state="hidden", timeout=60_000)


def chart(page: Page, camera: Camera) -> None:
    """Turn a chart back into its table, and save it as CSV."""
    page.get_by_role("tab", name="DePlot").click()
    page.locator(".sample:visible").nth(1).click()
    page.locator(".views:visible [data-view=table]").click()
    page.locator(".chart:visible .grid", has_text="Solar").wait_for(timeout=60_000)
    csv = page.locator(".chart:visible .files").get_by_role("button", name="CSV", exact=True)
    with page.expect_download() as caught:
        csv.click(timeout=60_000)
    print(Path(caught.value.path()).read_text("utf-8-sig"))
    page.locator(".chart:visible").first.evaluate("chart => chart.scrollIntoView({block: 'start'})")
    camera.take(page, "chart-to-csv")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a box on the picture; its corners are (x, y) in 0..1."""
    stage = page.locator("#result .stage")
    at = stage.bounding_box()
    (x0, y0), (x1, y1) = [
        (at["x"] + u * at["width"], at["y"] + v * at["height"]) for u, v in (start, end)
    ]
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=8)
    page.mouse.up()


def compare(page: Page, camera: Camera) -> None:
    """Ask several models the same about one picture."""
    page.get_by_role("tab", name="Compare").click()
    page.locator(".sample:visible").first.click()
    page.locator("#stop-compare").wait_for(timeout=60_000)
    page.locator("#stop-compare").wait_for(state="hidden", timeout=60_000)
    camera.take(page, "compare")


def batch(page: Page, camera: Camera) -> None:
    """Run a batch of the sample pictures."""
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-sample").click()
    expect(page.locator("#batch-status [role=status]")).to_contain_text("done", timeout=90_000)
    page.locator("#batch-stop").wait_for(state="hidden", timeout=120_000)
    camera.take(page, "batch")


def present(page: Page, camera: Camera) -> None:
    """Step through presenter mode with the arrow keys."""
    page.goto(page.url.split("?")[0] + "?present=1")
    page.locator(".presenter").wait_for()
    page.wait_for_timeout(1500)
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(6000)
    camera.take(page, "present")


@contextmanager
def opened(
    browser: Browser, url: str, width: int, height: int, dark: bool = False
) -> Iterator[Page]:
    """Open the page as a new visitor; yield it."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(url)
    page.locator("#who").get_by_text("Built-in tools").wait_for()
    page.wait_for_timeout(1000)
    yield page
    context.close()


def main(folder: Path) -> None:
    """Write the pictures to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    url = launch_page(app := ui.build(Embedded()), **ui.settings())
    camera = Camera(folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGS)
        for width, height, dark, steps in (
            (1280, 1000, False, (walk, compare, batch)),
            (1280, 1000, True, (compare,)),
            (390, 844, False, (walk,)),
            (1600, 900, False, (present,)),
        ):
            with opened(browser, url, width, height, dark) as page:
                for step in steps:
                    step(page, camera)
        browser.close()
    app.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

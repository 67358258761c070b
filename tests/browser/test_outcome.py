"""What belongs to an answer, in a browser: files that open, code that is there, a chart's round trip."""

import io
import json
import zipfile
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.support.chromium import CHROMIUM, use_key
from tests.support.wire import replies as say

KEY = "nvapi-canary-0123456789"
IN_THE_GRID = "() => document.activeElement.closest('.grid')"
LATE_FRAMES = """() => {
  const soon = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => soon(() => setTimeout(draw, 300, performance.now()));
}"""


sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)


expect = sync_api.expect


in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


def export(page, format):
    """Choose a format in the menu."""
    page.locator(".outcome:visible .files .menu summary").click()
    page.locator(".outcome:visible .files .menu").get_by_role(
        "button", name=format, exact=True
    ).click()


def download(page, format, choose=export):
    with page.expect_download() as caught:
        choose(page, format)
    return caught.value.suggested_filename, caught.value.path().read_bytes()


def export_table(page, format):
    """Click a format below the table."""
    page.locator(".chart:visible .files").get_by_role("button", name=format, exact=True).click()


def open_view(page, name):
    page.locator(f".views:visible [data-view={name}]").click()


class TestInTheBrowser:
    """One visit for each story."""

    pytestmark = in_browser

    def test_an_answer_is_taken_away_in_every_form(self, visit, tmp_path):
        coco = pytest.importorskip("pycocotools.coco")
        page = visit("?model=florence-2")
        export(page, "PNG")
        expect(page.locator(".outcome:visible .said")).to_contain_text("nothing to export yet")
        page.locator(".sample:visible").nth(2).click()
        page.locator("#result polygon").first.wait_for(state="attached", timeout=60_000)
        name, data = download(page, "PNG")
        assert name == "florence-2.png" and Image.open(io.BytesIO(data)).size == (600, 400)
        _, data = download(page, "SVG")
        assert (
            len(list(ElementTree.fromstring(data).iter("{http://www.w3.org/2000/svg}polygon"))) == 1
        )
        _, data = download(page, "JSON")
        answer = json.loads(data)
        assert answer["regions"][0]["solid"] and answer["task"] == "<REGION_TO_SEGMENTATION>"
        _, data = download(page, "COCO")
        (tmp_path / "coco.json").write_bytes(data)
        read = coco.COCO(tmp_path / "coco.json")
        mask = read.annToMask(read.anns[1])
        name, data = download(page, "Mask")
        levels = Image.open(io.BytesIO(data))
        assert name == "florence-2-mask.png" and levels.size == (600, 400) and levels.mode == "L"
        assert abs(levels.histogram()[255] - int(mask.sum())) < 0.02 * mask.sum()
        _, data = download(page, "CSV")
        assert (
            data.decode("utf-8-sig").splitlines()[0].replace('"', "").startswith("label,left,top")
        )
        _, data = download(page, "Text")
        assert b"mask" in data
        _, data = download(page, "Picture as sent")
        assert data.startswith(b"\xff\xd8")
        name, data = download(page, "Web page")
        assert name == "florence-2-web-page.html" and data.startswith(b"<!doctype html>")
        _, data = download(page, "Pascal VOC")
        assert ElementTree.fromstring(data).findtext("object/bndbox/xmin")
        page.locator(".outcome:visible").get_by_role("button", name="Share").click()
        said = page.locator(".outcome:visible .said")
        expect(said).to_contain_text("?model=florence-2&task=REGION_TO_SEGMENTATION&example=3")

    def test_a_conversation_and_the_code_of_its_last_call(self, visit, wire, monkeypatch):
        monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
        page = visit("?model=llama-3.2-11b-vision-instruct")
        use_key(page, KEY)
        wire.script += [say.sse(["A poster ", "of <b>bold</b> mountains."]), say.sse(["Nothing."])]
        page.locator(".sample:visible").first.click()
        page.locator(".conversation:visible .bot").first.wait_for()
        expect(page.locator(".sent:visible dl")).to_contain_text("in the request")
        open_view(page, "code")
        code = page.locator(".listing:visible code")
        expect(code).to_contain_text("requests.post")
        expect(code).to_contain_text("NVIDIA_API_KEY")
        page.get_by_role("tab", name="Shell").click()
        expect(code).to_contain_text("curl")
        assert KEY not in page.content()
        box = page.locator(".box:visible textarea")
        box.fill("And what else?")
        box.press("Enter")
        expect(code).to_contain_text("And what else?")  # what stands open follows the answers
        open_view(page, "json")
        expect(code).to_contain_text('"text": "Nothing."')
        name, data = download(page, "Conversation")
        files = zipfile.ZipFile(io.BytesIO(data))
        assert name.endswith(".zip") and {"conversation.md", "conversation.json"} < set(
            files.namelist()
        )
        turns = json.loads(files.read("conversation.json"))["turns"]
        assert [turn["role"] for turn in turns] == [
            "user",
            "assistant",
        ] * 2 and "mountains" in turns[1]["text"]
        export(page, "Mask")
        expect(page.locator(".outcome:visible .said")).to_contain_text("marks no place")

    def test_a_chart_that_was_drawn_unseen_has_its_width(self, visit):
        page = visit("?model=deplot")
        page.locator(".sample:visible").first.click()
        expect(page.locator(".facts:visible")).to_contain_text("Total", timeout=60_000)
        page.wait_for_timeout(1500)  # the chart is drawn meanwhile
        open_view(page, "table")
        page.wait_for_function("document.querySelector('.again canvas')?.clientWidth > 200")

    def test_a_chart_goes_round(self, visit):
        page = visit("?model=deplot")
        page.locator(".sample:visible").first.click()
        open_view(page, "table")
        grid = page.locator(".chart:visible .grid")
        expect(grid).to_contain_text("2018", timeout=60_000)
        bars = page.locator(".again:visible svg .mark-rect path, .again:visible canvas")
        bars.first.wait_for()
        name, data = download(page, "CSV", export_table)
        assert name == "table.csv" and data.decode("utf-8-sig").count("\n") == 8
        drawn = page.locator(".again:visible canvas").first.evaluate("canvas => canvas.toDataURL()")
        grid.get_by_text("1.8", exact=True).last.dblclick()
        page.wait_for_function(IN_THE_GRID)
        page.keyboard.press("Control+a")
        page.keyboard.type("9.5")
        page.keyboard.press("Enter")
        page.wait_for_function("""before => { const chart = document.querySelector(".again canvas");
                                  return chart && chart.toDataURL() !== before; }""", arg=drawn)  # fmt: skip
        _, data = download(page, "CSV", export_table)
        assert "2018,9.5" in data.decode("utf-8-sig").replace('"', "")
        page.locator(".about-chart textarea").fill("Which year was best?")
        page.locator(".ask-chart").click()
        expect(page.get_by_role("tab", selected=True).first).to_have_text("Llama 3.2 Vision")
        page.locator(".conversation:visible .user").get_by_text("Which year was best?").wait_for()
        page.locator(".conversation:visible .bot").first.wait_for(timeout=60_000)

    @pytest.mark.parametrize("slow", [False, True], ids=["at once", "drawn late"])
    @pytest.mark.parametrize(
        "clicks, keys, value",
        [
            (1, ["9", ".", "5"], "9.5"),
            (2, ["Control+a", "9", ".", "5"], "9.5"),
            (2, ["9"], "1.89"),
        ],
        ids=["typed over", "all selected", "added to"],
    )
    def test_who_types_at_once_after_a_click_loses_no_key(self, visit, slow, clicks, keys, value):
        page = visit("?model=deplot")
        page.locator(".sample:visible").first.click()
        open_view(page, "table")
        cell = page.locator(".chart:visible .grid").get_by_text("1.8", exact=True).last
        cell.wait_for(timeout=60_000)
        if slow:
            page.evaluate(LATE_FRAMES)
        cell.click(click_count=clicks)
        page.wait_for_function(IN_THE_GRID)
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        grid = page.locator(".chart:visible .grid")
        expect(grid.get_by_text(value, exact=True).last).to_be_attached()
        expect(grid.get_by_text("1.8", exact=True)).to_have_count(0)

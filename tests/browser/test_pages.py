"""Files of several pages in a browser: the page that is shown can be chosen, on each kind of tab."""

import pytest
from PIL import Image, ImageDraw

from tests.support.chromium import playwright
from tests.support.file_bytes import saved
from tests.support.heif import HeifPicture, heic
from tests.support.pdf_files import PdfPage, pdf

sync_api = playwright()
pytestmark = pytest.mark.browser
expect = sync_api.expect
WORDS = "GATE 27", "ROOM 31", "SEAT 45"
READ_S = 60_000  # ms: the first reading loads the models


@pytest.fixture
def files(tmp_path):
    """Return a folder with a PDF and a TIFF of three pages, a HEIC, and a drawing."""
    pages = [PdfPage([(word, 60, 60, 90)], (420, 200)) for word in WORDS]
    (tmp_path / "plan.pdf").write_bytes(pdf(*pages))
    scans = [_print(word) for word in WORDS]
    (tmp_path / "scan.tif").write_bytes(
        saved(scans[0], "TIFF", save_all=True, append_images=scans[1:])
    )
    (tmp_path / "photo.heic").write_bytes(heic(HeifPicture("gate")))
    (tmp_path / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return tmp_path


def _print(word: str) -> Image.Image:
    image = Image.new("RGB", (640, 220), "white")
    ImageDraw.Draw(image).text((60, 70), word, fill="black", font_size=80)
    return image


def shown_size(page, place: str) -> list[int]:
    """Return the size of the picture that is shown there, once it is whole."""
    image = page.locator(f"{place} img").first
    return image.evaluate(
        "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    )


@pytest.mark.parametrize("name", ["scan.tif", pytest.param("plan.pdf", marks=pytest.mark.slow)])
def test_a_task_reads_the_page_that_is_chosen(visit, files, name):
    page = visit()
    page.get_by_role("tab", name="Florence-2").click()
    choice = page.locator("#result-page")
    expect(choice).to_be_hidden()
    page.locator("#result input[type=file] >> nth=0").set_input_files(files / name)
    expect(choice).to_be_visible(timeout=20_000)
    expect(choice).to_contain_text("Page (of 3)")
    for number in (1, 3):
        expect(page.locator("#result img")).to_be_visible()
        choice.locator("input").fill(str(number))  # and at once:
        page.locator("#run-task").click()
        expect(page.locator(".linked-words:visible .text")).to_contain_text(
            WORDS[number - 1], timeout=READ_S
        )
        expect(page.locator(".linked-words:visible .note")).to_contain_text(f"Page {number} of 3.")
    choice.locator("input").fill("9")
    said = "This file has 3 pages; page 9 was asked for."
    expect(page.locator("#task-notice")).to_contain_text(said)
    page.locator("#result input[type=file] >> nth=0").set_input_files(files / "photo.heic")
    expect(choice).to_be_hidden(timeout=20_000)
    assert shown_size(page, "#result") == [480, 160]


def test_a_pdf_and_a_heic_can_be_dropped_and_an_svg_is_refused(visit, files):
    page = visit()
    page.get_by_role("tab", name="Florence-2").click()
    drop(page, "#result .viewer", files / "plan.pdf", "application/pdf")
    expect(page.locator("#result-page")).to_contain_text("Page (of 3)", timeout=20_000)
    drop(page, "#result .viewer", files / "photo.heic", "")
    expect(page.locator("#result-page")).to_be_hidden()
    expect(page.locator("#result img")).to_be_visible(timeout=20_000)
    assert shown_size(page, "#result") == [480, 160]
    page.locator("#result input[type=file] >> nth=0").set_input_files(files / "drawing.svg")
    expect(page.locator("#result .saying")).to_contain_text("SVG drawings are not read here")


def drop(page, place: str, path, type: str) -> None:
    """Drop a file onto a place, of the type that the browser believes it to be."""
    page.locator("#result input[type=file]").first.wait_for(state="attached")
    data = page.evaluate_handle(
        """([name, type, bytes]) => {
            const held = new DataTransfer();
            held.items.add(new File([Uint8Array.from(bytes)], name, {type}));
            return held;
        }""",
        [path.name, type, list(path.read_bytes())],
    )
    page.locator(place).first.dispatch_event("drop", {"dataTransfer": data})


@pytest.mark.slow
def test_a_chat_asks_about_the_page_that_is_chosen(visit, files):
    page = visit("?model=llama-3.2-11b-vision-instruct")
    box, choice = page.locator(".box:visible"), page.locator(".page-choice:visible")
    box.locator("input[type=file]").set_input_files(files / "plan.pdf")
    expect(choice).to_contain_text("Page (of 3)", timeout=20_000)
    box.locator("textarea").fill("What does it say?")
    choice.locator("input").fill("2")
    expect(box.locator("img")).to_be_visible(timeout=20_000)
    expect(box.locator("textarea")).to_have_value("What does it say?")
    box.locator("textarea").press("Enter")
    answer = page.locator(".conversation:visible .bot").last
    expect(answer).to_contain_text("ROOM 31", timeout=READ_S)
    expect(answer).to_contain_text("Page 2 of 3.")
    choice.locator("input").fill("3")  # of the file that the conversation is about
    expect(box.locator("img")).to_be_visible(timeout=20_000)
    box.locator("textarea").press("Enter")
    expect(page.locator(".conversation:visible .bot").last).to_contain_text(
        "SEAT 45", timeout=READ_S
    )


@pytest.mark.slow
def test_compare_asks_about_the_page_that_is_chosen(visit, files):
    page = visit()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-viewer input[type=file] >> nth=0").set_input_files(files / "scan.tif")
    choice = page.locator("#compare-viewer-page")
    expect(choice).to_contain_text("Page (of 3)", timeout=20_000)
    choice.locator("input").fill("2")  # and at once:
    page.locator("#run-compare").click()
    expect(page.locator("#compare-answers")).to_contain_text("ROOM 31", timeout=READ_S)
    expect(page.locator("#compare-answers")).to_contain_text("Page 2 of 3.")

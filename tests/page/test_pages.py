"""Files of several pages on the page: what is stored of them, the API, the tools, the message box."""

import json
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from PIL import Image, ImageDraw

import ui
from tests.support.async_tools import finished
from tests.support.file_bytes import saved
from tests.support.gradio_wire import Session, opened
from tests.support.heif import HeifPicture, heic
from tests.support.paths import ASSETS
from tests.support.pdf_files import PdfPage, pdf
from tests.support.ports import launch_page
from ui.components.result_panel import file_stem
from ui.core import storage
from ui.core.storage import page_at, page_of_field, picture_path, store_picture
from ui.state.conversation import Conversation, as_message, page_in, read_message, turn_page
from ui.tabs.fields import shown_page
from vlm_backends import Answer, BadPrompt, Embedded, Region, find_model
from vlm_backends.media.exports import FORMATS
from vlm_backends.types import Page

LLAMA, PHI = (
    find_model(id)
    for id in ("meta/llama-3.2-11b-vision-instruct", "microsoft/phi-3.5-vision-instruct")
)
WORDS = "GATE 27", "ROOM 31", "SEAT 45"
VIEWERS = (  # the viewer of a tab, and the field of its page
    ("result", "result-page"),
    ("compare-viewer", "compare-viewer-page"),
    ("view-llama-3.2-11b-vision-instruct", "view-llama-3.2-11b-vision-instruct-page"),
)
BOX = Region("a", ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5), (0.1, 0.5)))


def print_of(word: str) -> Image.Image:
    image = Image.new("RGB", (480, 160), "white")
    ImageDraw.Draw(image).text((40, 40), word, fill="black", font_size=64)
    return image


@pytest.fixture
def scan(tmp_path, monkeypatch):
    """Return the path of an upload: a TIFF of three pages."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    pages = [print_of(word) for word in WORDS]
    path = tmp_path / "upload" / "my scan (1).tif"
    path.parent.mkdir()
    path.write_bytes(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    return str(path)


def test_the_field_s_file_keeps_its_name_and_its_page(scan):
    """What the browser sends back is the path of the page's own file: name and page are known then."""
    for number in (1, 2, 3):
        shown = picture_path(store_picture(scan, number))
        again = store_picture(shown)
        assert (again.name, again.page) == ("my scan (1).tif", Page(number, 3)) and page_at(
            shown
        ) == again.page
        assert picture_path(store_picture(shown, 1)) == picture_path(store_picture(scan))
    with pytest.raises(BadPrompt, match="has 3 pages; page 4 was"):
        store_picture(shown, 4)


def test_a_number_counts_for_the_file_that_is_shown_only(scan):
    """A new upload reaches the server a moment before the number of its page reaches the browser."""
    shown = picture_path(store_picture(scan))
    assert [page_of_field(shown, number) for number in (1, 3, 9, None)] == [1, 3, 9, None]
    assert page_of_field(scan, 3) is None and page_of_field(None, 3) is None
    assert store_picture(shown, page_of_field(shown, 3)).page == Page(3, 3)


def test_equal_pages_of_two_visitors_are_not_mixed_up(scan, tmp_path):
    """The first pages are alike, and so are the names; the second page is each visitor's own."""
    other = tmp_path / "other" / Path(scan).name
    other.parent.mkdir()
    pages = [print_of(word) for word in (WORDS[0], "SECRET 9")]
    other.write_bytes(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    mine, theirs = (picture_path(store_picture(path)) for path in (scan, str(other)))
    assert mine != theirs and Path(mine).read_bytes() == Path(theirs).read_bytes()
    assert store_picture(mine, 2).data != store_picture(theirs, 2).data
    assert (page_at(mine).count, page_at(theirs).count) == (3, 2)


def test_what_is_known_of_a_file_goes_with_it(scan):
    path = picture_path(store_picture(scan, 2))
    assert path in storage._read_before
    with gr.Blocks() as page:
        pass
    storage.sweep(page, 0)
    assert path not in storage._read_before and not Path(path).exists()
    with pytest.raises(BadPrompt, match="no longer there"):
        store_picture(path)


def test_a_message_offers_the_pages_of_its_newest_file(scan, tmp_path):
    cat = str(ASSETS / "cat.jpg")
    assert page_in(None) is page_in({"text": "hi"}) is page_in({"files": [cat]}) is None
    assert page_in({"files": [scan, cat]}) == Page(1, 3)
    turned = turn_page({"text": "Hm?", "files": [scan, cat]}, Conversation(), 3)
    assert turned["text"] == "Hm?" and turned["files"][1] == cat
    assert page_in(turned) == Page(3, 3)
    turn = read_message(turned, Conversation(), PHI)
    assert [picture.page.number for picture in turn.pictures] == [3, 1]
    assert as_message(turn)["files"][0] == turned["files"][0], (
        "a question that fails keeps its page"
    )
    with pytest.raises(BadPrompt, match="has 3 pages; page 7 was"):
        turn_page(turned, Conversation(), 7)
    drawing = tmp_path / "drawing.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(BadPrompt, match="SVG drawings are not read"):
        page_in({"files": [str(drawing)]})


def test_another_page_of_the_conversation_s_file_is_attached(scan):
    talk = Conversation()
    talk.put(read_message({"text": "", "files": [scan]}, talk, LLAMA))
    attached = turn_page({"text": "And here?", "files": []}, talk, 2)
    assert attached["text"] == "And here?" and page_in(attached) == Page(2, 3)
    assert turn_page({"text": "x"}, Conversation(), 2) == {"text": "x", "files": []}


@pytest.mark.parametrize(
    "page, label",
    [
        (Page(2, 3), "Page (of 3)"),
        (Page(1, 1200, "frame"), "Frame (of 1,200)"),
        (Page(2, 2, "picture"), "Picture (of 2)"),
    ],
)
def test_the_choice_is_shown_for_several_pages_only(page, label):
    field = shown_page(page)
    assert field.visible and (field.label, field.value) == (label, page.number)
    assert not shown_page(Page()).visible and not shown_page(None).visible


@pytest.mark.parametrize(
    "number, name, stem",
    [
        (1, "my scan (1).tif", "my scan (1)-page-1-florence-2"),
        (2, "my scan (1).tif#page=2", "my scan (1)-page-2-florence-2"),
    ],
)
def test_exports_carry_the_page(scan, number, name, stem):
    picture = store_picture(scan, number)
    coco = json.loads(FORMATS["COCO"].write(picture, Answer("a", (BOX,))))
    assert coco["images"][0]["file_name"] == name
    assert file_stem(find_model("microsoft/florence-2"), picture) == stem
    plain = store_picture(ASSETS / "cat.jpg")
    assert file_stem(find_model("microsoft/florence-2"), plain) == "florence-2"
    assert (
        json.loads(FORMATS["COCO"].write(plain, Answer("a", (BOX,))))["images"][0]["file_name"]
        == "cat.jpg"
    )


@pytest.mark.slow
def test_the_api_takes_a_page(scan, tmp_path):
    page = ui.build(Embedded())
    try:
        client = Client(launch_page(page, **ui.settings()), verbose=False)
        plan = tmp_path / "plan.pdf"
        plan.write_bytes(pdf(*(PdfPage([(word, 48, 30, 50)], (360, 140)) for word in WORDS)))
        photo = tmp_path / "photo.heic"
        photo.write_bytes(heic(HeifPicture("total"), HeifPicture("gate")))
        for file, number, word, said in (
            (plan, 2, "ROOM 31", "Page 2 of 3."), (plan, None, "GATE 27", "Page 1 of 3."), (scan, 3, "SEAT 45", "Page 3 of 3."),
            (photo, 2, "GATE 27", "Picture 2 of 2."),
        ):  # fmt: skip
            text, _, details = client.predict(
                task="<OCR>", image=handle_file(str(file)), page=number, api_name="/florence2"
            )
            assert word.replace(" ", "") in "".join(text.split()) and details["note"].endswith(said)
        text, _, details = client.predict(
            model=LLAMA.id, prompt="?", image=handle_file(str(plan)), page=3, api_name="/chat"
        )
        assert "45" in text and details["note"].endswith("Page 3 of 3.")
        answer = json.loads(client.predict(image=handle_file(str(plan)), page=2, api_name="/ocr"))
        assert "31" in answer["text"] and answer["note"].endswith("Page 2 of 3.")
        for endpoint, asked in (
            ("/florence2", {"task": "<OCR>"}),
            ("/chat", {"model": LLAMA.id}),
            ("/ocr", {}),
        ):
            with pytest.raises(Exception, match="This file has 3 pages; page 9 was asked for"):
                client.predict(image=handle_file(str(plan)), page=9, api_name=endpoint, **asked)
        drawing = tmp_path / "drawing.svg"
        drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        with pytest.raises(Exception, match="SVG drawings are not read here: open it in a browser"):
            client.predict(task="<OCR>", image=handle_file(str(drawing)), api_name="/florence2")
    finally:
        page.close()


def test_a_number_that_is_deleted_changes_nothing_on_any_tab(scan):
    """Between two numbers the field is empty; the handlers answer that as a browser asks it."""
    page = ui.build(Embedded())
    url = launch_page(page, **ui.settings())

    async def emptied():
        opened_page = await opened(url)
        session = Session(opened_page)
        file = await session.upload("scan.tif", Path(scan).read_bytes())
        told = []
        for viewer, page in VIEWERS:
            picked = opened_page.event("picked", elem_id=viewer)
            given = await session.run(picked, event_data={"paths": [file["path"]]})
            assert "of 3" in str(given)
            event = opened_page.event("input", elem_id=page)
            number = len(event["inputs"]) - 1  # the page is the last input
            shown = await session.run(event, *opened_page.values(event)[:number], None)
            told += [part for part in shown if part]  # what a state holds stays on the server
        return told

    try:
        told = finished(emptied())
    finally:
        page.close()
    assert told and all(each["__type__"] == "update" and "value" not in each for each in told)

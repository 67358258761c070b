"""What only a browser shows, in headless Chromium: a task, a chat, stop, the key's silence."""

import threading

import pytest
from PIL import Image, ImageDraw

from tests.support.chart_pictures import font
from tests.support.chromium import comes_to_its_end, use_key
from tests.support.paths import ASSETS
from tests.support.wire import replies as say

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
pytestmark = pytest.mark.browser
KEY = "nvapi-canary-0123456789"
LLAMA_TAB = "Llama 3.2 Vision"


def test_a_task_on_this_machine(visit):
    page = visit()
    page.get_by_role("tab", name="Florence-2").click()
    page.locator(".sample:visible").first.click()
    words = page.locator(".linked-words:visible .text")
    sync_api.expect(words).to_contain_text("PINE RIDGE PARK", timeout=60_000)
    result = page.locator("#result img")
    assert result.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1280
    sync_api.expect(page.locator(".linked-words:visible .note")).to_contain_text(
        "not by Florence-2"
    )
    page.locator("#tasks").get_by_text("Find by words", exact=True).click()
    page.locator("#words").wait_for()
    page.locator("#run-task").click()
    sync_api.expect(page.locator("#task-notice")).to_contain_text("needs words")
    page.wait_for_timeout(500)
    sync_api.expect(words).to_contain_text("PINE RIDGE PARK")  # a refused run loses nothing
    page.locator("#tasks").get_by_text("Caption", exact=True).click()  # it is locked
    sync_api.expect(page.locator("#run-task")).to_be_disabled()
    sync_api.expect(page.locator(".block.about:visible")).to_contain_text("Needs Florence-2 itself")
    sync_api.expect(words).to_contain_text("PINE RIDGE PARK")


@pytest.mark.slow
def test_things_are_found_and_the_confidence_parts_them(visit):
    page = visit()
    page.get_by_role("tab", name="Florence-2").click()
    slider = page.locator("#confidence input[type=range]")
    sync_api.expect(slider).to_be_hidden()  # reading has no scores
    page.locator("#result input[type=file] >> nth=0").set_input_files(ASSETS / "coffee.jpg")
    page.locator("#tasks").get_by_text("Detect objects", exact=True).click()
    sync_api.expect(slider).to_be_visible()
    words = page.locator(".linked-words:visible .text")
    slider.dispatch_event("pointerup")
    page.wait_for_timeout(2000)
    sync_api.expect(words).to_have_count(0)  # the slider starts no first run
    page.locator("#run-task").click()
    sync_api.expect(words).to_contain_text("dining table")
    sync_api.expect(page.locator(".linked-words:visible .note")).to_contain_text("SSDLite")
    slider.focus()
    slider.press("End")  # 0.95
    slider.dispatch_event("pointerup")
    sync_api.expect(words).not_to_contain_text("dining table")
    sync_api.expect(words).to_contain_text("cup 9")


@pytest.mark.slow
def test_what_is_not_found_shows_the_kinds_a_click_away(visit):
    page = visit()
    page.get_by_role("tab", name="Florence-2").click()
    page.locator("#result input[type=file] >> nth=0").set_input_files(ASSETS / "coffee.jpg")
    page.locator("#tasks").get_by_text("Find by words", exact=True).click()
    page.locator("#words textarea").fill("a pagoda")
    page.locator("#run-task").click()
    sync_api.expect(page.locator(".linked-words:visible .text")).to_contain_text(
        "no known kind of thing"
    )
    kinds = page.locator(".linked-words:visible details p")
    sync_api.expect(kinds).to_be_hidden()
    page.locator(".linked-words:visible details summary").click()
    sync_api.expect(kinds).to_contain_text("teddy bear")


@pytest.mark.slow
def test_only_the_fields_that_a_task_takes_are_shown(visit):
    page = visit()
    page.get_by_role("tab", name="Florence-2").click()
    words, region = page.locator("#words"), page.get_by_label("Left", exact=True)
    for title, shown in (
        ("Find by words", (True, False)),
        ("Segment a region", (False, True)),
        ("Read", (False, False)),
    ):
        page.locator("#tasks").get_by_text(title, exact=True).click()
        sync_api.expect(words).to_be_visible(visible=shown[0])
        sync_api.expect(region).to_be_visible(visible=shown[1])
        assert page.locator("#tasks input:checked").count() == 1


@pytest.mark.slow
def test_bad_files_and_missing_pictures_are_sentences_in_the_page(visit, tmp_path):
    page = visit()
    page.get_by_role("tab", name="Florence-2").click()
    page.locator("#run-task").click()
    notice = page.locator("#task-notice")
    sync_api.expect(notice).to_contain_text("Add a picture first")
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"this is not a picture")
    page.locator("#result input[type=file] >> nth=0").set_input_files(bad)
    sync_api.expect(page.locator("#result .saying")).to_contain_text("not a picture")


def test_a_chat_streams_stops_and_keeps_its_words(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit("?model=llama-3.2-11b-vision-instruct")
    use_key(page, KEY)
    wire.script.append(say.sse(["The first words ", "never come"], gate=threading.Event()))
    page.locator(".sample:visible").first.click()
    page.locator(".live:visible").get_by_text("The first words").wait_for()
    page.locator(".box:visible .stop-button").click()
    page.locator(".conversation:visible .bot").get_by_text("The first words").wait_for()
    for _ in range(100):
        if wire.disconnects:
            break
        page.wait_for_timeout(50)
    assert wire.disconnects == 1, "the upstream call went on"
    page.locator(".box:visible textarea").fill("And now?")
    page.keyboard.press("Enter")
    page.locator(".conversation:visible .bot").nth(1).wait_for()
    assert [message["role"] for message in wire.seen[-1].json["messages"]] == [
        "user",
        "assistant",
        "user",
    ]


@pytest.mark.slow
def test_the_pieces_of_a_row_stay_apart_in_the_chat(visit, tmp_path):
    receipt = Image.new("RGB", (600, 200), "white")
    for row, (what, price) in enumerate([("Bread", "4.50"), ("TOTAL", "6.39")]):
        ImageDraw.Draw(receipt).text((40, 40 + 80 * row), what, "black", font(32))
        ImageDraw.Draw(receipt).text((460, 40 + 80 * row), price, "black", font(32))
    receipt.save(tmp_path / "receipt.png")
    page = visit("?model=llama-3.2-11b-vision-instruct")
    box = page.locator(".box:visible")
    box.locator("input[type=file]").set_input_files(tmp_path / "receipt.png")
    sync_api.expect(box.locator("img")).to_be_visible()
    box.locator("textarea").fill("What is the total?")
    box.locator("textarea").press("Enter")
    answer = page.locator(".conversation:visible .bot").first
    sync_api.expect(answer).to_contain_text("6.39", timeout=60_000)
    assert "TOTAL   6.39" in answer.inner_text().replace("\u00a0", " ")


@pytest.mark.slow
def test_nothing_moves_while_words_arrive(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    gate = threading.Event()
    page = visit("?model=llama-3.2-11b-vision-instruct")
    use_key(page, KEY)
    wire.script.append(say.sse(["\n\n".join(f"line {i}" for i in range(40)), " end"], gate=gate))
    box = page.locator(".block.box:visible")
    before = box.bounding_box()["y"]
    page.locator(".sample:visible").first.click()
    page.locator(".block.live:visible").get_by_text("line 39").wait_for(state="attached")
    page.wait_for_timeout(500)
    assert box.bounding_box()["y"] == before
    assert comes_to_its_end(page), "the question is out of sight"
    gate.set()
    page.locator(".conversation:visible .bot").get_by_text("line 39").wait_for()
    page.wait_for_timeout(500)
    assert box.bounding_box()["y"] == before
    assert page.locator(".conversation:visible").get_by_label("Download").first.is_visible()
    assert page.locator(".conversation:visible").get_by_label("Share").count() and not any(
        button.is_visible()
        for button in page.locator(".conversation:visible").get_by_label("Share").all()
    ), "a picture can be sent to a third party"


def test_who_scrolls_up_stays_there_until_the_newest_words_are_wanted(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    gate = threading.Event()
    page = visit("?model=llama-3.2-11b-vision-instruct", width=390, height=844)
    use_key(page, KEY)
    wire.script.append(say.sse(["\n\n".join(f"line {i}" for i in range(60)), " end"], gate=gate))
    page.locator(".sample:visible").first.click()
    page.locator(".block.live:visible").get_by_text("line 59").wait_for(state="attached")
    pane, newest = page.locator(".exchange:visible"), page.locator(".newest:visible")
    left = "pane => Math.round(pane.scrollHeight - pane.scrollTop - pane.clientHeight)"
    sync_api.expect(newest).to_have_count(0)
    assert comes_to_its_end(page)
    pane.hover()
    page.mouse.wheel(0, -400)
    newest.wait_for()
    gate.set()
    page.locator(".conversation:visible .bot").get_by_text("line 59").wait_for()
    page.wait_for_timeout(500)
    assert pane.evaluate(left) > 100, "what is read was scrolled away"
    newest.click()
    sync_api.expect(newest).to_have_count(0)
    assert comes_to_its_end(page)


@pytest.mark.slow
def test_what_was_read_is_not_covered_by_its_names(visit):
    page = visit("?model=llama-3.2-11b-vision-instruct")
    page.locator(".sample:visible").first.click()
    page.locator(".viewer:visible polygon").first.wait_for(state="attached", timeout=60_000)
    sync_api.expect(page.locator(".viewer:visible .names span").first).to_be_hidden()


@pytest.mark.slow
def test_a_withdrawn_model_says_so_and_the_question_comes_back(visit, wire, monkeypatch):
    from tests.support.wire.problems import problems as PROBLEMS

    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit()
    use_key(page, KEY)
    wire.script.append(PROBLEMS[next(name for name in PROBLEMS if "function" in name)])
    page.get_by_role("tab", name="NeVA").click()
    sync_api.expect(page.locator("#who")).to_contain_text("Built-in tools")  # by the catalogue
    page.locator("#who").click()
    page.locator("#engines label", has_text="NVIDIA").click()
    sync_api.expect(page.locator("#who")).to_contain_text("NVIDIA")
    page.keyboard.press("Escape")
    page.locator(".sample:visible").first.click()
    page.locator(".conversation:visible .bot").get_by_text("withdrawn by NVIDIA").wait_for()
    sync_api.expect(page.locator(".box:visible textarea")).to_have_value(
        "Describe what you see in this image."
    )
    page.get_by_role("button", name="Ask “Built-in tools” instead").click()
    page.locator(".conversation:visible .bot").get_by_text("not NeVA's words").wait_for()
    sync_api.expect(page.locator("#who")).to_contain_text("Built-in tools")
    page.get_by_role("button", name="Ask “Built-in tools” instead").wait_for(state="hidden")
    assert len(wire.seen) == 2, "the trial of the key, and the question"


@pytest.mark.slow
def test_the_key_stays_out_of_the_browser(visit, wire, monkeypatch, address):
    """Not in localStorage with the run history on, not in the configuration, not in a deep link, not in the page."""
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit("?model=llama-3.2-11b-vision-instruct")
    use_key(page, KEY)
    page.locator(".sample:visible").first.click()
    page.locator(".conversation:visible .bot").first.wait_for()
    stores = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    session = page.evaluate("window.gradio_config?.session_hash ?? ''")
    link = page.request.get(f"{address}gradio_api/deep_link?session_hash={session}")
    other = page.context.new_page()
    other.goto(f"{address}?deep_link={link.text().strip(chr(34))}" if link.ok else address)
    other.locator("#who").wait_for()
    config = page.request.get(f"{address}config").text()
    for place in (stores, config, page.content(), other.content(), link.text()):
        assert KEY not in place
    assert wire.seen[0].token == KEY

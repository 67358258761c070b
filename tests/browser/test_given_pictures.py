"""Pictures of a computer's camera, and several pictures of one message, in a browser."""

import pytest

from tests.support.chromium import ARGUMENTS, CHROMIUM
from tests.support.paths import ASSETS

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]
FAKE_CAMERA = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"


@pytest.fixture
def with_camera(browser, address):
    """A page in a browser that has a camera."""
    chromium = browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*ARGUMENTS, *FAKE_CAMERA]
    )
    page = chromium.new_context(permissions=["camera"]).new_page()
    page.goto(address)
    page.locator("#who").get_by_text("Built-in tools · free").wait_for(state="attached")
    yield page
    chromium.close()


def camera(page):
    return page.locator("#result").get_by_role("button", name="Camera")


def test_a_picture_is_taken_by_the_computer_s_camera(with_camera):
    page = with_camera
    camera(page).click()
    page.wait_for_function("document.querySelector('.camera-dialog video')?.videoWidth > 0")
    page.get_by_role("button", name="Take the picture").click()
    expect(page.locator("#result .stage > img")).to_be_visible()
    expect(page.locator(".camera-dialog")).to_have_count(0)
    page.locator("#result .other summary").click()
    camera(page).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".camera-dialog")).to_have_count(0)
    expect(page.locator("#result .stage > img")).to_be_visible()


def test_without_a_camera_that_is_said_where_the_picture_belongs(visit):
    page = visit()
    camera(page).click()
    expect(page.locator("#result .saying")).to_contain_text("There is no camera")
    page.locator("#result input[type=file]").first.set_input_files(ASSETS / "coffee.jpg")
    expect(page.locator("#result .stage > img")).to_be_visible()


def test_each_picture_of_a_message_can_be_seen(visit):
    page = visit("?model=phi-3.5-vision-instruct")
    pictures = [ASSETS / "coffee.jpg", ASSETS / "sign.jpg"]
    page.locator(".viewer:visible input[type=file]").first.set_input_files(pictures)
    expect(page.locator(".box:visible img")).to_have_count(2)
    page.locator(".composer textarea:visible").fill("What do they say?")
    page.keyboard.press("Enter")
    expect(page.locator(".conversation:visible .bot")).to_contain_text("Lake Loop")
    expect(page.locator(".conversation:visible .bot")).to_contain_text("the last of 2 pictures")
    small, shown = page.locator(".pictures:visible button"), page.locator(".viewer:visible")
    expect(small).to_have_count(2)
    expect(small.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(shown.get_by_label("Eagle Point")).to_be_attached()
    last = shown.locator(".stage > img").get_attribute("src")
    small.nth(0).click()
    expect(small.nth(0)).to_be_focused()
    assert shown.locator(".stage > img").get_attribute("src") != last
    expect(shown.locator("polygon")).to_have_count(0)
    small.nth(1).click()
    expect(shown.get_by_label("Eagle Point")).to_be_attached()
    assert shown.locator(".stage > img").get_attribute("src") == last


def test_one_picture_has_no_strip(visit):
    page = visit("?model=phi-3.5-vision-instruct")
    page.locator(".sample:visible").first.click()
    expect(page.locator(".conversation:visible .bot")).to_be_visible()
    expect(page.locator(".pictures")).to_have_count(0)


def test_words_that_are_typed_while_the_picture_arrives_stay(visit, tmp_path):
    from PIL import Image

    Image.effect_noise((3000, 2400), 80).convert("RGB").save(tmp_path / "large.png")
    page = visit("?model=phi-3.5-vision-instruct")
    words = "What is the name of the place that is shown here?"
    page.locator(".viewer:visible input[type=file]").first.set_input_files(tmp_path / "large.png")
    field = page.locator(".composer textarea:visible")
    field.press_sequentially(words, delay=40)
    expect(page.locator(".box:visible img")).to_be_visible()
    page.wait_for_timeout(500)
    expect(field).to_have_value(words)


def test_a_file_that_is_no_picture_leaves_the_message_and_the_words_stay(visit, tmp_path):
    fake = tmp_path / "fake.png"
    fake.write_text("no picture")
    page = visit("?model=llama-3.2-11b-vision-instruct")
    page.locator(".sample:visible").nth(1).click()
    answers = page.locator(".exchange:visible .bot")
    expect(answers).to_have_count(1)
    box = page.locator(".composer textarea:visible").first
    box.fill("Where does the trail go?")
    with page.expect_file_chooser() as chooser:
        page.locator(".composer:visible [data-testid=upload-button]").first.click()
    chooser.value.set_files(fake)
    expect(page.locator(".notice:visible").first).to_contain_text("picture")
    expect(page.locator(".composer:visible .thumbnail-item")).to_have_count(0)
    expect(box).to_have_value("Where does the trail go?")
    box.press("Enter")
    expect(answers).to_have_count(2)

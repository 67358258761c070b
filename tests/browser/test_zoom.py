"""The viewer in a browser: zoom, pan, fit, what may be dropped, and what is said of what may not."""

import re

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.support.chromium import CHROMIUM
from tests.support.paths import ASSETS

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture
def page(visit):
    """Return Florence-2's tab with a picture in it."""
    page = visit()
    give(page, ASSETS / "sign.jpg")
    expect(stage(page)).to_be_visible()
    return page


def give(page, path):
    page.locator("#result input[type=file]").first.set_input_files(path)


def stage(page):
    return page.locator("#result .stage")


def size(page):
    return stage(page).bounding_box()


def test_buttons_keys_and_the_wheel_zoom_and_fit_shows_all_again(page):
    at_first = size(page)
    tool = page.locator("#result .tools").get_by_role("button")
    tool.filter(has_text="+").click()
    assert size(page)["width"] > at_first["width"]
    tool.filter(has_text="Fit").click()
    assert size(page)["width"] == pytest.approx(at_first["width"], abs=1)
    stage(page).focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    larger = size(page)["width"]
    assert larger > at_first["width"]
    page.keyboard.press("-")
    assert size(page)["width"] < larger
    page.keyboard.press("0")
    assert size(page)["width"] == pytest.approx(at_first["width"], abs=1)
    stage(page).hover()
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        f"() => document.querySelector('#result .stage').clientWidth > {at_first['width']}"
    )


def test_a_picture_that_is_zoomed_is_moved_and_stays_in_its_frame(page):
    for _ in range(4):
        page.locator("#result .tools").get_by_role("button", name="Zoom in").click()
    frame = page.locator("#result .frame").bounding_box()
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    before = size(page)
    page.mouse.move(x, y)
    page.mouse.down(button="middle")  # the left one draws a box
    page.mouse.move(x + 40, y + 20, steps=4)
    page.mouse.up(button="middle")
    after = size(page)
    assert (after["x"], after["y"]) != (before["x"], before["y"])
    page.mouse.move(x, y)
    page.mouse.down(button="middle")  # the left one draws a box
    page.mouse.move(x + 4000, y + 4000, steps=4)
    page.mouse.up(button="middle")
    far = size(page)
    assert far["x"] <= frame["x"] + 1 and far["y"] <= frame["y"] + 1, "no gap at its edges"


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("notes.txt", b"Nothing to see here.", "picture"),
        ("empty.png", b"", "empty|picture"),
        ("half.jpg", (ASSETS / "cat.jpg").read_bytes()[:2000], "cut off|picture|read"),
    ],
)
def test_what_cannot_be_read_is_said_at_the_picture_which_stays(page, tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with page.expect_request("**/upload**"):
        give(page, tmp_path / name)
    saying = page.locator("#result .saying")
    expect(saying).to_contain_text(re.compile(said, re.IGNORECASE))
    expect(page.locator("#result .stage img")).to_be_visible()
    give(page, ASSETS / "poster.jpg")
    expect(saying).to_have_count(0)


def test_an_address_that_gives_no_picture_is_said_at_the_picture(visit):
    page = visit()
    field = page.locator("#result input[type=url]")
    field.fill("http://127.0.0.1:1/cat.jpg")
    field.press("Enter")
    expect(page.locator("#result .saying")).to_contain_text("must be a public one")


def test_a_tall_picture_can_be_read_from_its_top(visit, tmp_path):
    page = visit()
    Image.new("RGB", (400, 4000), "#ddeeff").save(tmp_path / "tall.png")
    give(page, tmp_path / "tall.png")
    expect(stage(page)).to_be_visible()
    frame = page.locator("#result .frame").bounding_box()
    shown = size(page)
    assert shown["width"] > frame["width"] / 3 and shown["y"] >= frame["y"] - 1


def test_another_picture_can_be_given_on_a_phone(visit):
    """The menu is inside the window, and what is in it can be touched."""
    page = visit(width=390, height=844)
    give(page, ASSETS / "sign.jpg")
    expect(stage(page)).to_be_visible()
    before = page.locator("#result .stage img").get_attribute("src")
    page.locator("#result .other summary").click()
    choose = page.locator("#result .other .pickers label", has_text="Choose a picture")
    box = choose.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= 844
    with page.expect_file_chooser() as chooser:
        choose.click(timeout=5000)
    chooser.value.set_files(ASSETS / "poster.jpg")
    expect(page.locator("#result .stage img")).not_to_have_attribute("src", before)


def test_a_portrait_picture_is_seen_whole_on_a_phone(visit, tmp_path):
    Image.new("RGB", (900, 1400), "beige").save(tmp_path / "receipt.png")
    page = visit("?model=llama-3.2-11b-vision-instruct", width=390, height=844, touch=True)
    picture = page.locator(".viewer:visible")
    picture.locator("input[type=file]").first.set_input_files(tmp_path / "receipt.png")
    expect(picture.locator(".stage img")).to_be_visible()
    page.wait_for_timeout(500)
    frame, whole = (
        picture.locator(".frame").bounding_box(),
        picture.locator(".stage").bounding_box(),
    )
    assert whole["height"] <= frame["height"] + 1 and whole["width"] <= frame["width"] + 1


def test_an_answer_that_would_be_out_of_sight_is_moved_into_it(visit, tmp_path):
    long = Image.new("RGB", (400, 3200), "white")
    ImageDraw.Draw(long).text((40, 3000), "EXIT 12", "black", ImageFont.load_default(48))
    long.save(tmp_path / "long.png")
    page = visit()
    give(page, tmp_path / "long.png")
    expect(stage(page)).to_be_visible()
    frame = page.locator("#result .frame").bounding_box()
    assert size(page)["height"] > 2 * frame["height"], "it begins large"
    page.locator("#run-task").click()
    page.locator("#result polygon").wait_for(state="attached")
    page.wait_for_timeout(300)
    region = page.locator("#result polygon").bounding_box()
    assert (
        frame["y"] <= region["y"] + region["height"] and region["y"] <= frame["y"] + frame["height"]
    )


def test_full_screen_is_left_by_the_button_that_opened_it(page):
    page.get_by_role("button", name="Full screen", exact=True).click()
    page.wait_for_function("document.fullscreenElement")
    page.get_by_role("button", name="Leave full screen").click()
    page.wait_for_function("!document.fullscreenElement")
    expect(page.get_by_role("button", name="Full screen", exact=True)).to_be_visible()

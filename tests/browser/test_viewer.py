"""The picture component: its scene as a pure value, and in headless Chromium what hands, eyes and keys do with it."""

import pytest
from PIL import Image

from tests.support.chromium import CHROMIUM

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
browser_only = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"
)


@pytest.fixture
def phone_photo(tmp_path):
    """A photo as a phone writes it: lying on its side, with the turn in its EXIF; a red square in the upright picture."""
    upright = Image.new("RGB", (900, 1200), "white")
    upright.paste((200, 30, 30), (300, 300, 600, 600))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    path = tmp_path / "phone.jpg"
    upright.rotate(90, expand=True).save(path, exif=exif, quality=95)
    return path


def upload(page, path):
    page.locator("#result input[type=file] >> nth=0").set_input_files(path)
    stage = page.locator("#result .stage")
    stage.wait_for()
    return stage


def numbers(page):
    return [
        float(field.input_value() or "nan")
        for field in page.locator("#region :is(input, textarea)").all()
    ]


def wait_for_box(page, box):
    page.wait_for_function("document.querySelector('#region :is(input, textarea)').value !== ''")
    page.wait_for_timeout(300)
    assert numbers(page) == pytest.approx(box, abs=0.012)


@browser_only
@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 820])
def test_a_picture_with_a_result_stays_in_place_under_the_hand_that_draws(visit, width):
    page = visit("?model=florence-2&task=REGION_TO_SEGMENTATION&example=3", width=width)
    page.locator("#result polygon").first.wait_for(state="attached")
    expect(page.locator("#run-task")).to_be_enabled()
    page.wait_for_timeout(500)
    at = page.locator("#result .stage").bounding_box()
    (x0, y0), (x1, y1) = [
        (at["x"] + u * at["width"], at["y"] + v * at["height"])
        for u, v in ((0.53, 0.58), (0.7, 0.87))
    ]
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=12)
    page.mouse.up()
    page.wait_for_function(
        "document.querySelector('#region :is(input, textarea)').value === '0.53'"
    )
    assert numbers(page) == pytest.approx((0.53, 0.58, 0.7, 0.87), abs=0.006)
    expect(page.locator("#result .actions")).to_contain_text("With your box")


@browser_only
@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 820, 390])
@pytest.mark.parametrize("touch", [False, True])
def test_a_dragged_box_lands_where_it_was_drawn(visit, phone_photo, width, touch):
    page = visit("?model=florence-2&task=REGION_TO_SEGMENTATION", width=width, touch=touch)
    stage = upload(page, phone_photo)
    stage.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    at = stage.bounding_box()
    assert at["height"] / at["width"] == pytest.approx(4 / 3, rel=0.02), "not upright"
    (x0, y0), (x1, y1) = [
        (at["x"] + u * at["width"], at["y"] + v * at["height"])
        for u, v in ((0.7, 0.55), (0.3, 0.22))
    ]
    if touch:
        session = page.context.new_cdp_session(page)
        for kind, x, y in (
            ("touchStart", x0, y0),
            ("touchMove", (x0 + x1) / 2, y1),
            ("touchMove", x1, y1),
        ):
            session.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            )
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        page.mouse.move(x0, y0)
        page.mouse.down()
        page.mouse.move(x1, y1, steps=4)
        page.mouse.up()
    wait_for_box(page, [0.3, 0.22, 0.7, 0.55])
    page.locator("#run-task").click()
    mask = page.locator("#result polygon.solid")
    mask.first.wait_for(state="attached")
    found = mask.first.evaluate(
        "node => { const b = node.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height]; }"
    )
    assert found == pytest.approx([300, 300, 600, 600], abs=18), (
        "the mask is not on the red square of the upright picture"
    )


@browser_only
@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 820, 390])
def test_a_box_by_keys(visit, phone_photo, width):
    page = visit("?model=florence-2&task=REGION_TO_SEGMENTATION", width=width)
    upload(page, phone_photo).focus()
    page.keyboard.press("b")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowDown"):
        page.keyboard.press(key)
    wait_for_box(page, [0.29, 0.23, 0.79, 0.75])


def read_the_sign(page):
    """Have the sign read, and wait until the page asks nothing more about it."""
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.locator(".sample:visible").first.click()
    expect(page.locator(".linked-words:visible .mark").first).to_have_text(
        "PINE RIDGE PARK", timeout=60_000
    )
    for _ in range(60):
        seen = len(requests)
        page.wait_for_timeout(500)
        if len(requests) == seen:
            return
    raise AssertionError("the page never stopped asking")


@browser_only
@pytest.mark.browser
def test_words_and_places_light_each_other(visit):
    page = visit("?model=florence-2")
    read_the_sign(page)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    lit = page.locator("#result polygon.lit"), page.locator(".linked-words .mark.lit")
    page.locator(".linked-words:visible .mark", has_text="Eagle Point").hover()
    expect(lit[0]).to_have_attribute("aria-label", "Eagle Point")
    page.locator("#result polygon[aria-label='Lake Loop']").hover()
    expect(lit[1]).to_have_text("Lake Loop")
    page.mouse.move(2, 2)
    page.locator(".linked-words:visible .mark").first.focus()
    expect(lit[0]).to_have_attribute("aria-label", "PINE RIDGE PARK")
    page.keyboard.press("ArrowDown")
    expect(lit[0]).to_have_attribute("aria-label", "Lake Loop")
    page.locator("#result polygon[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    first = lit[1].inner_text()
    page.keyboard.press("Enter")
    chosen = page.locator("#result polygon.chosen")
    expect(chosen).to_have_attribute("aria-label", first)
    expect(chosen).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)
    assert not requests, "pointing asks the server"
    at = page.locator("#result .stage").bounding_box()
    page.mouse.move(at["x"] + 20, at["y"] + 20)
    page.mouse.down()
    page.mouse.move(at["x"] + 80, at["y"] + 80, steps=3)
    page.mouse.up()
    page.locator(".linked-words:visible .mark").first.click()
    expect(chosen).to_have_attribute(
        "aria-label", "PINE RIDGE PARK"
    )  # a drag before it counts no more


@browser_only
@pytest.mark.browser
def test_words_are_found_selected_and_copied(visit):
    page = visit("?model=florence-2")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    read_the_sign(page)
    page.get_by_label("Find in these words").fill("point")
    expect(page.locator(".linked-words:visible .said")).to_have_text("1 found")
    assert page.locator("#result polygon:not(.off)").count() == 1
    page.get_by_label("Find in these words").fill("")
    page.locator(".linked-words:visible .bar button", has_text="Copy").click()
    expect(page.locator(".linked-words:visible .said")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[:2] == ["PINE RIDGE PARK", "Lake Loop   2.4 km"]


@browser_only
@pytest.mark.browser
def test_a_click_on_a_box_is_asked_about_and_joins_what_was_there(visit):
    page = visit("?model=florence-2")
    read_the_sign(page)
    before = page.locator("#result polygon").count()
    page.locator("#result polygon[aria-label='Visitor Center']").click()
    page.locator("#result .actions p", has_text="Visitor Center").get_by_text("Describe").click()
    fresh = page.locator(".linked-words:visible .mark").first
    expect(fresh).to_contain_text("Visitor Center", timeout=60_000)
    expect(fresh).to_contain_text("px")
    expect(page.locator(".linked-words:visible .text")).to_contain_text("PINE RIDGE PARK")
    assert page.locator("#result polygon").count() == before


@browser_only
@pytest.mark.browser
def test_all_boxes_at_once_show_how_far_they_are_and_stop(visit):
    page = visit("?model=florence-2")
    read_the_sign(page)
    row = page.locator("#result .actions p", has_text="All 8 regions")
    row.get_by_text("Describe").click()
    expect(page.locator("#task-live")).to_contain_text("of 8")
    expect(page.locator(".linked-words:visible .mark").first).to_contain_text("px", timeout=90_000)
    before = page.locator(".linked-words:visible .mark", has_text="px").all_inner_texts()
    assert len(before) == 8
    page.locator("#result .actions p", has_text="All 8 regions").get_by_text("Segment").click()
    page.locator("#task-live").get_by_text("of 8").wait_for()
    page.locator("#stop-task").click()
    page.locator("#stop-task").wait_for(state="hidden")
    after = page.locator(".linked-words:visible .text").inner_text().splitlines()
    assert set(before) <= set(after), "what was there is lost"
    names = page.locator("#result polygon[aria-label='Lake Loop']")
    assert names.count() == 1, "a place lost its name"


@browser_only
@pytest.mark.browser
def test_labels_are_hidden_and_the_background_goes(visit, address):
    page = visit("?model=florence-2")
    page.locator(".sample:visible").nth(2).click()
    mask = page.locator("#result polygon.solid")
    mask.first.wait_for(state="attached", timeout=60_000)
    before = mask.first.evaluate("node => getComputedStyle(node).fillOpacity")
    page.locator("#result input[type=range]").fill("90")
    assert mask.first.evaluate("node => getComputedStyle(node).fillOpacity") != before
    page.get_by_role("button", name="Plain").click()
    expect(page.locator("#result img")).to_be_hidden()
    expect(page.locator("#result .names span").first).to_be_visible()
    page.get_by_role("button", name="Names", exact=True).click()
    expect(page.locator("#result .names span").first).to_be_hidden()


@browser_only
@pytest.mark.browser
def test_a_run_in_the_moment_of_the_last_stroke_is_about_the_new_box(visit):
    page = visit("?model=florence-2")
    page.locator(".sample:visible").nth(2).click()
    page.locator("#result polygon.solid").first.wait_for(state="attached", timeout=60_000)
    expect(page.locator("#run-task")).to_be_enabled()
    stage = page.locator("#result .stage")
    stage.scroll_into_view_if_needed()
    stage.evaluate(
        "stage => stage.addEventListener('pointerup', () => document.querySelector('#run-task').click())"
    )
    at = stage.bounding_box()
    page.mouse.move(at["x"] + 0.53 * at["width"], at["y"] + 0.58 * at["height"])
    page.mouse.down()
    page.mouse.move(at["x"] + 0.7 * at["width"], at["y"] + 0.87 * at["height"], steps=4)
    page.mouse.up()
    mask = page.locator("#result polygon.solid")
    page.wait_for_function(
        "document.querySelector('#result polygon.solid')?.getBBox().width < 200", timeout=30_000
    )
    assert mask.first.evaluate("node => node.getBBox().x") > 290, "the mask is of another box"


@browser_only
@pytest.mark.browser
def test_a_click_on_the_bare_picture_is_a_point_to_segment(visit, phone_photo):
    page = visit("?model=florence-2&task=REGION_TO_SEGMENTATION")
    stage = upload(page, phone_photo)
    expect(page.locator("#result .actions")).to_have_text(
        "Drag a box in the picture, or click a thing."
    )
    at = stage.bounding_box()
    page.mouse.click(at["x"] + 0.5 * at["width"], at["y"] + 0.4 * at["height"])
    wait_for_box(page, [0.496, 0.396, 0.504, 0.404])
    expect(page.locator("#result .actions p")).to_have_text(["With this point: Segment"])
    page.locator("#result .actions button", has_text="Segment").first.click()
    mask = page.locator("#result polygon.solid")
    mask.first.wait_for(state="attached", timeout=60_000)
    found = mask.first.evaluate(
        "node => { const b = node.getBBox(); return [b.x, b.y, b.width, b.height] }"
    )
    assert found == pytest.approx([300, 300, 300, 300], abs=12), "the red square"


@browser_only
@pytest.mark.browser
def test_a_stray_click_does_not_replace_a_box(visit, phone_photo):
    page = visit("?model=florence-2&task=REGION_TO_SEGMENTATION")
    stage = upload(page, phone_photo)
    stage.scroll_into_view_if_needed()
    at = stage.bounding_box()
    page.mouse.move(at["x"] + 0.25 * at["width"], at["y"] + 0.2 * at["height"])
    page.mouse.down()
    page.mouse.move(at["x"] + 0.75 * at["width"], at["y"] + 0.6 * at["height"], steps=4)
    page.mouse.up()
    wait_for_box(page, [0.25, 0.2, 0.75, 0.6])
    page.mouse.click(at["x"] + 0.9 * at["width"], at["y"] + 0.9 * at["height"])
    page.wait_for_timeout(400)
    assert numbers(page) == pytest.approx([0.25, 0.2, 0.75, 0.6], abs=0.012)
    expect(page.locator("#result .actions")).to_contain_text("With your box:")


@browser_only
@pytest.mark.browser
@pytest.mark.parametrize("task", ["OCR", "REGION_TO_DESCRIPTION"])
def test_a_click_is_no_point_where_none_is_taken(visit, phone_photo, task):
    page = visit(f"?model=florence-2&task={task}")
    stage = upload(page, phone_photo)
    stage.scroll_into_view_if_needed()
    at = stage.bounding_box()
    page.mouse.click(at["x"] + 0.5 * at["width"], at["y"] + 0.4 * at["height"])
    page.wait_for_timeout(400)
    expect(page.locator("#result .actions")).not_to_contain_text("this point")


HUNDREDS = """() => {
  const host = document.createElement("div");
  host.className = "tabitem";
  host.innerHTML = '<div class="viewer" data-takes="none"></div><div class="region-list"></div>';
  host.style.width = "300px";
  document.body.prepend(host);
  const regions = Array.from({length: 600}, (_, i) => { const x = (i % 30) / 30, y = Math.floor(i / 30) / 20;
    return {label: `thing ${i % 7}`, group: `thing ${i % 7}`, colour: "rgb(1,2,3)", on: "white", solid: false,
            points: [[x, y], [x + .03, y], [x + .03, y + .04], [x, y + .04]]}; });
  const props = {value: {path: "none", width: 3000, height: 2000, alt: "", regions, parts: [["all", [0, 1]]], names: true,
                         draw: false, box: null, actions: [], further: [], note: ''}};
  showcase.viewer(host, props, () => {}, {}, null);
  host.querySelectorAll(".chip")[2].click();
  const placed = () => [...host.querySelectorAll(".names span")].filter((name) => name.style.transform).length, before = placed();
  host.querySelector("polygon").dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
  const bar = host.querySelector(".tools");
  return {shown: host.querySelectorAll("polygon:not(.off)").length, stops: host.querySelectorAll("polygon[tabindex='0']").length,
          placed: [before, placed()], cut: bar.scrollHeight > bar.clientHeight + 1};
}"""


@browser_only
@pytest.mark.browser
def test_hundreds_of_regions_are_one_tab_stop_and_are_hidden_by_label(visit, tmp_path):
    page = visit()
    seen = page.evaluate(HUNDREDS)
    assert seen == {"shown": 600 - 86, "stops": 1, "placed": [0, 1], "cut": False}

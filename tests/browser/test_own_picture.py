"""A visitor's picture goes along, a link to a task runs it, and what was typed outlives a reload."""

import threading
from dataclasses import replace

import pytest

from tests.support.chromium import CHROMIUM
from tests.support.paths import ASSETS
from tests.support.ports import launch_page

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
LLAMA = "?model=llama-3.2-11b-vision-instruct"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def opening():
    """The URL of a page that has answered its samples when it started."""
    import ui
    from vlm_backends import Embedded
    from vlm_backends.config import Config

    config = replace(Config.usable(), opens_with_samples=True)
    page, answered = ui.build(Embedded(), config), threading.Event()
    compute = page.background

    async def computed():
        await compute()
        answered.set()

    page.background = computed
    url = launch_page(page, **ui.settings(config))
    assert answered.wait(300)
    yield url
    page.close()


def stranger(browser, url):
    """A page in a browser that has not been here before."""
    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    page.goto(url)
    return page


def give(page, name):
    page.locator(".viewer:visible input[type=file]").first.set_input_files(ASSETS / name)
    expect(page.locator(".viewer:visible img")).to_be_visible()


def go_to(page, tab):
    page.get_by_role("tab", name=tab).click()


def shown(page):
    return page.locator(".viewer:visible .stage > img").get_attribute("src")


def test_a_picture_goes_along_to_tabs_that_are_not_in_use(visit):
    page = visit()
    give(page, "coffee.jpg")
    own = shown(page)
    for tab in ("Llama 3.2 Vision", "DePlot", "Compare"):
        go_to(page, tab)
        page.locator(f'.viewer:visible img[src="{own}"]').wait_for()
    expect(page.locator(".own-picture:visible")).to_have_count(0)
    go_to(page, "Llama 3.2 Vision")
    page.locator(".composer textarea:visible").fill("What is in it?")
    page.keyboard.press("Enter")
    expect(page.locator(".conversation:visible .bot")).to_contain_text("1 cup")


def test_a_tab_in_use_keeps_its_picture_and_offers_the_new_one(visit):
    page = visit(LLAMA)
    page.locator(".sample:visible").first.click()
    expect(page.locator(".conversation:visible")).to_contain_text("PEDAL FEST")
    sample = shown(page)
    go_to(page, "Florence-2")
    give(page, "coffee.jpg")
    own = shown(page)
    go_to(page, "Llama 3.2 Vision")
    button = page.locator(".own-picture:visible")
    button.wait_for()
    assert shown(page) == sample
    button.click()
    page.locator(f'.viewer:visible img[src="{own}"]').wait_for()
    expect(page.locator(".own-picture:visible")).to_have_count(0)
    expect(page.locator(".conversation:visible")).to_contain_text("PEDAL FEST")


def test_the_first_tab_opens_with_it_too(browser, opening):
    page = stranger(browser, opening + LLAMA)
    expect(page.locator(".conversation:visible")).to_contain_text("PEDAL FEST")
    give(page, "coffee.jpg")
    page.locator(".box:visible img").wait_for()
    own = shown(page)
    go_to(page, "Florence-2")
    page.locator(f'#result img[src="{own}"]').wait_for()
    expect(page.locator("#tab-florence-2 .linked-words")).not_to_contain_text("Lake Loop")
    page.context.close()


def test_a_picture_that_is_given_during_a_run_stays(visit):
    page = visit()
    give(page, "page.png")
    told = """() => getComputedStyle(
      document.querySelector("#tab-florence-2 .view.regions"), "::after").content"""
    assert "There are no regions" in page.evaluate(told)
    page.locator("#run-task").click()
    page.locator("#stop-task").wait_for()
    assert "No region yet" in page.evaluate(told)
    page.locator("#result .other summary").click()
    page.locator("#result input[type=file]").first.set_input_files(ASSETS / "coffee.jpg")
    page.locator(".offers:visible button", has_text="Detect").wait_for()
    expect(page.locator("#run-task")).to_be_enabled()
    own = shown(page)
    page.wait_for_timeout(1000)
    assert shown(page) == own and page.locator(".own-picture:visible").count() == 0
    expect(page.locator("#tasks input:checked")).to_have_value("<OD>")
    page.locator("#run-task").click()
    expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text("cup")


def test_a_cleared_picture_goes_nowhere(visit):
    page = visit()
    give(page, "coffee.jpg")
    page.locator(".offers:visible button").first.wait_for()
    page.locator("#clear-task").click()
    expect(page.locator(".viewer:visible")).to_contain_text("Drop a picture")
    expect(page.locator(".offers:visible button")).to_have_count(0)
    go_to(page, "NeVA")
    page.wait_for_timeout(1000)
    expect(page.locator(".viewer:visible")).to_contain_text("Drop a picture")


def test_a_new_picture_is_asked_for_what_is_in_it(visit):
    page = visit()
    give(page, "coffee.jpg")
    expect(page.locator("#tasks input:checked")).to_have_value("<OD>")
    page.locator("#run-task").click()
    expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text("cup")


@pytest.mark.parametrize("task, found", [("OD", "cup"), ("OCR", "Lake Loop")])
def test_a_link_to_a_task_runs_it(browser, opening, task, found):
    page = stranger(browser, f"{opening}?model=florence-2&task={task}")
    expect(page.locator("#tasks input:checked")).to_have_value(f"<{task}>")
    expect(page.locator(".sent:visible dl")).to_contain_text("Total")
    asked = page.locator("#tasks input:checked")
    expect(asked).to_have_value(f"<{task}>")
    if task == "OCR":
        expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text(found)
    page.context.close()


def test_a_shared_link_says_that_it_shows_a_sample(browser, opening):
    page = stranger(browser, f"{opening}?model=florence-2&task=OCR_WITH_REGION&shared=1")
    expect(page.locator("#result .saying")).to_contain_text("A link carries no picture")
    page.get_by_label("Detect objects").check()
    assert "shared" not in page.url and "task=OD" in page.url
    page.context.close()


def test_a_link_to_a_task_that_needs_words_opens_it(browser, opening):
    page = stranger(browser, f"{opening}?model=florence-2&task=OPEN_VOCABULARY_DETECTION")
    expect(page.locator("#words textarea")).to_be_visible()
    expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text("Lake Loop")
    expect(page.locator("#tasks input:checked")).to_have_value("<OPEN_VOCABULARY_DETECTION>")
    page.context.close()


def test_the_sample_at_the_start_leaves_for_the_visitor_s_picture(browser, opening):
    page = stranger(browser, opening + LLAMA)
    conversation = page.locator(".conversation:visible")
    expect(conversation).to_contain_text("PEDAL FEST")
    give(page, "coffee.jpg")
    expect(page.locator(".conversation:visible")).not_to_contain_text("PEDAL FEST")
    page.locator(".composer textarea:visible").fill("What is in it?")
    page.keyboard.press("Enter")
    expect(page.locator(".conversation:visible .bot")).to_contain_text("1 cup")
    expect(page.locator(".conversation:visible")).not_to_contain_text("pictures")
    page.context.close()


def test_what_was_typed_and_not_sent_outlives_a_reload(visit):
    page = visit(LLAMA)
    page.locator(".composer textarea:visible").fill("Half a question")
    go_to(page, "Florence-2")
    page.get_by_label("Find by words").check()
    page.locator("#words textarea").fill("a red door")
    page.reload()
    expect(page.locator("#words textarea")).to_have_value("a red door")
    go_to(page, "Llama 3.2 Vision")
    field = page.locator(".composer textarea:visible")
    expect(field).to_have_value("Half a question")
    give(page, "coffee.jpg")
    page.locator(".box:visible img").wait_for()
    page.wait_for_timeout(500)
    field.press("End")
    field.type(" mark?")
    field.press("Enter")
    expect(page.locator(".conversation:visible .user")).to_contain_text("Half a question mark?")
    expect(field).to_have_value("")
    # A question without an answer would come back into its box.
    page.locator(".conversation:visible .bot small, .conversation:visible .bot details").wait_for(
        state="attached"
    )
    page.reload()
    expect(page.locator(".conversation:visible .user")).to_contain_text("Half a question mark?")
    page.wait_for_timeout(1000)
    expect(page.locator(".composer textarea:visible")).to_have_value("")


def test_a_long_answer_that_comes_at_once_is_read_from_its_start(visit):
    page = visit(LLAMA, width=390, height=844, touch=True)
    give(page, "page.png")
    page.locator(".composer textarea:visible").fill("What does it say?")
    page.keyboard.press("Enter")
    page.locator(".conversation:visible .bot details").first.wait_for(state="attached")
    expect(page.locator(".conversation:visible .user").last).to_be_in_viewport()
    expect(page.locator(".newest:visible")).to_have_count(1)


def test_the_way_to_the_model_itself_stands_below_what_stands_in_for_it(visit):
    page = visit(LLAMA)
    page.locator(".sample:visible").first.click()
    page.get_by_role("link", name="Ask Llama 3.2 Vision itself").click()
    expect(page.locator("#key input")).to_be_focused()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#key input")).to_be_hidden()


def test_a_comparison_comes_back_with_what_was_asked(visit):
    page = visit()
    go_to(page, "Compare")
    page.locator(".sample:visible").nth(2).click()
    expect(page.locator("#compare-answers")).to_contain_text("Lake Loop")
    page.reload()
    expect(page.locator("#compare-words textarea")).to_have_value("How far is it to Lake Loop?")
    expect(page.locator("#compare-purpose input:checked")).to_have_value("Ask")


def test_a_shared_link_says_what_it_holds(visit):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    share = page.locator(".outcome:visible").get_by_role("button", name="Share")
    share.click()
    said = page.locator(".outcome:visible .said")
    expect(said).to_contain_text("without your picture and its answer")
    link = page.evaluate("navigator.clipboard.readText()")
    assert "?model=florence-2&task=OCR_WITH_REGION" in link and "example" not in link
    page.locator(".sample:visible").first.click()
    expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text("Lake Loop")
    share.click()
    expect(said).to_contain_text("opens this sample")


@pytest.mark.parametrize("tab", ["Florence-2", "Llama 3.2 Vision"])
def test_on_a_phone_that_lies_on_its_side_the_answer_can_be_reached(visit, tab):
    page = visit(width=844, height=390, touch=True)
    go_to(page, tab)
    page.get_by_role("tabpanel").locator(".viewer:visible input[type=file]").first.set_input_files(
        ASSETS / "sign.jpg"
    )
    page.locator(".offers:visible button, .box:visible img").first.wait_for(state="attached")
    if tab == "Florence-2":
        page.locator("#run-task").click()
    else:
        page.locator(".composer textarea:visible").fill("What does it say?")
        page.keyboard.press("Enter")
    words = page.locator(".linked-words:visible .text, .conversation:visible .bot")
    expect(words).to_contain_text("Lake Loop")
    words.scroll_into_view_if_needed()
    expect(words).to_be_in_viewport()
    composer = page.locator(".composer:visible").bounding_box()
    chips = [chip.bounding_box() for chip in page.locator(".chip:visible").all()]
    pane = page.locator(".answer-pane:visible").bounding_box()
    assert pane["y"] + pane["height"] <= composer["y"] + 1, chips


def test_the_open_tab_is_in_sight_where_tabs_are_one_long_line(visit):
    page = visit(width=390, height=844)
    give(page, "chart.png")
    page.locator(".offers:visible button", has_text="Read the chart").click()
    expect(page.get_by_role("tab", name="DePlot")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tab", name="DePlot")).to_be_in_viewport(ratio=0.9)


def test_a_link_that_cannot_be_copied_is_shown_to_be_copied(visit):
    page = visit()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator(".outcome:visible").get_by_role("button", name="Share").click()
    expect(page.locator(".outcome:visible .said")).to_contain_text("Copy this link: http")
    assert page.evaluate("getSelection().toString()").startswith("http")


def test_an_answer_below_another_task_says_whose_it_is(visit):
    page = visit()
    page.locator(".sample:visible").first.click()
    words, line = page.locator("#tab-florence-2 .linked-words"), page.locator(".earlier")
    expect(words).to_contain_text("Lake Loop")
    expect(line).to_be_empty()
    for task in ("Detect objects", "Caption"):  # one that can run here, and one that cannot
        page.get_by_label(task, exact=task == "Detect objects").first.check(force=True)
        expect(line).to_have_text("Below is the answer of “Read and locate”.")
    page.get_by_label("Read and locate").check(force=True)
    expect(line).to_be_empty()
    page.get_by_label("Detect objects").check(force=True)
    expect(line).not_to_be_empty()  # the server knows the choice
    page.locator("#run-task").click()
    expect(line).to_be_empty()
    give(page, "coffee.jpg")
    page.get_by_label("Propose regions").check(force=True)
    expect(line).to_be_empty()


CLICKS_QUICKLY = """async ([titles, gap]) => {
  for (const title of titles) {
    [...document.querySelectorAll(".tasks .chip")]
      .find((chip) => chip.textContent === title).querySelector("input").click();
    if (gap) await new Promise((then) => setTimeout(then, gap));
  }
}"""


@pytest.mark.parametrize("gap", [0, 20, 50, 150])
def test_of_quick_choices_of_a_task_the_last_stays(visit, gap):
    page = visit()
    chosen = page.locator(".tasks .chip:has(:checked)")
    expect(chosen).to_have_text("Read and locate")
    for burst, about in (
        (["Detect objects", "Segment by words", "Read"], "All text"),
        (["Propose regions", "Caption"], "sentence"),
    ):
        page.evaluate(CLICKS_QUICKLY, [burst, gap])
        page.wait_for_timeout(3_000)  # answers to the choices before it may still come
        expect(chosen).to_have_text(burst[-1])
        expect(page.locator("#tab-florence-2 .block.about")).to_contain_text(about)


def test_a_sample_after_a_choice_of_a_task_brings_its_own_task(visit):
    page = visit()
    chosen = page.locator(".tasks .chip:has(:checked)")
    expect(chosen).to_have_text("Read and locate")
    page.evaluate(CLICKS_QUICKLY, [["Detect objects", "Read"], 0])
    page.locator(".sample:visible").nth(1).click()
    expect(page.locator("#run-task")).to_be_enabled()
    page.wait_for_timeout(3_000)
    expect(chosen).to_have_text("Find by words")


def test_of_quick_samples_the_last_is_shown_and_answered(visit):
    page = visit()
    samples = page.locator(".sample:visible")
    for gap in (400, 1500):
        samples.nth(0).click()
        page.wait_for_timeout(gap)
        samples.nth(1).click()
        page.wait_for_timeout(gap)
        samples.nth(3).click()
        expect(page.locator(".tasks .chip:has(:checked)")).to_have_text("Read")
        expect(page.locator("#run-task")).to_be_enabled()
        expect(page.locator("#task-notice")).to_be_empty()
        samples.nth(0).click()
        expect(page.locator(".tasks .chip:has(:checked)")).to_have_text("Read and locate")
        expect(page.locator("#run-task")).to_be_enabled()


def test_the_answer_that_the_page_opens_with_says_so_too(browser, opening):
    page = stranger(browser, opening)
    expect(page.locator("#tab-florence-2 .linked-words")).to_contain_text("Lake Loop")
    page.get_by_label("Detect objects").check(force=True)
    expect(page.locator(".earlier")).to_have_text("Below is the answer of “Read and locate”.")
    page.context.close()


def test_a_new_picture_takes_the_answer_of_a_task_away_and_says_what_to_do(visit):
    page = visit()
    page.locator(".sample:visible").first.click()
    words = page.locator("#tab-florence-2 .linked-words")
    expect(words).to_contain_text("Lake Loop")
    give(page, "coffee.jpg")
    expect(words).to_have_text("Press Run to ask this about the picture.")


def test_a_comparison_goes_when_another_picture_is_given(visit):
    page = visit()
    go_to(page, "Compare")
    page.locator(".sample:visible").nth(3).click()
    expect(page.locator("#compare-answers")).to_contain_text("1 cup")
    expect(page.locator("#tab-compare .block.agreement")).to_contain_text("Who")
    give(page, "rocket.jpg")
    expect(page.locator(".compared:visible")).to_have_count(0)
    expect(page.locator("#tab-compare .block.agreement")).not_to_contain_text("Who")
    page.reload()
    expect(page.locator(".viewer:visible img")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.locator(".compared:visible")).to_have_count(0)


@pytest.mark.parametrize(
    "entry, shows",
    [
        ("Language and theme", "Display Theme"),
        ("Use it from Python", "ways to interact with the API"),
    ],
)
def test_the_menu_opens_what_it_names_and_the_tab_stays(visit, entry, shows):
    page = visit()
    go_to(page, "DePlot")
    page.locator(".menu > summary").first.click()
    page.locator(".menu nav").get_by_text(entry).click()
    expect(page.get_by_text(shows).first).to_be_visible()
    expect(page.get_by_role("tab", name="DePlot")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(
    "view, shows", [("settings", "Display Theme"), ("api", "ways to interact with the API")]
)
def test_a_link_to_what_the_menu_names_opens_it(visit, view, shows):
    expect(visit(f"?view={view}").get_by_text(shows).first).to_be_visible()


def test_another_sample_takes_a_comparison_away_and_the_page_asked_about_brings_it_back(visit):
    page = visit()
    go_to(page, "Compare")
    page.locator(".sample:visible").nth(3).click()
    expect(page.locator("#compare-answers")).to_contain_text("1 cup")
    page.locator(".sample:visible").nth(0).click()
    expect(page.locator("#compare-answers")).to_contain_text("Lake Loop")
    expect(page.locator("#compare-answers")).not_to_contain_text("1 cup")


def test_a_chat_without_an_answer_speaks_of_no_run(visit):
    page = visit(LLAMA)
    give(page, "coffee.jpg")
    page.locator(".views:visible [data-view=regions]").click()
    page.wait_for_timeout(500)
    expect(page.locator(".answer-pane:visible")).not_to_contain_text("Press Run")

"""A reload loses nothing: the conversation, the picture, the result; and what is cleared is forgotten."""

import threading

import pytest

from tests.support.chromium import CHROMIUM, use_key
from tests.support.paths import ASSETS
from tests.support.wire import replies as say

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
KEY = "nvapi-canary-0123456789"
LLAMA = "?model=llama-3.2-11b-vision-instruct"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


def answer(page):
    return page.locator(".exchange:visible .conversation")


def box(page):
    return page.locator(".composer textarea:visible").first


def choose(page, name):
    """Choose an entry of the menu of conversations."""
    page.locator(".history:visible summary").click()
    page.locator(".history:visible button", has_text=name).click()


def test_a_conversation_comes_back_and_goes_on(visit):
    page = visit(LLAMA)
    page.locator(".sample:visible").nth(1).click()
    expect(answer(page)).to_contain_text("Eagle Point")
    page.reload()
    expect(answer(page)).to_contain_text("Eagle Point")
    expect(page.locator(".viewer:visible").get_by_label("Eagle Point")).to_be_attached()
    box(page).fill("How many stars are there?")
    box(page).press("Enter")
    answers = answer(page).locator(".bot")
    expect(answers).to_have_count(2)
    second = answers.last.inner_text()
    page.reload()
    expect(answer(page)).to_contain_text("Eagle Point")
    expect(answers).to_have_count(2)
    assert answers.last.inner_text() == second


def test_a_picture_that_was_not_asked_about_comes_back(visit):
    page = visit(LLAMA)
    page.locator(".viewer:visible input[type=file]").first.set_input_files(ASSETS / "poster.jpg")
    expect(page.locator(".viewer:visible img")).to_be_visible()
    page.reload()
    expect(page.locator(".viewer:visible img")).to_be_visible()
    box(page).fill("What does it say?")
    box(page).press("Enter")
    expect(answer(page)).to_contain_text("PEDAL FEST")


def test_a_result_of_a_task_comes_back_until_it_is_cleared(visit):
    page = visit()
    page.locator("#result input[type=file]").first.set_input_files(ASSETS / "sign.jpg")
    expect(page.locator("#result .viewer img")).to_be_visible()
    page.locator("#run-task").click()
    words = page.locator("#tab-florence-2 .linked-words")
    expect(words).to_contain_text("Lake Loop")
    page.reload()
    expect(words).to_contain_text("Lake Loop")
    expect(page.locator("#result .viewer img")).to_be_visible()
    page.locator("#clear-task").click()
    expect(words).not_to_contain_text("Lake Loop")
    page.reload()
    page.locator("#run-task").wait_for()
    page.wait_for_timeout(1000)
    expect(words).not_to_contain_text("Lake Loop")
    expect(page.locator("#result .viewer img")).to_have_count(0)


def test_a_new_conversation_keeps_the_earlier_and_delete_forgets_it(visit):
    page = visit(LLAMA)
    page.locator(".sample:visible").nth(1).click()
    expect(answer(page)).to_contain_text("Eagle Point")
    choose(page, "New conversation")
    expect(answer(page)).not_to_contain_text("Eagle Point")
    choose(page, "Where does each trail lead")
    expect(answer(page)).to_contain_text("Eagle Point")
    choose(page, "Delete this one")
    expect(answer(page)).not_to_contain_text("Eagle Point")
    page.reload()
    page.locator(".history:visible summary").click()
    expect(page.locator(".history:visible button")).to_have_count(2)
    expect(answer(page)).not_to_contain_text("Eagle Point")


def test_an_answer_on_its_way_is_told_to_be_cut_off(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit(LLAMA)
    use_key(page, KEY)
    gate = threading.Event()
    wire.script.append(say.sse(["The first half, ", "never"], gate=gate))
    page.locator(".sample:visible").first.click()
    expect(page.locator(".exchange:visible > .live")).to_contain_text("The first half")
    page.reload()
    expect(answer(page)).to_contain_text("loaded again while this answer")
    expect(answer(page)).to_contain_text("The first half")
    gate.set()
    expect(page.locator("#who")).not_to_contain_text("uses your key")  # a key is never kept
    expect(box(page)).to_be_enabled()


SOON = 15_000  # in milliseconds: half of the patience with an answer that is on its way


def reload_before_it_is_sent(page, ask, taken):
    """Reload the page after the server took a question, and before the browser had it sent."""
    page.wait_for_timeout(1000)  # what the page does when it opens is done
    page.route("**/queue/join*", lambda route: route.abort())
    ask()
    expect(taken).to_be_visible()
    page.unroute("**/queue/join*")
    page.reload()


def test_a_question_that_was_not_sent_yet_goes_back_into_its_box(visit):
    page = visit(LLAMA)
    page.locator(".sample:visible").nth(1).click()
    expect(answer(page)).to_contain_text("Eagle Point")
    expect(answer(page).locator(".bot")).to_have_count(1)
    box(page).fill("What is the third word?")
    asked = answer(page).locator(".user", has_text="What is the third word?")
    reload_before_it_is_sent(page, lambda: box(page).press("Enter"), asked)
    expect(answer(page)).to_contain_text("loaded again while this answer", timeout=SOON)
    expect(answer(page)).to_contain_text("Eagle Point")
    expect(box(page)).to_have_value("What is the third word?")


def test_a_run_that_was_not_sent_yet_keeps_the_picture(visit):
    page = visit()
    page.locator("#result input[type=file]").first.set_input_files(ASSETS / "sign.jpg")
    expect(page.locator("#result .viewer img")).to_be_visible()
    run = page.locator("#run-task")
    reload_before_it_is_sent(page, run.click, page.locator("#stop-task"))
    expect(page.locator("#task-notice")).to_contain_text("loaded again", timeout=SOON)
    expect(page.locator("#result .viewer img")).to_be_visible()
    expect(run).to_be_enabled()


def test_a_comparison_that_was_not_sent_yet_keeps_the_picture(visit):
    page = visit()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-viewer input[type=file]").first.set_input_files(ASSETS / "sign.jpg")
    expect(page.locator("#compare-viewer .viewer img")).to_be_visible()
    run = page.locator("#run-compare")
    reload_before_it_is_sent(page, run.click, page.locator("#stop-compare"))
    column = page.locator(".block.compared:visible").first
    expect(column).to_contain_text("loaded again", timeout=SOON)
    expect(page.locator("#compare-viewer .viewer img")).to_be_visible()
    expect(run).to_be_enabled()


def test_another_browser_sees_nothing_of_it(visit, browser):
    page = visit(LLAMA)
    page.locator(".sample:visible").nth(1).click()
    expect(answer(page)).to_contain_text("Eagle Point")
    other = browser.new_context()
    try:
        stranger = other.new_page()
        stranger.goto(page.url.partition("&")[0])
        stranger.locator(".history:visible summary").click()
        expect(stranger.locator(".history:visible button")).to_have_count(2)
        expect(answer(stranger)).not_to_contain_text("Eagle Point")
    finally:
        other.close()


def test_a_comparison_comes_back_with_its_answers_and_its_table(visit):
    page = visit()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-viewer input[type=file]").first.set_input_files(ASSETS / "sign.jpg")
    expect(page.locator("#compare-viewer .viewer img")).to_be_visible()
    page.locator("#run-compare").click()
    expect(page.locator(".block.agreement")).to_contain_text("Total")
    page.reload()
    expect(page.locator(".block.compared:visible").first).to_contain_text("Eagle Point")
    expect(page.locator(".block.agreement")).to_contain_text("Total")
    expect(page.locator(".block.compared:visible").first).not_to_contain_text("loaded again")
    expect(page.locator(".block.agreement")).not_to_contain_text("failed")
    expect(page.locator("#compare-viewer .viewer img")).to_be_visible()
    expect(page.locator("#run-compare")).to_be_enabled()

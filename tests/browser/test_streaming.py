"""An answer as it streams in a browser: it is followed, nothing jumps, and a stop leaves good Markdown."""

import threading

import pytest

from tests.support.chromium import CHROMIUM, comes_to_its_end, use_key
from tests.support.wire import replies as say

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
KEY = "nvapi-canary-0123456789"
RICH = (
    "Here is $x^2$, for $5 or $10.\n\n",
    "- [x] read\n- [ ] written\n\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
    "```py\nprint('code')\n```\n\n",
    "The end.",
)
# The sum of all moves of what is visible, except those that follow an input at once.
SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput)
        window.shifts.push([value, sources.map(({ node }) => node?.className ?? "")]);
  }).observe({ type: "layout-shift" });
}"""
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture
def chat(visit, wire, monkeypatch):
    """Return the tab of Llama 3.2, which asks the local server with a visitor's key."""
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit("?model=llama-3.2-11b-vision-instruct")
    use_key(page, KEY)
    wire.window = 0.05
    return page


def pane(page):
    """The part of the tab that scrolls."""
    return page.locator(".exchange:visible")


def ask_again(page, words):
    box = page.locator(".composer textarea:visible").first
    box.fill(words)
    box.press("Enter")


def test_formulas_lists_tables_and_code_are_shown_as_such(chat, wire, tmp_path):
    wire.script.append(say.sse(RICH))
    chat.locator(".sample:visible").first.click()
    answer = pane(chat)
    expect(answer.get_by_text("The end.").last).to_be_visible()
    expect(answer.locator(".katex").last).to_be_visible()
    expect(answer.get_by_text("for $5 or $10").last).to_be_visible()
    expect(answer.get_by_text("☑ read").last).to_be_visible()
    expect(answer.locator("table td").last).to_have_text("2")
    expect(answer.locator("pre code").last).to_contain_text("print('code')")
    chat.screenshot(path=tmp_path / "rich.png")


def test_a_stop_in_a_block_of_code_ends_the_block_and_says_so(chat, wire, tmp_path):
    gate = threading.Event()
    wire.script.append(say.sse(["```py\nprint('half')\n", "never"], gate=gate))
    chat.locator(".sample:visible").first.click()
    expect(pane(chat).get_by_text("print('half')").last).to_be_visible()
    chat.locator(".stop-button:visible").click()
    told = pane(chat).locator("small", has_text="Stopped.").last
    expect(told).to_be_visible()
    gate.set()
    assert not told.evaluate("e => Boolean(e.closest('pre'))")
    expect(pane(chat).locator("pre code").last).to_contain_text("print('half')")
    chat.screenshot(path=tmp_path / "stopped.png")


def test_nothing_moves_while_words_arrive_and_when_they_end(chat, wire):
    wire.script.append(say.sse([f"Word {i} of a longer line of words.\n\n" for i in range(30)]))
    chat.locator(".sample:visible").first.click()
    expect(pane(chat).get_by_text("Word 1 of").last).to_be_visible()
    chat.evaluate(SHIFTS)
    expect(chat.locator(".facts:visible")).to_contain_text("Total")
    expect(pane(chat).get_by_text("Word 29").last).to_be_visible()
    chat.wait_for_timeout(300)
    assert comes_to_its_end(chat)
    assert sum(value for value, _ in chat.evaluate("shifts")) == 0, chat.evaluate("shifts")


def test_who_scrolls_up_stays_there_and_a_button_brings_them_back(chat, wire):
    wire.script.append(say.sse([f"Line {i}.\n\n" for i in range(60)]))
    chat.locator(".sample:visible").first.click()
    expect(chat.locator(".facts:visible")).to_contain_text("Total")  # it has ended
    gate = threading.Event()
    wire.script.append(say.sse(["Second.\n\n", *(f"Next {i}.\n\n" for i in range(40))], gate=gate))
    ask_again(chat, "And then?")
    expect(pane(chat).get_by_text("Second.").last).to_be_visible()
    assert comes_to_its_end(chat), "a new question is followed"
    pane(chat).hover()
    chat.mouse.wheel(0, -600)
    newest = chat.locator(".newest:visible")
    expect(newest).to_be_visible()
    place = pane(chat).evaluate("e => e.scrollTop")
    gate.set()
    expect(chat.locator(".facts:visible")).to_contain_text("Total")
    chat.wait_for_timeout(300)
    assert pane(chat).evaluate("e => e.scrollTop") == place
    newest.click()
    assert comes_to_its_end(chat)
    expect(newest).to_have_count(0)

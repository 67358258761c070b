"""The first screen: the picture, the question and the answer are in sight on every tab, and there is little to read."""

import pytest

from tests.support.chromium import NEEDS_CHROMIUM, ask_a_sample, model_tabs, playwright
from tests.support.first_screen import in_sight, instructions, scrolled_size

playwright()
pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
SIZES = (1440, 900), (1280, 720), (390, 844)
SCHEMES = "light", "dark"
MOST_WORDS = 60
LEAST = 40  # pixels of an answer that are in sight, or all of a lower one
PARTS = {  # by the name of a tab: where the question is put, what sends it, and where the answer is
    "Florence-2": ("#tasks", "#run-task", ".linked-words .text"),
    "Compare": ("#compare-purpose", "#run-compare", ".compared"),
    "Batch": ("#batch-kind", "#batch-start", ".batch-grid li"),
}
CHAT = ".box textarea", ".box .submit-button", ".conversation .bot"
PICTURE = ":is(.viewer.blank, .viewer .frame, #batch-files)"


@pytest.mark.parametrize("width, height", SIZES)
def test_all_of_a_tab_is_in_sight_before_and_after_an_answer(visit, width, height):
    page = visit(width=width, height=height)
    found = {}
    for tab in model_tabs(page):
        tab.click()
        name = tab.inner_text()
        question, send, answer = PARTS.get(name, CHAT)
        page.locator(f"{question} >> visible=true").wait_for()
        page.wait_for_timeout(300)
        parts = [PICTURE, question, send]
        found[name, "before"] = out_of_sight(page, parts, ".answer-pane")
        ask_a_sample(page)
        found[name, "after"] = out_of_sight(page, parts, answer)
    assert not any(found.values()), {at: missing for at, missing in found.items() if missing}


def out_of_sight(page, parts, answer):
    """Return what is not in sight, in the light and in the dark, and how far the document scrolls."""
    missing = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(100)
        missing += [f"{scheme}: {part}" for part in parts if not in_sight(page, part)]
        missing += [] if in_sight(page, answer, LEAST) else [f"{scheme}: {answer}"]
        beyond = scrolled_size(page)
        missing += [f"{scheme}: the document scrolls by {beyond}"] if max(beyond) > 0 else []
    return missing


@pytest.mark.parametrize("width, height", SIZES)
def test_there_is_little_to_read_before_the_first_action(visit, width, height):
    page = visit(width=width, height=height)
    words = {}
    for tab in model_tabs(page):
        tab.click()
        page.wait_for_timeout(300)
        words[tab.inner_text()] = instructions(page)
    assert len(words) == len(set(words)) > 3
    for name, read in words.items():
        assert 3 < len(read) <= MOST_WORDS, (name, len(read), " ".join(read))


def test_the_chosen_task_is_in_sight_on_a_phone(visit):
    page = visit("?model=florence-2", width=390, height=844)
    for task in ("Caption", "Segment a region", "Read and locate"):
        page.locator("#tasks").get_by_text(task, exact=True).click()
        page.locator("#tasks .chip:has(:checked)", has_text=task).wait_for()
        page.wait_for_timeout(600)  # its fields come
        missing = [
            part
            for part in ("#tasks .chip:has(:checked)", "#run-task", PICTURE)
            if not in_sight(page, part)
        ]
        assert not missing, (task, missing)
        for field in page.locator(".composer:visible :is(input, textarea):visible").all():
            at = field.bounding_box()
            assert at["x"] >= 0 and at["x"] + at["width"] <= 390, (task, at)

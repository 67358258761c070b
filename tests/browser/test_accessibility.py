"""Everyone can use the page: an audit by axe of every tab, light and dark; phones; presenter mode; links."""

import re

import pytest

from tests.support.chromium import CHROMIUM, ask_a_sample, model_tabs

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed: see requirements-dev.txt"
)
expect = sync_api.expect
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]
SERIOUS = ("serious", "critical")
MOST_PRESSES = 5
FIRST_TAB = "Florence-2"  # it needs no key


def faults(page, dark=False):
    """What axe finds that is serious, as `rule: element` lines; in the dark, where only colours differ, by the rules of colours."""
    found = (
        axe.Axe()
        .run(page, options={"runOnly": ["color-contrast", "link-in-text-block"]} if dark else None)
        .response["violations"]
    )
    return [
        f"{fault['id']}: {node['html'][:160]}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


def in_both_schemes(page):
    """The faults in the light and in the dark, between which the page goes as the system does."""
    found = faults(page)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.locator("body.dark" if scheme == "dark" else "body:not(.dark)").wait_for()
        page.evaluate(
            "document.getAnimations().forEach(change => change.finish())"
        )  # colours fade into each other
        found += faults(page, dark=True) if scheme == "dark" else []
    return found


def test_no_tab_has_a_serious_fault(visit):
    page = visit()
    found = {}
    for tab in model_tabs(page):
        tab.click()
        page.wait_for_timeout(400)
        found[tab.inner_text()] = in_both_schemes(page)
    page.locator("#who").click()
    page.locator("#engine-panel.open").wait_for()
    page.get_by_text("Which models answer?").click()
    page.locator("#availability table").wait_for()
    found["the panel of engines"] = in_both_schemes(page)
    assert not any(found.values()), found


def test_no_answer_has_a_serious_fault(visit):
    page = visit("?model=florence-2")
    page.locator(".sample:visible").first.click()
    page.locator(".linked-words:visible .mark").first.wait_for(timeout=60_000)
    page.locator(".linked-words:visible .mark").nth(2).click()
    page.locator(".outcome:visible .files .menu summary").click()
    found = {"Export": in_both_schemes(page)}
    for view in page.locator(".views:visible [role=tab]").all():
        view.click()
        page.wait_for_timeout(1500)
        found[view.inner_text()] = in_both_schemes(page)
    assert not any(found.values()), found


def test_no_tab_with_an_answer_has_a_serious_fault(visit):
    page = visit()
    found = {}
    for tab in model_tabs(page):
        tab.click()
        ask_a_sample(page)
        page.wait_for_timeout(400)
        found[tab.inner_text()] = in_both_schemes(page)
        if page.locator(".views:visible [data-view=table]").count():
            page.locator(".views:visible [data-view=table]").click()
            page.wait_for_timeout(1000)
            found[f"{tab.inner_text()}, table"] = in_both_schemes(page)
    assert not any(found.values()), found


@pytest.mark.parametrize("width", [1400, 390])
def test_the_question_is_five_tabs_away_at_most(visit, width):
    page = visit("?model=llama-3.2-11b-vision-instruct", width=width, height=844)
    by_keys(page, ".box:visible textarea")
    page.keyboard.type("Who is it?")
    expect(page.locator(".box:visible textarea")).to_have_value("Who is it?")
    page.get_by_role("tab", name="Florence-2").click()
    for task in ("Read and locate", "Segment a region", "Find by words", "Detect objects"):
        page.locator("#tasks").get_by_text(task, exact=True).click()
        page.locator("#tasks .chip", has_text=task).and_(page.locator(":has(:checked)")).wait_for()
        page.wait_for_timeout(500)  # its fields come
        by_keys(page, "#run-task")


def by_keys(page, wanted):
    """Go there by the link that skips the tabs and the picture, with at most five presses of Tab."""
    page.evaluate("document.activeElement.blur(), getSelection().removeAllRanges()")
    page.mouse.click(2, 2)  # the keys begin at the top of the page
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    for _ in range(MOST_PRESSES):  # the first was the link
        if page.locator(wanted).evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is more than {MOST_PRESSES} presses of Tab away")


def test_the_offer_of_a_download_has_no_serious_fault(visit):
    page = visit("?model=florence-2&task=CAPTION", width=390, height=844)
    page.locator(".download:visible").get_by_text("Florence-2, 0.5 GB, MIT").wait_for()
    page.wait_for_timeout(1000)  # the choice of the task fades in
    assert not in_both_schemes(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_no_tab_scrolls_sideways(visit):
    page = visit(width=390, height=844)
    for width, scheme in ((390, "light"), (390, "dark"), (820, "light"), (2560, "light")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        for tab in model_tabs(page):
            tab.click()
            page.wait_for_timeout(150)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (
                width,
                tab.inner_text(),
            )
        at = page.locator("main").first.bounding_box()
        assert at["x"] == pytest.approx(width - at["x"] - at["width"], abs=8), (
            width,
            "not in the middle",
        )


def test_a_presenter_steps_by_arrow_keys(visit):
    page = visit("?present=1")
    bar = page.locator(".presenter [role=status]")
    expect(bar).to_have_text("Press → to begin")
    page.keyboard.press("ArrowRight")
    expect(bar).to_contain_text("Read a sign")
    page.locator(".linked-words:visible .mark").first.wait_for(timeout=60_000)
    assert not page.locator("#key-box").is_visible()
    page.keyboard.press("ArrowRight")
    page.locator("#result polygon.solid").first.wait_for(state="attached", timeout=60_000)
    page.keyboard.press("ArrowLeft")
    expect(bar).to_contain_text("1 /")


@pytest.mark.parametrize("query, tab, shown", [
    ("?model=florence-2&task=OPEN_VOCABULARY_DETECTION", "Florence-2", "#tasks .chip:has(:checked):has-text('Find by words')"),
    ("?model=kosmos-2&example=99", "Kosmos-2", ".box textarea"),
    ("?model=%3Cscript%3E&task=%3Cscript%3E&example=x", FIRST_TAB, "#tasks"),
])  # fmt: skip
def test_a_link_without_a_sample_opens_its_tab_and_asks_nothing(visit, query, tab, shown):
    page = visit(query)
    expect(page.get_by_role("tab", selected=True).first).to_have_text(tab)
    page.locator(f"{shown} >> visible=true").wait_for()
    page.wait_for_timeout(1000)
    assert page.locator(".conversation .bot, .stage img").count() == 0
    assert not any(page.locator(".box textarea").evaluate_all("all => all.map(e => e.value)"))


def test_a_link_to_a_sample_asks_it_once_and_going_back_asks_nothing(visit):
    page = visit("?model=llama-3.2-11b-vision-instruct&example=2")
    expect(page.get_by_role("tab", selected=True).first).to_have_text("Llama 3.2 Vision")
    question = page.locator(".conversation:visible .user")
    expect(question.last).to_contain_text("Where does each trail lead, and how far is it?")
    page.locator(".conversation:visible .bot").first.wait_for(timeout=60_000)
    page.get_by_role("tab", name="DePlot").click()
    expect(page).to_have_url(re.compile(r"model=deplot$"))
    page.go_back()
    expect(page.get_by_role("tab", selected=True).first).to_have_text("Llama 3.2 Vision")
    page.wait_for_timeout(1500)
    assert page.locator(".conversation:visible .bot").count() == 1


def test_the_address_names_a_sample_with_its_task_and_going_back_chooses_it(visit):
    page = visit("?model=florence-2&task=OD")
    page.locator(".sample:visible").nth(1).click()
    sampled = re.compile(r"\?model=florence-2&task=OPEN_VOCABULARY_DETECTION&example=2$")
    expect(page).to_have_url(sampled)
    expect(page.get_by_label("Find by words", exact=True)).to_be_checked()
    page.get_by_label("Detect objects", exact=True).check(force=True)
    expect(page).to_have_url(re.compile(r"model=florence-2&task=OD$"))
    page.go_back()
    expect(page).to_have_url(sampled)
    expect(page.get_by_label("Find by words", exact=True)).to_be_checked()


def test_a_link_opens_the_task_and_its_example(visit):
    page = visit("?model=florence-2&example=2")
    expect(page.locator("#words textarea")).to_have_value("total")
    expect(page.get_by_label("Find by words", exact=True)).to_be_checked()
    page.locator("#result .stage img").wait_for()
    page.locator("#result polygon").first.wait_for(state="attached", timeout=60_000)

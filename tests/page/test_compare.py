"""Several models at once: how each is asked, how far they agree, lanes that do not wait for each other."""

import asyncio
import math
import random
import threading

import gradio as gr
import pytest

from tests.browser.test_in_browser import KEY, use_key
from tests.conftest import CHROMIUM, finished
from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from ui.core.session import Visitor, registry
from ui.state.comparison import MOST, Comparison, as_html, questions, seats, sentence, usual
from ui.tabs.compare import EXAMPLES, CompareTab
from vlm_backends import CATALOGUE, BadPrompt, Embedded, Region, find_model
from vlm_backends.intents import ASK, DESCRIBE, FIND, INTENTS, READ, supports, write_prompt
from vlm_backends.media import images
from vlm_backends.media.geometry import corners
from vlm_backends.media.matching import agreement, iou

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
LLAMA, NEVA, FLORENCE = (
    "meta/llama-3.2-11b-vision-instruct",
    "nvidia/neva-22b",
    "microsoft/florence-2",
)
KNOWN = Visitor(KEY)


# how each is asked


@pytest.mark.parametrize("id, purpose, words, text, task", [
    (FLORENCE, READ, "", "<OCR_WITH_REGION>", "<OCR_WITH_REGION>"),
    (FLORENCE, FIND, "cat, dog", "<OPEN_VOCABULARY_DETECTION>cat, dog", "<OPEN_VOCABULARY_DETECTION>"),
    (FLORENCE, DESCRIBE, "", "<MORE_DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"),
    (FLORENCE, ASK, "a {dog}", "<CAPTION_TO_PHRASE_GROUNDING>a {dog}", "<CAPTION_TO_PHRASE_GROUNDING>"),
    ("google/paligemma", FIND, "cat, dog", "detect cat ; dog", None),
    ("google/deplot", READ, "", "Generate underlying data table of the figure below:", None),
    (LLAMA, ASK, " Who? ", "Who?", None),
])  # fmt: skip
def test_each_model_is_asked_in_its_own_grammar(id, purpose, words, text, task):
    said, found = write_prompt(find_model(id), purpose, words)
    assert said == text and (found.token if found else None) == task


@pytest.mark.parametrize("id, purpose, words", [
    (LLAMA, ASK, ""), (LLAMA, ASK, "  "), (FLORENCE, FIND, ""), ("google/deplot", ASK, "x"), ("google/deplot", DESCRIBE, ""),
])  # fmt: skip
def test_what_cannot_be_asked_is_a_sentence(id, purpose, words):
    with pytest.raises(BadPrompt):
        write_prompt(find_model(id), purpose, words)


def test_every_model_joins_something_and_every_purpose_has_models():
    assert all(any(supports(model, purpose) for purpose in INTENTS) for model in CATALOGUE)
    assert all(sum(supports(model, purpose) for model in CATALOGUE) > 3 for purpose in INTENTS)


# how far they agree


def polygon(seed):
    """A star-shaped outline, which does not cross itself."""
    dice = random.Random(seed)
    x, y = dice.uniform(0.3, 0.7), dice.uniform(0.3, 0.7)
    angles = sorted(dice.uniform(0, 2 * math.pi) for _ in range(dice.randint(3, 9)))
    return tuple(
        (x + dice.uniform(0.05, 0.3) * math.cos(a), y + dice.uniform(0.05, 0.3) * math.sin(a))
        for a in angles
    )


@pytest.mark.parametrize("seed", range(30))
def test_iou_is_symmetric_within_bounds_and_one_for_itself(seed):
    one, other = polygon(seed), polygon(seed + 1000)
    assert iou(one, one) == pytest.approx(1)
    assert 0 <= iou(one, other) <= 1 and iou(one, other) == pytest.approx(iou(other, one))


@pytest.mark.parametrize("one, other, expected", [
    ((0, 0, 1, 1), (0, 0, 1, 1), 1), ((0, 0, 1, 1), (0, 0, 0.5, 1), 0.5), ((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), 0),
    ((0, 0, 0.4, 0.4), (0.2, 0.2, 0.6, 0.6), 0.04 / 0.28), ((0, 0, 0, 1), (0, 0, 0, 1), 0), ((0.1, 0.1, 0.1, 0.1), (0, 0, 1, 1), 0),
])  # fmt: skip
def test_iou_of_boxes(one, other, expected):
    assert iou(corners(one), corners(other)) == pytest.approx(expected)


def test_what_two_answers_have_in_common():
    cat, dog, far = corners((0, 0, 0.5, 0.5)), corners((0.5, 0.5, 1, 1)), corners((0.8, 0, 1, 0.2))
    ones = (Region("the cat", cat), Region("dog", dog))
    found = agreement(ones, (Region("a cat", cat), Region("dog", far), Region("bird", far)))
    assert [(pair.one.label, round(pair.iou, 2)) for pair in found.pairs] == [
        ("the cat", 1.0),
        ("dog", 0.0),
    ]
    assert sentence("A", "B", found) == "A and B agree on 1 of 3 places (mean IoU 1.00)."
    assert sentence("A", "B", agreement((), ())) == "A and B agree on none of 0 places."
    shown = as_html([("<b>", "B", agreement((Region("<i>", cat),), (Region("<i>", cat),)))])
    assert "<b>" not in shown and "<i>" not in shown and "&lt;i&gt;" in shown


def round_outline(radius, corners=300):
    turns = [2 * math.pi * k / corners for k in range(corners)]
    return tuple((0.5 + radius * math.cos(turn), 0.5 + radius * math.sin(turn)) for turn in turns)


@pytest.mark.parametrize(
    "count, radius, other", [(1, 0.4, 0.2), (1, 0.3, 0.3), (9, 0.49, 0.45), (20, 0.4, 0.35)]
)
def test_outlines_of_many_corners_lose_some_and_little_of_their_overlap(count, radius, other):
    ones, others = ([Region("t", round_outline(r))] * count for r in (radius, other))
    assert agreement(ones, others).pairs[0].iou == pytest.approx((other / radius) ** 2, abs=0.02)


def test_of_thousands_of_places_the_first_are_compared_and_it_is_said():
    crowd = [Region("t", round_outline(0.4, 4))] * 2000
    found = agreement(crowd, crowd[:50])
    assert (
        len(found.pairs) == 50
        and found.places == 100
        and "The first 100 places" in sentence("A", "B", found)
    )
    assert not agreement(crowd[:100], crowd[:1]).cut


# the lanes


@pytest.fixture
def tab(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        return CompareTab(registry(Embedded()), gr.State(Visitor()))


def test_on_a_fresh_machine_there_is_somebody_to_ask():
    engines = registry(Embedded())
    for purpose in INTENTS:
        offered = seats(engines, Visitor(), purpose)
        assert usual(offered) and {seat.engine for seat in offered} <= {
            "This machine",
            "Open weights here",
        }
    assert any(seat.engine == "NVIDIA" for seat in seats(engines, KNOWN, READ))


@pytest.mark.parametrize("title, path, words, keys, said", [
    ("Read", None, "", [f"{LLAMA}@This machine"], "picture first"),
    ("Read", "sign.jpg", "", [], "at least one"),
    ("Read", "sign.jpg", "", ["no/such@NVIDIA", "x", ""], "at least one"),
    ("Find", "sign.jpg", " ", [f"{FLORENCE}@This machine"], "needs words"),
    ("Read", "CREDITS.md", "", [f"{LLAMA}@This machine"], "not a picture"),
])  # fmt: skip
def test_a_comparison_that_cannot_begin_is_a_sentence(tab, title, path, words, keys, said):
    comparison = Comparison()
    _, notice, *rest = tab.take(
        comparison, Visitor(), title, path and str(ASSETS / path), words, keys
    )
    assert (
        said in notice.replace("\\", "")
        and not comparison.waiting
        and rest == [gr.skip()] * (4 + MOST)
    )


def test_no_more_lanes_than_fit():
    offered = seats(registry(Embedded()), KNOWN, READ)
    with pytest.raises(BadPrompt, match="At most 6"):
        questions(offered[:7], READ, images.read(ASSETS / "sign.jpg"), "")


def begin(tab, *ids):
    comparison = Comparison()
    keys = [f"{id}@{engine}" for id, engine in ids]
    _, notice, *_ = tab.take(comparison, KNOWN, "Read", str(ASSETS / "sign.jpg"), "", keys)
    assert not notice
    return comparison


def test_a_slow_lane_and_a_failing_one_hold_nobody(tab, wire):
    gate = threading.Event()
    wire.script += [
        say.sse(["slow ", "end"], gate=gate),
        say.status(422, {"detail": "no such thing"}),
    ]
    comparison = begin(tab, (LLAMA, "NVIDIA"), (NEVA, "NVIDIA"), (FLORENCE, "This machine"))

    async def lane(number):
        return [
            shown async for shown in tab.stream(number, comparison, KNOWN) if isinstance(shown, str)
        ]

    async def run():
        slow = asyncio.ensure_future(lane(1))
        while not comparison.lanes[1].asked.answer.text:
            await asyncio.sleep(0.01)
        failed, here = await lane(2), await lane(0)
        assert not slow.done() and not comparison.over
        gate.set()
        return await slow, failed, here

    assert [lane.seat.model.id for lane in comparison.lanes] == [FLORENCE, LLAMA, NEVA]
    slow, failed, here = finished(run())
    assert (
        "slow end" in slow[-1] and "no such thing" in failed[-1] and "PINE RIDGE PARK" in here[-1]
    )
    places, groups = comparison.places()
    assert set(groups) == {"Florence-2 · This machine"} and len(places.regions) == len(groups) >= 6
    assert comparison.over


def test_stop_ends_all_lanes_and_keeps_the_words(tab, wire):
    wire.script += [
        say.sse(["first ", "never"], gate=threading.Event()),
        say.sse(["other ", "never"], gate=threading.Event()),
    ]
    comparison = begin(tab, (LLAMA, "NVIDIA"), (NEVA, "NVIDIA"))

    async def run():
        lanes = [asyncio.ensure_future(drain(number)) for number in range(2)]
        while not all(lane.asked.answer.text for lane in comparison.lanes):
            await asyncio.sleep(0.01)
        comparison.halt()
        await asyncio.gather(*lanes)

    async def drain(number):
        async for _ in tab.stream(number, comparison, KNOWN):
            pass

    finished(run())
    assert {lane.asked.answer.text for lane in comparison.lanes} == {"first", "other"}
    assert all("Stopped" in lane.shown() and not lane.asked.error for lane in comparison.lanes)


def test_a_second_comparison_waits(tab):
    comparison = begin(tab, (FLORENCE, "This machine"))
    _, notice, *_ = tab.take(
        comparison, KNOWN, "Read", str(ASSETS / "sign.jpg"), "", [f"{FLORENCE}@This machine"]
    )
    assert "still going" in notice


def test_every_example_can_be_asked_here(tab):
    for index, (_, _, _, also) in enumerate(EXAMPLES):
        title, path, filled, choices, _ = tab.example(index, Visitor())
        comparison = Comparison()
        _, notice, *_ = tab.take(comparison, Visitor(), title, path, filled, choices.value)
        assert not notice and {*also} <= {lane.seat.model.id for lane in comparison.lanes}


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
def test_side_by_side_in_the_browser(visit, wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    page = visit(height=900)
    use_key(page)
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-picture input[type=file]").set_input_files(ASSETS / "sign.jpg")
    boxes = page.locator("#compare-lanes input")
    boxes.first.wait_for()
    for box in page.locator("#compare-lanes label").all():
        wanted = any(
            name in box.inner_text()
            for name in ("Llama 3.2 Vision · NVIDIA", "Florence-2 · This machine")
        )
        box.locator("input").set_checked(wanted)
    wire.script.append(say.sse(["slow ", "never"], gate=threading.Event()))
    page.locator("#run-compare").click()
    slow, here = (
        page.locator(".block.lane", has_text="Llama 3.2"),
        page.locator(".block.lane", has_text="Florence-2"),
    )
    sync_api.expect(slow).to_contain_text("slow", timeout=30_000)
    sync_api.expect(here).to_contain_text("PINE RIDGE PARK", timeout=60_000)
    page.locator("#compare-viewer polygon").first.wait_for(state="attached")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        one, other = slow.bounding_box(), here.bounding_box()
        assert (one["y"] == other["y"]) == (width > 1000), (
            "columns on a wide screen, a stack on a phone"
        )
    page.locator("#stop-compare").click()
    sync_api.expect(slow).to_contain_text("Stopped")
    sync_api.expect(slow).to_contain_text("slow", timeout=30_000)

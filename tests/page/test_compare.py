"""Several models at once: how each is asked, how far they agree, lanes that do not wait for each other."""

import asyncio
import threading

import gradio as gr
import pytest

from tests.support.async_tools import finished
from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from ui.core.session import Visitor, registry
from ui.state.comparison import MOST, Comparison, questions, seats, usual
from ui.tabs.compare import EXAMPLES, CompareTab
from vlm_backends import BadPrompt, Embedded
from vlm_backends.intents import INTENTS, READ
from vlm_backends.media import images

KEY = "nvapi-canary-0123456789"

LLAMA, NEVA, FLORENCE = (
    "meta/llama-3.2-11b-vision-instruct",
    "nvidia/neva-22b",
    "microsoft/florence-2",
)
KNOWN = Visitor(KEY)


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

"""Several models at once: how each is asked, how far they agree, lanes that do not wait for each other."""

import asyncio
import threading
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.support.async_tools import finished
from tests.support.paths import ASSETS
from tests.support.updates import value_of, values_of
from tests.support.wire import replies as say
from ui.core.session import Visitor, find_engines
from ui.core.storage import store_picture
from ui.state.candidates import Candidate, candidates, default_choice
from ui.state.comparison import MOST, Comparison, ComparisonEntry, entries_for
from ui.tabs.compare import EXAMPLES, CompareTab
from vlm_backends import (
    BadPrompt,
    Chunk,
    Embedded,
    Prompt,
    Question,
    Turn,
    find_model,
    find_task,
)
from vlm_backends.intents import INTENTS, READ
from vlm_backends.media import images

KEY = "nvapi-canary-0123456789"

LLAMA, NEVA, FLORENCE = (
    "meta/llama-3.2-11b-vision-instruct",
    "nvidia/neva-22b",
    "microsoft/florence-2",
)
BOTH = "Built-in tools (PP-OCRv6), for Florence-2 and Llama 3.2 Vision"
KNOWN = Visitor(KEY)


@pytest.fixture
def tab(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        return CompareTab(find_engines(Embedded()), gr.State(Visitor()))


def test_on_a_fresh_machine_there_is_somebody_to_ask():
    engines = find_engines(Embedded())
    for purpose in INTENTS:
        offered = candidates(engines, Visitor(), purpose)
        assert default_choice(offered) and {one.engine for one in offered} <= {
            "Built-in tools",
            "Open weights here",
        }
    assert any(one.engine == "NVIDIA" for one in candidates(engines, KNOWN, READ))


@pytest.mark.parametrize("title, path, words, keys, said", [
    ("Read", None, "", [f"{LLAMA}@Built-in tools"], "picture first"),
    ("Read", "sign.jpg", "", [], "at least one"),
    ("Read", "sign.jpg", "", ["no/such@NVIDIA", "x", ""], "at least one"),
    ("Find", "sign.jpg", " ", [f"{FLORENCE}@Built-in tools"], "needs words"),
])  # fmt: skip
def test_a_comparison_that_cannot_begin_is_a_sentence(tab, title, path, words, keys, said):
    comparison = Comparison(given=path and store_picture(ASSETS / path))
    taken = tab.take(comparison, Visitor(), title, 1, words, keys)
    _, notice, *rest = values_of(taken, tab.taken)
    assert (
        said in notice.replace("\\", "")
        and not comparison.busy
        and rest == [gr.skip()] * (4 + MOST)
    )


def test_no_more_lanes_than_fit():
    offered = candidates(find_engines(Embedded()), KNOWN, READ)
    with pytest.raises(BadPrompt, match="At most 6"):
        entries_for(offered[:7], READ, images.read(ASSETS / "sign.jpg"), "")


def begin(tab, *ids):
    comparison = Comparison(given=store_picture(ASSETS / "sign.jpg"))
    keys = [f"{id}@{engine}" for id, engine in ids]
    taken = tab.take(comparison, KNOWN, "Read", 1, "", keys)
    notice = value_of(taken, tab.notice)
    assert not notice
    return comparison


def test_a_slow_lane_and_a_failing_one_hold_nobody(tab, wire):
    gate = threading.Event()
    wire.script += [
        say.sse(["slow ", "end"], gate=gate),
        say.status(422, {"detail": "no such thing"}),
    ]
    comparison = begin(tab, (LLAMA, "NVIDIA"), (NEVA, "NVIDIA"), (FLORENCE, "Built-in tools"))

    async def lane(number):
        return [
            shown
            async for shown in tab.handlers.stream(number, comparison, KNOWN)
            if isinstance(shown, str)
        ]

    async def run():
        slow = asyncio.ensure_future(lane(1))
        while not comparison.entries[1].reply.answer.text:
            await asyncio.sleep(0.01)
        failed, here = await lane(2), await lane(0)
        assert not slow.done() and not comparison.complete
        gate.set()
        return await slow, failed, here

    assert [entry.candidate.model.id for entry in comparison.entries] == [FLORENCE, LLAMA, NEVA]
    slow, failed, here = finished(run())
    assert (
        "slow end" in slow[-1] and "no such thing" in failed[-1] and "PINE RIDGE PARK" in here[-1]
    )
    places, groups = comparison.places()
    assert set(groups) == {"Built-in tools (PP-OCRv6)"} and len(places.regions) == len(groups) >= 6
    assert comparison.complete


def test_stop_ends_all_lanes_and_keeps_the_words(tab, wire):
    wire.script += [
        say.sse(["first ", "never"], gate=threading.Event()),
        say.sse(["other ", "never"], gate=threading.Event()),
    ]
    comparison = begin(tab, (LLAMA, "NVIDIA"), (NEVA, "NVIDIA"))

    async def run():
        lanes = [asyncio.ensure_future(drain(number)) for number in range(2)]
        while not all(entry.reply.answer.text for entry in comparison.entries):
            await asyncio.sleep(0.01)
        comparison.stop()
        await asyncio.gather(*lanes)

    async def drain(number):
        async for _ in tab.handlers.stream(number, comparison, KNOWN):
            pass

    finished(run())
    assert {entry.reply.answer.text for entry in comparison.entries} == {"first", "other"}
    assert all(
        "Stopped" in entry.markdown() and not entry.reply.failure for entry in comparison.entries
    )


def test_a_second_comparison_waits(tab):
    comparison = begin(tab, (FLORENCE, "Built-in tools"))
    taken = tab.take(comparison, KNOWN, "Read", 1, "", [f"{FLORENCE}@Built-in tools"])
    notice = value_of(taken, tab.notice)
    assert "still going" in notice


def test_every_example_can_be_asked_here(tab):
    for index, (_, _, _, also) in enumerate(EXAMPLES):
        comparison = Comparison()
        loaded = tab.load_sample(comparison, Visitor(), SimpleNamespace(index=index))
        words, chosen = loaded[tab.words], loaded[tab.chosen].value
        taken = tab.take(comparison, Visitor(), loaded[tab.intent], 1, words, chosen)
        notice = value_of(taken, tab.notice)
        assert not notice and {*also} <= {entry.candidate.model.id for entry in comparison.entries}


def test_one_reader_under_two_names_is_asked_once_and_agrees_with_nobody(tab):
    comparison = begin(tab, (FLORENCE, "Built-in tools"), (LLAMA, "Built-in tools"))
    (entry,) = comparison.entries

    async def run():
        watched = [update async for update in tab.handlers.watch(comparison)]
        return watched[-2][tab.agreement]

    async def both():
        watching = asyncio.ensure_future(run())
        async for _ in tab.handlers.stream(0, comparison, KNOWN):
            pass
        return await watching

    shown = finished(both())
    assert entry.title == BOTH and entry.reply.answer.regions
    assert shown.count(BOTH) == 1 and "one answer only" in shown and "agree on" not in shown


def test_the_table_comes_at_the_end_also_without_a_place(tab, wire):
    gate = threading.Event()
    wire.script += [say.sse(["north south"]), say.sse(["north"], gate=gate)]
    comparison = begin(tab, (LLAMA, "NVIDIA"), (NEVA, "NVIDIA"))

    async def drain(number):
        async for _ in tab.handlers.stream(number, comparison, KNOWN):
            pass

    async def run():
        updates = tab.handlers.watch(comparison)
        lanes = [asyncio.ensure_future(drain(number)) for number in range(2)]
        first = await anext(updates)
        gate.set()
        rest = [update async for update in updates]
        await asyncio.gather(*lanes)
        return first, rest

    first, rest = finished(run())
    assert not isinstance(first.get(tab.agreement), str)
    (shown,) = [update[tab.agreement] for update in rest if tab.agreement in update]
    assert "50% of 2 words" in shown and "100% of 1 word" in shown
    assert not any(tab.viewer in update for update in rest)


@pytest.mark.parametrize(
    "token, words, asked",
    [
        ("<OCR_WITH_REGION>", "", "Asked: “Read and locate”"),
        ("<OPEN_VOCABULARY_DETECTION>", "total", "Asked: “Find by words: total”"),
        ("", "What is it?", "Asked: “What is it?”"),
    ],
)
def test_what_was_asked_is_named_without_the_model_s_tokens(token, words, asked):
    florence = find_model("microsoft/florence-2")
    question = Question(
        florence, Prompt((Turn("user", token + words),)), find_task(token) if token else None
    )
    entry = ComparisonEntry(Candidate(florence, "Built-in tools"), question)
    entry.reply.engine, entry.reply.chunk = Embedded(), Chunk("words", literal=True)
    entry.end()
    shown = entry.markdown().replace("\\", "")
    assert asked in shown and "<O" not in shown

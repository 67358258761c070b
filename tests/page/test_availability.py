"""The table of models and engines on the page."""

from dataclasses import replace
from html.parser import HTMLParser

import gradio as gr
import pytest

from tests.support.availability import LLAMA, NOW, NOWHERE, shown_table
from ui.components.availability_table import AvailabilityTable
from ui.core.session import EngineRegistry, Visitor, find_engines
from ui.state.availability import columns, summary
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    Embedded,
    Local,
    OpenAI,
)
from vlm_backends.engines.base import Observation

KEY, OTHER = "nvapi-canary-0123456789", "nvapi-second-0123456789"


class Cells(HTMLParser):
    """The texts of a table's rows, and every tag that was seen."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self.caption = [], set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.here = tag
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            assert tag == "td" or dict(attributes)["scope"] in ("row", "col")

    def handle_data(self, data):
        if self.here == "caption":
            self.caption += data
        elif self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_a_stranger_on_a_fresh_machine_learns_what_to_do(journal):
    html = shown_table(EngineRegistry((Embedded(), NVIDIA(""))), Visitor(), journal, NOW)[1]
    table = Cells(html)
    head, *rows = table.rows
    assert (
        head
        == [
            "Model",
            "Built-in tools",
            "NVIDIA",
            "Open weights here",
            "Your server",
            "To have it answer",
        ]
        and table.caption
    )
    assert [row[0] for row in rows] == [model.title for model in CATALOGUE] and {
        len(row) for row in rows
    } == {len(head)}
    ways = {row[0]: row[-1] for row in rows}
    assert ways["Llama 3.2 Vision"].startswith(
        "an NVIDIA key, or 21.3 GB of open weights (licence to accept)"
    )
    assert ways["DePlot"].startswith("1.1 GB of open weights") and "key" not in ways["DePlot"]
    assert (
        ways["Phi-3.5 Vision"].startswith("a server with")
        and "perhaps an NVIDIA key" in ways["Phi-3.5 Vision"]
    )
    assert ways["Nemotron 3 Omni"].startswith("an NVIDIA key") and "llava" in ways["NeVA"]
    for told in (
        "build.nvidia.com",
        "pip install -r requirements-local.txt",
        "VLM_ENGINE=local",
        "VLM_BASE_URL=",
        "hf auth login",
    ):
        assert told in html
    assert rows[0][3].startswith("not installed 21.3 GB, licence to accept") and rows[0][
        4
    ].startswith("not set up")


@pytest.mark.parametrize("engines, visitor, line", [
    ((Embedded(), NVIDIA("")), Visitor(), "Built-in tools: all 8 in part; NVIDIA needs a key"),
    ((NVIDIA(KEY), Embedded()), Visitor(), "NVIDIA: 3 unproven, 3 withdrawn, 2 seen live; Built-in tools: all 8 in part"),
    ((Embedded(), NVIDIA("")), Visitor(KEY), "Built-in tools: all 8 in part; NVIDIA: 3 unproven, 3 withdrawn, 2 seen live"),
])  # fmt: skip
def test_the_summary_is_one_line(journal, engines, visitor, line):
    found = summary(columns(EngineRegistry(engines).engines_for(visitor), journal, NOW))
    assert sorted(found.replace(": ", ", ").split(", ")) == sorted(
        line.replace(": ", ", ").split(", ")
    )


def test_what_is_at_hand_is_not_advised(journal):
    html = shown_table(
        EngineRegistry((NVIDIA(KEY), Local(downloads=True), OpenAI(NOWHERE), Embedded())),
        Visitor(),
        journal,
        NOW,
    )[1]
    assert (
        "build.nvidia.com" not in html
        and "pip install" not in html
        and "VLM_BASE_URL" not in html
        and "VLM_ENGINE" not in html
    )
    assert (
        "hf download"
        in shown_table(EngineRegistry((Local(), NVIDIA(""))), Visitor(), journal, NOW)[1]
    )


@pytest.mark.parametrize(
    "wicked",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</td></table><b>",
        "&lt;script&gt;",
    ],
)
def test_hostile_words_are_letters(wicked, journal, monkeypatch):
    class Odd(Embedded):
        def capability(self, model, task=None):
            return replace(super().capability(model, task), summary=wicked)

    class Stranger(Odd):
        pass

    other = Stranger(wicked)
    journal.add_call(other, LLAMA, Observation("gone", NOW, since=wicked))
    journal.add_call(NVIDIA(KEY), LLAMA, Observation("gone", NOW, since=wicked))
    html = shown_table(
        EngineRegistry((Odd(wicked), other, NVIDIA(KEY), OpenAI(f"http://{wicked}@h{wicked}/"))),
        Visitor(),
        journal,
        NOW,
    )[1]
    table = Cells(html)
    assert (
        not table.tags & {"script", "img"}
        and table.rows[0][1] == wicked
        and len({len(row) for row in table.rows}) == 1
    )
    monkeypatch.setenv("NVIDIA_BASE_URL", wicked)
    assert (
        "<script"
        not in (
            sentence := shown_table(EngineRegistry((NVIDIA(""),)), Visitor(KEY), journal, NOW)[1]
        )
        and "NVIDIA_BASE_URL" in sentence
    )


def test_nothing_is_asked_when_the_page_is_built_or_shown(wire, journal):
    server, nvidia = OpenAI(f"{wire.url}/v1"), NVIDIA(KEY, wire.url)
    with gr.Blocks():
        shown = AvailabilityTable(EngineRegistry((nvidia, server, Embedded())), gr.State(Visitor()))
        assert not wire.seen
        shown.redraw_after(gr.Button().click(lambda: None))
    box, html = shown.show(Visitor())
    assert {seen.route for seen in wire.seen} == {"models"} and len(wire.seen) == 1, (
        "the server's list, as each tab asks for it"
    )
    assert box.label.startswith("Which models answer? NVIDIA:") and "<table>" in html
    shown.check(Visitor())
    assert not wire.asked("chat") and all(seen.token is None for seen in wire.asked("model"))


def test_a_setting_that_cannot_be_met_is_a_sentence(journal, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", "127.0.0.1:8808")
    with gr.Blocks():
        shown = AvailabilityTable(find_engines(Embedded()), gr.State(Visitor()))
    for box, html in (shown.show(Visitor(KEY)), shown.check(Visitor(KEY))):
        assert box.label == "Which models answer?" and "NVIDIA_BASE_URL" in html and KEY not in html


def test_its_events_are_private_and_take_no_key_but_the_visitors_state(journal):
    with gr.Blocks() as page:
        AvailabilityTable(find_engines(Embedded()), gr.State(Visitor()))
    assert page.fns and all(function.api_visibility == "private" for function in page.fns.values())
    assert all(
        isinstance(block, gr.State) for function in page.fns.values() for block in function.inputs
    )

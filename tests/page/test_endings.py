"""How replies end on the page, in the API, the batch, the terminal and a data set: thoughts are folded, early ends are told."""

import csv
import json
from contextlib import nullcontext

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import ui
from tests.support.async_tools import gather
from tests.support.paths import ASSETS
from tests.support.ports import launch_page
from tests.support.sloppy_streams import END, SSE, delta, stream
from tests.support.updates import value_of
from tests.support.wire import Wire
from tests.support.wire import replies as say
from ui.core.session import Visitor, find_engines
from ui.state.batch import Batch, grid
from ui.state.candidates import Candidate
from ui.state.comparison import ComparisonEntry
from ui.state.conversation import Conversation
from ui.state.rendering import THOUGHT_TITLE, folded_thought, nothing_found, waiting
from ui.state.replies import follow
from ui.tabs.batch import BatchTab
from ui.tabs.chat import ChatTab
from vlm_backends import NVIDIA, Answer, Embedded, Prompt, Question, Turn, find_model, read
from vlm_backends.annotate.command import main as annotate
from vlm_backends.annotate.jsonl import entries
from vlm_backends.cli import ask_main
from vlm_backends.endings import describe_ending

KEY = "nvapi-canary-0123456789"
LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
THOUGHT = [
    delta(reasoning_content="The user asks "),
    delta(reasoning_content="about <b>the sign</b>."),
    delta("It says STOP."),
    END,
]
CUT = [delta("The picture shows a"), delta("", "length")]


def said(*payloads):
    return say.status(200, stream(*payloads), SSE)


@pytest.fixture(scope="module")
def service():
    with Wire() as wire:
        yield wire


@pytest.fixture(scope="module")
def tab(service):
    with pytest.MonkeyPatch.context() as patch, gr.Blocks():
        patch.setenv("NVIDIA_BASE_URL", service.url)
        return ChatTab(LLAMA, find_engines(Embedded()), gr.State(Visitor()))


@pytest.fixture
def chat(service, tab, monkeypatch):
    """Return a function that asks in the chat: what it shows while the answer comes, and at the end."""
    monkeypatch.setenv("NVIDIA_BASE_URL", service.url)
    service.script.clear()

    def ask(*payloads):
        service.script.append(said(*payloads))
        talk = Conversation()
        tab.handlers.take(talk, {"text": "What?", "files": [ASSETS / "cat.jpg"]})
        live = gather(tab.handlers.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
        shown = value_of(tab.handlers.finish(talk, Visitor()), tab.chatbot)
        return live, [message for message in shown if message["role"] == "assistant"], talk

    return ask


def test_a_thought_is_folded_and_labelled_before_the_answer(chat):
    _, (thought, answer), talk = chat(*THOUGHT)
    assert thought["metadata"] == {"title": THOUGHT_TITLE, "status": "done"}
    assert "about" in thought["content"] and "<b>" not in thought["content"]
    assert (
        answer["content"].startswith("It says STOP.")
        and "asks" not in answer["content"]
        and "metadata" not in answer
    )
    assert talk.turns[-1].text == "It says STOP.", "the model is not sent its thoughts"
    assert talk.result.to_dict()["thought"] == "The user asks about <b>the sign</b>."


@pytest.mark.parametrize("payloads, thought, words, told", [
    (CUT, "", "The picture shows a", "cut off"), ([delta("<think>hm</think>Yes."), delta("", "content_filter")], "hm", "Yes.", "content filter"),
    ([delta(refusal="I cannot help.")], "", "I cannot help.", "declined"), ([delta("One"), delta("", "abort")], "", "One", "abort"),
    ([delta(reasoning_content="hm"), delta("", "length")], "hm", "", "before it said anything"), ([delta(reasoning_content="hm")], "hm", "", "only thought"),
    ([delta("hm\n</think>\n\n")], "hm", "", "only thought"), ([], "", "", "without a word"), ([delta("", "content_filter")], "", "", "content filter"),
    ([delta(None, tool_calls=[{}]), delta("", "tool_calls")], "", "", "call a tool"),
], ids=range(10))  # fmt: skip
def test_the_chat_says_how_a_reply_ended(chat, payloads, thought, words, told):
    _, shown, talk = chat(*payloads)
    *before, last = shown
    assert [message["content"] for message in before] == [thought] * bool(thought)
    assert last["content"].startswith(words) and told in last["content"].replace("\\", "")
    assert bool(talk.turns) == bool(words) and "Stopped" not in last["content"]


@pytest.mark.parametrize(
    "error", [{"error": {"message": "worker died"}}, {"title": "Oops", "detail": "worker died"}]
)
def test_the_words_and_the_thought_before_an_error_stay(chat, error):
    _, (thought, answer, told), talk = chat(delta(reasoning_content="hm"), delta("Half an"), error)
    assert (thought["content"], talk.turns[-1].text) == ("hm", "Half an") and answer[
        "content"
    ].startswith("Half an")
    assert "worker died" in told["content"]


def test_a_thought_is_counted_while_it_comes():
    assert waiting(Answer("", thought="one two three")) == "*Thinking: 3 words so far.*"
    assert waiting(Answer("", thought="a " * 1234)) == "*Thinking: 1,234 words so far.*"
    assert waiting(Answer("", status="Looking…")) == "*Looking…*" and waiting(Answer("")) == ""


@pytest.mark.parametrize("answer, nothing", [
    (Answer("", note="By X."), True), (Answer("", finish="length", note="By X. Cut."), False), (Answer("", thought="hm", note="By X. It only thought."), False),
    (Answer("", finish="content_filter"), False), (Answer(""), True),
])  # fmt: skip
def test_nothing_found_is_said_only_of_an_answer_that_says_so(answer, nothing):
    assert ("Nothing was found" in nothing_found(answer)) == nothing
    assert answer.note.replace(".", "\\.") in nothing_found(answer)


@pytest.mark.parametrize(
    "thought",
    ["hm", "a\n\n</details><img src=x>\n\n```\ncode", "# head\n<script>x</script>", "* a\n* b"],
)
def test_a_folded_thought_holds_no_markup_of_its_own(thought):
    folded = folded_thought(Answer("", thought=thought))
    assert folded.startswith(
        f"<details><summary>{THOUGHT_TITLE}</summary>\n\n"
    ) and folded.endswith("\n\n</details>")
    inside = folded.partition("</summary>")[2].removesuffix("</details>").replace("\\<", "")
    assert "<" not in inside and "```" not in inside


def test_a_comparison_folds_the_thought_and_says_the_end(wire):
    wire.script.append(said(*THOUGHT[:2], *CUT))
    engine = NVIDIA(KEY, wire.url)
    prompt = Prompt((Turn("user", "What?", (read(ASSETS / "cat.jpg"),)),), LLAMA.sampling)
    entry = ComparisonEntry(Candidate(LLAMA, engine.name, "", True), Question(LLAMA, prompt))
    entry.claim()
    gather(follow(entry.reply, engine, nullcontext()))
    entry.end()
    shown = entry.markdown()
    assert (
        shown.index("cut off")
        < shown.index("</summary>")
        < shown.index(THOUGHT_TITLE)
        < shown.index("The user asks")
        < shown.index("The picture shows a")
    )


@pytest.mark.slow
def test_the_api_carries_thought_and_finish(wire):
    wire.script += [
        said(*THOUGHT),
        said(*THOUGHT[:2], *CUT),
        said(delta("Half"), {"error": "worker died"}),
        said(delta(reasoning_content="hm")),
    ]
    page = ui.build(NVIDIA(KEY, wire.url))
    client = Client(launch_page(page, **ui.settings()), verbose=False)

    def call():
        return client.submit(
            model=LLAMA.id,
            prompt="What?",
            image=handle_file(str(ASSETS / "cat.jpg")),
            api_name="/chat",
        )

    try:
        *_, (text, _, details) = call()
        assert (text, details["thought"], details["finish"]) == (
            "It says STOP.",
            "The user asks about <b>the sign</b>.",
            "",
        )
        *_, (text, _, details) = call()
        assert (text, details["finish"]) == (
            "The picture shows a",
            "length",
        ) and "cut off" in details["note"]
        job = call()
        assert {text for text, *_ in job} <= {"Half"}
        with pytest.raises(AppError, match="worker died"):
            job.result()
        *_, (text, _, details) = call()
        assert (text, details["thought"]) == ("", "hm") and "only thought" in details["note"]
    finally:
        client.close()
        page.close()


def test_a_batch_says_how_each_ended(wire, monkeypatch, tmp_path):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    for number in range(5):
        Image.new("RGB", (40, 30), (number * 20, 90, 120)).save(tmp_path / f"{number}.png")
    wire.script += [
        said(*CUT),
        said(delta("Half"), {"error": "worker died"}),
        said(delta(reasoning_content="hm")),
        said(delta("STOP"), END),
        said(delta("", "content_filter")),
    ]
    with gr.Blocks():
        tab = BatchTab(find_engines(Embedded()), gr.State(Visitor()))
    batch = Batch()
    tab.take(batch, [str(path) for path in sorted(tmp_path.glob("*.png"))], LLAMA.id, "What?")
    gather(tab.stream(batch, Visitor(KEY)))
    shown = grid(batch)
    assert (
        shown.count("cut off")
        == shown.count("only thought")
        == shown.count("content filter")
        == shown.count("worker died")
        == 1
    )
    assert (
        sum(bool(record.error) for record in batch.records.values()) == 1
        and "Nothing was found" not in shown
    )


def test_a_data_set_carries_thought_and_finish_and_counts_errors(wire, monkeypatch, tmp_path):
    monkeypatch.setenv("NVIDIA_API_KEY", KEY)
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    for number in range(4):
        Image.new("RGB", (40, 30), (number * 20, 90, 120)).save(tmp_path / f"{number}.png")
    replies = (
        said(*THOUGHT),
        said(*CUT),
        said(delta("Half"), {"detail": "worker died"}),
        said(delta(reasoning_content="hm"), delta("", "length")),
    )
    wire.script += replies
    out = tmp_path / "out.jsonl"
    options = [
        str(tmp_path),
        "--prompt",
        "What?",
        "--out",
        str(out),
        "--csv",
        str(tmp_path / "out.csv"),
        "--parallel",
        "1",
    ]
    assert annotate(options) == 3, "one failed"
    lines = {line["text"]: line for line in entries(out)}
    assert (
        lines["It says STOP."]["thought"].startswith("The user asks")
        and lines["It says STOP."]["finish"] == ""
    )
    assert (
        lines["The picture shows a"]["finish"] == lines[""]["finish"] == "length"
        and lines[""]["thought"] == "hm"
    )
    assert (
        "cut off" in lines["The picture shows a"]["note"]
        and "before it said anything" in lines[""]["note"]
    )
    assert (
        "worker died" in lines["Half"]["error"]
        and sum(bool(line["error"]) for line in lines.values()) == 1
    )
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8-sig", newline="")))
    assert sorted(row["finish"] for row in rows) == ["", "", "length", "length"]
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    old = [
        {name: line[name] for name in line if name not in ("thought", "finish")}
        for line in kept
        if not line["error"]
    ]
    out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in old))
    wire.script.append(said(delta("Whole"), END))
    assert annotate(options) == 0, "a file of an older version is gone on with"
    assert {line["text"] for line in entries(out)} == {
        "It says STOP.",
        "The picture shows a",
        "",
        "Whole",
    }


@pytest.mark.parametrize("payloads, status, printed, told", [
    (CUT, 0, "The picture shows a\n", "cut off"), (THOUGHT, 0, "It says STOP.\n", "Answered by"), ([delta(reasoning_content="hm")], 0, "\n", "only thought"),
    ([delta("Half"), {"error": "worker died"}], 1, "Half", "worker died"), ([delta("5 "), delta("<"), END], 0, "5 <\n", "Answered by"), ([delta(refusal="No.")], 0, "No.\n", "declined"),
])  # fmt: skip
def test_the_terminal_says_how_a_reply_ended(
    wire, monkeypatch, capsys, payloads, status, printed, told
):
    monkeypatch.setenv("NVIDIA_API_KEY", KEY)
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(said(*payloads))
    assert ask_main([LLAMA.id, str(ASSETS / "cat.jpg")]) == status
    out, err = capsys.readouterr()
    assert out == printed and told in err and "hm" not in out


@pytest.mark.parametrize(
    "answer", [Answer("x"), Answer("", regions=(("x", ()),)), Answer("x", thought="y")]
)
def test_the_usual_end_of_words_needs_no_sentence(answer):
    assert describe_ending(answer) == ""

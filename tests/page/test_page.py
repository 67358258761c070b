"""The page: its handlers as plain generators, and one run per kind of tab through a real server and client."""

import asyncio
import json
import os
import threading
import time
from types import SimpleNamespace

import gradio as gr
import pandas as pd
import pytest

import ui
from tests.support.async_tools import finished, gather
from tests.support.paths import ASSETS
from tests.support.updates import value_of, values_of
from tests.support.wire import replies as say
from ui.components.engine_panel import EnginePanel
from ui.core.gradio_compat import posted
from ui.core.session import EngineRegistry, Visitor, find_engines
from ui.state.conversation import Conversation, read_message, sampling
from ui.state.engine_choices import choices_for
from ui.tabs.chat import ChatTab
from ui.tabs.task import EXAMPLES
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    BadPrompt,
    Embedded,
    OpenAI,
    find_model,
)
from vlm_backends.engines import openai
from vlm_backends.engines.base import Observation

KEY = "nvapi-canary-0123456789"
LLAMA = "meta/llama-3.2-11b-vision-instruct"


def tab(model_id=LLAMA):
    with gr.Blocks():
        return ChatTab(find_model(model_id), find_engines(Embedded()), gr.State(Visitor()))


def panel_of(engines):
    with gr.Blocks():
        return EnginePanel(engines)


def option(engines, visitor, model, name):
    """The option of this engine for a model, as the panel shows it."""
    return next(each for each in choices_for(engines, visitor, model) if each.name == name)


def test_a_message_without_a_picture_is_refused_and_stays():
    with pytest.raises(BadPrompt, match="picture first"):
        read_message({"text": "hi", "files": []}, Conversation(), find_model(LLAMA))
    with pytest.raises(BadPrompt, match="one picture"):
        read_message(
            {"text": "", "files": [ASSETS / "cat.jpg"] * 2}, Conversation(), find_model(LLAMA)
        )


def test_what_is_posted_is_what_gradio_would_make_of_it():
    with gr.Blocks():
        parts = [
            gr.State(),
            gr.Markdown(),
            gr.DownloadButton(),
            gr.Button(),
            gr.Chatbot(),
            gr.MultimodalTextbox(),
            gr.JSON(),
        ]
    path = str(ASSETS / "cat.jpg")
    said = [{"role": "user", "content": {"path": path}}, {"role": "assistant", "content": "a"}]
    given = [
        7,
        "words",
        gr.DownloadButton("Take", value=path, visible=True),
        gr.skip(),
        said,
        {"text": "a", "files": [path]},
        None,
    ]
    state, words, button, nothing, talk, box, empty = posted(lambda: given, parts)()
    assert (state, words, nothing, empty) == (
        7,
        "words",
        {"__type__": "update"},
        parts[-1].postprocess(None),
    )
    assert button["value"]["path"] == path and button["visible"] and button["__type__"] == "update"
    assert (
        talk == parts[4].postprocess(said).model_dump()
        and talk[0]["content"][0]["file"]["path"] == path
    )
    assert box["files"][0]["path"] == path


def test_a_question_that_fails_goes_back_into_the_box():
    chat, talk = tab(), Conversation()
    chat.handlers.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(
        chat.handlers.stream(
            talk, Visitor().choosing(find_model(LLAMA), "NVIDIA"), 512, 1.0, 1.0, None
        )
    )
    done = chat.handlers.finish(talk, Visitor())
    shown, box = value_of(done, chat.chatbot), value_of(done, chat.box)
    assert box["text"] == "Who?" and len(box["files"]) == 1
    assert "key" in shown[-1]["content"] and shown[-1]["role"] == "assistant"
    assert not talk.turns, "the model would see the question twice"


def test_a_parameter_out_of_range_is_a_sentence():
    chat, talk = tab(), Conversation()
    chat.handlers.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.handlers.stream(talk, Visitor(), 512, 9.0, 1.0, None))
    shown = value_of(chat.handlers.finish(talk, Visitor()), chat.chatbot)
    assert "temperature" in shown[-1]["content"].replace("\\", "")


@pytest.mark.parametrize("knobs", [(None, 1, 1, None), ("many", 1, 1, None), (9, "hot", 1, None), (9, 1, [1], None),
                                   (float("inf"), 1, 1, None), (9, 1, 1, float("nan")), (9, 1, 1, "x")])  # fmt: skip
def test_parameters_that_are_no_numbers_are_a_sentence(knobs):
    with pytest.raises(BadPrompt, match="no number"):
        sampling(*knobs)


def test_a_conversation_goes_on_is_undone_and_asked_again(wire):
    chat, talk, visitor = tab(), Conversation(), Visitor(KEY)
    os.environ["NVIDIA_BASE_URL"] = wire.url
    for i, message in enumerate(
        ({"text": "One?", "files": [ASSETS / "cat.jpg"]}, {"text": "Two?", "files": []})
    ):
        chat.handlers.take(talk, message)
        gather(chat.handlers.stream(talk, visitor, 512, 1.0, 1.0, None))
        chat.handlers.finish(talk, Visitor())
        assert len(talk.turns) == 2 * i + 2
    assert [turn["role"] for turn in wire.seen[-1].json["messages"]] == [
        "user",
        "assistant",
        "user",
    ]
    chat.handlers.ask_again(talk)
    gather(chat.handlers.stream(talk, visitor, 512, 1.0, 1.0, None))
    chat.handlers.finish(talk, Visitor())
    assert len(talk.turns) == 4 and len(wire.seen) == 3
    undone = chat.handlers.undo(talk)
    box, shown = value_of(undone, chat.box), value_of(undone, chat.chatbot)
    assert box["text"] == "Two?" and len(talk.turns) == 2 and shown[-1]["role"] == "assistant"
    os.environ.pop("NVIDIA_BASE_URL")


def test_partial_words_stay_in_the_chat(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.sse(["half ", "an ", "answer"], cut_after=2))
    chat, talk = tab(), Conversation()
    chat.handlers.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.handlers.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    shown = value_of(chat.handlers.finish(talk, Visitor()), chat.chatbot)
    assert "half an" in shown[-2]["content"] and "broke off" in shown[-1]["content"]
    assert talk.turns[-1].text == "half an"


def test_a_second_question_waits_and_costs_nothing(wire, monkeypatch):
    """While an answer streams, another click is refused; its chain of events sends nothing and ends nothing."""
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    gate = threading.Event()
    wire.script.append(say.sse(["half ", "whole"], gate=gate))
    chat, talk, visitor = tab(), Conversation(), Visitor(KEY)
    knobs = 512, 1.0, 1.0, None

    async def run():
        chat.handlers.take(talk, {"text": "One?", "files": [ASSETS / "cat.jpg"]})
        first = chat.handlers.stream(talk, visitor, *knobs)
        while await anext(first) != "half":
            pass
        notice = value_of(chat.take_sample(talk, SimpleNamespace(index=0)), chat.notice)
        assert "still arriving" in notice and talk.example is None
        assert (
            len([piece async for piece in chat.handlers.stream(talk, visitor, *knobs)]) == 1
        )  # nothing but a skip
        assert talk.busy and chat.handlers.finish(talk, Visitor()) == gr.skip() and talk.busy
        gate.set()
        async for _ in first:
            pass

    finished(run())
    shown = value_of(chat.handlers.finish(talk, Visitor()), chat.chatbot)
    assert "half whole" in shown[-1]["content"] and len(wire.seen) == 1 and not talk.busy


def test_a_question_about_a_chart_waits_for_the_chat_it_goes_to():
    """It would end the answer that is on its way there, and get none itself."""
    page = ui.build(Embedded())
    ask_chat = next(event.fn for event in page.fns.values() if event.name == "ask_chat")
    table, read, talk = (
        pd.DataFrame({"Year": ["2019"], "Sales": ["7"]}),
        Conversation(),
        Conversation(),
    )
    for conversation in (read, talk):
        conversation.put(read_message({"files": [ASSETS / "chart.png"]}, talk, find_model(LLAMA)))
    assert talk.claim()  # its answer is on its way
    (notice,) = ask_chat(read, talk, table, "Which year was best?").values()
    assert "still arriving" in notice.replace("\\", "")
    assert len(talk.turns) == 1 and not talk.claim()
    talk.end()
    ask_chat(read, talk, table, "Which year was best?")
    assert "Which year was best?" in talk.turns[-1].text and talk.claim()


def test_stop_is_at_once_and_says_so(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.slow_headers(20))
    chat, talk = tab(), Conversation()

    async def stop_when_asked():
        while not wire.asked("chat"):
            await asyncio.sleep(0.01)
        talk.stop()

    async def run():
        chat.handlers.take(talk, {"text": "One?", "files": [ASSETS / "cat.jpg"]})
        stream = chat.handlers.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None)
        assert await anext(stream) == "…"
        stopping = asyncio.ensure_future(stop_when_asked())
        async for _ in stream:
            pass
        await stopping

    finished(run())
    done = chat.handlers.finish(talk, Visitor())
    shown, box = value_of(done, chat.chatbot), value_of(done, chat.box)
    assert wire.until(lambda: wire.disconnects == 1), "it left while the server was silent"
    assert (
        "Stopped before the first word" in shown[-1]["content"].replace("\\", "")
        and box["text"] == "One?"
    )


def test_a_stop_before_the_question_is_sent_is_not_lost(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.slow_headers(20))
    chat, talk = tab(), Conversation()
    chat.handlers.take(talk, {"text": "One?", "files": [ASSETS / "cat.jpg"]})
    talk.stop()
    gather(chat.handlers.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    shown = value_of(chat.handlers.finish(talk, Visitor()), chat.chatbot)
    assert "Stopped" in shown[-1]["content"] and not wire.asked("chat")


def test_an_answer_without_words_is_not_called_stopped(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.sse(["<think>so many thoughts"]))
    chat, talk = tab(), Conversation()
    chat.handlers.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.handlers.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    shown = value_of(chat.handlers.finish(talk, Visitor()), chat.chatbot)
    assert "without a word" in shown[-1]["content"] and "Stopped" not in shown[-1]["content"]


def test_every_state_lives_as_long_as_its_visit():
    """Gradio counts a state's time from its last setting, and never ends one that is no output of any event."""
    page = ui.build(Embedded())
    states = {id for id, block in page.blocks.items() if isinstance(block, gr.State)}
    held = {block._id for function in page.fns.values() for block in function.outputs}
    large = {
        id
        for id in states
        if page.blocks[id].value.__class__.__name__ in ("Conversation", "TaskRun", "Visitor")
    }
    assert len(large) == len(CATALOGUE) + 1 and large <= held
    assert all(page.blocks[id].time_to_live == float("inf") for id in states)


def test_of_quick_choices_the_last_always_arrives():
    """Gradio drops an event that comes while the one before is on its way, unless it is told."""
    told = {"choose", "input", "picked", "region", "release"}  # each tells what was chosen last
    modes = [
        (name, function.name, function.trigger_mode)
        for function in ui.build(Embedded()).fns.values()
        for _, name in function.targets
    ]
    assert told <= {name for name, *_ in modes}
    assert not [each for each in modes if each[0] in told and each[2] == "once"]
    samples = {"pick_sample", "load_sample"}  # what fills fields; in a chat a sample is a question
    assert {mode for _, name, mode in modes if name in samples} == {"always_last"}


def test_a_key_is_taken_and_nvidia_answers_then():
    engines, llama = find_engines(Embedded()), find_model(LLAMA)
    panel = panel_of(engines)
    before = Visitor().choosing(llama, "Built-in tools")
    taken = panel.use_key(f" {KEY} ", before)
    visitor, box = taken[panel.visitor], taken[panel.key]
    assert visitor.key == KEY and box.value == ""
    assert option(engines, visitor, llama, "NVIDIA").cost == "uses your key"
    assert engines.answering(visitor, llama).key == KEY
    shown = panel.refresh(visitor)[panel.choices]
    assert KEY not in repr(visitor) + str(shown) + str(box.placeholder)
    assert panel.visitor not in panel.use_key("", visitor), "an empty field forgets nothing"


@pytest.mark.parametrize("bad", ["clé", "two words", "a\nb", "\x00"])
def test_what_is_no_key_is_refused(bad):
    panel, before = panel_of(find_engines(Embedded())), Visitor()
    refused = panel.use_key(bad, before)
    assert refused[panel.visitor] is before and not before.key
    assert "not a key" in refused[panel.notice] and panel.key not in refused


def test_each_tab_has_its_own_engine(wire):
    """Preferred where it can answer; else the next; a choice or a key goes before both."""
    openai.clear_cache()
    server = OpenAI(f"{wire.url}/v1")
    engines = EngineRegistry((server, NVIDIA(""), Embedded()))
    llama, deplot = find_model(LLAMA), find_model("google/deplot")
    assert engines.answering(Visitor(), llama) is server
    assert isinstance(engines.answering(Visitor(), deplot), Embedded), (
        "NVIDIA has no key, and the server no DePlot"
    )
    chosen = Visitor().choosing(llama, "Built-in tools").choosing(llama, "NVIDIA")
    assert (
        engines.answering(chosen, llama).name == "NVIDIA"
        and engines.answering(chosen, deplot).name == "Built-in tools"
    )
    assert engines.answering(Visitor(KEY), llama).key == KEY
    assert isinstance(engines.answering(Visitor(KEY), deplot), Embedded), "known to be gone there"
    assert engines.called(Visitor(KEY), deplot).key == KEY, "a program that gives a key means it"
    nvidia = option(engines, Visitor(), deplot, "NVIDIA")
    assert "withdrawn" in nvidia.state and nvidia.cost == "needs a key"
    assert "not served" in option(engines, Visitor(), deplot, "Your server").state
    assert option(engines, Visitor(KEY), deplot, "NVIDIA").cost == "uses your key"
    chosen_here = [each.name for each in choices_for(engines, chosen, llama) if each.chosen]
    assert chosen_here == ["NVIDIA"]


def test_nvidia_is_always_there_and_bad_settings_are_sentences(monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", "127.0.0.1:8808")
    engines = find_engines(Embedded())
    assert any(isinstance(engine, NVIDIA) for engine in engines.engines)
    with pytest.raises(BadPrompt, match="NVIDIA_BASE_URL"):
        engines.answering(Visitor(KEY), find_model(LLAMA))
    panel = panel_of(engines)
    shown = panel.refresh(Visitor(KEY))
    assert "NVIDIA_BASE_URL" in shown[panel.choices]["fault"] and shown[panel.visitor].key == KEY


def test_what_the_page_shows_is_what_is_asked(wire):
    """An engine that comes up during a visit answers nobody who was shown another."""
    openai.clear_cache()
    wire.scripts["models"].append(say.status(503, "starting"))
    engines = EngineRegistry((OpenAI(f"{wire.url}/v1"), Embedded(), NVIDIA("")))
    panel = panel_of(engines)
    visitor = panel.refresh(Visitor())[panel.visitor]
    openai.clear_cache()
    assert engines.answering(Visitor(), find_model(LLAMA)).name == "Your server"
    assert engines.answering(visitor, find_model(LLAMA)).name == "Built-in tools"


@pytest.mark.parametrize(
    "engine, cost, privacy",
    [
        (Embedded(), "free", "stays on this server"),
        (NVIDIA(KEY), "uses this page's key", "goes to NVIDIA"),
        (NVIDIA(""), "needs a key", "goes to NVIDIA"),
        (OpenAI("http://192.0.2.7:8000/v1"), "run by this page's owner", "goes to 192.0.2.7:8000"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_an_option_says_what_it_costs_and_where_the_picture_goes(engine, cost, privacy):
    registry = EngineRegistry((engine,))
    shown = option(registry, Visitor(), find_model(LLAMA), engine.name)
    assert (shown.cost, shown.privacy) == (cost, privacy)


@pytest.mark.parametrize("event", [
    {}, {"tab": "nowhere", "engine": "NVIDIA"}, {"tab": "deplot", "engine": "Mine"}, {"tab": 3, "engine": None},
])  # fmt: skip
def test_a_choice_that_is_not_offered_changes_nothing(event):
    panel, before = panel_of(find_engines(Embedded())), Visitor()
    assert panel.choose(before, SimpleNamespace(**event)) is before
    chosen = panel.choose(before, SimpleNamespace(tab="deplot", engine="NVIDIA"))
    assert dict(chosen.choices) == {"google/deplot": "NVIDIA"}


@pytest.mark.slow
def test_when_a_model_is_gone_another_engine_is_offered_and_asked(wire, monkeypatch):
    from tests.support.wire.problems import problems

    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(problems[next(name for name in problems if "function" in name)])
    chat, talk, visitor = tab("google/deplot"), Conversation(), Visitor(KEY)
    chat.handlers.take(talk, {"text": "", "files": [ASSETS / "chart.png"]})
    gather(chat.handlers.stream(talk, visitor, 512, 0.2, 0.2, None))
    done = chat.handlers.finish(talk, visitor)
    box, button = value_of(done, chat.box), value_of(done, chat.instead)
    assert "Built-in tools" in button and "bar charts" in button
    visitor = chat.handlers.switch(talk, visitor)
    chat.handlers.take(talk, box)
    gather(chat.handlers.stream(talk, visitor, 512, 0.2, 0.2, None))
    done = chat.handlers.finish(talk, visitor)
    shown, button = value_of(done, chat.chatbot), value_of(done, chat.instead)
    assert "2021" in shown[-1]["content"] and not button and len(wire.seen) == 1


def test_there_is_a_tab_for_every_model():
    config = json.dumps(ui.build(Embedded()).get_config_file(), default=str, ensure_ascii=False)
    for model in CATALOGUE:
        assert f'"label": "{model.title}"' in config
        assert model.hosted.why in config


@pytest.mark.slow
def test_every_example_of_the_task_tab_runs_here():
    from vlm_backends import Prompt, Turn, ask, find_task, read, write_task

    for token, name, words, region in EXAMPLES:
        task = find_task(token)
        prompt = Prompt((Turn("user", write_task(task, words, region), (read(ASSETS / name),)),))
        *_, answer = ask(Embedded(), find_model("microsoft/florence-2"), prompt, task)
        assert answer.text, token


def test_after_a_failed_question_the_picture_is_what_was_answered_last_and_its_facts_are_gone(
    wire, monkeypatch
):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        tab = ChatTab(find_model(LLAMA), find_engines(Embedded()), gr.State(Visitor()))
    talk, visitor = Conversation(), Visitor(KEY)
    outcomes = []
    for file, reply in (
        ("sign.jpg", say.sse(["A sign."])),
        ("poster.jpg", say.status(422, {"detail": "no"})),
    ):
        wire.script.append(reply)
        tab.handlers.take(talk, {"text": "What is it?", "files": [str(ASSETS / file)]})
        gather(tab.handlers.stream(talk, visitor, 512, 1.0, 1.0, None))
        outcomes.append(
            values_of(tab.handlers.finish(talk, visitor), tab.handlers.fields.done)[3:-1]
        )
    (viewer, facts), (last_viewer, last_facts) = (outcome[:2] for outcome in outcomes)
    assert str(viewer) == str(last_viewer) and talk.result.answer.text == "A sign."
    assert "Answered by" in facts and last_facts == "", "they would be taken for this question's"
    undone = tab.handlers.undo(talk)
    box, shown = value_of(undone, tab.box), value_of(undone, tab.chatbot)
    assert (
        box["text"] == "What is it?"
        and "A sign." in shown[-1]["content"]
        and talk.result.answer.text == "A sign."
    )
    tab.handlers.undo(talk)
    assert talk.result is None and not talk.turns, "what was taken back is not taken away"


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_a_failed_question_is_what_is_asked_again_and_undone(wire, monkeypatch, answered):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    chat, talk, refused = tab(), Conversation(), say.status(422, {"detail": "no"})
    wire.script += [say.sse(["Yes."])] * answered + [refused] * 2
    for i in range(answered + 1):
        chat.handlers.take(talk, {"text": f"{i}?", "files": [ASSETS / "cat.jpg"]})
        gather(chat.handlers.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
        chat.handlers.finish(talk, Visitor())
    shown = list(talk.messages)
    chat.handlers.ask_again(talk)
    gather(chat.handlers.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    chat.handlers.finish(talk, Visitor())
    assert talk.messages == shown and len(talk.turns) == 2 * answered
    assert [
        seen.json["messages"][-1]["content"]
        == wire.asked("chat")[-1].json["messages"][-1]["content"]
        for seen in wire.asked("chat")[-2:]
    ] == [True] * 2
    box = value_of(chat.handlers.undo(talk), chat.box)
    assert box["text"] == f"{answered}?" and len(talk.turns) == 2 * answered
    box = value_of(chat.handlers.undo(talk), chat.box)
    assert (box and box["text"]) == (f"{answered - 1}?" if answered else None)


@pytest.mark.parametrize(
    "kind, answers", [("gone", "Built-in tools"), ("answered", "NVIDIA"), (None, "Built-in tools")]
)
def test_a_model_that_is_gone_is_nobody_s_first_choice(kind, answers):
    """What a call has shown counts before the catalogue, which calls DePlot withdrawn."""
    deplot, nvidia = find_model("google/deplot"), NVIDIA(KEY)
    engines = EngineRegistry((nvidia, Embedded()))
    if kind:
        engines.journal.add_call(nvidia, deplot, Observation(kind, time.time()))
    assert engines.answering(Visitor(), deplot).name == answers
    assert engines.answering(Visitor(KEY), deplot).name == answers
    if kind == "gone":  # an hour later it is asked again, since the catalogue is not sure either
        llama = find_model(LLAMA)
        engines.journal.add_call(nvidia, llama, Observation("gone", time.time()))
        assert engines.answering(Visitor(), llama).name == "Built-in tools"
        engines.journal.add_call(nvidia, llama, Observation("gone", time.time() - 4000))
        assert engines.answering(Visitor(), llama).name == "NVIDIA"
    only = EngineRegistry((nvidia,), journal=engines.journal)
    assert only.answering(Visitor(), deplot).name == "NVIDIA", "there is no other"


def test_a_picture_that_is_given_takes_the_request_for_one_away(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "cat.jpg").write_bytes((ASSETS / "cat.jpg").read_bytes())
    chat, talk = tab(), Conversation()
    refused = chat.handlers.take(talk, {"text": "Who?", "files": []})
    assert "picture first" in refused[chat.notice]
    event = SimpleNamespace(paths=[str(tmp_path / "cat.jpg")])
    assert chat.attached.picked(talk, None, event)[chat.notice] == ""


def test_no_line_about_a_model_has_marks_of_markdown():
    assert not [model.id for model in CATALOGUE if set("`*_") & set(model.about)]

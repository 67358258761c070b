"""The page: its handlers as plain generators, and one run per kind of tab through a real server and client."""

import asyncio
import json
import os
import threading
import time

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from markdown_it import MarkdownIt

import ui
from tests.conftest import finished
from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from ui.api.endpoints import add_api
from ui.components.engine_menu import refreshed, taken
from ui.core.gradio_compat import posted
from ui.core.markdown import as_markdown, verbatim
from ui.core.session import EngineRegistry, Visitor, registry, who
from ui.state.conversation import Talk, read_message, sampling
from ui.tabs.chat import ChatTab
from ui.tabs.task import EXAMPLES
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    TASKS,
    Answer,
    BadPrompt,
    CancelToken,
    Embedded,
    OpenAI,
    Unreachable,
    connect,
    find_model,
)
from vlm_backends.concurrency import latest_items
from vlm_backends.engines import openai

KEY = "nvapi-canary-0123456789"
LLAMA = "meta/llama-3.2-11b-vision-instruct"


@pytest.fixture
def launched():
    """Launches a page for an engine, and hands out a client for it."""
    pages = []

    def launch(engine, **options):
        page = ui.build(engine)
        _, url, _ = page.launch(
            prevent_thread_lock=True, quiet=True, server_port=0 or None, **ui.settings()
        )
        pages.append(page)
        return Client(url, verbose=False, **options)

    yield launch
    for page in pages:
        page.close()


def gather(iterator):
    async def run():
        return [item async for item in iterator]

    return finished(run())


# the pump


def test_the_pump_gives_the_first_at_once_and_the_last_always():
    def items():
        for i in range(200):
            yield i
            time.sleep(0.001)

    seen = gather(latest_items(items, CancelToken(), pause=0.05))
    assert seen[0] <= 1 and seen[-1] == 199 and len(seen) < 50


def test_the_pump_raises_after_what_had_come():
    def items():
        yield "words"
        raise Unreachable("cut")

    async def run():
        seen = []
        with pytest.raises(Unreachable):
            async for item in latest_items(items, CancelToken(), pause=0):
                seen.append(item)
        return seen

    assert finished(run()) == ["words"]


def test_leaving_the_pump_early_stops_the_reader():
    stop, ended = CancelToken(), threading.Event()

    def items():
        try:
            yield 1
            stop.wait(10)
            yield 2
        finally:
            ended.set()

    async def run():
        arriving = latest_items(items, stop)
        assert await anext(arriving) == 1
        await arriving.aclose()

    finished(run())
    assert stop.is_set() and ended.wait(2)


def test_cancelling_a_handler_stops_the_reader_at_once():
    stop = CancelToken()

    def items():
        stop.wait(30)
        yield 1

    async def run():
        task = asyncio.ensure_future(anext(latest_items(items, stop)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    begun = time.monotonic()
    finished(run())
    assert stop.is_set() and time.monotonic() - begun < 5


# what is shown


WICKED = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <b onmouseover=x>", "<!-- x --><p>", "<https://evil.example>",
    "![x](http://evil.example/x.png)", "![x][1]\n\n[1]: http://evil.example/x.png",
    "```\n<img src=http://evil.example>\n```<img src=y>", "hello ``` <img src=y> ![p](http://evil.example/y.png)",
    "\\`<img src=y>\\`", "- ```\n  x\n  ```\n<img src=y>\n", "```\na\n   ```\n<img src=y>\n```\n", "~~~\n```\n~~~\n<img src=y>\n```\n",
    "````\n```\n````\n<img src=y>\n```", "> ```\n<img src=y>\n```\n", "``` `\n<img src=y>\n```", "    ```\n<img src=y>\n",
]  # fmt: skip


@pytest.mark.parametrize("text", WICKED)
def test_model_words_hold_no_html_and_load_no_picture(text):
    parser = MarkdownIt("commonmark", {"html": True})
    for cut in range(len(text) + 1):
        tokens = parser.parse(as_markdown(Answer(text[:cut])))
        kinds = {token.type for token in tokens} | {
            child.type for token in tokens for child in token.children or ()
        }
        assert not kinds & {"html_block", "html_inline", "image"}, text[:cut]


def test_code_stays_as_it_is():
    text = "Use this:\n\n```html\n<p>![x](y)\n```\nand then `a < b`"
    assert as_markdown(Answer(text)) == text


def test_verbatim_words_are_no_markdown():
    assert verbatim("# 5 * 3_4\n- x") == "\\# 5 \\* 3\\_4  \n\\- x"


# handlers without gradio's server


def tab(model_id=LLAMA):
    with gr.Blocks():
        return ChatTab(find_model(model_id), registry(Embedded()), gr.State(Visitor()))


def test_a_message_without_a_picture_is_refused_and_stays():
    with pytest.raises(BadPrompt, match="picture first"):
        read_message({"text": "hi", "files": []}, Talk(), find_model(LLAMA))
    with pytest.raises(BadPrompt, match="one picture"):
        read_message({"text": "", "files": [ASSETS / "cat.jpg"] * 2}, Talk(), find_model(LLAMA))


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
    chat, talk = tab(), Talk()
    chat.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.stream(talk, Visitor().choosing(find_model(LLAMA), "NVIDIA"), 512, 1.0, 1.0, None))
    shown, _, box, *_ = chat.finish(talk, Visitor())
    assert box["text"] == "Who?" and len(box["files"]) == 1
    assert "key" in shown[-1]["content"] and shown[-1]["role"] == "assistant"
    assert not talk.turns, "the model would see the question twice"


def test_a_parameter_out_of_range_is_a_sentence():
    chat, talk = tab(), Talk()
    chat.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.stream(talk, Visitor(), 512, 9.0, 1.0, None))
    shown, *_ = chat.finish(talk, Visitor())
    assert "temperature" in shown[-1]["content"].replace("\\", "")


@pytest.mark.parametrize("knobs", [(None, 1, 1, None), ("many", 1, 1, None), (9, "hot", 1, None), (9, 1, [1], None),
                                   (float("inf"), 1, 1, None), (9, 1, 1, float("nan")), (9, 1, 1, "x")])  # fmt: skip
def test_parameters_that_are_no_numbers_are_a_sentence(knobs):
    with pytest.raises(BadPrompt, match="no number"):
        sampling(*knobs)


def test_a_conversation_goes_on_is_undone_and_asked_again(wire):
    chat, talk, visitor = tab(), Talk(), Visitor(KEY)
    os.environ["NVIDIA_BASE_URL"] = wire.url
    for i, message in enumerate(
        ({"text": "One?", "files": [ASSETS / "cat.jpg"]}, {"text": "Two?", "files": []})
    ):
        chat.take(talk, message)
        gather(chat.stream(talk, visitor, 512, 1.0, 1.0, None))
        chat.finish(talk, Visitor())
        assert len(talk.turns) == 2 * i + 2
    assert [turn["role"] for turn in wire.seen[-1].json["messages"]] == [
        "user",
        "assistant",
        "user",
    ]
    chat.ask_again(talk)
    gather(chat.stream(talk, visitor, 512, 1.0, 1.0, None))
    chat.finish(talk, Visitor())
    assert len(talk.turns) == 4 and len(wire.seen) == 3
    _, box, shown, *_ = chat.undo(talk)
    assert box["text"] == "Two?" and len(talk.turns) == 2 and shown[-1]["role"] == "assistant"
    os.environ.pop("NVIDIA_BASE_URL")


def test_partial_words_stay_in_the_chat(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.sse(["half ", "an ", "answer"], cut_after=2))
    chat, talk = tab(), Talk()
    chat.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    shown, *_ = chat.finish(talk, Visitor())
    assert "half an" in shown[-2]["content"] and "broke off" in shown[-1]["content"]
    assert talk.turns[-1].text == "half an"


def test_a_second_question_waits_and_costs_nothing(wire, monkeypatch):
    """While an answer streams, another click is refused; its chain of events sends nothing and ends nothing."""
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    gate = threading.Event()
    wire.script.append(say.sse(["half ", "whole"], gate=gate))
    chat, talk, visitor = tab(), Talk(), Visitor(KEY)
    knobs = 512, 1.0, 1.0, None

    async def run():
        chat.take(talk, {"text": "One?", "files": [ASSETS / "cat.jpg"]})
        first = chat.stream(talk, visitor, *knobs)
        while await anext(first) != "half":
            pass
        _, _, _, notice, _ = chat.take_example(talk, 0)
        assert "still arriving" in notice
        assert (
            len([piece async for piece in chat.stream(talk, visitor, *knobs)]) == 1
        )  # nothing but a skip
        assert talk.waiting and len(chat.finish(talk, Visitor())) == len(chat.done) and talk.waiting
        gate.set()
        async for _ in first:
            pass

    finished(run())
    shown, *_ = chat.finish(talk, Visitor())
    assert "half whole" in shown[-1]["content"] and len(wire.seen) == 1 and not talk.waiting


def test_stop_is_at_once_and_says_so(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.slow_headers(20))
    chat, talk = tab(), Talk()

    async def run():
        chat.take(talk, {"text": "One?", "files": [ASSETS / "cat.jpg"]})
        stream = chat.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None)
        assert await anext(stream) == "…"
        asyncio.get_running_loop().call_later(0.3, talk.halt)
        async for _ in stream:
            pass

    begun = time.monotonic()
    finished(run())
    shown, _, box, *_ = chat.finish(talk, Visitor())
    assert time.monotonic() - begun < 5
    assert (
        "Stopped before the first word" in shown[-1]["content"].replace("\\", "")
        and box["text"] == "One?"
    )


def test_a_stop_before_the_question_is_sent_is_not_lost(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.slow_headers(20))
    chat, talk = tab(), Talk()
    chat.take(talk, {"text": "One?", "files": [ASSETS / "cat.jpg"]})
    talk.halt()
    begun = time.monotonic()
    gather(chat.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    shown, *_ = chat.finish(talk, Visitor())
    assert time.monotonic() - begun < 5 and "Stopped" in shown[-1]["content"]


def test_an_answer_without_words_is_not_called_stopped(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.sse(["<think>so many thoughts"]))
    chat, talk = tab(), Talk()
    chat.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    shown, *_ = chat.finish(talk, Visitor())
    assert "without a word" in shown[-1]["content"] and "Stopped" not in shown[-1]["content"]


def test_every_state_lives_as_long_as_its_visit():
    """Gradio counts a state's time from its last setting, and never ends one that is no output of any event."""
    page = ui.build(Embedded())
    states = {id for id, block in page.blocks.items() if isinstance(block, gr.State)}
    held = {block._id for function in page.fns.values() for block in function.outputs}
    large = {
        id
        for id in states
        if page.blocks[id].value.__class__.__name__ in ("Talk", "Run", "Visitor")
    }
    assert len(large) == len(CATALOGUE) + 1 and large <= held
    assert all(page.blocks[id].time_to_live == float("inf") for id in states)


def test_a_key_is_taken_and_nvidia_answers_then():
    engines = registry(Embedded())
    visitor, box = taken(f" {KEY} ", Visitor().choosing(find_model(LLAMA), "This machine"))
    assert visitor.key == KEY and box.value == "" and "your key" in who(engines, visitor)
    assert engines.answering(visitor, find_model(LLAMA)).key == KEY
    assert (
        KEY not in repr(visitor)
        and KEY not in who(engines, visitor)
        and KEY not in str(box.placeholder)
    )
    assert taken("", visitor)[0] is visitor, "an empty field forgets nothing"


@pytest.mark.parametrize("bad", ["clé", "two words", "a\nb", "\x00"])
def test_what_is_no_key_is_refused(bad):
    before = Visitor()
    with pytest.warns(UserWarning, match="not a key"):
        visitor, *_ = taken(bad, before)
    assert visitor is before and not visitor.key


def test_each_tab_has_its_own_engine(wire):
    """Preferred where it can answer; else the next; a choice or a key goes before both."""
    openai.forget()
    server = OpenAI(f"{wire.url}/v1")
    engines = EngineRegistry((server, NVIDIA(""), Embedded()))
    llama, deplot = find_model(LLAMA), find_model("google/deplot")
    assert engines.answering(Visitor(), llama) is server
    assert isinstance(engines.answering(Visitor(), deplot), Embedded), (
        "NVIDIA has no key, and the server no DePlot"
    )
    chosen = Visitor().choosing(llama, "This machine").choosing(llama, "NVIDIA")
    assert (
        engines.answering(chosen, llama).name == "NVIDIA"
        and engines.answering(chosen, deplot).name == "This machine"
    )
    assert engines.answering(Visitor(KEY), deplot).key == KEY
    labels = dict(map(reversed, engines.offers(Visitor(), deplot)))
    assert (
        "withdrawn" in labels["NVIDIA"]
        and "needs a key" in labels["NVIDIA"]
        and "not served" in labels["Your server"]
    )
    assert "needs a key" not in dict(map(reversed, engines.offers(Visitor(KEY), deplot)))["NVIDIA"]
    assert "Several engines" in who(engines, Visitor())


def test_nvidia_is_always_there_and_bad_settings_are_sentences(monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", "127.0.0.1:8808")
    engines = registry(Embedded())
    assert any(isinstance(engine, NVIDIA) for engine in engines.engines)
    with pytest.raises(BadPrompt, match="NVIDIA_BASE_URL"):
        engines.answering(Visitor(KEY), find_model(LLAMA))
    visitor, line, *_ = refreshed(engines, Visitor(KEY))
    assert "NVIDIA_BASE_URL" in line and visitor.key == KEY


def test_what_the_page_shows_is_what_is_asked(wire):
    """An engine that comes up during a visit answers nobody who was shown another."""
    openai.forget()
    wire.scripts["models"].append(say.status(503, "starting"))
    engines = EngineRegistry((OpenAI(f"{wire.url}/v1"), Embedded(), NVIDIA("")))
    visitor, *_ = refreshed(engines, Visitor())
    openai.forget()
    assert engines.answering(Visitor(), find_model(LLAMA)).name == "Your server"
    assert engines.answering(visitor, find_model(LLAMA)).name == "This machine"


@pytest.mark.parametrize("engines, line", [
    ((Embedded(),), "This machine answers"), ((NVIDIA(KEY), Embedded()), "this page's key"), ((NVIDIA(""),), "no key yet"),
])  # fmt: skip
def test_the_first_line_says_who_answers(engines, line):
    assert line in who(EngineRegistry(engines), Visitor())


def test_when_a_model_is_gone_another_engine_is_offered_and_asked(wire, monkeypatch):
    from tests.support.wire.problems import problems

    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(problems[next(name for name in problems if "function" in name)])
    chat, talk, visitor = tab("google/deplot"), Talk(), Visitor(KEY)
    chat.take(talk, {"text": "", "files": [ASSETS / "chart.png"]})
    gather(chat.stream(talk, visitor, 512, 0.2, 0.2, None))
    _, _, box, *_, button = chat.finish(talk, visitor)
    assert "This machine" in button and "bar charts" in button
    visitor = chat.switch(talk, visitor)
    chat.take(talk, box)
    gather(chat.stream(talk, visitor, 512, 0.2, 0.2, None))
    shown, *_, button = chat.finish(talk, visitor)
    assert "2021" in shown[-1]["content"] and not button and len(wire.seen) == 1


# the API, over real sockets


def test_the_whole_catalogue_through_the_api_on_nvidias_wire(wire, launched, monkeypatch):
    """All models and all 14 tasks answer through the page's API; the key is the owner's."""
    client = launched(connect({"NVIDIA_API_KEY": KEY, "NVIDIA_BASE_URL": wire.url}))
    picture = handle_file(str(ASSETS / "coffee.jpg"))
    for model in CATALOGUE:
        if model.tasks:
            continue
        text, _, details = client.predict(
            model=model.id, prompt=model.prompts[0], image=picture, api_name="/chat"
        )
        assert text and details["model"] == model.id and details["sent"]["as"] == "inline"
        assert set(details) == {
            "engine",
            "model",
            "task",
            "text",
            "regions",
            "rows",
            "note",
            "sent",
            "time",
        }
    for task in TASKS:
        region = [0.2, 0.2, 0.8, 0.8] if task.takes == "region" else None
        text, drawn, details = client.predict(
            task=task.token, image=picture, text="a black dog" if task.takes == "words" else "", region=region,
            api_name="/florence2",
        )  # fmt: skip
        assert text or details["regions"]
        assert bool(drawn) == bool(details["regions"]) and details["sent"]["as"] == "asset"
    assert {seen.token for seen in wire.seen if seen.route == "chat"} == {KEY}
    assert not wire.assets


def test_the_api_on_this_machine(launched):
    client = launched(Embedded())
    listed = client.predict(api_name="/models")
    assert [entry["id"] for entry in listed] == [model.id for model in CATALOGUE]
    assert all(entry["state"] and entry["hosted"]["checked"] for entry in listed)
    text, drawn, details = client.predict(
        task="<OCR_WITH_REGION>", image=handle_file(str(ASSETS / "sign.jpg")), api_name="/florence2"
    )
    assert "PINE RIDGE PARK" in text and drawn and len(details["regions"]) >= 6
    assert "not by Florence-2" in details["note"] and details["sent"]["as"] is None
    text, drawn, details = client.predict(
        model="google/deplot",
        prompt="",
        image=handle_file(str(ASSETS / "chart.png")),
        api_name="/chat",
    )
    assert [row[0] for row in details["rows"][1:]] == [str(year) for year in range(2018, 2025)]
    json.dumps(details)


@pytest.mark.parametrize(
    "endpoint, inputs, said",
    [
        ("/florence2", {"task": "<NOPE>", "image": "sign.jpg"}, "no task"),
        ("/florence2", {"task": "<OCR>"}, "picture"),
        ("/florence2", {"task": "<OPEN_VOCABULARY_DETECTION>", "image": "sign.jpg"}, "needs words"),
        ("/florence2", {"task": "<REGION_TO_SEGMENTATION>", "image": "sign.jpg"}, "region"),
        (
            "/florence2",
            {"task": "<REGION_TO_SEGMENTATION>", "image": "sign.jpg", "region": [0, 0, 2, 1]},
            "outside",
        ),
        (
            "/florence2",
            {"task": "<REGION_TO_SEGMENTATION>", "image": "sign.jpg", "region": [0, 0, 0, 0]},
            "empty",
        ),
        (
            "/florence2",
            {"task": "<REGION_TO_SEGMENTATION>", "image": "sign.jpg", "region": "x"},
            "four numbers",
        ),
        (
            "/florence2",
            {"task": "<REGION_TO_SEGMENTATION>", "image": "sign.jpg", "region": [0, 0, 10**400, 1]},
            "four numbers",
        ),
        ("/florence2", {"task": "<CAPTION>", "image": "sign.jpg"}, "Florence-2"),
        ("/florence2", {"task": "<OCR>", "image": "CREDITS.md"}, "not a picture"),
        ("/chat", {"model": "no/such", "prompt": "x", "image": "sign.jpg"}, "no model"),
        (
            "/chat",
            {"model": "microsoft/florence-2", "prompt": "x", "image": "sign.jpg"},
            "/florence2",
        ),
        ("/chat", {"model": LLAMA, "prompt": "x"}, "picture"),
        (
            "/chat",
            {"model": LLAMA, "prompt": "x", "image": "sign.jpg", "max_tokens": 0},
            "max_tokens",
        ),
        (
            "/chat",
            {"model": LLAMA, "prompt": "x", "image": "sign.jpg", "temperature": 99},
            "temperature",
        ),
    ],
)
def test_bad_input_is_a_sentence(endpoint, inputs, said, embedded_client):
    if "image" in inputs:
        inputs = {**inputs, "image": handle_file(str(ASSETS / inputs["image"]))}
    with pytest.raises(Exception) as caught:
        embedded_client.predict(**inputs, api_name=endpoint)
    assert said in str(caught.value), caught.value


@pytest.fixture(scope="module")
def embedded_client():
    page = ui.build(Embedded())
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **ui.settings())
    yield Client(url, verbose=False)
    page.close()


def test_a_callers_own_key_is_used_and_seen_nowhere(wire, launched, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    client = launched(Embedded(), headers={"X-NVIDIA-API-Key": KEY})
    picture = handle_file(str(ASSETS / "coffee.jpg"))
    result = client.predict(model=LLAMA, prompt="Hello", image=picture, api_name="/chat")
    assert wire.seen[0].token == KEY and KEY not in json.dumps(result)
    wire.script.append(say.status(401, {"detail": f"bad key {KEY}"}))
    with pytest.raises(Exception) as caught:
        client.predict(model=LLAMA, prompt="Hello", image=picture, api_name="/chat")
    assert KEY not in str(caught.value) and "key" in str(caught.value)


def test_the_chat_streams(wire, launched):
    gate = threading.Event()
    wire.script.append(say.sse(["first ", "second"], gate=gate))
    client = launched(connect({"NVIDIA_API_KEY": KEY, "NVIDIA_BASE_URL": wire.url}))
    job = client.submit(
        model=LLAMA, prompt="x", image=handle_file(str(ASSETS / "cat.jpg")), api_name="/chat"
    )
    first = next(iter(job))
    assert first[0] == "first" and not gate.is_set()
    gate.set()
    assert job.result()[0] == "first second"


def test_public_endpoints_and_private_events(launched):
    info = launched(Embedded()).view_api(return_format="dict", print_info=False)
    tools = {"/caption", "/detect", "/ocr", "/segment", "/ground", "/chart_to_table", "/ask"}
    assert set(info["named_endpoints"]) == {"/chat", "/florence2", "/models"} | tools
    names = [
        parameter["parameter_name"] for parameter in info["named_endpoints"]["/chat"]["parameters"]
    ]
    assert names == ["model", "prompt", "image", "max_tokens", "temperature", "top_p", "seed"]
    names = [
        parameter["parameter_name"]
        for parameter in info["named_endpoints"]["/florence2"]["parameters"]
    ]
    assert names == ["task", "image", "text", "region"]


def test_there_is_a_tab_for_every_model():
    config = json.dumps(ui.build(Embedded()).get_config_file(), default=str, ensure_ascii=False)
    for model in CATALOGUE:
        assert f'"label": "{model.title}"' in config
        assert model.hosted.why in config


def test_every_example_of_the_task_tab_runs_here():
    from vlm_backends import Prompt, Turn, ask, find_task, read, write_task

    for token, name, words, region in EXAMPLES:
        task = find_task(token)
        prompt = Prompt((Turn("user", write_task(task, words, region), (read(ASSETS / name),)),))
        *_, answer = ask(Embedded(), find_model("microsoft/florence-2"), prompt, task)
        assert answer.text, token


def test_after_a_failed_question_the_column_shows_what_was_answered_last(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        tab = ChatTab(find_model(LLAMA), registry(Embedded()), gr.State(Visitor()))
    talk, visitor = Talk(), Visitor(KEY)
    outcomes = []
    for file, reply in (
        ("sign.jpg", say.sse(["A sign."])),
        ("poster.jpg", say.status(422, {"detail": "no"})),
    ):
        wire.script.append(reply)
        tab.take(talk, {"text": "What is it?", "files": [str(ASSETS / file)]})
        gather(tab.stream(talk, visitor, 512, 1.0, 1.0, None))
        outcomes.append(tab.finish(talk, visitor)[3:-1])
    assert [*map(str, outcomes[0][:2])] == [
        *map(str, outcomes[1][:2])
    ] and talk.asked.answer.text == "A sign."
    _, box, shown, *_ = tab.undo(talk)
    assert (
        box["text"] == "What is it?"
        and "A sign." in shown[-1]["content"]
        and talk.asked.answer.text == "A sign."
    )
    tab.undo(talk)
    assert talk.asked is None and not talk.turns, "what was taken back is not taken away"


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_a_failed_question_is_what_is_asked_again_and_undone(wire, monkeypatch, answered):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    chat, talk, refused = tab(), Talk(), say.status(422, {"detail": "no"})
    wire.script += [say.sse(["Yes."])] * answered + [refused] * 2
    for i in range(answered + 1):
        chat.take(talk, {"text": f"{i}?", "files": [ASSETS / "cat.jpg"]})
        gather(chat.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
        chat.finish(talk, Visitor())
    shown = list(talk.shown)
    chat.ask_again(talk)
    gather(chat.stream(talk, Visitor(KEY), 512, 1.0, 1.0, None))
    chat.finish(talk, Visitor())
    assert talk.shown == shown and len(talk.turns) == 2 * answered
    assert [
        seen.json["messages"][-1]["content"]
        == wire.asked("chat")[-1].json["messages"][-1]["content"]
        for seen in wire.asked("chat")[-2:]
    ] == [True] * 2
    _, box, *_ = chat.undo(talk)
    assert box["text"] == f"{answered}?" and len(talk.turns) == 2 * answered
    _, box, *_ = chat.undo(talk)
    assert (box and box["text"]) == (f"{answered - 1}?" if answered else None)


def test_the_api_says_what_a_region_is():
    """In a valid JSON schema: agents get it too."""
    with gr.Blocks() as page:
        add_api(registry(Embedded()))
    fields = page.get_api_info()["named_endpoints"]["/florence2"]["parameters"]
    assert fields[3]["type"]["type"] == "array" and fields[3]["type"]["items"] == {"type": "number"}

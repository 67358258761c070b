"""The tools for agents: a real MCP client against a launched page, over real sockets."""

import base64
import json
import logging
import re
import subprocess
import sys
from urllib.request import urlopen

import gradio as gr
import pytest
from gradio_client import Client, handle_file

from tests.support.async_tools import finished
from tests.support.paths import ROOT
from tests.support.ports import launch_page
from tests.support.wire import replies as say
from ui.api.endpoints import KEY_HEADER
from ui.api.mcp import CHATS, DETAILS, add_tools, mcp_installed
from ui.core.session import find_engines
from vlm_backends import CATALOGUE, Embedded, connect

mcp = pytest.importorskip("mcp", reason="the tools need requirements-mcp.txt")
httpx = pytest.importorskip("httpx")

KEY = "nvapi-canary-0123456789"
NAMES = ["caption", "detect", "ocr", "segment", "ground", "chart_to_table", "ask"]
CUP = [0.12, 0.04, 0.81, 0.97]


def launch(engine, **settings):
    with gr.Blocks(analytics_enabled=False) as page:
        add_tools(find_engines(engine))
    url = launch_page(page, **settings)
    assert page.mcp_error is None
    return page, url


@pytest.fixture(scope="module")
def url():
    page, url = launch(Embedded(), mcp_server=True)
    yield url
    page.close()


def talk(url, speak, key=""):
    """What `speak` makes of an MCP session with the page; the key, if any, goes in the header."""
    from mcp.client.streamable_http import streamable_http_client

    async def run():
        headers = {KEY_HEADER: key} if key else {}
        async with (
            httpx.AsyncClient(headers=headers, timeout=60, follow_redirects=True) as web,
            streamable_http_client(f"{url}gradio_api/mcp/", http_client=web) as (read, write, *_),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await speak(session)

    return finished(run())


def call(url, tool, key="", **arguments):
    """The tool's reply; its error's words are raised as a RuntimeError."""
    reply = talk(url, lambda session: session.call_tool(tool, arguments), key)
    (content,) = reply.content
    if reply.isError:
        raise RuntimeError(content.text)
    return json.loads(content.text)


def data(name):
    """A sample picture as a data: URL."""
    kind = "png" if name.endswith(".png") else "jpeg"
    return (
        f"data:image/{kind};base64,"
        + base64.b64encode((ROOT / "assets" / name).read_bytes()).decode()
    )


def uploaded(url, name):
    """The address of a sample picture that was uploaded to the page."""
    with open(ROOT / "assets" / name, "rb") as file:
        path = httpx.post(f"{url}gradio_api/upload", files={"files": file}).json()[0]
    return f"{url}gradio_api/file={path}"


def well_formed(reply):
    assert list(reply) == ["text", "regions", "rows", "engine", "model", "note"] and reply["note"]
    for region in reply["regions"]:
        (left, top, right, bottom), outline = region["box"], region["outline"]
        assert (
            0 <= left < right <= 1 and 0 <= top < bottom <= 1 and isinstance(region["label"], str)
        )
        assert (
            all(left <= x <= right and top <= y <= bottom for x, y in outline) and len(outline) >= 3
        )
    return reply


# what is listed


def test_the_tools_are_seven_typed_and_described(url):
    tools = talk(url, lambda session: session.list_tools()).tools
    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        fields = tool.inputSchema["properties"]
        assert "JSON" in tool.description and "note" in tool.description
        assert fields["image"]["type"] == "string" and "image" in tool.inputSchema["required"]
        assert all(
            field["type"] in ("string", "array", "integer") and field["description"]
            for field in fields.values()
        )
    fields = {tool.name: tool.inputSchema["properties"] for tool in tools}
    assert fields["caption"]["detail"]["enum"] == list(DETAILS) == ["short", "medium", "long"]
    assert fields["ask"]["model"]["enum"] == CHATS and fields["ask"]["model"]["default"].startswith(
        "meta/llama"
    )
    assert len(CHATS) == sum(not model.tasks for model in CATALOGUE)
    assert fields["segment"]["region"]["items"] == {"type": "number"}
    required = {
        tool.name: tool.inputSchema["required"]
        for tool in tools
        if len(tool.inputSchema["required"]) > 1
    }
    assert required == {"ground": ["image", "sentence"], "ask": ["image", "question"]}


def test_the_key_is_a_header_of_every_tool_and_an_argument_of_none(url):
    with urlopen(f"{url}gradio_api/mcp/schema") as response:
        schemas = json.load(response)
    assert [schema["name"] for schema in schemas] == NAMES
    for schema in schemas:
        assert schema["meta"]["headers"] == [KEY_HEADER.lower()]
        assert "key" not in json.dumps(schema["inputSchema"]).lower()


# what is answered on this machine


@pytest.mark.parametrize(
    "give",
    [lambda url: data("sign.jpg"), lambda url: uploaded(url, "sign.jpg")],
    ids=["data", "upload"],
)
def test_ocr_reads_the_words_with_their_places(url, give):
    reply = well_formed(call(url, "ocr", image=give(url)))
    assert "PINE RIDGE PARK" in reply["text"] and "Eagle Point" in reply["text"]
    assert [region["label"] for region in reply["regions"]] == re.split(r"\n| {3}", reply["text"])
    assert "not by Florence-2" in reply["note"] and reply["engine"] == "Built-in tools"


def test_segment_outlines_a_region(url):
    reply = well_formed(call(url, "segment", image=data("coffee.jpg"), region=CUP))
    assert len(reply["regions"][0]["outline"]) > 8 and "GrabCut" in reply["note"]
    assert all(abs(a - b) < 0.1 for a, b in zip(reply["regions"][0]["box"], CUP))


def test_segment_by_words_outlines_what_is_known_and_says_what_is_not(url):
    reply = well_formed(call(url, "segment", image=data("coffee.jpg"), words="the cup"))
    assert {region["label"] for region in reply["regions"]} == {"cup"} and "sure" in reply["text"]
    reply = call(url, "segment", image=data("sign.jpg"), words="the pagoda")
    assert "“pagoda” is none of them" in reply["text"] and not reply["regions"]


@pytest.mark.slow
def test_a_chart_becomes_rows(url):
    reply = well_formed(call(url, "chart_to_table", image=data("chart.png")))
    assert [row[0] for row in reply["rows"][1:]] == [str(year) for year in range(2018, 2025)]
    assert (
        float(reply["rows"][3][1]) == pytest.approx(3.9, abs=0.05)
        and reply["model"] == "google/deplot"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "tool, arguments, label",
    [
        ("detect", {"words": "Eagle Point"}, "Eagle Point"),
        ("ground", {"sentence": "From the Visitor Center to Lake Loop"}, "Visitor Center"),
        ("ask", {"question": "How far is Lake Loop?"}, "Lake Loop"),
        ("ask", {"question": "How far is Lake Loop?", "model": "nvidia/neva-22b"}, "Lake Loop"),
    ],
)
def test_printed_words_are_found(url, tool, arguments, label):
    reply = well_formed(call(url, tool, image=data("sign.jpg"), **arguments))
    assert (
        label in [region["label"] for region in reply["regions"]]
        and "by the built-in tools" in reply["note"]
    )
    assert reply["model"] == arguments.get(
        "model", CHATS[0] if tool == "ask" else "microsoft/florence-2"
    )


@pytest.mark.parametrize("words", [{}, {"words": "  "}, {"words": "the mug"}])
def test_things_are_found_without_a_key(url, words):
    reply = well_formed(call(url, "detect", image=data("coffee.jpg"), **words))
    assert "cup" in [region["label"] for region in reply["regions"]]
    assert all(0.5 <= region["score"] <= 1 for region in reply["regions"])
    assert "SSDLite" in reply["note"] and "not by Florence-2" in reply["note"]


# what is refused


@pytest.mark.parametrize(
    "tool, arguments, said",
    [
        ("caption", {}, KEY_HEADER),
        ("segment", {}, "either words, or a region"),
        ("segment", {"words": "the sign", "region": CUP}, "either words, or a region"),
        ("segment", {"region": [0.1, 0.1, 1.2, 0.9]}, "outside of the picture"),
        ("segment", {"region": [0.1, 0.1, 0.9]}, "four numbers"),
        ("segment", {"region": [0.1, 0.1, 0.1, 0.1]}, "empty"),
        ("segment", {"region": "left"}, "not of type 'array'"),
        ("ground", {"sentence": " "}, "needs words"),
        ("ground", {}, "required"),
        ("caption", {"detail": "huge"}, "medium"),
        ("ask", {"question": "?", "model": "no/such"}, CHATS[-1]),
        ("ask", {"question": "?", "model": "microsoft/florence-2"}, CHATS[-1]),
        ("ocr", {"image": None}, "None"),
        ("ocr", {"image": ""}, "provide a url"),
        ("ocr", {"image": "/etc/hostname"}, "provide a url"),
        ("ocr", {"image": "data:text/plain;base64,aGVsbG8="}, "not a picture"),
        ("ocr", {"image": data("sign.jpg")[:8999]}, "broken or cut off"),
        ("ocr", {"image": "data:image/png;base64,"}, "not a picture"),
        ("ocr", {"image": "http://127.0.0.1:9/picture.png"}, "public http(s) address"),
        ("ocr", {"image": "http://127.0.0.1:9/gradio_api/file=/etc/hostname"}, "public http(s) address"),
        ("ocr", {"image": "http://127.0.0.1:9/gradio_api/file=%2e%2e/etc/hostname"}, "public http(s) address"),
        ("ocr", {"x_nvidia_api_key": "y"}, "not a valid"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_a_sentence(url, tool, arguments, said):
    with pytest.raises(RuntimeError) as caught:
        call(url, tool, **{"image": data("sign.jpg"), **arguments})
    assert said in str(caught.value), caught.value
    assert "Traceback" not in str(caught.value) and not str(caught.value).startswith("'")


def test_a_picture_is_required(url):
    for tool in NAMES:
        with pytest.raises(RuntimeError, match="'image' is a required property"):
            call(url, tool, sentence="x", question="x")


# the caller's key


def test_the_callers_key_reaches_nvidia_and_nothing_else(wire, url, monkeypatch, caplog, capfd):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    caplog.set_level(logging.DEBUG)
    told = [
        call(url, "ask", KEY, image=data("coffee.jpg"), question="What is this?"),
        call(url, "caption", KEY, image=data("coffee.jpg"), detail="long"),
        call(url, "detect", KEY, image=data("coffee.jpg")),
        call(url, "segment", KEY, image=data("coffee.jpg"), words="the cup"),
        call(url, "segment", KEY, image=data("coffee.jpg"), region=CUP),
    ]
    assert all(
        well_formed(reply)["engine"] == "NVIDIA" and "NVIDIA" in reply["note"] for reply in told
    )
    assert {seen.token for seen in wire.asked("chat")} == {KEY} and len(wire.asked("chat")) == len(
        told
    )
    assert "more_detailed_caption" in told[1]["text"] and told[2]["regions"][0]["label"] == "car"
    wire.script.append(say.status(401, {"detail": f"bad key {KEY}"}))
    with pytest.raises(RuntimeError, match="does not accept this key") as caught:
        call(url, "ask", KEY, image=data("coffee.jpg"), question="What is this?")
    told.append(str(caught.value))
    told.append(str(talk(url, lambda session: session.list_tools(), KEY)))
    assert (
        KEY not in json.dumps(told)
        and KEY not in caplog.text
        and KEY not in "".join(capfd.readouterr())
    )


def test_the_next_caller_has_no_key(wire, url, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    call(url, "ocr", KEY, image=data("sign.jpg"))
    seen = len(wire.seen)
    assert call(url, "ocr", image=data("sign.jpg"))["engine"] == "Built-in tools"
    assert seen and len(wire.seen) == seen


@pytest.mark.parametrize("key", ["two words", "nvapi-a\tb"])
def test_a_key_that_is_none_is_refused_without_being_repeated(url, key):
    with pytest.raises(RuntimeError, match="not a key") as caught:
        call(url, "ocr", key, image=data("sign.jpg"))
    assert key not in str(caught.value)


def test_a_withdrawn_model_says_who_answers_without_the_key(wire, url, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.status(410, {"detail": "gone"}))
    with pytest.raises(
        RuntimeError, match=f"withdrawn.*Without the header {KEY_HEADER}, “Built-in tools” answers"
    ):
        call(url, "chart_to_table", KEY, image=data("chart.png"))


def test_with_the_owners_key_the_owners_engine_answers(wire):
    page, url = launch(
        connect({"NVIDIA_API_KEY": KEY, "NVIDIA_BASE_URL": wire.url}), mcp_server=True
    )
    try:
        assert (
            well_formed(call(url, "ask", image=data("coffee.jpg"), question="Hello"))["engine"]
            == "NVIDIA"
        )
        wire.script.append(say.status(410, {"detail": "gone"}))
        with pytest.raises(RuntimeError, match="withdrawn") as caught:
            call(url, "chart_to_table", image=data("chart.png"))
    finally:
        page.close()
    assert KEY_HEADER not in str(caught.value) and KEY not in str(caught.value)


# without agents


@pytest.mark.slow
def test_the_tools_are_endpoints_too(url):
    client = Client(url, verbose=False)
    reply = well_formed(
        json.loads(
            client.predict(image=handle_file(str(ROOT / "assets" / "sign.jpg")), api_name="/ocr")
        )
    )
    assert "PINE RIDGE PARK" in reply["text"]
    for inputs, said in (
        ({"region": [0, 0, 2, 1]}, "outside"),
        ({"region": "x"}, "four"),
    ):
        with pytest.raises(Exception, match=said):
            client.predict(
                image=handle_file(str(ROOT / "assets" / "sign.jpg")), **inputs, api_name="/segment"
            )
    with pytest.raises(Exception, match=KEY_HEADER):
        client.predict(image=handle_file(str(ROOT / "assets" / "sign.jpg")), api_name="/caption")
    with pytest.raises(Exception, match="picture"):
        client.predict(image=None, api_name="/ocr")


@pytest.mark.slow
def test_without_the_package_the_page_starts_as_before():
    code = (
        "import sys; sys.modules['mcp'] = None\n"
        "import gradio as gr\n"
        "from ui.core.session import find_engines\n"
        "from ui.api.mcp import add_tools, mcp_installed\n"
        "from vlm_backends import Embedded\n"
        "with gr.Blocks(analytics_enabled=False) as page:\n"
        "    add_tools(find_engines(Embedded()))\n"
        "_, url, _ = page.launch(prevent_thread_lock=True, quiet=True, mcp_server=mcp_installed())\n"
        "print(mcp_installed(), page.mcp_server, page.mcp_error)\n"
        "page.close()\n"
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "False False None" and mcp_installed()

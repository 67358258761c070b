"""The page's public endpoints over real sockets."""

import json
import threading

import gradio as gr
import pytest
import requests
from gradio_client import Client, handle_file

import ui
from tests.support.paths import ASSETS
from tests.support.ports import launch_page
from tests.support.wire import replies as say
from ui.api.endpoints import add_api
from ui.core.session import find_engines
from vlm_backends import (
    CATALOGUE,
    TASKS,
    Embedded,
    connect,
)

KEY = "nvapi-canary-0123456789"


LLAMA = "meta/llama-3.2-11b-vision-instruct"


@pytest.fixture
def launched():
    """Launches a page for an engine, and hands out a client for it."""
    pages = []

    def launch(engine, **options):
        page = ui.build(engine)
        url = launch_page(page, **ui.settings())
        pages.append(page)
        return Client(url, verbose=False, **options)

    yield launch
    for page in pages:
        page.close()


@pytest.mark.slow
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
            "thought",
            "finish",
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


@pytest.mark.slow
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
    url = launch_page(page, **ui.settings())
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


def test_a_call_over_http_may_leave_out_the_last_parameters(launched):
    url = launched(Embedded()).src.rstrip("/") + "/gradio_api/call/chat"
    for given in ([LLAMA, "Hello", *[None] * 5], [LLAMA, "Hello", None], [LLAMA, "Hello"]):
        begun = requests.post(url, json={"data": given}, timeout=60)
        told = requests.get(f"{url}/{begun.json()['event_id']}", timeout=60).text
        assert "Add a picture first" in told


def test_public_endpoints_and_private_events(launched):
    info = launched(Embedded()).view_api(return_format="dict", print_info=False)
    tools = {"/caption", "/detect", "/ocr", "/segment", "/ground", "/chart_to_table", "/ask"}
    assert set(info["named_endpoints"]) == {"/chat", "/florence2", "/models"} | tools
    names = [
        parameter["parameter_name"] for parameter in info["named_endpoints"]["/chat"]["parameters"]
    ]
    assert names == [
        "model",
        "prompt",
        "image",
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "page",
    ]
    names = [
        parameter["parameter_name"]
        for parameter in info["named_endpoints"]["/florence2"]["parameters"]
    ]
    assert names == ["task", "image", "text", "region", "page", "confidence"]


def test_the_api_says_what_a_region_is():
    """In a valid JSON schema: agents get it too."""
    with gr.Blocks() as page:
        add_api(find_engines(Embedded()))
    fields = page.get_api_info()["named_endpoints"]["/florence2"]["parameters"]
    assert fields[3]["type"]["type"] == "array" and fields[3]["type"]["items"] == {"type": "number"}

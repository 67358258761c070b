"""The local NVIDIA-wire server itself, asked with `requests` as the specification asks NVIDIA."""

import base64
import io
import json
import threading
import time
import zipfile

import pytest
import requests

from tests.support.wire import (
    LLAMA,
    VLM,
    Wire,
    drop,
    empty_zip,
    half_json,
    json_body,
    not_a_zip,
    pending,
    problems,
    redirect,
    slow_headers,
    sse,
    status,
    zip_bomb,
    zip_many,
    zip_traversal,
    zipped,
)
from tests.support.wire.florence import TASKS
from tests.support.wire.pictures import measure, plain_png

KEY = {"Authorization": "Bearer nvapi-test"}
PNG = base64.b64encode(plain_png(64, 48)).decode()
IMG = f'<img src="data:image/png;base64,{PNG}" />'
PATHS = {
    LLAMA: f"/v1/gr/{LLAMA}/chat/completions",
    "microsoft/phi-3.5-vision-instruct": "/v1/chat/completions",
    **{id: f"/v1/vlm/{id}" for id in VLM},
}
STREAMED = {  # the specification's questions and settings
    LLAMA: ("What is in this image?", 512, 1.0, 1.0),
    "microsoft/phi-3.5-vision-instruct": ("Describe the image.", 512, 0.2, 0.7),
    "google/paligemma": ("Describe the image.", 512, 1.0, 0.7),
    "nvidia/neva-22b": ("Describe what you see in this image.", 1024, 0.2, 0.7),
    "google/deplot": ("Generate underlying data table of the figure below:", 1024, 0.2, 0.2),
}
LOC = "<loc_312><loc_168><loc_998><loc_846>"


def payload(model=LLAMA, /, stream=True, **changes):
    question, most, temperature, top_p = STREAMED.get(
        model, ("Who is in this photo?", 1024, 0.2, 0.2)
    )
    body = {"messages": [{"role": "user", "content": f"{question} {IMG}"}], "max_tokens": most}
    body |= {"temperature": temperature, "top_p": top_p, "stream": stream}
    return {**({} if model in VLM else {"model": model}), **body, **changes}


def post(wire, model=LLAMA, body=None, headers=KEY, **options):
    return requests.post(
        wire.url + PATHS[model], headers=headers, json=body or payload(model), timeout=10, **options
    )


def events(response):
    lines = [line for line in response.content.decode().splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def said(chunks):
    return "".join(
        chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"]
    )


def upload(wire, data, description="Test Image"):
    """The specification's own two requests."""
    announced = requests.post(
        f"{wire.url}/v2/nvcf/assets",
        headers={**KEY, "Content-Type": "application/json", "accept": "application/json"},
        json={"contentType": "image/jpeg", "description": description},
        timeout=30,
    )
    announced.raise_for_status()
    response = requests.put(
        announced.json()["uploadUrl"],
        data=io.BytesIO(data),
        headers={"x-amz-meta-nvcf-asset-description": description, "content-type": "image/jpeg"},
        timeout=300,
    )
    response.raise_for_status()
    return str(announced.json()["assetId"])


def florence(wire, prompt, asset, **options):
    body = {
        "messages": [
            {"role": "user", "content": f'{prompt}<img src="data:image/jpeg;asset_id,{asset}" />'}
        ]
    }
    headers = {
        **KEY,
        "NVCF-INPUT-ASSET-REFERENCES": asset,
        "NVCF-FUNCTION-ASSET-IDS": asset,
        "Accept": "application/json",
    }
    return requests.post(
        wire.url + PATHS["microsoft/florence-2"], headers=headers, json=body, timeout=10, **options
    )


def message(reply):
    return reply["choices"][0]["message"]


@pytest.mark.parametrize("model", STREAMED)
def test_the_specifications_streams(wire, model):
    body = payload(model) | ({"seed": 0} if model == "nvidia/neva-22b" else {})
    response = post(wire, model, body, {**KEY, "Accept": "text/event-stream"})
    chunks = events(response)
    assert response.headers["content-type"] == "text/event-stream" and len(chunks) > 5
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant" and chunks[-1]["choices"] == []
    assert "64" in said(chunks) and "48" in said(chunks)
    assert ("object" in chunks[0]) == (model not in VLM)
    assert wire.seen[0].json == body and wire.seen[0].headers["accept"] == "text/event-stream"
    whole = post(wire, model, body | {"stream": False}).json()
    assert message(whole)["content"] == said(chunks)


def test_the_specifications_kosmos(wire):
    body = payload("microsoft/kosmos-2")
    del body["stream"]
    found = message(post(wire, "microsoft/kosmos-2", body).json())
    assert "Who is in this photo?" in found["content"] and len(found["entities"]) == 2
    for entity in found["entities"]:
        start, end = entity["substring"]
        assert found["content"][start : end + 1] == entity["phrase"]
        assert all(
            0 <= side <= 1 and side * 64 == int(side * 64)
            for box in entity["bboxes"]
            for side in box
        )
    assert (
        message(post(wire, "microsoft/kosmos-2", body | {"grounded_response": False}).json())[
            "entities"
        ]
        == []
    )


PROMPTS = [
    token
    + {"nothing": "", "words": "A black and brown dog is laying on a grass field.", "region": LOC}[
        takes
    ]
    for token, takes in TASKS.items()
]


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.partition(">")[0] + ">")
def test_the_specifications_florence(wire, prompt):
    asset = upload(wire, plain_png(200, 100))
    response = florence(wire, prompt, asset)
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    assert response.history[0].status_code == 302 and response.history[0].content == b""
    assert archive.namelist()[0].endswith(".response")
    found = message(json.loads(archive.read(archive.namelist()[0])))
    if "entities" in found:
        assert measure(archive.read("overlay.png")).kind == "PNG"
        entities = found["entities"]
        outlines = (
            entities.get("bboxes")
            or entities.get("quad_boxes")
            or [p for each in entities["polygons"] for p in each]
        )
        assert all(0 <= x <= 200 for outline in outlines for x in outline[::2])
        assert all(0 <= y <= 100 for outline in outlines for y in outline[1::2])
        assert len(entities.get("labels") or entities["bboxes_labels"]) == (
            1 if "SEGMENTATION" in prompt else 2
        )
    else:
        assert found["content"]
    wire.florence_entities, wire.florence_zip = False, False
    flat = florence(wire, prompt, asset)
    assert not flat.history and ("<loc_" in message(flat.json())["content"]) == (
        "entities" in found or "REGION_TO" in prompt
    )


def test_the_key_stays_with_nvidia(wire):
    asset = upload(wire, plain_png(20, 10))
    florence(wire, "<OD>", asset)
    assert {seen.host: seen.headers.get("authorization") for seen in wire.seen} == {
        "127.0.0.1": "Bearer nvapi-test",
        "localhost": None,
    }
    assert [seen.route for seen in wire.seen] == ["announce", "upload", "chat", "result"]
    location = florence(wire, "<OD>", asset, allow_redirects=False).headers["location"]
    assert requests.get(location, headers=KEY, timeout=5).status_code == 400
    assert requests.get(location.partition("?")[0], timeout=5).status_code == 403
    assert requests.get(location, timeout=5).headers["content-type"] == "application/zip"


def test_assets(wire):
    entry = {"contentType": "image/jpeg", "description": "a"}
    answer = requests.post(f"{wire.url}/v2/nvcf/assets", headers=KEY, json=entry, timeout=5).json()
    id, url = answer["assetId"], answer["uploadUrl"]
    good = {"content-type": "image/jpeg", "x-amz-meta-nvcf-asset-description": "a"}
    for bad in [
        {},
        good | {"content-type": "image/png"},
        good | {"x-amz-meta-nvcf-asset-description": "b"},
    ]:
        assert requests.put(url, data=b"x", headers=bad, timeout=5).status_code == 403
    assert requests.put(url, data=b"x", headers=good | KEY, timeout=5).status_code == 400
    assert florence(wire, "<OD>", id).status_code == 404  # announced, yet not there
    assert requests.put(url, data=b"x", headers=good, timeout=5).status_code == 200
    assert wire.assets[id].data == b"x"
    one = f"{wire.url}/v2/nvcf/assets/{id}"
    assert requests.get(one, headers=KEY, timeout=5).json()["asset"]["contentType"] == "image/jpeg"
    assert requests.delete(one, timeout=5).status_code == 401
    assert requests.delete(one, headers=KEY, timeout=5).status_code == 204
    assert requests.delete(one, headers=KEY, timeout=5).status_code == 404
    assert id in wire.deleted and not wire.assets
    assert requests.get(f"{wire.url}/v2/nvcf/assets", headers=KEY, timeout=5).json() == {
        "assets": []
    }
    bad = requests.post(
        f"{wire.url}/v2/nvcf/assets", headers=KEY, json=entry | {"contentType": "jpeg"}, timeout=5
    )
    assert bad.status_code == 400 and "Invalid contentType 'jpeg'" in bad.text


def content(text):
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    "model, changes, code",
    [
        (LLAMA, {"messages": []}, 422),
        (LLAMA, {"messages": content(f"a {IMG} {IMG}")}, 400),
        (LLAMA, {"messages": content("no picture")}, 200),
        (LLAMA, {"messages": content(f"Hi {IMG}") * 2}, 400),
        (LLAMA, {"temperature": 0}, 200),
        (LLAMA, {"messages": content('<img src="data:image/png;base64,AAAA" />')}, 400),
        (LLAMA, {"messages": content(f'<img src="data:image/png;base64,{"A" * 180_000}" />')}, 413),
        ("microsoft/phi-3.5-vision-instruct", {"model": None}, 400),
        ("microsoft/phi-3.5-vision-instruct", {"model": "a/b"}, 404),
        ("microsoft/phi-3.5-vision-instruct", {"model": "microsoft/kosmos-2"}, 404),
        ("google/deplot", {"messages": None}, 422),
        ("google/deplot", {"temperature": 0}, 422),
        ("google/deplot", {"temperature": 1.01}, 422),
        ("google/deplot", {"top_p": 0}, 422),
        ("google/deplot", {"max_tokens": 1025}, 422),
        ("google/deplot", {"seed": -1}, 422),
        ("google/deplot", {"messages": content("no picture")}, 422),
        ("google/deplot", {"model": "google/deplot"}, 200),
        ("nvidia/neva-22b", {"messages": content("no picture")}, 200),
        ("microsoft/florence-2", {"messages": content(f"<NOPE>{IMG}")}, 422),
        ("microsoft/florence-2", {"messages": content(f"<OD>words{IMG}")}, 422),
        ("microsoft/florence-2", {"messages": content(f"<REGION_TO_CATEGORY>{IMG}")}, 422),
        (
            "microsoft/florence-2",
            {"messages": content(f"<CAPTION_TO_PHRASE_GROUNDING>{IMG}a dog")},
            200,
        ),
    ],
)
def test_what_is_refused(wire, model, changes, code):
    response = post(wire, model, payload(model, **changes))
    assert response.status_code == code, response.text


def test_openai_parts(wire):
    parts = [
        {"type": "text", "text": "Hi"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    reply = post(wire, body=payload(stream=False, messages=content(parts))).json()
    assert reply["object"] == "chat.completion" and "64 × 48" in message(reply)["content"]
    dead = [{"type": "text", "text": f"Hi {IMG}"}]  # a tag inside a part is only words
    assert (
        "no picture"
        in message(post(wire, body=payload(stream=False, messages=content(dead))).json())["content"]
    )


def test_paligemma_finds_what_it_is_told(wire):
    body = payload("google/paligemma", stream=False, messages=content(f"detect cat ; dog {IMG}"))
    found = message(post(wire, "google/paligemma", body).json())["content"]
    assert (
        found
        == "<loc0256><loc0000><loc0767><loc0384> cat ; <loc0256><loc0512><loc0767><loc0895> dog"
    )


def test_keys(wire):
    assert (
        post(wire, headers={}).status_code,
        post(wire, headers={"Authorization": "Bearer "}).status_code,
    ) == (
        401,
        401,
    )
    wire.keys = {"nvapi-right"}
    assert post(wire).json()["detail"] == "Authentication failed"
    wire.keys = {""}
    assert post(wire, headers={}).status_code == 200
    wire.keys = None
    assert requests.get(f"{wire.url}/v1/models", timeout=5).json()["data"][-1]["object"] == "model"
    assert requests.get(f"{wire.url}/v1/models/{LLAMA}", timeout=5).json()["owned_by"] == "meta"
    assert requests.get(f"{wire.url}/nowhere", timeout=5).text == "404 page not found\n"
    assert post(wire, headers=KEY | {"NVCF-POLL-SECONDS": "3601"}).status_code == 400
    assert post(wire, headers=KEY | {"NVCF-INPUT-ASSET-REFERENCES": "x"}).status_code == 400


@pytest.mark.parametrize("name", problems)
def test_problems(wire, name):
    wire.script.append(problems[name])
    response = post(wire)
    assert str(response.status_code) in name or name == "model error"
    assert post(wire).status_code == 200  # each takes one request


@pytest.mark.parametrize(
    "framing, newline", [("chunked", "\n"), ("close", "\r\n"), ("close", "\r")]
)
def test_streams_and_gates(wire, framing, newline):
    gate = threading.Event()
    wire.script.append(sse(["one", " two"], framing=framing, newline=newline, gate=gate))
    with post(wire, stream=True) as response:
        pieces = (
            response.iter_content(None)
            if framing == "chunked"
            else iter(lambda: response.raw.read1(65536), b"")
        )
        first = next(pieces)
        assert b"one" in first and b"two" not in first and (newline * 2).encode() in first
        gate.set()
        assert b"[DONE]" in b"".join(pieces)
    assert wire.disconnects == 0


def test_a_client_that_leaves_is_noticed(wire):
    wire.script += [sse(["one", " two"], gate=threading.Event()), slow_headers(60)]
    with post(wire, stream=True) as response:
        next(response.iter_content(None))
    assert wire.until(lambda: wire.disconnects == 1)
    with pytest.raises(requests.ReadTimeout):
        requests.post(wire.url + PATHS[LLAMA], headers=KEY, json=payload(), timeout=(5, 0.2))
    assert wire.until(lambda: wire.disconnects == 2)


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_streams_that_break(wire, framing):
    wire.script.append(sse(["one", " two", " three"], cut_after=2, framing=framing))
    with post(wire, stream=True) as response:
        data = b""
        try:
            while piece := response.raw.read1(65536):
                data += piece
        except Exception as error:
            assert framing == "chunked", error
    assert b'" two"' in data and b"[DONE]" not in data
    wire.script += [
        sse(["one"], done=False, framing=framing),
        sse(["one"], error={"message": "no", "code": 500}),
    ]
    assert b"[DONE]" not in post(wire).content
    assert events(post(wire))[-1] == {"error": {"message": "no", "code": 500}}


def test_pending(wire):
    wire.script += [pending(2), pending(0, json_body({"a": 1}))]
    first = post(wire, body=payload(stream=False))
    id = first.headers["NVCF-REQID"]
    assert (first.status_code, first.content, first.headers["nvcf-status"]) == (
        202,
        b"",
        "in-progress",
    )
    url = f"{wire.url}/v2/nvcf/pexec/status/{id}"
    assert requests.get(url, timeout=5).status_code == 401
    replies = [requests.get(url, headers=KEY, timeout=5) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [202, 202, 200, 404]
    assert "64 × 48" in message(replies[2].json())["content"]
    id = post(wire).headers["NVCF-REQID"]
    assert requests.get(f"{wire.url}/v1/status/{id}", headers=KEY, timeout=5).json() == {"a": 1}


def unzip(wire):
    return zipfile.ZipFile(io.BytesIO(post(wire).content))


def test_zips(wire):
    wire.script += [
        zipped({"a.response": {"b": 1}}),
        empty_zip(),
        zip_bomb(64),
        zip_many(),
        zip_traversal(),
        not_a_zip(),
    ]
    assert json.loads(unzip(wire).read("a.response")) == {"b": 1}
    assert unzip(wire).namelist() == []
    bomb = unzip(wire).infolist()[0]
    assert bomb.file_size > 100 * bomb.compress_size and bomb.file_size > 2**26
    assert len(unzip(wire).namelist()) == 10_000
    assert "../../x" in unzip(wire).namelist()
    with pytest.raises(zipfile.BadZipFile):
        unzip(wire)


def test_other_faults(wire):
    wire.script += [
        drop(),
        half_json(),
        redirect(f"{wire.url}/v1/models"),
        slow_headers(0.1),
        status(418, "tea"),
    ]
    with pytest.raises(requests.ConnectionError):
        post(wire)
    with pytest.raises(requests.JSONDecodeError):
        post(wire).json()
    assert post(wire).url.endswith("/v1/models")
    start = time.monotonic()
    assert post(wire).status_code == 200 and time.monotonic() - start >= 0.1
    assert post(wire).text == "tea"
    wire.scripts["announce"].append(problems["503 exhausted"])
    with pytest.raises(requests.HTTPError):
        upload(wire, b"")


def test_the_end_of_the_server_frees_everybody():
    with Wire() as wire:
        wire.script.append(sse(["one"], gate=threading.Event()))
        response = post(wire, stream=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):  # a client still held: a timeout
        response.json()
    assert wire.disconnects == 0

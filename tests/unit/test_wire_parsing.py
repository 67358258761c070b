"""Bytes to payloads, statuses to sentences, entities to regions, prompts to bodies: all without a socket."""

import io
import json
import zipfile

import pytest

from vlm_backends import (
    CATALOGUE,
    Gone,
    Picture,
    Prompt,
    Refused,
    Sent,
    Turn,
    Unreachable,
    find_model,
    find_task,
    write_task,
)
from vlm_backends.engines.http import decode
from vlm_backends.engines.wire import regions as wire_regions
from vlm_backends.engines.wire import requests
from vlm_backends.engines.wire.errors import explain

STREAM = [": comment", 'data: {"a": "Привет"}', "", "event: x", 'data: {"b":', 'data: "two lines"}', "", "data:{}", "", "data: [DONE]", ""]  # fmt: skip
EVENTS = [event.encode() for event in ('{"a": "Привет"}', '{"b":\n"two lines"}', "{}", "[DONE]")]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_any_cut_law(end):
    """Events are the same however the bytes are cut: every pair of cuts, in the middle of letters and line ends too."""
    data = (end.join(STREAM) + end).encode()
    for i in range(0, len(data) + 1):
        for j in range(i, len(data) + 1, 3):
            assert list(decode.events([data[:i], data[i:j], data[j:]])) == EVENTS
    assert list(decode.events(data[k : k + 1] for k in range(len(data)))) == EVENTS


def test_only_cr_and_lf_end_a_line():
    tricky = "a\u2028b\u0085c\x0bd\x1ee"
    assert list(decode.events([f"data: {tricky}\n\n".encode()])) == [tricky.encode()]


def test_the_first_event_is_not_held_back_by_a_carriage_return():
    def pieces():
        yield b"data: 1\r\r"
        raise AssertionError("asked for more before giving what had come")

    assert next(decode.events(pieces())) == b"1"


@pytest.mark.parametrize(
    "events, said",
    [
        ([], "before its end"),
        (['{"a": 1}'], "before its end"),
        (["[1]"], "not an answer"),
        (["{"], "half an answer"),
        (["<html>"], "a web page"),
        (["nope"], "plain text"),
        (["[" * 100_000], "half an answer"),
    ],
)
def test_a_stream_that_is_none(events, said):
    with pytest.raises(Unreachable, match=said):
        list(decode.event_payloads([f"data: {event}\n\n".encode() for event in events]))


def test_the_reason_of_the_end_may_stand_far_before_it():
    events = [
        '{"choices": [{"finish_reason": "stop"}]}',
        *['{"choices": [{"finish_reason": null}]}'] * 40,
    ]
    assert (
        len(list(decode.event_payloads([f"data: {event}\n\n".encode() for event in events]))) == 41
    )


def test_words_before_the_cut_are_delivered():
    arrived = []
    with pytest.raises(Unreachable):
        for payload in decode.event_payloads([b'data: {"n": 1}\n\ndata: {"n": 2}\n\ndata: {"n":']):
            arrived.append(payload["n"])
    assert arrived == [1, 2]


def test_an_endless_line_is_cut_off():
    with pytest.raises(Unreachable, match="too long"):
        list(decode.events(b"x" * 2**20 for _ in range(100)))


def packed(files: dict[str, bytes], **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_the_response_member_is_read_from_a_zip():
    assert decode.body_payload(packed({"overlay.png": b"x", "1.response": b'{"id": "1"}'})) == {
        "id": "1"
    }
    assert decode.body_payload(packed({"../../1.response": b'{"id": "1"}'})) == {
        "id": "1"
    }  # a name is never a path here


@pytest.mark.parametrize(
    "body, said",
    [
        (b"", "nothing"),
        (b"<html>", "web page"),
        (b'{"a"', "half an answer"),
        (b"[]", "not an answer"),
        (b"PK\x03\x04 not a zip", "broken"),
        (packed({"a.response": b'{"a": 1}'})[:-10], "broken"),
        (packed({}), "no answer"),
        (packed({"a.txt": b"x"}), "no answer"),
        (packed({"a.response": b" " * 30_000_000}), "bomb"),
        (packed({"a.response": bytes(60_000_000)}), "bomb"),
        (packed({f"{i}.txt": b"" for i in range(1000)}), "too many files"),
    ],
    ids=range(11),
)
def test_a_body_that_is_no_answer(body, said):
    with pytest.raises(Unreachable, match=said):
        decode.body_payload(body)


REFUSALS = [
    (401, b"Header of type `authorization` was missing", Refused, "key"),
    (401, b'{"status":401,"title":"Unauthorized","detail":"Authentication failed"}', Refused, "Authentication failed"),
    (402, b'{"detail":"You have reached your limit of credits."}', Refused, "credits"),
    (403, b'{"status":403,"title":"Forbidden","detail":"Authorization failed"}', Refused, "public API endpoints"),
    (404, b'{"status":404,"title":"Not Found","detail":"Function \'6018\': Not found for account \'x\'"}', Gone, "withdrawn"),
    (404, b"404 page not found\n", Gone, "withdrawn"),
    (404, b'{"error":{"message":"Model not found","type":"Not Found","code":404}}', Gone, "withdrawn"),
    (404, b'{"detail":"NotFound error: failed to find asset 1"}', Refused, "asset"),
    (410, b'{"title":"Gone","detail":"The model \'x\' has reached its end of life on 2026-05-14T00:00:00Z."}', Gone, "2026-05-14"),
    (413, b"", Refused, "too large"),
    (422, b'{"detail":[{"loc":["body"],"msg":"field required","type":"x"}]}', Refused, "field required"),
    (429, b'{"status":429,"title":"Too Many Requests"}', Refused, "Wait"),
    (500, b'{"type":"urn:x","detail":"Internal error while making inference request"}', Refused, "failed"),
    (502, b'{"detail":"Upstream request failed."}', Refused, "Upstream"),
    (503, b"ResourceExhausted: Worker local total request limit reached (32/32)", Refused, "no room"),
    (504, b"", Refused, "too long"),
    (529, b"", Refused, "overloaded"),
    (500, b"<html><body>oops</body></html>", Refused, "web page"),
    (418, b"\xff\xfe\x00", Refused, "refused"),
    (400, b'{"error": {"message": null}}', Refused, "could not use"),
    (400, b'{"error": "plain"}', Refused, "plain"),
    (400, b"[" * 70_000, Refused, "could not use"),
]  # fmt: skip


@pytest.mark.parametrize("status, body, kind, said", REFUSALS, ids=lambda value: str(value)[:40])
def test_every_refusal_is_a_sentence(status, body, kind, said):
    error = explain(status, body)
    assert type(error) is kind and said in str(error)
    assert str(error)[0].isupper() and len(str(error)) < 600 and "<html" not in str(error)
    assert (error.retry_delay is not None) == (status in (429, 502, 503, 504))


@pytest.mark.parametrize("body, passing", [
    (b"Internal Server Error", True), (b"Internal Server Error\n", True), (b"", False), (b"CUDA error", False), (b"<html>Internal Server Error</html>", False),
    (b'{"error": {"message": "This server met a fault"}}', False), (b"Internal Server Error: bad picture", False),
])  # fmt: skip
def test_a_gateway_whose_process_is_gone_is_asked_again(body, passing):
    assert (explain(500, body).retry_delay is not None) == passing


def test_a_long_wait_is_told_and_not_waited():
    assert explain(503, b"", "10800").retry_delay is None and "3 hours" in str(
        explain(503, b"", "10800")
    )
    assert explain(429, b"", "7").retry_delay == 7.0
    assert explain(429, b"", "soon").retry_delay == 0.0


def test_every_status_is_a_sentence():
    for status in range(400, 600):
        assert str(explain(status, b""))[-1] in ").", status


def test_a_key_that_the_service_repeats_is_taken_out():
    assert "nvapi-secret" not in str(
        explain(401, b'{"detail": "bad key nvapi-secret"}', key="nvapi-secret")
    )


SENT = Sent("image/jpeg", 200, 100, 1, "asset")
CASES = [
    ({"bboxes": [[20, 10, 100, 50]], "labels": ["car"]}, [("car", 4, False)]),
    ({"bboxes": [[20, 10, 100, 50], [0, 0, 9, 9]], "labels": ["car"]}, [("car", 4, False), ("", 4, False)]),
    ({"quad_boxes": [[0, 0, 9, 0, 9, 9, 0, 9]], "labels": ["</s>STOP"]}, [("STOP", 4, False)]),
    ({"polygons": [[[0, 0, 9, 0, 9, 9], [50, 50, 60, 50, 60, 60, 50, 60]]], "labels": ["dog"]}, [("dog", 3, True), ("dog", 4, True)]),
    ({"polygons": [[0, 0, 9, 0, 9, 9]], "labels": [""]}, [("", 3, True)]),
    ({"bboxes": [[1, 2, 30, 40]], "bboxes_labels": ["cup"], "polygons": [], "polygons_labels": []}, [("cup", 4, False)]),
    ({"bboxes": [[1, 2, 30]], "labels": ["x"]}, []),
    ({"bboxes": [[1, 2, float("nan"), 4]], "labels": ["x"]}, []),
    ({"bboxes": [["1", "2", "3", "4"]], "labels": ["x"]}, []),
    ({"bboxes": "no", "labels": 3}, []),
    ({"polygons": [[]], "labels": ["x"]}, []),
    ([], []),
    (None, []),
    ("text", []),
]  # fmt: skip


@pytest.mark.parametrize("entities, found", CASES, ids=range(len(CASES)))
def test_florence_entities(entities, found):
    regions = wire_regions.regions(entities, "", SENT)
    assert [(r.label, len(r.outline), r.is_mask) for r in regions] == found
    assert all(0 <= v <= 1 for r in regions for point in r.outline for v in point)


def test_pixels_are_of_the_picture_as_sent():
    (region,) = wire_regions.regions({"bboxes": [[20, 10, 100, 50]], "labels": ["car"]}, "", SENT)
    assert region.outline[0] == (0.1, 0.1) and region.outline[2] == (0.5, 0.5)


@pytest.mark.parametrize(
    "entity, span",
    [
        ({"phrase": "The coach", "substring": [0, 8], "bboxes": [[0.2, 0.1, 0.7, 0.6]]}, (0, 9)),
        ({"phrase": "coach", "substring": [4, 8], "bboxes": [[0.7, 0.6, 0.2, 0.1]]}, (4, 9)),
        ({"phrase": "coach", "substring": "?", "bboxes": [[0.2, 0.1, 0.7, 0.6]]}, (4, 9)),
        ({"phrase": "nobody", "substring": [0, 3], "bboxes": [[0.2, 0.1, 0.7, 0.6]]}, None),
    ],
)
def test_kosmos_entities(entity, span):
    (region,) = wire_regions.regions([entity], "The coach points.", None)
    assert region.span == span and region.label == entity["phrase"]
    assert region.outline[0] == (0.2, 0.1) and region.outline[2] == (0.7, 0.6)


@pytest.mark.parametrize(
    "entities", [[{}], [None], [{"phrase": 3, "bboxes": [[1]]}], [{"bboxes": None}], [[]]]
)
def test_malformed_kosmos_entities_are_passed_over(entities):
    assert wire_regions.regions(entities, "x", None) == ()


PNG, JPG = Picture(b"png-bytes", "image/png", 9, 9), Picture(b"jpg-bytes", "image/jpeg", 9, 9)
P64, J64 = "data:image/png;base64,cG5nLWJ5dGVz", "data:image/jpeg;base64,anBnLWJ5dGVz"
SPECIFICATION = [  # model, picture, question, the published body
    ("meta/llama-3.2-11b-vision-instruct", PNG, "What is in this image?",
     {"model": "meta/llama-3.2-11b-vision-instruct", "messages": [{"role": "user", "content": f'What is in this image? <img src="{P64}" />'}],
      "max_tokens": 512, "temperature": 1.00, "top_p": 1.00, "stream": True}),
    ("microsoft/phi-3.5-vision-instruct", JPG, "Describe the image.",
     {"model": "microsoft/phi-3.5-vision-instruct", "messages": [{"role": "user", "content": f'Describe the image. <img src="{J64}" />'}],
      "max_tokens": 512, "temperature": 0.20, "top_p": 0.70, "stream": True}),
    ("google/paligemma", JPG, "Describe the image.",
     {"messages": [{"role": "user", "content": f'Describe the image. <img src="{J64}" />'}],
      "max_tokens": 512, "temperature": 1.00, "top_p": 0.70, "stream": True}),
    ("nvidia/neva-22b", PNG, "Describe what you see in this image.",
     {"messages": [{"role": "user", "content": f'Describe what you see in this image. <img src="{P64}" />'}],
      "max_tokens": 1024, "temperature": 0.20, "top_p": 0.70, "seed": 0, "stream": True}),
    ("microsoft/kosmos-2", PNG, "Who is in this photo?",
     {"messages": [{"role": "user", "content": f'Who is in this photo? <img src="{P64}" />'}],
      "max_tokens": 1024, "temperature": 0.20, "top_p": 0.20}),
    ("google/deplot", PNG, "Generate underlying data table of the figure below:",
     {"messages": [{"role": "user", "content": f'Generate underlying data table of the figure below: <img src="{P64}" />'}],
      "max_tokens": 1024, "temperature": 0.20, "top_p": 0.20, "stream": True}),
]  # fmt: skip


@pytest.mark.parametrize(
    "id, picture, question, body", SPECIFICATION, ids=lambda value: str(value)[:20]
)
def test_specification_law(id, picture, question, body):
    """The body equals the specification's, key for key and in its order, with nothing more and nothing less."""
    model = find_model(id)
    assert model.prompts[0] == question
    built = requests.body(model, Prompt((Turn("user", question, (picture,)),)))
    assert json.dumps(built) == json.dumps(body)


@pytest.mark.parametrize(
    "token, words, region, content",
    [
        ("<CAPTION>", "", None, "<CAPTION>"),
        ("<OD>", "", None, "<OD>"),
        ("<OCR_WITH_REGION>", "", None, "<OCR_WITH_REGION>"),
        ("<CAPTION_TO_PHRASE_GROUNDING>", "A black and brown dog is laying on a grass field.", None,
         "<CAPTION_TO_PHRASE_GROUNDING>A black and brown dog is laying on a grass field."),
        ("<OPEN_VOCABULARY_DETECTION>", "a black and brown dog", None, "<OPEN_VOCABULARY_DETECTION>a black and brown dog"),
        ("<REGION_TO_CATEGORY>", "", (312.5 / 999, 168.5 / 999, 998.5 / 999, 846.5 / 999),
         "<REGION_TO_CATEGORY><loc_312><loc_168><loc_998><loc_846>"),
    ],
)  # fmt: skip
def test_specification_law_for_florence(token, words, region, content):
    model, task = find_model("microsoft/florence-2"), find_task(token)
    prompt = Prompt((Turn("user", write_task(task, words, region), (JPG,)),))
    built = requests.body(model, prompt, sources={JPG: "data:image/jpeg;asset_id,1234"})
    assert built == {
        "messages": [
            {"role": "user", "content": content + '<img src="data:image/jpeg;asset_id,1234" />'}
        ]
    }


def test_all_of_the_specifications_models_are_in_the_tables():
    assert {row[0] for row in SPECIFICATION} | {"microsoft/florence-2"} <= {
        model.id for model in CATALOGUE
    }


def test_a_model_that_does_not_converse_gets_the_last_question_and_the_newest_picture():
    turns = (Turn("user", "one", (PNG,)), Turn("assistant", "1"), Turn("user", "two", (JPG,)), Turn("assistant", "2"), Turn("user", "three"))  # fmt: skip
    trimmed = requests.trim_prompt(find_model("google/paligemma"), Prompt(turns))
    assert trimmed.turns == (Turn("user", "three", (JPG,)),)
    trimmed = requests.trim_prompt(find_model("meta/llama-3.2-11b-vision-instruct"), Prompt(turns))
    assert [len(turn.pictures) for turn in trimmed.turns] == [0, 0, 1, 0, 0]
    trimmed = requests.trim_prompt(find_model("microsoft/phi-3.5-vision-instruct"), Prompt(turns))
    assert [len(turn.pictures) for turn in trimmed.turns] == [1, 0, 1, 0, 0]

"""Default answers of the local NVIDIA server's models, which depend on the picture and are always the same."""

import re
from typing import Any

from tests.support.wire import florence as wire_florence
from tests.support.wire.questions import Question
from tests.support.wire.replies import Reply, json_body, sse, whole_reply, zipped


def answer(question: Question, wire: Any, accept: str) -> Reply:
    """Return the reply to a valid question; `wire` holds the switches for Florence-2."""
    if question.model == "microsoft/florence-2":
        return _florence(question, wire, accept)
    content, entities = {
        "microsoft/kosmos-2": _kosmos,
        "google/deplot": _deplot,
        "google/paligemma": _paligemma,
    }.get(question.model, _chat)(question)
    if not question.body.get("stream"):
        return json_body(
            whole_reply(content, entities, question.model if question.openai else None)
        )
    last = {
        "id": "entities",
        "choices": [{"index": 0, "delta": {"entities": entities}, "finish_reason": None}],
    }
    return sse([*pieces(content), *([last] if entities else [])])


def pieces(content: str) -> list[str]:
    """Return the text in pieces as a model's tokens would cut it: words, and tokens in angle brackets whole."""
    return re.findall(r"\s*<\w+>|\s*[^\s<]+|\s+|<", content)


def _chat(question: Question) -> tuple[str, None]:
    picture = question.picture
    seen = (
        f"The picture is a {picture.kind} of {picture.width} × {picture.height} pixels and {picture.bytes} bytes."
        if picture
        else "There is no picture."
    )
    count = f" This conversation has {question.messages} messages." if question.messages > 1 else ""
    return f"You said “{question.text}”. {seen}{count}", None


def _kosmos(question: Question) -> tuple[str, list[dict]]:
    picture = question.picture
    content = (
        f"In a picture of {picture.width} by {picture.height} pixels, the left half stands beside two small corners. "
        f"You said “{question.text}”."
    )
    boxes = {
        "the left half": [[0.0, 0.0, 0.5, 1.0]],
        "two small corners": [
            [0.765625, 0.015625, 0.984375, 0.234375],
            [0.765625, 0.765625, 0.984375, 0.984375],
        ],
    }
    if not question.body.get("grounded_response", question.body.get("bounding_boxes", True)):
        return content, []
    starts = {phrase: content.index(phrase) for phrase in boxes}
    return content, [
        {
            "phrase": phrase,
            "substring": [starts[phrase], starts[phrase] + len(phrase) - 1],
            "bboxes": found,
        }
        for phrase, found in boxes.items()
    ]


def _deplot(question: Question) -> tuple[str, None]:
    picture = question.picture
    rows = (
        "TITLE | The figure as it was sent",
        "Side | Pixels",
        f"Width | {picture.width}",
        f"Height | {picture.height}",
    )
    return " <0x0A> ".join(rows), None


def _paligemma(question: Question) -> tuple[str, None]:
    task, _, rest = question.text.partition(" ")
    if task not in ("detect", "segment"):
        picture = question.picture
        return f"{question.text} a {picture.kind} of {picture.width} by {picture.height}", None
    names = [name.strip() for name in rest.split(";")]
    shape = "".join(f"<seg{code:03d}>" for code in range(0, 128, 8)) if task == "segment" else ""
    found = []
    for index, name in enumerate(names):
        left, right = index / len(names), (index + 0.75) / len(names)
        box = (0.25, left, 0.75, right)  # y before x
        found.append("".join(f"<loc{round(side * 1023):04d}>" for side in box) + f"{shape} {name}")
    return " ; ".join(found), None


def _florence(question: Question, wire: Any, accept: str) -> Reply:
    content, entities, overlay = wire_florence.answer(question, wire.florence_entities)
    whole = whole_reply(content, entities)
    if not wire.florence_zip or accept == "text/event-stream":
        return json_body(whole)
    files: dict[str, bytes | dict] = {f"{whole['id']}.response": whole}
    return zipped(files | ({"overlay.png": overlay} if overlay else {}))

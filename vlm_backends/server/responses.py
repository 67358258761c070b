"""Write an engine's answer as payloads of OpenAI's API.

Regions are NVIDIA's `entities`. What that API has no field for is in a field `vlm`: the engine's
note, the status of a wait, and whether the text is to be shown letter for letter. An entity
also has its outline, its span in the answer's text, and `solid` for masks.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple
from uuid import uuid4

from vlm_backends import Answer, CancelToken, Chunk, Engine, Question, Region, Reply
from vlm_backends.media.geometry import bounds
from vlm_backends.server.requests import ChatRequest


class Piece(NamedTuple):
    """A piece of an answer: what is new since the last one."""

    text: str = ""
    regions: tuple[Region, ...] = ()
    thought: str = ""
    extras: Mapping[str, object] = MappingProxyType({})  # what goes into `vlm`
    answer: Answer | None = None  # the whole answer, in the last piece


def pieces(engine: Engine, request: ChatRequest, cancel: CancelToken) -> Iterator[Piece]:
    """Yield the answer as it arrives: the model's own words, or those for people.

    The model's own words are parsed at the end, for the regions in them. Raises VLMError.
    """
    question = Question(request.model, request.prompt, request.task)
    reply = Reply(question, engine, cancel=cancel)
    sent_text, sent_regions, sent_thought = "", 0, 0
    extras: dict[str, object] = {}  # what else was sent so far
    with closing(reply.updates()) as updates:
        for _ in updates:
            so_far = reply.chunk if request.raw else reply.answer
            text = _new_words(so_far.text, sent_text) if _is_final(request, so_far) else ""
            sent_text = so_far.text if text else sent_text
            regions = so_far.regions[sent_regions:] if request.raw else ()
            sent_regions += len(regions)
            thought, sent_thought = so_far.thought[sent_thought:], len(so_far.thought)
            fresh = _new_extras(so_far, extras)
            extras |= fresh
            if text or regions or thought or fresh:
                yield Piece(text, regions, thought, fresh)
    answer = reply.answer
    rest = "" if request.raw else _new_words(answer.text, sent_text)
    regions = () if sent_regions else answer.regions
    yield Piece(rest, regions, "", _new_extras(answer, extras), answer)


def _new_words(text: str, sent: str) -> str:
    """Return what the text adds to the words sent; all of it where these became a thought."""
    return text[len(sent) :] if text.startswith(sent) else f"\n\n{text}"


def _is_final(request: ChatRequest, so_far: Chunk | Answer) -> bool:
    """Return True when the words so far stay as they are.

    The text of a table changes with each of its cells: it is sent whole, at the end.
    """
    return request.raw or so_far.literal or not request.model.tables


def _new_extras(so_far: Chunk | Answer, sent: Mapping[str, object]) -> dict[str, object]:
    """Return what OpenAI's API has no field for, where it is not sent yet."""
    named = {"note": so_far.note, "status": so_far.status, "literal": so_far.literal}
    return {name: value for name, value in named.items() if value and sent.get(name) != value}


def entity(region: Region) -> dict:
    """Return a region in the form of NVIDIA's Kosmos-2, with its outline added.

    Coordinates are in 0..1 from the top left corner; the ends of `substring` are inclusive.
    """
    fields: dict = {"phrase": region.label, "bboxes": [list(bounds(region.outline))]}
    if region.span:
        fields |= {"substring": [region.span[0], region.span[1] - 1], "span": list(region.span)}
    return fields | {"outline": [list(point) for point in region.outline], "solid": region.is_mask}


@dataclass(frozen=True)
class Envelope:
    """The fields that all payloads of one reply share."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(self, piece: Piece) -> dict:
        """Return one event of a stream."""
        delta: dict[str, object] = {"content": piece.text} if piece.text else {}
        if piece.thought:
            delta["reasoning_content"] = piece.thought
        if piece.regions:
            delta["entities"] = [entity(region) for region in piece.regions]
        ended = (piece.answer.finish or "stop") if piece.answer else None
        choice = {"index": 0, "delta": delta, "finish_reason": ended}
        return self._payload("chat.completion.chunk", [choice], piece.extras)

    def count(self, answer: Answer) -> dict:
        """Return the last event of a stream, with its number of tokens."""
        return self._payload("chat.completion.chunk", [], {}) | {"usage": usage(answer)}

    def whole(self, text: str, extras: Mapping[str, object], answer: Answer) -> dict:
        """Return the payload of a reply that is not streamed."""
        message: dict[str, object] = {"role": "assistant", "content": text}
        if answer.thought:
            message["reasoning_content"] = answer.thought
        if answer.regions:
            message["entities"] = [entity(region) for region in answer.regions]
        choice = {"index": 0, "message": message, "finish_reason": answer.finish or "stop"}
        return self._payload("chat.completion", [choice], extras) | {"usage": usage(answer)}

    def _payload(self, kind: str, choices: list[dict], extras: Mapping[str, object]) -> dict:
        payload = {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        return payload | {"vlm": dict(extras)} if extras else payload


def usage(answer: Answer) -> dict | None:
    """Return the number of tokens, where the engine counted them."""
    return {"completion_tokens": answer.tokens} if answer.tokens else None

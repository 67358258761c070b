"""Write an engine's answer as payloads of OpenAI's API.

Regions are NVIDIA's `entities`. What that API has no field for is in a field `vlm`: the engine's
note, the status of a wait, and whether the text is to be shown letter for letter. An entity
also has its outline, its span in the answer's text, `solid` for masks, and `score` where
there is one.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
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
    refusal: str = ""  # the words in which the model declined to answer
    extras: Mapping[str, object] = MappingProxyType({})  # what goes into `vlm`
    answer: Answer | None = None  # the whole answer, in the last piece


def pieces(engine: Engine, request: ChatRequest, cancel: CancelToken) -> Iterator[Piece]:
    """Yield the answer as it arrives: the model's own words, or those for people.

    The model's own words are parsed at the end, for the regions in them. Raises VLMError.
    """
    question = Question(request.model, request.prompt, request.task)
    reply = Reply(question, engine, cancel=cancel)
    sent = _Progress()
    with closing(reply.updates()) as updates:
        for _ in updates:
            so_far = reply.chunk if request.raw else reply.answer
            text = so_far.text if _is_final(request, so_far) else sent.text
            piece = sent.rest(so_far, text, so_far.regions if request.raw else ())
            if any(piece):
                yield piece
    answer, so_far = reply.answer, reply.answer
    if request.raw:  # the thought within the model's own words is sent with them
        so_far = replace(answer, thought=reply.chunk.thought)
    text = sent.text if request.raw else answer.text
    regions = answer.regions[: 0 if sent.regions else None]
    yield sent.rest(so_far, text, regions)._replace(answer=answer)


def joined(pieces: Sequence[Piece], answer: Answer, raw: bool) -> Piece:
    """Return all pieces of an answer as one; words for people are those of the whole answer."""
    refusal = "".join(piece.refusal for piece in pieces)
    text, thought = answer.text.removesuffix(refusal), answer.thought
    if raw:
        text = "".join(piece.text for piece in pieces)
        thought = "".join(piece.thought for piece in pieces)
    extras: dict[str, object] = {}
    for piece in pieces:
        extras |= piece.extras
    return Piece(text, (), thought, refusal, extras, answer)


class _Progress:
    """What was sent of an answer, so that only what is new is sent."""

    def __init__(self) -> None:
        self.text, self.thought, self.regions = "", "", 0
        self.extras: dict[str, object] = {}

    def rest(self, so_far: Chunk | Answer, text: str, regions: tuple[Region, ...]) -> Piece:
        """Return what is new: of the words, the regions, and all else that an answer has."""
        words, thought = self._new_words(text, so_far.thought), self._new_thought(so_far.thought)
        named = {"note": so_far.note, "status": so_far.status, "literal": so_far.literal}
        if so_far.literal:  # the table of other text is read from it
            named |= {"rows": so_far.rows}
        extras = {n: value for n, value in named.items() if value and self.extras.get(n) != value}
        new_regions = regions[self.regions :]
        self.regions += len(new_regions)
        self.extras |= extras
        is_refusal = so_far.finish == "refusal"
        text, refusal = ("", words) if is_refusal else (words, "")
        return Piece(text, new_regions, thought, refusal, extras)

    def _new_words(self, text: str, thought: str) -> str:
        """Return the new words; words that became a thought cannot be taken back, but ended."""
        sent, self.text = self.text, text
        if text.startswith(sent):
            return text[len(sent) :]
        self.thought = thought
        return f"\n</think>\n\n{text}"

    def _new_thought(self, thought: str) -> str:
        sent, self.thought = self.thought, thought
        return thought[len(sent) :] if thought.startswith(sent) else ""


def _is_final(request: ChatRequest, so_far: Chunk | Answer) -> bool:
    """Return True when the words so far stay as they are.

    The text of a table changes with each of its cells: it is sent whole, at the end.
    """
    return request.raw or so_far.literal or not request.model.tables


def entity(region: Region) -> dict:
    """Return a region in the form of NVIDIA's Kosmos-2, with its outline added.

    Coordinates are in 0..1 from the top left corner; the ends of `substring` are inclusive.
    """
    fields: dict = {"phrase": region.label, "bboxes": [list(bounds(region.outline))]}
    if region.span:
        fields |= {"substring": [region.span[0], region.span[1] - 1], "span": list(region.span)}
    if region.score is not None:
        fields |= {"score": region.score}
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
        if piece.refusal:
            delta["refusal"] = piece.refusal
        if piece.regions:
            delta["entities"] = [entity(region) for region in piece.regions]
        ended = _finish_reason(piece.answer) if piece.answer else None
        choice = {"index": 0, "delta": delta, "finish_reason": ended}
        return self._payload("chat.completion.chunk", [choice], piece.extras)

    def count(self, answer: Answer) -> dict:
        """Return the last event of a stream, with its number of tokens."""
        return self._payload("chat.completion.chunk", [], {}) | {"usage": usage(answer)}

    def whole(self, piece: Piece, answer: Answer) -> dict:
        """Return the payload of a reply that is not streamed; `piece` is all of it."""
        message: dict[str, object] = {"role": "assistant", "content": piece.text}
        if piece.refusal:
            message |= {"content": piece.text or None, "refusal": piece.refusal}
        if piece.thought:
            message["reasoning_content"] = piece.thought
        if answer.regions:
            message["entities"] = [entity(region) for region in answer.regions]
        choice = {"index": 0, "message": message, "finish_reason": _finish_reason(answer)}
        payload = self._payload("chat.completion", [choice], piece.extras)
        return payload | {"usage": usage(answer)}

    def _payload(self, kind: str, choices: list[dict], extras: Mapping[str, object]) -> dict:
        payload = {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        return payload | {"vlm": dict(extras)} if extras else payload


def _finish_reason(answer: Answer) -> str:
    """Return why the reply ended, as the service behind this one said it; a refusal is a stop."""
    return answer.finish if answer.finish not in ("", "refusal") else "stop"


def usage(answer: Answer) -> dict | None:
    """Return the number of tokens, where the engine counted them."""
    return {"completion_tokens": answer.tokens} if answer.tokens else None

"""An engine's answer as the payloads of the OpenAI wire, with NVIDIA's `entities` where something was found.

What that wire has no word for travels beside it in `vlm`: the engine's note, what is waited for, and whether the text
is to be shown letter for letter. An entity also has its outline, its span in the answer's text, and `solid` for masks.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple
from uuid import uuid4

from vlm_backends import Answer, CancelToken, Chunk, Engine, Region
from vlm_backends.media.geometry import bounds
from vlm_backends.reply import heard, understood
from vlm_backends.server.requests import Question


class Piece(NamedTuple):
    """A piece of an answer: what is new since the last one."""

    text: str = ""
    regions: tuple[Region, ...] = ()
    beside: Mapping[str, object] = MappingProxyType({})  # what goes into `vlm`
    answer: Answer | None = None  # the whole answer, in the last piece


def pieces(engine: Engine, asked: Question, stop: CancelToken) -> Iterator[Piece]:
    """The answer as it arrives, the model's own words or those for people. Raises VLMError.

    The model's own words are read once, at their end.
    """
    whole, said, given, beside = Chunk(), 0, 0, {}
    read = (asked.task or asked.model).read
    with closing(heard(engine, asked.model, asked.prompt, stop)) as wholes:
        for whole in wholes:
            so_far = whole if asked.raw else understood(whole, read)
            text, regions = so_far.text[said:], so_far.regions[given:] if asked.raw else ()
            if asked.model.tables and not (asked.raw or so_far.literal):
                text = (
                    ""  # a table is written anew with each of its cells: it goes whole, at the end
                )
            said, given = said + len(text), given + len(regions)
            news = _news(so_far, beside)
            beside |= news
            if text or regions or news:
                yield Piece(text, regions, news)
    answer = understood(whole, read)
    rest = "" if asked.raw else answer.text[said:]
    yield Piece(rest, () if given else answer.regions, _news(answer, beside), answer)


def _news(so_far: Chunk | Answer, beside: Mapping[str, object]) -> dict:
    """What the wire has no word for, when there is something to say that is not said yet."""
    named = {"note": so_far.note, "status": so_far.status, "literal": so_far.literal}
    return {name: value for name, value in named.items() if value and beside.get(name) != value}


def entity(region: Region) -> dict:
    """The region as NVIDIA's Kosmos-2 has it, 0..1, its ends inclusive, with its outline beside."""
    made: dict = {"phrase": region.label, "bboxes": [list(bounds(region.outline))]}
    if region.span:
        made |= {"substring": [region.span[0], region.span[1] - 1], "span": list(region.span)}
    return made | {"outline": [list(point) for point in region.outline], "solid": region.is_mask}


@dataclass(frozen=True)
class Envelope:
    """What all payloads of one reply share."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(self, piece: Piece) -> dict:
        """One event of a stream."""
        delta = {"content": piece.text} if piece.text else {}
        if piece.regions:
            delta["entities"] = [entity(region) for region in piece.regions]
        ended = "stop" if piece.answer else None
        choice = {"index": 0, "delta": delta, "finish_reason": ended}
        return self._made("chat.completion.chunk", [choice], piece.beside)

    def count(self, answer: Answer) -> dict:
        """The last event of a stream that counts; tokens are counted by some engines only."""
        return self._made("chat.completion.chunk", [], {}) | {"usage": usage(answer)}

    def whole(self, text: str, beside: Mapping[str, object], answer: Answer) -> dict:
        """The reply that does not stream."""
        message = {"role": "assistant", "content": text}
        if answer.regions:
            message["entities"] = [entity(region) for region in answer.regions]
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return self._made("chat.completion", [choice], beside) | {"usage": usage(answer)}

    def _made(self, kind: str, choices: list[dict], beside: Mapping[str, object]) -> dict:
        made = {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        return made | {"vlm": dict(beside)} if beside else made


def usage(answer: Answer) -> dict | None:
    """The number of tokens, where the engine counted them."""
    count = answer.tokens
    return count and {"completion_tokens": count}

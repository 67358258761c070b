"""Replies bent at random: whatever the framing, the style of thinking, the end and the cut, they are read right.

A reply is made of known words, a known thought, a known end and perhaps an error; it is written as some server might
write it, cut anywhere, and must be read back as what it was made of. The same seed makes the same cases.
"""

import json
import random
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.support.sloppy_streams import ERRORS, SSE, delta, whole
from vlm_backends import VLMError
from vlm_backends.engines.http import decode, sse
from vlm_backends.engines.wire.errors import explain
from vlm_backends.engines.wire.responses import parse_chunks
from vlm_backends.parsing import accumulate, parse
from vlm_backends.readers import plain
from vlm_backends.types import Answer, Chunk

WORDS = (
    "It says STOP.", "x < 5 and y", "The tag </think> ends a thought.", "a", "一个红色的牌子。", '{"error": "none"}', "Line one\n\nLine two", "`<|im_end|>` is a token",
    "<div>hi</div>", "event: error\ndata: x", "[DONE]", "5 > 3, I <3 it", "```html\n<think>\n```\nA tag.", "No, error: none.",
)  # fmt: skip
THOUGHTS = "hm", "The user asks.\nLet me see: a < b", "It says “STOP”, I think", "1. Look\n2. Read"
ENDS = {
    "stop": "",
    "STOP": "",
    "eos": "",
    "length": "length",
    "MAX_TOKENS": "length",
    "content_filter": "content_filter",
}
NOISE = ": wait", "data:", "id: 3", "retry: 9", ":", "event: message", "foo: bar"
KINDS = SSE, "application/json", "text/plain", SSE + "; charset=utf-8", ""


@dataclass
class Bent:
    """A reply as it was made: its body, and what must be read of it."""

    body: bytes
    words: str
    thought: str
    finish: str
    error: str  # a word of its message; empty: none
    is_late: bool  # the error comes after all words


class Writer:
    """Writes replies as some server might."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def reply(self) -> Bent:
        dice = self.dice
        words, thought, style = (
            dice.choice(WORDS),
            dice.choice(THOUGHTS),
            dice.choice(("", "field", "tags", "bare")),
        )
        payloads = [delta(role="assistant")] * dice.randint(0, 1)
        text = words
        if style == "field":
            name = dice.choice(("reasoning", "reasoning_content", "thinking"))
            payloads += [delta(None, **{name: piece}) for piece in self.cut(thought)]
        elif style:
            begin = "<think>" if style == "tags" else ""
            text = f"{begin}{thought}\n</think>\n\n{words}"
        pieces = self.cut(text)
        payloads += map(delta, pieces)
        said, reason = len(payloads), dice.choice(list(ENDS))
        payloads += self.end(text, reason, len(pieces) if not style else 0)
        error, at = "", 0
        if dice.random() < 0.4:
            error, at = dice.choice(list(ERRORS)), dice.randint(0, len(payloads))
        body = self.written(payloads, error, at)
        told = ERRORS[error][1] if error else ""
        return Bent(body, words, thought if style else "", ENDS[reason], told, at >= said)

    def cut(self, text: str) -> list[str]:
        pieces = []
        while text:
            size = self.dice.randint(1, max(1, len(text) // 2))
            pieces.append(text[:size])
            text = text[size:]
        return pieces

    def end(self, text: str, reason: str, pieces: int) -> list[dict]:
        """Return the last chunks; the whole message may come again."""
        beside = {"choices": [{"delta": {}, "message": {"content": text}, "finish_reason": reason}]}
        ends = [[delta("", reason)], [whole(text, reason)], [beside]]
        if pieces > 1:
            ends.append([delta(text, reason)])
        usage = {"choices": [], "usage": {"completion_tokens": 5}}
        return self.dice.choice(ends if pieces else ends[:1]) + [usage] * self.dice.randint(0, 1)

    def written(self, payloads: list[dict], error: str, at: int) -> bytes:
        dice, newline = self.dice, self.dice.choice(("\n", "\r\n", "\r"))
        body = "\ufeff" * dice.randint(0, 1)
        for number in range(len(payloads) + 1):
            if error and number == at:
                body += self.failed(ERRORS[error][0], newline)
            if number < len(payloads):
                if dice.random() < 0.2:
                    body += dice.choice(NOISE) + newline * dice.randint(1, 2)
                data = json.dumps(payloads[number], ensure_ascii=dice.random() < 0.5)
                body += dice.choice(("data: ", "data:")) + data + newline * 2
        return (body + f"data: [DONE]{newline * dice.randint(0, 2)}" * dice.randint(0, 1)).encode()

    def failed(self, error: Any, newline: str) -> str:
        """Return an error as an event, as an event with its name, under its own field, or without any."""
        line = json.dumps(error)
        forms = [f"data: {line}"]
        if "choices" not in error:
            bare = json.dumps(error, indent=1).replace("\n", newline)
            forms += [
                f"error: {line}",
                f"event: error{newline}data: {line}",
                newline + line,
                newline + bare,
            ]
        return self.dice.choice(forms) + newline * 2


def read_back(body: bytes, size: int, kind: str) -> tuple[Answer, VLMError | None]:
    chunk, error = Chunk(), None
    head, pieces = sse.peek(body[i : i + size] for i in range(0, len(body), size))
    is_stream = sse.is_event_stream(head, kind)
    payloads = (
        decode.event_payloads(pieces) if is_stream else decode.body_payloads(b"".join(pieces))
    )
    try:
        for piece in parse_chunks(payloads, None, partial(explain, who="X")):
            chunk = accumulate(chunk, piece)
    except VLMError as met:
        error = met
    return parse(chunk, plain.read), error


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 24))]
)
def test_a_bent_reply_is_read_as_what_it_was_made_of(seed):
    writer = Writer(seed)
    for _ in range(250):
        bent = writer.reply()
        size, kind = writer.dice.choice((1, 3, 17, 1000)), writer.dice.choice(KINDS)
        answer, error = read_back(bent.body, size, kind)
        read = answer.text, answer.thought, answer.finish
        if not bent.error:
            assert error is None and read == (bent.words, bent.thought, bent.finish), bent
        else:
            assert error and bent.error in str(error), bent
            assert not bent.is_late or read[:2] == (bent.words, bent.thought), bent

"""Words for people: chat models, with what their templates leave behind taken out."""

import re

from vlm_backends.types import Answer

_THOUGHT = re.compile(r"^\s*<think>.*?(?:</think>|$)", re.DOTALL)
_SPECIAL = re.compile(r"<\|[a-z_0-9]*\|>|</?s>|<pad>")
_UNFINISHED = re.compile(r"(?:<\|[a-z_0-9]*\|?|</?s?|<pa?d?|<t(?:h(?:i(?:n(?:k)?)?)?)?)$")


def read(reply: str) -> Answer:
    """The words alone: no thinking aloud, no special tokens."""
    words = _SPECIAL.sub("", _THOUGHT.sub("", _UNFINISHED.sub("", reply)))
    return Answer(words.strip())

"""Read replies of chat models: words, without thoughts and special tokens."""

import re

from vlm_backends.types import Answer

_THOUGHT = re.compile(r"^\s*<think>.*?(?:</think>|$)", re.DOTALL)
_SPECIAL = re.compile(r"<\|[a-z_0-9]*\|>|</?s>|<pad>")
_UNFINISHED = re.compile(r"(?:<\|[a-z_0-9]*\|?|</?s?|<pa?d?|<t(?:h(?:i(?:n(?:k)?)?)?)?)$")


def read(reply: str) -> Answer:
    """Return the words of a reply, without the model's thoughts and special tokens."""
    words = _SPECIAL.sub("", _THOUGHT.sub("", _UNFINISHED.sub("", reply)))
    return Answer(words.strip())

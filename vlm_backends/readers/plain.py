"""Read replies of chat models: the words, apart from thoughts, without special tokens."""

import re

from vlm_backends.types import Answer

_THOUGHT = re.compile(r"\s*(?:<think(?:ing)?>)?(.*?)</think(?:ing)?>", re.DOTALL)
_OPEN_THOUGHT = re.compile(r"\s*<think(?:ing)?>(.*)$", re.DOTALL)
_CHANNEL = re.compile(  # OpenAI's harmony: only the channel "final" is for people
    r"<\|channel\|>(\w*)(.*?)(?:<\|message\|>(.*?))?(?=<\|(?:end|return|call|start|channel)\|>|$)",
    re.DOTALL,
)
_SPECIAL = re.compile(
    r"<\|[a-z_0-9]*\|>|<｜[^｜<>]*｜>|</?s>|<pad>|<[be]os>|<end_of_utterance>|"
    r"<start_of_turn>(?:model|user)?|<end_of_turn>"
)
_TOKENS = (
    "<think>", "<thinking>", "</think>", "</thinking>", "<s>", "</s>", "<pad>", "<bos>", "<eos>",
    "<end_of_utterance>", "<start_of_turn>", "<end_of_turn>",
)  # fmt: skip
_UNFINISHED = re.compile(r"<(?:\|[a-z_0-9]*\|?|｜[^｜<>]*)?$")


def read(reply: str) -> Answer:
    """Return the words of a reply, and apart from them what the model thought before.

    A thought may end with a mark that it did not begin with: what was read as words until then
    is a thought from then on.
    """
    thought, words = _split(_without_unfinished(reply))
    return Answer(_plain(words), thought=_plain(thought))


def _split(reply: str) -> tuple[str, str]:
    if "<|channel|>" in reply:
        parts = [(name, words or "") for name, _, words in _CHANNEL.findall(reply)]
        thoughts = (words for name, words in parts if name != "final")
        return "\n".join(thoughts), "".join(words for name, words in parts if name == "final")
    found = _THOUGHT.match(reply) or _OPEN_THOUGHT.match(reply)
    return (found[1], reply[found.end() :]) if found else ("", reply)


def _plain(words: str) -> str:
    return _SPECIAL.sub("", words).strip()


def _without_unfinished(reply: str) -> str:
    """Remove a special token at the end of the reply that has not arrived whole."""
    start = reply.rfind("<")
    tail = reply[start:] if start >= 0 else ""
    if tail and (_UNFINISHED.match(tail) or any(token.startswith(tail) for token in _TOKENS)):
        return reply if tail in _TOKENS else reply[:start]
    return reply

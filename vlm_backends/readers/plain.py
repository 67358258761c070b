"""Read replies of chat models: the words, apart from thoughts, without special tokens."""

import re

from vlm_backends.readers import thoughts
from vlm_backends.readers.printed import PrintedMarks
from vlm_backends.types import Answer

_ROLES = "assistant", "model", "user", "system"
_ANNOUNCING = r"(?:<\|(?:im_start|start_header_id|start|turn)\|?>|<start_of_turn>)"
_TOKEN = (  # special tokens of chat templates, with the role that some of them announce
    rf"(?:{_ANNOUNCING}(?:{'|'.join(_ROLES)})?|<\|[A-Za-z_0-9]*\|>|<turn\|>|<｜[^｜<>]*｜>"
    r"|<end_of_turn>|<end_of_utterance>|</?s>|<pad>|<[be]os>|\[/?INST\])"
)
_BEFORE = re.compile(rf"(?:\s*{_TOKEN}(?![ \t]+[a-z]))+")  # "<s> is …" is about it
_LAST = re.compile(rf"{_TOKEN}$")
_LONGEST = 80  # characters of a token
_WITHIN = re.compile(r"<\|[A-Za-z_0-9]*\|>|<｜[^｜<>]*｜>")
_TOKENS = (
    *thoughts.MARKS, "<s>", "</s>", "<pad>", "<bos>", "<eos>", "<end_of_utterance>", "<turn|>",
    "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "<answer>", "</answer>",
)  # fmt: skip
_UNFINISHED = re.compile(r"<(?:\|[A-Za-z_0-9]*\|?|｜[^｜<>]*｜?)?\Z")
_ANNOUNCED = re.compile(rf"{_ANNOUNCING}([a-z]*)$")


def read(reply: str) -> Answer:
    """Return the words of a reply, and apart from them what the model thought before.

    Special tokens are left out before and after the words, and within them unless they are
    printed there as a word, in quotation marks or in code.
    """
    thought, words = thoughts.split(_without_unfinished(reply))
    text, thought = _plain(words), _plain(thought)
    if thought and text.startswith("<answer>"):  # as GLM marks what follows its thought
        text = text.removeprefix("<answer>").removesuffix("</answer>").strip()
    return Answer(text, thought=thought)


def _plain(words: str) -> str:
    before = _BEFORE.match(words)
    start, end = before.end() if before else 0, _end_of_words(words)
    words = words[start:end]
    if "<|" in words or "<｜" in words:
        printed = PrintedMarks(words)
        words = _WITHIN.sub(
            lambda mark: mark[0] if not mark.start() or printed.has(mark) else "", words
        )
    return words.strip()


def _end_of_words(words: str) -> int:
    """Return where the words end, before special tokens and blanks."""
    end = len(words.rstrip())
    while token := _LAST.search(words, max(0, end - _LONGEST), end):
        end = token.start()
        while words[end - 1 : end].isspace():
            end -= 1
    return end


def _without_unfinished(reply: str) -> str:
    """Remove a mark at the end of the reply that has not arrived whole."""
    start = max(reply.rfind(first) for first in "<[◁")
    tail = reply[start:] if start >= 0 else ""
    if not tail or tail in _TOKENS:
        return reply
    return reply[:start] if _is_unfinished(tail) else reply


def _is_unfinished(tail: str) -> bool:
    role = _ANNOUNCED.match(tail)
    return bool(
        _UNFINISHED.match(tail)
        or any(token.startswith(tail) for token in _TOKENS)
        or role
        and any(each.startswith(role[1]) and each != role[1] for each in _ROLES)
    )

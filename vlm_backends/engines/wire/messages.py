"""Parse a message of a reply: its words, what the model thought before, and why it ends."""

from collections.abc import Mapping
from typing import NamedTuple

_THOUGHT_FIELDS = "reasoning_content", "reasoning", "thinking", "reasoning_details"  # by server
_THOUGHT_PARTS = "thinking", "reasoning", "reasoning_content", "reasoning.text"
_LONGEST_REASON = 60  # characters
_USUAL_ENDINGS = frozenset(
    ("", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "end", "complete", "completed",
     "done", "finished", "success", "null", "none", "unspecified")
)  # fmt: skip
_ENDINGS = {  # the words of other services to OpenAI's
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "max_length", "model_length", "token_limit",
         "model_context_window_exceeded"),
        "length",
    ),
    **dict.fromkeys(
        ("content_filter", "content_filtered", "safety", "recitation", "blocklist",
         "prohibited_content", "spii", "image_safety", "guardrail_intervened", "sensitive",
         "refusal"),
        "content_filter",
    ),
    **dict.fromkeys(("tool_calls", "tool_use", "tool_call", "function_call"), "tool_calls"),
    **dict.fromkeys(
        ("error", "failed", "failure", "network_error", "server_error", "internal_error",
         "engine_error", "model_error", "overloaded", "insufficient_system_resource"),
        "error",
    ),
}  # fmt: skip


class Words(NamedTuple):
    """The words of a message, by what they are."""

    text: str = ""
    thought: str = ""
    refusal: str = ""


def words_of(message: Mapping) -> Words:
    """Return the words of a delta or of a whole message.

    `content` is a text, or a list of parts that say what they are.
    """
    content = message.get("content")
    said = Words(content) if isinstance(content, str) else _parts(content)
    named = (_text(message.get(name)) for name in _THOUGHT_FIELDS)
    thought = next(filter(None, named), "") + said.thought
    return Words(said.text, thought, said.refusal + _text(message.get("refusal")))


def ending_of(choice: Mapping) -> str:
    """Return why a reply ends, in OpenAI's word where it has one; empty for the usual end.

    `error` stands for all reasons that are a fault of the service.
    """
    reason = choice.get("finish_reason")
    if not reason or not isinstance(reason, str):
        return ""  # nearly all chunks of a stream
    reason = reason.strip()[:_LONGEST_REASON]
    word = reason.lower().replace("-", "_").removeprefix("finish_reason_")
    return "" if word in _USUAL_ENDINGS else _ENDINGS.get(word, reason)


def _parts(content: object) -> Words:
    text, thought, refusal = [], [], []
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        kinds = thought if kind in _THOUGHT_PARTS else refusal if kind == "refusal" else text
        kinds.append(_text([part]))
    return Words("".join(text), "".join(thought), "".join(refusal))


def _text(value: object) -> str:
    """Return the words of a text, or of a list of texts and of parts with a text."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    return "".join(map(_text_of_part, value))


def _text_of_part(part: object) -> str:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else ""
    fields = (part.get(name) for name in ("text", "thinking", "reasoning", "refusal", "summary"))
    return next((words for value in fields if (words := _text(value))), "")

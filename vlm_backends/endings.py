"""Say how a reply came to its end, where its reader should know."""

from vlm_backends.types import Answer

_AT_THE_LIMIT = "The answer is cut off: it reached its maximum length (max_tokens)."
_TOO_SHORT = (
    "The model reached its maximum length (max_tokens) before it said anything. Allow a longer "
    "answer."
)
_SENTENCES = {  # by `finish`
    "content_filter": "A content filter of the service ended this answer.",
    "refusal": "The model declined to answer.",
    "tool_calls": "The model wanted to call a tool; there is none here.",
}
_ONLY_THOUGHT = "The model only thought: it ended without a word of an answer."
_SILENT = "The model ended without a word."


def has_content(answer: Answer) -> bool:
    """Return True once there is a word or a region."""
    return bool(answer.text or answer.regions)


def describe_ending(answer: Answer) -> str:
    """Say how a reply ended that gave this answer; empty for the usual end of one with words."""
    finish = answer.finish
    if finish == "length":
        return _AT_THE_LIMIT if has_content(answer) else _TOO_SHORT
    if finish:
        return _SENTENCES.get(finish, f"The service ended the reply with the reason “{finish}”.")
    if has_content(answer):
        return ""
    return _ONLY_THOUGHT if answer.thought else _SILENT

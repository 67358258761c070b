"""What the grammars share: marks stand in `<…>`, and the last one may have arrived by half."""

import re


def finished(reply: str, unfinished: re.Pattern) -> str:
    """The reply without half a mark at its end; only what follows the last `<` is looked at."""
    at = reply.rfind("<")
    found = unfinished.match(reply, at) if at >= 0 else None
    return reply[:at] + reply[found.end() :] if found else reply


def without(reply: str, *marks: str) -> str:
    """The reply without these marks."""
    for mark in marks:
        if mark in reply:
            reply = reply.replace(mark, "")
    return reply

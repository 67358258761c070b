"""Remove marks such as `<loc_7>` from a reply, and an unfinished one at its end."""

import re


def drop_unfinished(reply: str, unfinished: re.Pattern) -> str:
    """Remove an unfinished mark at the end of a reply.

    Only the text from the last `<` on is matched, which keeps a long reply cheap.
    """
    start = reply.rfind("<")
    found = unfinished.match(reply, start) if start >= 0 else None
    return reply[:start] + reply[found.end() :] if found else reply


def remove_marks(reply: str, *marks: str) -> str:
    """Remove each of these marks wherever it is."""
    for mark in marks:
        if mark in reply:
            reply = reply.replace(mark, "")
    return reply

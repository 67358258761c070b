"""Remove marks such as `<loc_7>` from a reply, and an unfinished one at its end."""

import re


def unfinished(*marks: str) -> re.Pattern:
    """Return a pattern of any beginning of these marks; a `#` in one stands for digits."""
    beginnings = {mark[:end] for mark in marks for end in range(1, len(mark))}
    spelled = (re.escape(each).replace(r"\#", r"\d*") for each in beginnings)
    return re.compile(rf"(?:{'|'.join(sorted(spelled, key=len, reverse=True))})\Z")


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

"""Renders parts of a reply for the page: the drawn picture, the small print."""

from dataclasses import replace

from ui.core.markdown import verbatim
from ui.core.storage import picture_path
from vlm_backends import Answer, Picture, Region, Sent, Timing, draw
from vlm_backends.media import images

THOUGHT_TITLE = "What the model thought"


def nothing_found(answer: Answer) -> str:
    """Say, in Markdown, that an answer has neither words nor regions, and what is known of why."""
    known = bool(answer.finish or answer.thought)  # the model has not said that nothing is there
    found = "" if known else "Nothing was found in this picture."
    return " ".join(filter(None, (found, verbatim(answer.note))))


def folded_thought(answer: Answer) -> str:
    """Return what the model thought as Markdown that is folded; empty when it did not think."""
    if not answer.thought:
        return ""
    words = verbatim(answer.thought)
    return f"<details><summary>{THOUGHT_TITLE}</summary>\n\n{words}\n\n</details>"


def waiting(answer: Answer) -> str:
    """Say, in Markdown, what an answer without words waits for; empty when that is unknown."""
    if answer.thought:
        return f"*Thinking: {len(answer.thought.split()):,} words so far.*"
    return f"*{verbatim(answer.status)}*" if answer.status else ""


def fine_print(engine: str, answer: Answer, stopped: bool) -> str:
    """Say in a line of Markdown who answered, and whether the visitor stopped it."""
    note = answer.note or f"Answered by {engine}."
    return f"<small>{verbatim(f'Stopped. {note}' if stopped else note)}</small>"


def small_print(engine: str, answer: Answer, timing: Timing) -> str:
    """Say in a line of Markdown who answered, how the picture was sent, how long it took."""
    parts = [answer.note or f"Answered by {engine}."]
    if answer.sent and answer.sent.way:
        parts.append(_transport(answer.sent))
    if timing.first_s is not None:
        parts.append(f"First token {timing.first_s:.1f} s, total {timing.total_s:.1f} s.")
    return f"<small>{verbatim(' '.join(parts))}</small>"


def split_fold(answer: Answer) -> tuple[Answer, str, Answer]:
    """Split an answer into what is shown, and the title and the words of what is folded.

    The title is empty when there is nothing to fold.
    """
    if answer.fold is None:
        return answer, "", Answer("")
    title, _, words = answer.text[answer.fold :].strip().partition("\n")
    shown = replace(answer, text=answer.text[: answer.fold])
    return shown, title.rstrip(":"), replace(answer, text=words.strip())


def _transport(sent: Sent) -> str:
    kind, size = sent.mime.rpartition("/")[2].upper(), f"{sent.bytes / 1000:,.0f} kB"
    way = (
        "in the request"
        if sent.way == "inline"
        else "by NVIDIA's asset store, to be deleted after the answer"
    )
    return f"Picture sent as {sent.width} × {sent.height} {kind}, {size}, {way}."


def drawn(picture: Picture, regions: tuple[Region, ...]) -> str:
    """Draw the regions at full resolution; return the path of the picture's file."""
    return picture_path(images.export(draw(images.pixels(picture), regions), picture.mime))

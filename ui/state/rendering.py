"""Renders parts of a reply for the page: the drawn picture, the small print."""

from dataclasses import replace
from html import escape

from ui.core.markdown import verbatim
from ui.core.storage import picture_path
from vlm_backends import Answer, Picture, Region, Sent, Task, Timing, draw
from vlm_backends.media import images
from vlm_backends.models import READ_GROUP
from vlm_backends.text import clean, sentences

THOUGHT_TITLE = "What the model thought"


def nothing_found(answer: Answer, task: Task | None = None) -> str:
    """Say, in Markdown, that an answer has neither words nor regions, and what is known of why."""
    known = bool(answer.finish or answer.thought)  # the model has not said that nothing is there
    reads = task is not None and task.group == READ_GROUP
    none = "No text found." if reads else "Nothing was found in this picture."
    found = "" if known else none
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


def fine_print(engine: str, answer: Answer, stopped: bool, *more: str) -> str:
    """Say in Markdown who answered, how sure it is, what is missing; fold what any answer has.

    `more` are sentences that are folded too.
    """
    first, *others = sentences(answer.note or f"Answered by {engine}.")
    at_once = [each for each in others if each not in answer.method]
    said = " ".join([*(["Stopped."] if stopped else []), first, *at_once])
    rest = " ".join([*(each for each in others if each in answer.method), *more])
    if not rest:
        return f"<small>{verbatim(said)}</small>"
    line = " ".join(clean(said).split())  # a blank line would end the summary, and be Markdown
    shown = escape(line).replace("$", "&#36;")
    return f"<details><summary>{shown}</summary>\n\n{verbatim(rest)}\n\n</details>"


def small_print(engine: str, answer: Answer, timing: Timing, stopped: bool = False) -> str:
    """Say as `fine_print` does who answered, how the picture was sent, and how long it took."""
    more = []
    if answer.sent and answer.sent.way:
        more.append(_transport(answer.sent))
    if timing.first_s is not None:
        more.append(f"First token {timing.first_s:.1f} s, total {timing.total_s:.1f} s.")
    return fine_print(engine, answer, stopped, *more)


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

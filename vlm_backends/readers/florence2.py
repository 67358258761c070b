"""Read Florence-2's location grammar: `car<loc_52><loc_332><loc_932><loc_774>`.

There are 1000 bins a side, x before y; a bin is read as its middle, as transformers' processor
does. The same eight locations are one quad or two boxes: only the task tells, so each task names
its reader. Sources: transformers, `processing_florence2.py`; the encoding is that of NVIDIA's
published request.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator

from vlm_backends.media.geometry import Outline, corners, ordered_box
from vlm_backends.readers.markup import drop_unfinished, unfinished
from vlm_backends.types import Answer, Region

TASK_TOKENS = (  # a reply may begin with the task's; print such as "<EXIT>" is none of them
    "<CAPTION>",
    "<DETAILED_CAPTION>",
    "<MORE_DETAILED_CAPTION>",
    "<OD>",
    "<DENSE_REGION_CAPTION>",
    "<REGION_PROPOSAL>",
    "<CAPTION_TO_PHRASE_GROUNDING>",
    "<REFERRING_EXPRESSION_SEGMENTATION>",
    "<REGION_TO_SEGMENTATION>",
    "<OPEN_VOCABULARY_DETECTION>",
    "<REGION_TO_CATEGORY>",
    "<REGION_TO_DESCRIPTION>",
    "<OCR>",
    "<OCR_WITH_REGION>",
)
_PRONOUNS = """
    it I me mine you your yours he him his she her hers they them their theirs one oneself we us our
    ours its myself yourself himself herself itself ourselves yourselves themselves this that these
    those who whom whose which what all another any anybody anyone anything each everybody everyone
    everything few many nobody none several some somebody someone something
"""
_GENERIC = frozenset(_PRONOUNS.split()) | {  # upstream's processor leaves these phrases out
    "each other", "one another", "the image", "image", "images", "the", "a", "an", "a group",
    "other objects", "lots", "a set",
}  # fmt: skip
_UNFINISHED = unfinished("<loc_#>", "<sep>", "<poly>", "</poly>", "<s>", "</s>", "<pad>")
_MARKS = re.compile(r"((?:<(?:loc_\d+|sep|/?poly)>)+)")
# Around a reply only: within it they are print. Backwards, a match takes linear time.
_TOKENS, _TOKENS_BACKWARDS = (
    re.compile(p) for p in (r"(?:\s*(?:</?s>|<pad>))+", r"(?:\s*(?:>s/?<|>dap<))+")
)
_MARK = re.compile(r"<loc_\d+>|<sep>|</?poly>")


def write_locations(box: Iterable[float]) -> str:
    """Write a box in 0..1 as four location tokens, `int(v * 999)` each, as NVIDIA publishes it."""
    return "".join(f"<loc_{int(v * 999)}>" for v in box)


def text(reply: str) -> Answer:
    """Read a caption, a category or plain OCR: the words, without locations."""
    return Answer(_MARK.sub("", _clean(reply)).strip())


def boxes(reply: str) -> Answer:
    """Read labels, each with four locations per box; labels may be empty (region proposals)."""
    return _labelled(reply, _box_outlines)


def phrases(reply: str) -> Answer:
    """Read phrases of a sentence, each with its boxes, without those that name nothing, as "it"."""
    return _labelled(reply, _box_outlines, left_out=_GENERIC)


def quads(reply: str) -> Answer:
    """Read labels, each with eight locations, clockwise from the top left (OCR with regions)."""
    return _labelled(reply, _quad_outlines)


def polygons(reply: str) -> Answer:
    """Read labels, each with polygons of any length, separated by `<sep>` and `<poly>`."""
    return _labelled(reply, _polygon_outlines, is_mask=True)


def boxes_or_polygons(reply: str) -> Answer:
    """Read open-vocabulary answers: polygons when they are marked as such, otherwise boxes."""
    return polygons(reply) if "<poly>" in reply else boxes(reply)


def _clean(reply: str) -> str:
    """Remove the task before the reply, the tokens around it, and an unfinished mark at its end."""
    reply = drop_unfinished(reply, _UNFINISHED)
    if before := _TOKENS.match(reply):
        reply = reply[before.end() :]
    if after := _TOKENS_BACKWARDS.match(reply[::-1]):
        reply = reply[: len(reply) - after.end()]
    return _without_task(reply)


def _without_task(reply: str) -> str:
    """Remove a task's token at the start of the reply, also one that has not arrived whole."""
    rest = reply.lstrip()
    for token in TASK_TOKENS if rest.startswith("<") else ():
        if rest.startswith(token):
            return rest[len(token) :]
        if token.startswith(rest):
            return ""
    return reply


def _labelled(
    reply: str,
    outlines: Callable[[str], Iterable[Outline]],
    is_mask: bool = False,
    left_out: Container[str] = (),
) -> Answer:
    """Return one line of text per label, and one region per outline."""
    lines: list[str] = []
    regions: list[Region] = []
    generic: list[str] = []
    start = 0
    parts = _MARKS.split(_clean(reply))
    for before, marks in zip(parts[::2], parts[1::2]):
        label = before.strip()
        if label in left_out or label[:1].lower() + label[1:] in left_out:
            generic.append(label)
            continue
        span = start, start + len(label)
        found = [Region(label, outline, is_mask, span) for outline in outlines(marks)]
        if found:
            regions += found
            lines.append(label)
            start += len(label) + 1
    if not regions and not generic:
        return text(reply)
    return Answer("\n".join(lines).strip("\n"), tuple(regions), note=_left_out_note(generic))


def _left_out_note(phrases: Iterable[str]) -> str:
    named = ", ".join(f"“{phrase}”" for phrase in dict.fromkeys(phrases))
    return f"Left out, because it names nothing in particular: {named}." if named else ""


class _BinMiddles(dict[str, float]):
    """Maps a bin's digits to its middle, in 0..1; a bin beyond the grid is at the edge."""

    def __missing__(self, digits: str) -> float:
        return min((float(digits) + 0.5) / 1000, 1.0)


_MIDDLE = _BinMiddles({str(bin_): (bin_ + 0.5) / 1000 for bin_ in range(1000)})


def _runs(marks: str) -> list[str]:
    """Split the marks into runs of locations."""
    return marks.replace("<poly>", "<sep>").replace("</poly>", "<sep>").split("<sep>")


def _values(run: str) -> Iterator[float]:
    """Read a run of locations in 0..1; `str.split` takes a third of a regular expression's time."""
    return map(_MIDDLE.__getitem__, run[5:-1].split("><loc_")) if run else iter(())


def _points(run: str) -> Outline:
    values = _values(run)
    return tuple(zip(values, values))


def _box_outlines(marks: str) -> Iterator[Outline]:
    values = _values("".join(_runs(marks)))
    return (corners(ordered_box(*box)) for box in zip(values, values, values, values))


def _quad_outlines(marks: str) -> Iterator[Outline]:
    points = iter(_points("".join(_runs(marks))))
    return zip(points, points, points, points)


def _polygon_outlines(marks: str) -> Iterator[Outline]:
    return (points for points in map(_points, _runs(marks)) if len(points) >= 3)

"""Florence-2's location grammar: `car<loc_52><loc_332><loc_932><loc_774>`.

1000 bins a side, x before y, decoded at the middle of the bin as transformers' processor does.
The same eight locations are one quad or two boxes: the task decides, so each task names its reader.
Source: transformers `processing_florence2.py`; encoding as in NVIDIA's published request.
"""

import re
from collections.abc import Callable, Iterator

from vlm_backends.readers.markup import finished, without
from vlm_backends.types import Answer, Point, Region

_TASK = re.compile(r"\s*<[A-Z_]*(?:>|$)")
_UNFINISHED = re.compile(r"<(?:loc_\d*|loc?|l|sep?|/?(?:s|p|po|pol|poly)|pad?|/)?$")
_MARKS = re.compile(r"((?:<(?:loc_\d+|sep|/?poly)>)+)")
_MARK = re.compile(r"<loc_\d+>|<sep>|</?poly>")


def locations(box: object) -> str:
    """The box (x0, y0, x1, y1) in 0..1 as four location tokens, spelled `int(v * 999)` as published."""
    return "".join(f"<loc_{int(v * 999)}>" for v in box)


def text(reply: str) -> Answer:
    """A caption, a category or plain OCR: the words without locations."""
    return Answer(_MARK.sub("", _clean(reply)).strip())


def boxes(reply: str) -> Answer:
    """`label` and four locations for each of its boxes; a label may be empty (region proposals)."""
    return _labelled(reply, _box_outlines)


def quads(reply: str) -> Answer:
    """`label` and eight locations, clockwise from the top left (OCR with regions)."""
    return _labelled(reply, _quad_outlines)


def polygons(reply: str) -> Answer:
    """`label` and locations in any number; `<sep>` and `<poly>` part the polygons of one object."""
    return _labelled(reply, _polygon_outlines, is_mask=True)


def boxes_or_polygons(reply: str) -> Answer:
    """Open-vocabulary answers: polygons when they are marked as such, else boxes."""
    return polygons(reply) if "<poly>" in reply else boxes(reply)


def _clean(reply: str) -> str:
    """The reply without the task before it, special tokens in it, and half a mark at its end."""
    reply = without(finished(reply, _UNFINISHED), "<s>", "</s>", "<pad>")
    task = _TASK.match(reply)
    return reply[task.end() :] if task else reply


def _labelled(
    reply: str, outlines: Callable[[str], Iterator[tuple[Point, ...]]], is_mask: bool = False
) -> Answer:
    """One line of text a label, one region an outline."""
    lines: list[str] = []
    regions: list[Region] = []
    start = 0
    parts = _MARKS.split(_clean(reply))
    for before, marks in zip(parts[::2], parts[1::2]):
        label = before.rpartition("<")[2].strip()
        span = start, start + len(label)
        found = [Region(label, outline, is_mask, span) for outline in outlines(marks)]
        if found:
            regions += found
            lines.append(label)
            start += len(label) + 1
    if not regions:
        return text(reply)
    return Answer("\n".join(lines).strip("\n"), tuple(regions))


class _Bins(dict):
    """From a bin's digits to its middle in 0..1; beyond the grid it is the edge."""

    def __missing__(self, digits: str) -> float:
        return min((float(digits) + 0.5) / 1000, 1.0)


_MIDDLE = _Bins({str(bin_): (bin_ + 0.5) / 1000 for bin_ in range(1000)})


def _runs(marks: str) -> list[str]:
    """The locations between breaks."""
    return marks.replace("<poly>", "<sep>").replace("</poly>", "<sep>").split("<sep>")


def _values(run: str) -> Iterator[float]:
    """The middles of the bins of locations without a break; found by `str.split`, in a third of a pattern's time."""
    return map(_MIDDLE.__getitem__, run[5:-1].split("><loc_")) if run else iter(())


def _points(run: str) -> tuple[Point, ...]:
    values = _values(run)
    return tuple(zip(values, values))


def _box_outlines(marks: str) -> Iterator[tuple[Point, ...]]:
    values = _values("".join(_runs(marks)))
    for xa, ya, xb, yb in zip(values, values, values, values):
        x0, x1 = (xa, xb) if xa < xb else (xb, xa)
        y0, y1 = (ya, yb) if ya < yb else (yb, ya)
        yield (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def _quad_outlines(marks: str) -> Iterator[tuple[Point, ...]]:
    points = iter(_points("".join(_runs(marks))))
    return zip(points, points, points, points)


def _polygon_outlines(marks: str) -> Iterator[tuple[Point, ...]]:
    return (points for points in map(_points, _runs(marks)) if len(points) >= 3)

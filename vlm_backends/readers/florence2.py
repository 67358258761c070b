"""Florence-2's location grammar: `car<loc_52><loc_332><loc_932><loc_774>`.

1000 bins a side, x before y, decoded at the middle of the bin as transformers' processor does.
The same eight locations are one quad or two boxes: the task decides, so each task names its reader.
Source: transformers `processing_florence2.py`; encoding as in NVIDIA's published request.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from vlm_backends.types import Answer, Point, Region

_NOISE = re.compile(r"</?s>|<pad>|^\s*<[A-Z_]+>")
_UNFINISHED = re.compile(r"^\s*<[A-Z_]*$|<(?:loc_\d*|loc?|l|sep?|/?(?:s|p|po|pol|poly)|pad?|/)?$")
_MARKS = re.compile(r"((?:<loc_\d+>|<sep>|</?poly>)+)")
_MARK = re.compile(r"<loc_\d+>|<sep>|</?poly>")
_LOC = re.compile(r"<loc_(\d+)>")
_BREAK = re.compile(r"<sep>|</?poly>")


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
    return _labelled(reply, _polygon_outlines, solid=True)


def boxes_or_polygons(reply: str) -> Answer:
    """Open-vocabulary answers: polygons when they are marked as such, else boxes."""
    return polygons(reply) if "<poly>" in reply else boxes(reply)


def _clean(reply: str) -> str:
    return _NOISE.sub("", _UNFINISHED.sub("", reply))


def _labelled(reply: str, outlines: Callable[[str], Iterator[tuple[Point, ...]]], solid: bool = False) -> Answer:
    """One line of text a label, one region an outline."""
    lines: list[str] = []
    regions: list[Region] = []
    start = 0
    parts = _MARKS.split(_clean(reply))
    for before, marks in zip(parts[::2], parts[1::2], strict=False):
        label = before.rpartition("<")[2].strip()
        found = [Region(label, outline, solid, (start, start + len(label))) for outline in outlines(marks)]
        if found:
            regions += found
            lines.append(label)
            start += len(label) + 1
    if not regions:
        return text(reply)
    return Answer("\n".join(lines).strip("\n"), tuple(regions))


def _points(marks: str) -> list[Point]:
    values = [min((float(bin_) + 0.5) / 1000, 1.0) for bin_ in _LOC.findall(marks)]
    return list(zip(values[::2], values[1::2], strict=False))


def _box_outlines(marks: str) -> Iterator[tuple[Point, ...]]:
    for (xa, ya), (xb, yb) in _groups(_points(marks), 2):
        x0, x1, y0, y1 = min(xa, xb), max(xa, xb), min(ya, yb), max(ya, yb)
        yield (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def _quad_outlines(marks: str) -> Iterator[tuple[Point, ...]]:
    yield from map(tuple, _groups(_points(marks), 4))


def _polygon_outlines(marks: str) -> Iterator[tuple[Point, ...]]:
    for part in _BREAK.split(marks):
        points = _points(part)
        if len(points) >= 3:
            yield tuple(points)


def _groups(points: Sequence[Point], size: int) -> Iterator[Sequence[Point]]:
    for i in range(0, len(points) - size + 1, size):
        yield points[i : i + size]

"""Answer the tasks that find and name things, in place of Florence-2, with the detector."""

from collections import Counter
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import ocr, things
from vlm_backends.engines.builtin.documents import PagePart
from vlm_backends.engines.builtin.pages import PARTS_SOURCE, find_parts
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES, TaskQuestion, parse_box
from vlm_backends.engines.builtin.regions import part_of, widened
from vlm_backends.engines.builtin.things import Thing
from vlm_backends.media.geometry import Box, corners
from vlm_backends.text import listed
from vlm_backends.types import Chunk, Region

_FAINT = 0.5  # of the asked confidence: so sure must a thing be to be proposed without a name
_LEAST = 0.3  # below it, a thing is not even counted
_MARGIN = 0.15  # of a region's sides: surroundings that help to name it
_FILLS = 0.5  # overlap (IoU) with the region from which a thing is what the region shows
_WITHIN = 0.85  # of a thing's box is in the region: it does not reach far out of it
_MUCH = 0.2  # of the region: what is smaller in it may be held or worn
_PAGE = 0.005  # of a picture is print: it may be a page
_PRINTED = 0.4  # of a region's area, covered by lines of print: it shows text


def detect_objects(rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the things in a picture (H×W×3, uint8), each with its name, box and score."""
    seen = things.find_things(rgb, min(_LEAST, question.confidence), cancel)
    found = [thing for thing in seen if thing.score >= question.confidence]
    fainter = _fainter(len(seen) - len(found), question.confidence)
    note = f"{found_by()}{fainter}{_small_things(rgb, min(_LEAST, question.confidence))}"
    if found:
        yield _lines(found)._replace(note=note)
    else:
        yield _nothing_found(question.confidence)._replace(note=note)


def propose_regions(
    rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield boxes without names around whatever may be a thing, in a picture (H×W×3, uint8).

    Of a printed page, yield its parts: title, text, figure, table and so on.
    """
    least = question.confidence * _FAINT
    kept: list[Thing] = []
    for thing in things.find_things(rgb, least, cancel):
        if all(things.overlap(thing.box, other.box) < _FILLS for other in kept):
            kept.append(thing)
    parts = find_parts(rgb, cancel) if ocr.print_share(rgb) >= _PAGE else []
    note = f"{PARTS_SOURCE} " * bool(parts) + found_by()
    note += f" Boxes are shown from {least:.0%} on: half the confidence that names need."
    note += _small_things(rgb, least)
    regions = [Region("", corners(thing.box), score=thing.score) for thing in kept]
    regions += [Region(part.kind, corners(part.box), score=part.score) for part in parts]
    boxes = "1 box" if len(kept) == 1 else f"{len(kept)} boxes"
    said = [f"{boxes} around what may be a thing."] if kept else []
    said += [f"Parts of a page: {_counted(parts)}."] * bool(parts)
    found = Chunk("\n".join(said), tuple(regions), literal=True) if said else _nothing_found(least)
    yield found._replace(note=note)


def _counted(parts: Sequence[PagePart]) -> str:
    counts = Counter(part.kind for part in parts)
    return listed(f"{count} {things.plural(kind, count)}" for kind, count in counts.items())


def name_region(rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the kind of thing that fills the box in the question's words; "text" for print."""
    box = parse_box(question.words)
    named = thing_in_box(rgb, box, question.confidence)
    if named:
        region = Region(named.name, corners(box), score=named.score, span=(0, len(named.name)))
        said = f"{named.name}, {named.score:.0%} sure"
        yield Chunk(said, (region,), literal=True, note=found_by())
        return
    if _print_in(rgb, box, cancel) >= _PRINTED:
        region = Region("text", corners(box), span=(0, 4))
        note = "Lines of text were found by the built-in tools, not by Florence-2."
        yield Chunk("text", (region,), literal=True, note=note)
        return
    said = with_kinds("No name: what is in this box is not surely of a known kind.")
    yield said._replace(regions=(Region("", corners(box)),), note=found_by())


def thing_in_box(rgb: np.ndarray, box: Box, confidence: float) -> Thing | None:
    """Return the thing that fills a box (0..1) of a picture (H×W×3, uint8), or None.

    The box is looked at with some surroundings, and within the whole picture; the surer counts.
    What reaches far out of the box is not meant where another thing takes much of it: that lies
    on it.
    """
    around = widened(box, _MARGIN, _MARGIN)
    part = part_of(rgb, around)
    near = [things.moved(thing, around) for thing in things.find_things(part, confidence)]
    found = (*near, *things.find_things(rgb, confidence))
    within = [
        thing
        for thing in found
        if things.shared_area(thing.box, box) >= _WITHIN * things.box_area(thing.box)
    ]
    large = [
        thing for thing in within if things.box_area(thing.box) >= _MUCH * things.box_area(box)
    ]
    filling = [
        thing
        for thing in found
        if things.overlap(thing.box, box) >= _FILLS
        and (thing in within or all(other.name == thing.name for other in large))
    ]
    return max(filling, key=lambda thing: thing.score, default=None)


def found_by() -> str:
    """Say what finds things here, and what it cannot do."""
    known = things.detector()
    return (
        f"Found by the built-in tools ({known.name}), which know {len(known.kinds)} kinds of "
        "things in photographs, not by Florence-2. A thing of another kind may get the name of the "
        "nearest; drawings are left out."
    )


def _lines(found: Sequence[Thing]) -> Chunk:
    """Return things as lines of text, such as "person 97%", each with its region."""
    text, regions = "", list[Region]()
    for thing in found:
        text += "\n" if text else ""
        span = len(text), len(text) + len(thing.name)
        text += f"{thing.name} {thing.score:.0%}"
        regions.append(Region(thing.name, corners(thing.box), span=span, score=thing.score))
    return Chunk(text, tuple(regions), literal=True)


def with_kinds(text: str) -> Chunk:
    """Return the text, and below it, folded, the kinds of things that the detector knows."""
    kinds = things.detector().kinds
    head = f"The {len(kinds)} kinds of things that are known here"
    words = f"{text}\n\n{head}\n{', '.join(kinds)}. For any other, {OTHER_ENGINES}."
    return Chunk(words, literal=True, fold=len(text))


def _nothing_found(confidence: float) -> Chunk:
    return with_kinds(f"No thing of a known kind was found that is {confidence:.0%} sure.")


def _fainter(count: int, confidence: float) -> str:
    if count <= 0:
        return ""
    more = "1 more is" if count == 1 else f"{count} more are"
    return f" {more} between {_LEAST:.0%} and {confidence:.0%} sure: lower the confidence to see."


def _small_things(rgb: np.ndarray, least: float) -> str:
    """Say from which score on small things are told, where it is more than `least`."""
    score = things.small_things_from(rgb)
    if score <= least:
        return ""
    return (
        f" Small things, which only a part of this large picture shows, count from {score:.0%} on."
    )


def _print_in(rgb: np.ndarray, box: Box, cancel: CancelToken) -> float:
    """Return how much of a box is covered by lines of print that were read, 0..1."""
    part = part_of(rgb, box)
    covered = 0.0
    for line in ocr.read_lines(part, cancel):
        covered += cv2.contourArea(np.asarray(line.quad, np.float32))
    return covered / (part.shape[0] * part.shape[1])

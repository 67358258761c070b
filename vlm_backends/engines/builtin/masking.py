"""Outline things in place of Florence-2: in a box, at a point, or named by words."""

from collections.abc import Iterator, Sequence

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import masks, things
from vlm_backends.engines.builtin.colours import colours
from vlm_backends.engines.builtin.detecting import found_by, thing_in_box, with_kinds
from vlm_backends.engines.builtin.masks import Cut
from vlm_backends.engines.builtin.phrases import Phrase, read_phrases
from vlm_backends.engines.builtin.prompts import TaskQuestion, parse_box
from vlm_backends.engines.builtin.question_words import denial
from vlm_backends.engines.builtin.referring import Choice, choose
from vlm_backends.engines.builtin.regions import part_of
from vlm_backends.engines.builtin.things import Thing
from vlm_backends.errors import BadPrompt
from vlm_backends.media.geometry import Box, corners
from vlm_backends.text import quoted
from vlm_backends.types import NAMELESS, Chunk, Point, Region

BY_COLOUR, BY_NETWORK = "GrabCut", "MediaPipe's selfie segmentation and GrabCut"
_PERSON = "person"
_UNNAMED = "mask by colour"
_AT_BORDER = 0.01  # of the picture: a box this close to the border has no background on that side
_POINT = 0.0105  # of the picture's sides: the page sends a click as a box of 0.01
_SAME_THING = 0.7  # overlap (IoU) of a mask's box with that of a thing which gives it its name
_MOST_THINGS = 12  # outlined for one phrase
_MIDDLE = 0.6  # of a thing's box, each way, in which its colour is measured
_AT_THE_BORDER = (
    " The box touches the border, where there is no background to compare with: expect errors "
    "there."
)


def outline_region(rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the outline of the thing in the box that the question's words spell.

    A box as small as a click is taken for a point. The picture is H×W×3, uint8. Raises BadPrompt
    for a box that is too small, or too large to leave a background.
    """
    left, top, right, bottom = box = parse_box(question.words)
    if right - left <= _POINT and bottom - top <= _POINT:
        yield outline_at(rgb, ((left + right) / 2, (top + bottom) / 2), question.confidence)
        return
    thing = thing_in_box(rgb, box, question.confidence)
    cut = masks.cut_box(rgb, box, _is_person(thing))
    if thing and cut.is_clean and not _is_person(thing):  # what a person lacks, the box cuts off
        thing = thing if things.overlap(cut.box, thing.box) >= _SAME_THING else None
    yield _outlined(cut, thing, box, "the box")


def outline_at(rgb: np.ndarray, point: Point, confidence: float) -> Chunk:
    """Return the outline of what is at a point (0..1) of a picture (H×W×3, uint8).

    The smallest thing of a known kind counts whose box and outline hold the point; else the area
    around it.
    """
    around = [thing for thing in things.find_things(rgb, confidence) if _holds(thing.box, point)]
    poor: tuple[Cut, Thing] | None = None
    for thing in sorted(around, key=lambda thing: things.box_area(thing.box)):
        try:
            cut = masks.cut_box(rgb, thing.box, _is_person(thing))
        except BadPrompt:
            continue
        if cut.is_clean and cut.holds(point):
            return _outlined(cut, thing, thing.box, "its box")
        poor = poor or (cut, thing)
    grown = masks.cut_at(rgb, point)
    if grown and grown[0].is_clean:
        return _outlined(grown[0], None, grown[1], "the box around it")
    if poor and not poor[0].is_clean:
        return _outlined(*poor, poor[1].box, "its box")
    said = (
        "No clean outline: what is at this point does not part from its surroundings by colour "
        "or edges. Draw a box around it."
    )
    return Chunk(said, literal=True, note=_tried_by(None))


def outline_by_words(
    rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield the outlines of the things that a phrase means, such as "the left horse".

    The picture is H×W×3, uint8. Raises BadPrompt without words.
    """
    if not question.words:
        raise BadPrompt("Write what to outline, such as “the left horse”.")
    if word := denial(question.words):
        said = f"“{word}” is not understood here: name only what is to be outlined."
        yield Chunk(said, literal=True, note=found_by())
        return
    phrases, unknown = read_phrases(question.words)
    if not phrases:
        yield _unknown_kind(unknown)._replace(note=found_by())
        return
    found = things.find_things(rgb, question.confidence, cancel)
    choices = [_choose(rgb, found, phrase) for phrase in phrases]
    chosen = list(dict.fromkeys(thing for choice in choices for thing in choice.things))
    chosen.sort(key=lambda thing: -things.box_area(thing.box))
    cuts: list[tuple[Thing, Cut | None]] = []
    for i, thing in enumerate(chosen[:_MOST_THINGS], start=1):
        if cancel.is_set():
            return
        yield Chunk(status=f"Outlining {i} of {min(len(chosen), _MOST_THINGS)}.")
        cuts.append((thing, _try_cut(rgb, thing)))
    yield _told(choices, cuts, unknown, len(chosen))


def _choose(rgb: np.ndarray, found: Sequence[Thing], phrase: Phrase) -> Choice:
    def share(thing: Thing, colour: str) -> float:
        left, top, right, bottom = thing.box
        wide, high = (right - left) * (1 - _MIDDLE) / 2, (bottom - top) * (1 - _MIDDLE) / 2
        middle = part_of(rgb, (left + wide, top + high, right - wide, bottom - high))
        return sum(part for name, part in colours(middle) if name.split()[-1] == colour)

    return choose(found, phrase, share)


def _try_cut(rgb: np.ndarray, thing: Thing) -> Cut | None:
    """Return the thing cut out; None when its box is too small or the whole picture."""
    try:
        return masks.cut_box(rgb, thing.box, _is_person(thing))
    except BadPrompt:
        return None


def _told(
    choices: Sequence[Choice],
    cuts: Sequence[tuple[Thing, Cut | None]],
    unknown: Sequence[str],
    count: int,
) -> Chunk:
    """Return the answer about the things that were chosen and cut out."""
    text, regions = "", list[Region]()
    for thing, cut in cuts:
        text += "\n" if text else ""
        span = len(text), len(text) + len(thing.name)
        clean = cut is not None and cut.is_clean
        text += f"{thing.name} {thing.score:.0%}: " + (
            f"sure of the outline {cut.sureness:.2f}"
            if cut and clean
            else "no clean outline, its box"
        )
        regions += _regions(cut, thing.name, thing.box, thing.score, span)
    remarks = list(dict.fromkeys(remark for choice in choices for remark in choice.remarks))
    if count > len(cuts):
        remarks.append(f"The {len(cuts)} largest of {count} are outlined.")
    left_out = [word for choice in choices for word in choice.not_understood] + list(unknown)
    if left_out:
        remarks.append(f"Not taken into account: {quoted(left_out)}.")
    said = "\n\n".join(filter(None, [text, " ".join(remarks)])) or "Nothing fits these words."
    return Chunk(said, tuple(regions), literal=True, note=_note_of(cuts))


def _note_of(cuts: Sequence[tuple[Thing, Cut | None]]) -> str:
    """Say what outlined the things, and what found them."""
    outlined = [thing for thing, cut in cuts if cut and cut.is_clean]
    tried = [thing for thing, cut in cuts if cut]
    made = _made_by(*outlined) if outlined else _tried_by(*tried) if tried else ""
    return f"{made} {found_by()}".strip()


def _outlined(cut: Cut, thing: Thing | None, box: Box, named: str) -> Chunk:
    """Return the answer about one thing; `named` is how the text calls the box."""
    label = thing.name if thing else _UNNAMED
    note = _made_by(thing) if cut.is_clean else _tried_by(thing)
    left, top, right, bottom = box
    if min(left, top, 1 - right, 1 - bottom) < _AT_BORDER and not _is_person(thing):
        note += _AT_THE_BORDER
    if thing:
        note += f" {found_by()}"
    head = f"{thing.name} {thing.score:.0%}. " if thing else ""
    span = (0, len(label)) if thing else None
    if not cut.is_clean:
        said = (
            f"{head}No clean outline: what is in {named} cannot be told apart surely from its "
            f"surroundings (sure: {cut.sureness:.2f}). Only the box is shown."
        )
        score = thing.score if thing else None
        regions = _regions(cut, thing.name if thing else NAMELESS, box, score, span)
        return Chunk(said, tuple(regions), literal=True, note=note)
    regions = _regions(cut, label, box, thing.score if thing else None, span)
    parts = "in one part" if len(regions) == 1 else f"in {len(regions)} parts"
    of_box = cut.area / things.box_area(box)
    said = (
        f"{head}Sure of the outline: {cut.sureness:.2f}. The mask covers {cut.area:.1%} of the "
        f"picture, {of_box:.0%} of {named}, {parts}."
    )
    return Chunk(said, tuple(regions), literal=True, note=note)


def _regions(
    cut: Cut | None,
    label: str,
    box: Box,
    score: float | None,
    span: tuple[int, int] | None,
) -> list[Region]:
    """Return the parts of a clean cut, else the box; `score` is that of the thing's name.

    How sure the outline is stands in the words: drawn beside a name, it would be taken for how
    sure the name is.
    """
    if cut is None or not cut.is_clean:
        return [Region(label, corners(box), span=span, score=score)]
    return [Region(label, outline, True, span, score) for outline in cut.outlines()]


def _unknown_kind(words: Sequence[str]) -> Chunk:
    """Say that none of the words is a kind of thing that the detector knows."""
    count = len(things.detector().kinds)
    if not words:
        return with_kinds("Name the thing to outline: these words name none.")
    none = "is none of them" if len(words) == 1 else "are none of them"
    return with_kinds(
        f"The built-in detector knows {count} kinds of things; {quoted(words)} {none}. To outline "
        "anything else, draw a box around it and choose “Segment a region”."
    )


def _made_by(*outlined: Thing | None) -> str:
    """Say what computed the outlines of things; None is a thing without a name."""
    return (
        f"Outlined by the built-in tools ({_makers(outlined)}), not by Florence-2; how sure it is "
        "was measured on hand-drawn outlines."
    )


def _tried_by(*things: Thing | None) -> str:
    """Say what computed no outline of things that is good enough to be shown."""
    return f"An outline was tried by the built-in tools ({_makers(things)}), not by Florence-2."


def _makers(outlined: Sequence[Thing | None]) -> str:
    by_network = any(_is_person(thing) for thing in outlined)
    by_colour = any(not _is_person(thing) for thing in outlined)
    makers = [BY_NETWORK] * by_network + [f"{BY_COLOUR} and edges"] * by_colour
    return "; other things by ".join(makers)


def _is_person(thing: Thing | None) -> bool:
    return thing is not None and thing.name == _PERSON


def _holds(box: Box, point: Point) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]

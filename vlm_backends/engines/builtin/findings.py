"""List what is found in a picture, in place of a model that converses: no caption, but findings."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import things
from vlm_backends.engines.builtin.nouns import looked_for, words_left
from vlm_backends.engines.builtin.question_words import denial
from vlm_backends.engines.builtin.quoting import MEASURED, is_about_print, quote
from vlm_backends.engines.builtin.regions import place_of
from vlm_backends.engines.builtin.table_questions import may_be_answered
from vlm_backends.engines.builtin.tables import answer_from_table
from vlm_backends.engines.builtin.text import describe_print
from vlm_backends.engines.builtin.things import Mention, Thing
from vlm_backends.media.geometry import corners
from vlm_backends.text import quoted
from vlm_backends.types import Chunk, Model, Region

_HEAD = "Things in this picture:\n"
_NAMED_HEAD = "Things that your question names:\n"
_OTHER_HEAD = "Other things in this picture:\n"
_NO_THING = "No thing of a kind that is known here was found; what is drawn is left out."
_NEEDS_MODEL = (
    "The built-in tools cannot answer this question; a model that converses may. In the picture:"
)
_FIGURE = re.compile(r"\d[\d.,]*")
_FEWEST_FIGURES = 3  # of a chart or a table
_MOST = 6  # of one kind: of more, the number and the places of the first are told


def answer_about_picture(
    rgb: np.ndarray, question: str, model: Model, confidence: float, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield what is found in a picture (H×W×3, uint8): things, then print, codes and measures.

    What the question names comes first: the things that it asks for, then the rows of print that
    share its words.
    """
    found = things.find_things(rgb, confidence, cancel)
    is_specific = is_about_print(question)
    described = describe_print(rgb, model, cancel, with_parts=not is_specific)
    if is_specific:
        table = partial(answer_from_table, rgb, question, model, cancel)
        yield from _to_question(question, found, described, model, table)
        return
    first = _listed_things(found)
    note = _source(model)
    if first.text:
        yield first._replace(note=note)
    yield from _joined(described, len(first.text), note)
    if not found:
        yield Chunk(f"\n\n{_NO_THING}", literal=True)


def _to_question(
    question: str,
    found: Sequence[Thing],
    described: Iterable[Chunk],
    model: Model,
    table: Callable[[], Chunk | None],
) -> Iterator[Chunk]:
    """Yield the answer to a question: things that it names, rows that share its words, the rest.

    What a chart or a `table` with figures answers is answered from it alone.
    """
    nouns = things.mentions(question)
    named = [thing for thing in found if _is_named(thing, nouns)]
    others = [thing for thing in found if thing not in named]
    parts: list[Chunk] = [_listed_things(named, _NAMED_HEAD)] if named else []
    for chunk, is_quoted in quote(question, described):
        if not chunk.text:
            yield chunk
            continue
        if may_be_answered(question) and len(_FIGURE.findall(chunk.text)) >= _FEWEST_FIGURES:
            yield Chunk(status="Looking for a chart or a table…")
            if computed := table():
                yield computed
                continue
        left = [] if is_quoted or not nouns else words_left(question, nouns)
        absent = Chunk(_absent(question, nouns, found, left), literal=True)
        if not (is_quoted or nouns or chunk.text.startswith(MEASURED)):
            parts.append(Chunk(_NEEDS_MODEL, literal=True))
        parts += [chunk, absent] if is_quoted or not absent.text else [absent, chunk]
        note = f"{_source(model)} {chunk.note}" if found or nouns else chunk.note
        yield together([*parts, _listed_things(others, _OTHER_HEAD if named else _HEAD)])._replace(
            note=note
        )


def _source(model: Model) -> str:
    known = things.detector()
    return (
        f"This is a list of findings, not {model.title}'s words. "
        f"Things found by the built-in tools ({known.name}), which know {len(known.kinds)} kinds "
        "in photographs: a thing of another kind may get the name of the nearest."
    )


def _joined(chunks: Iterable[Chunk], start: int, note: str) -> Iterator[Chunk]:
    """Yield chunks for an answer that has `start` characters, with this note before their own."""
    gap = "\n\n" if start else ""
    for chunk in chunks:
        moved = _shifted(chunk, start and start + 2)
        if moved.text:
            moved, gap = moved._replace(text=gap + moved.text), ""
        yield moved._replace(note=f"{note} {chunk.note}" if chunk.note else "")


def together(parts: Iterable[Chunk]) -> Chunk:
    """Return one chunk of several, as paragraphs; the first fold counts."""
    text, regions, fold = "", list[Region](), None
    for part in filter(lambda part: part.text, parts):
        text += "\n\n" if text else ""
        moved = _shifted(part, len(text))
        regions += moved.regions
        fold = moved.fold if fold is None else fold
        text += part.text
    return Chunk(text, tuple(regions), literal=True, fold=fold)


def _shifted(chunk: Chunk, by: int) -> Chunk:
    """Return a chunk whose spans and fold are moved by some characters."""
    fold = None if chunk.fold is None else chunk.fold + by
    return chunk._replace(regions=tuple(_moved(each, by) for each in chunk.regions), fold=fold)


def _moved(region: Region, by: int) -> Region:
    if region.span is None:
        return region
    return region._replace(span=(region.span[0] + by, region.span[1] + by))


def _listed_things(found: Sequence[Thing], head: str = _HEAD) -> Chunk:
    """Return the things by kind, each with its place, its score and its region."""
    kinds = dict.fromkeys(thing.name for thing in found)
    text, regions = head, list[Region]()
    for kind in kinds:
        line = _kind_line([thing for thing in found if thing.name == kind], len(text) + 1)
        text += f"\n{line.text}"
        regions += line.regions
    return Chunk(text, tuple(regions), literal=True) if kinds else Chunk()


def _kind_line(found: Sequence[Thing], start: int) -> Chunk:
    """Return a line such as "2 dogs: left (97%), right (88%)"; from `start` on."""
    name, count = found[0].name, len(found)
    text = f"{count} {things.plural(name, count)}: "
    regions = list[Region]()
    for thing in sorted(found[:_MOST], key=lambda thing: thing.box[0] + thing.box[2]):
        text += ", " if regions else ""
        said = f"{place_of(thing.box)} ({thing.score:.0%})"
        span = start + len(text), start + len(text) + len(said)
        text += said
        regions.append(Region(name, corners(thing.box), span=span, score=thing.score))
    text += f" and {count - _MOST} more" if count > _MOST else ""
    regions += [
        Region(thing.name, corners(thing.box), score=thing.score) for thing in found[_MOST:]
    ]
    return Chunk(text, tuple(regions), literal=True)


def _is_named(thing: Thing, nouns: Iterable[Mention]) -> bool:
    return any(thing.name in noun.kinds for noun in nouns)


def _absent(
    question: str, nouns: Sequence[Mention], found: Sequence[Thing], left: Sequence[str]
) -> str:
    """Say what of a question was not found by its looks, or not taken into account."""
    names = {thing.name for thing in found}
    missing = {noun.text.lower(): noun for noun in nouns if names.isdisjoint(noun.kinds)}
    said = []
    if missing:
        names = quoted((noun.text for noun in missing.values()), "or")
        said.append(f"Not found by its looks: {names}; one may be there all the same.")
    ignored = [*left, *filter(None, [nouns and denial(question)])]
    if ignored:
        said.append(f"Not taken into account for things: {quoted(ignored)}.")
    return "\n".join([*said, *looked_for(nouns)])

"""A reply as it grows: adding up its chunks is cheap, and what they mean is read when somebody looks."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from vlm_backends.media import geometry
from vlm_backends.types import Answer, CancelToken, Chunk, Engine, Model, Prompt, Reader, Region

MOST_WORDS = 100_000  # characters of an answer: no model of the catalogue is allowed half of it
MOST_REGIONS = 2_000
_MOST_LABEL = 1_000  # characters


def heard(
    engine: Engine, model: Model, prompt: Prompt, stop: CancelToken | None = None
) -> Iterator[Chunk]:
    """All of the reply so far as one chunk, each time more of it arrives. Raises VLMError.

    Words are without control characters. A reply beyond all measure is broken off.
    """
    whole = Chunk()
    with closing(engine.stream(model, prompt, stop)) as chunks:
        for chunk in chunks:
            whole = _added(whole, chunk)
            yield whole
            if len(whole.text) > MOST_WORDS or len(whole.regions) > MOST_REGIONS:
                return


def understood(whole: Chunk, read: Reader) -> Answer:
    """What so much of a reply means to this reader, with ready-made regions in place of those read.

    What is beyond all measure is left out, and the note says so.
    """
    kept = whole.text[:MOST_WORDS]
    answer = _named(
        Answer(kept, literal=True) if whole.literal else read(kept), whole.regions[:MOST_REGIONS]
    )
    note = " ".join(filter(None, (whole.note, _excess(whole, answer))))
    return replace(
        answer,
        regions=tuple(map(_held, answer.regions[:MOST_REGIONS])),
        note=geometry.clean(note),
        sent=whole.sent,
        status=whole.status,
        tokens=whole.tokens,
    )


def _added(whole: Chunk, chunk: Chunk) -> Chunk:
    text = whole.text + geometry.clean(chunk.text)
    return Chunk(
        text,
        whole.regions + tuple(map(_held, chunk.regions)),
        whole.literal or chunk.literal,
        geometry.clean(chunk.note) or whole.note,
        chunk.sent or whole.sent,
        "" if text else geometry.clean(chunk.status),
        chunk.tokens or whole.tokens,
    )


def _named(answer: Answer, regions: tuple[Region, ...]) -> Answer:
    """The answer with ready-made regions in place of those read; without any words, their labels are the words."""
    if not regions:
        return answer
    if answer.text:
        return replace(answer, regions=regions)
    spans, start = [], 0
    for region in regions:
        spans.append((start, start + len(region.label)))
        start = spans[-1][1] + 1
    words = "\n".join(region.label for region in regions)
    return Answer(
        words,
        tuple(region._replace(span=span) for region, span in zip(regions, spans, strict=True)),
    )


def _excess(whole: Chunk, answer: Answer) -> str:
    """What is left out of an answer, as a sentence; nothing when all of it is kept."""
    found = max(len(whole.regions), len(answer.regions))
    if found > MOST_REGIONS:
        return f"The answer marks {found:,} places; the first {MOST_REGIONS:,} are kept."
    return (
        f"The answer was broken off after {MOST_WORDS:,} characters."
        if len(whole.text) > MOST_WORDS
        else ""
    )


def _held(region: Region) -> Region:
    """The region with a label that is clean and no longer than names are."""
    label = geometry.clean(region.label[:_MOST_LABEL])
    return region if label == region.label else region._replace(label=label)

"""Add up the chunks of a reply, and parse what has arrived into an answer."""

from dataclasses import replace

from vlm_backends.endings import describe_ending
from vlm_backends.text import clean
from vlm_backends.types import Answer, Chunk, Reader, Region

MAX_CHARACTERS = 100_000  # of an answer: no model of the catalogue is allowed half of it
MAX_REGIONS = 2_000
_MAX_LABEL = 1_000  # characters


def accumulate(whole: Chunk, piece: Chunk) -> Chunk:
    """Add a piece to the reply so far; control characters are left out."""
    text, thought = whole.text + clean(piece.text), whole.thought
    if piece.thought and len(thought) <= MAX_CHARACTERS:
        thought += clean(piece.thought)
    return Chunk(
        text,
        whole.regions + tuple(map(_with_short_label, piece.regions)),
        whole.literal or piece.literal,
        clean(piece.note) or whole.note,
        piece.sent or whole.sent,
        "" if text or thought else clean(piece.status),
        piece.tokens or whole.tokens,
        thought,
        clean(piece.finish) or whole.finish,
        whole.fold if piece.fold is None else piece.fold,
        tuple(tuple(map(clean, row)) for row in piece.rows) or whole.rows,
        tuple(map(clean, piece.method)) or whole.method,
    )


def parse(whole: Chunk, read: Reader, picture_note: str = "") -> Answer:
    """Read a reply so far into an answer; ready-made regions replace those read from the text.

    `picture_note` says what of its file the picture is; it ends the note. Keeps the first
    100,000 characters and 2,000 regions; the note says when more was there.
    """
    text = whole.text[:MAX_CHARACTERS]
    answer = Answer(text, literal=True) if whole.literal else read(text)
    answer = _with_regions(answer, whole.regions[:MAX_REGIONS])
    thought = "\n".join(filter(None, (whole.thought.strip(), answer.thought)))
    answer = replace(
        answer,
        regions=tuple(map(_with_short_label, answer.regions[:MAX_REGIONS])),
        sent=whole.sent,
        status=whole.status,
        tokens=whole.tokens,
        thought=thought[:MAX_CHARACTERS],
        finish=whole.finish,
        fold=whole.fold,
        method=whole.method,
        rows=whole.rows or answer.rows,
    )
    ending = describe_ending(answer) if whole.finish else ""
    if ending in whole.note:  # this project's own server said so already
        ending = ""
    remarks = whole.note, answer.note, _truncation_note(whole, answer), ending, picture_note
    return replace(answer, note=clean(" ".join(filter(None, remarks))))


def _with_regions(answer: Answer, regions: tuple[Region, ...]) -> Answer:
    """Replace the parsed regions; an answer without text gets their labels, one a line, as text."""
    if not regions:
        return answer
    if answer.text:
        return replace(answer, regions=regions)
    spans, start = [], 0
    for region in regions:
        spans.append((start, start + len(region.label)))
        start = spans[-1][1] + 1
    words = "\n".join(region.label for region in regions)
    tied = (region._replace(span=span) for region, span in zip(regions, spans, strict=True))
    return replace(answer, text=words, regions=tuple(tied))


def _truncation_note(whole: Chunk, answer: Answer) -> str:
    """Say what was cut off from an answer; empty when all of it is kept."""
    found = max(len(whole.regions), len(answer.regions))
    if found > MAX_REGIONS:
        return f"The answer marks {found:,} places; the first {MAX_REGIONS:,} are kept."
    if len(whole.text) > MAX_CHARACTERS:
        return f"The answer was broken off after {MAX_CHARACTERS:,} characters."
    if len(whole.thought) > MAX_CHARACTERS:
        return f"Of what the model thought, the first {MAX_CHARACTERS:,} characters are kept."
    return ""


def _with_short_label(region: Region) -> Region:
    """Clean a region's label and truncate it to 1,000 characters."""
    label = clean(region.label[:_MAX_LABEL])
    return region if label == region.label else region._replace(label=label)

"""What each task and model gets on this machine: one table from token to function."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import measurements, ocr, segmentation
from vlm_backends.engines.builtin.charts import reader
from vlm_backends.errors import BadPrompt, MissingKey
from vlm_backends.media import images
from vlm_backends.media.geometry import Box, clamp, corners
from vlm_backends.readers import florence2
from vlm_backends.types import Chunk, Model, Picture, Region

_ELSEWHERE = (
    "give an NVIDIA key (at the top of the page, or as NVIDIA_API_KEY), or choose another engine"
)
_TOKEN = re.compile(r"\s*(<[A-Z_]+>)(.*)", re.DOTALL)
_WORD = re.compile(r"\w+(?:[.,:/'’-]\w+)*")
_EDGE = 0.01  # of the picture: a box this close to the border has no background beside it


def answer(model: Model, text: str, picture: Picture, stop: CancelToken) -> Iterator[Chunk]:
    """The chunks of the answer to this text about this picture."""
    rgb = np.asarray(images.pixels(picture))
    if model.tasks:
        token, words = _split(text)
        run = TASKS.get(token)
        if run is None:
            raise MissingKey(
                f"This needs Florence-2 itself, which is not on this machine: {_ELSEWHERE}. "
                "Here and now you can read text, find printed words, and outline or measure a region."
            )
        yield from run(rgb, words, stop)
    else:
        yield from (_table if model.tables else _reading)(rgb, model, stop)


def _split(text: str) -> tuple[str, str]:
    match = _TOKEN.fullmatch(text)
    if not match:
        raise BadPrompt("A task begins with its token, such as <OCR>.")
    return match[1], match[2].strip()


def _text(rgb: np.ndarray, _: str, stop: CancelToken) -> Iterator[Chunk]:
    """All print, as it is read."""
    yield from _read(rgb, stop, located=False)


def _located_text(rgb: np.ndarray, _: str, stop: CancelToken) -> Iterator[Chunk]:
    """All print, each line with its place."""
    yield from _read(rgb, stop, located=True)


def _read(rgb: np.ndarray, stop: CancelToken, located: bool, start: int = 0) -> Iterator[Chunk]:
    scores: list[float] = []
    for group in ocr.stream_lines(rgb, stop):
        for line in group:
            text = ("\n" if scores else "") + line.text
            start += len(text)
            region = _region(line.text, line.quad, rgb, (start - len(line.text), start))
            scores.append(line.score)
            yield Chunk(text, (region,) if located else (), literal=True, note=_signed(scores))
    if not scores:
        yield Chunk(
            literal=True, note="PP-OCRv6 found no print in this picture; it reads Latin script."
        )


def _signed(scores: list[float]) -> str:
    return (
        f"Read on this machine by PP-OCRv6, not by Florence-2. Surest line {max(scores):.0%}, "
        f"least sure {min(scores):.0%}; it reads Latin script."
    )


def _mask(rgb: np.ndarray, words: str, _: CancelToken) -> Iterator[Chunk]:
    """The outline of what stands out by its colours in the box."""
    box = _box(words)
    mask = segmentation.mask_in_box(rgb, box)
    regions = tuple(
        Region("mask by colour", outline, is_mask=True) for outline in segmentation.outlines(mask)
    )
    note = "Mask by colour (GrabCut) on this machine, not by Florence-2."
    if min(box[0], box[1], 1 - box[2], 1 - box[3]) < _EDGE:
        note += " The box touches the border, where there is no background to compare with: expect errors there."
    if not regions:
        yield Chunk(
            "Nothing in this box stands out from its surroundings by colour.",
            literal=True,
            note=note,
        )
        return
    area = (box[2] - box[0]) * (box[3] - box[1])
    share = f"The mask covers {mask.mean():.1%} of the picture, {mask.mean() / area:.0%} of the box"
    parts = "in one part" if len(regions) == 1 else f"in {len(regions)} parts"
    yield Chunk(f"{share}, {parts}.", regions, literal=True, note=note)


def _find(rgb: np.ndarray, words: str, stop: CancelToken) -> Iterator[Chunk]:
    """Where the phrase, or else its words, are printed."""
    lines = ocr.read_lines(rgb, stop)
    wanted = (
        [words]
        if any(_inside(words, line.text) for line in lines)
        else dict.fromkeys(_WORD.findall(words))
    )
    yield from _found(
        rgb, lines, [phrase for phrase in wanted if len(phrase) > 1 or len(wanted) == 1], words
    )


def _ground(rgb: np.ndarray, words: str, stop: CancelToken) -> Iterator[Chunk]:
    """Where runs of the sentence's words are printed; short words count only beside others."""
    lines = ocr.read_lines(rgb, stop)
    yield from _found(rgb, lines, _runs(words, [line.text for line in lines]), words)


def _runs(sentence: str, printed: Iterable[str]) -> list[str]:
    """The longest runs of the sentence's words that are printed somewhere, in the sentence's order."""
    text, words, runs, i = "\n".join(printed), _WORD.findall(sentence), [], 0
    while i < len(words):
        n = 0  # what a printed run begins with is printed too
        while i + n < len(words) and _inside(" ".join(words[i : i + n + 1]), text):
            n += 1
        run = " ".join(words[i : i + n])
        if len(run) > 2:
            runs.append(run)
        i += max(n, 1)
    return list(dict.fromkeys(runs))


def _inside(phrase: str, text: str) -> bool:
    """True when the phrase is printed in the text as whole words, whatever its case."""
    return _whole(phrase).search(text) is not None


@lru_cache(maxsize=256)
def _whole(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)", re.IGNORECASE)


def _found(
    rgb: np.ndarray, lines: list[ocr.Line], phrases: list[str], words: str
) -> Iterator[Chunk]:
    note = "Printed words only, found on this machine by PP-OCRv6, not by Florence-2."
    if not words:
        raise BadPrompt("Write the words to look for.")
    text, regions = "", []
    for phrase in phrases:
        for line in lines:
            for match in _whole(phrase).finditer(line.text):
                start = len(text) + bool(text)
                text += ("\n" if text else "") + match[0]
                regions.append(
                    _region(
                        match[0], _share(line, *match.span()), rgb, (start, start + len(match[0]))
                    )
                )
    if not regions:
        text = f"None of these words is printed in the picture. To find things by what they look like, {_ELSEWHERE}."
    yield Chunk(text, tuple(regions), literal=True, note=note)


def _share(line: ocr.Line, start: int, end: int) -> list[tuple[float, float]]:
    """The quad of a part of the line, by its share of the line's letters."""
    corners, total = np.asarray(line.quad), max(1, len(line.text))
    left, right = start / total, end / total
    top, bottom = corners[1] - corners[0], corners[2] - corners[3]
    quad = (
        corners[0] + left * top,
        corners[0] + right * top,
        corners[3] + right * bottom,
        corners[3] + left * bottom,
    )
    return [(float(x), float(y)) for x, y in quad]


def _describe(rgb: np.ndarray, words: str, stop: CancelToken) -> Iterator[Chunk]:
    """Measured facts of a region: size, colours, print, codes."""
    box = _box(words)
    height, width = rgb.shape[:2]
    x0, y0 = min(round(box[0] * width), width - 1), min(round(box[1] * height), height - 1)
    x1, y1 = max(round(box[2] * width), x0 + 1), max(round(box[3] * height), y0 + 1)
    part = rgb[y0:y1, x0:x1]
    note = "Measured on this machine, not by Florence-2."
    yield Chunk(f"{_facts(part)}\n", _boxed("region", box), literal=True, note=note)
    lines = [line.text for line in ocr.read_lines(part, stop)]
    yield Chunk("Print: " + " / ".join(lines) if lines else "No print.", literal=True)


def _facts(rgb: np.ndarray) -> str:
    height, width = rgb.shape[:2]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in measurements.colours(rgb))
    return f"{width} × {height} px. Colours: {shares or 'many, none of them large'}."


def _boxed(label: str, box: Box) -> tuple[Region]:
    return (Region(label, corners(box)),)


def _box(words: str) -> Box:
    """The region that location tokens spell, as (x0, y0, x1, y1) in 0..1."""
    regions = florence2.boxes(words).regions
    if len(regions) != 1:
        raise BadPrompt("This task needs one region, spelled as four location tokens of 0 to 999.")
    (x0, y0), (x1, y1) = regions[0].outline[0], regions[0].outline[2]
    return x0, y0, x1, y1


def _table(rgb: np.ndarray, _: Model, stop: CancelToken) -> Iterator[Chunk]:
    """A bar chart's table in DePlot's grammar, or why there is none and what was read."""
    lines = print_of(rgb, stop)
    try:
        found = reader.read_chart(rgb, lines)
    except reader.CannotRead as reason:
        text = f"No table: {reason}.\n\nThis machine reads bar charts with solid bars. For other charts, {_ELSEWHERE}."
        if lines:
            text += "\n\nWhat is printed in the picture:\n" + "\n".join(line.text for line in lines)
        yield Chunk(text, literal=True, note="Read on this machine by PP-OCRv6, not by DePlot.")
        return
    bars = tuple(
        _region(label, outline, rgb, None) for label, outline in zip(found.labels, found.outlines)
    )
    note = f"Bars measured and words read on this machine, not by DePlot: {found.how}."
    yield Chunk(reader.linearize(found), bars, note=note)


def print_of(rgb: np.ndarray, stop: CancelToken | None = None) -> list[ocr.Line]:
    """The print of a chart: read without its bars first, then with them, for the labels inside of them."""
    bare = reader.without_bars(rgb)
    lines = ocr.read_lines(rgb, stop)
    return lines if bare is None else ocr.joined(ocr.read_lines(bare, stop), lines)


def _reading(rgb: np.ndarray, model: Model, stop: CancelToken) -> Iterator[Chunk]:
    """What can be read from the picture; no conversation."""
    signed = f"Read on this machine by PP-OCRv6, not by {model.title}"
    note = f"{signed}: it reads and does not converse. To talk, {_ELSEWHERE}."
    head = "Printed in this picture:\n\n"
    yield Chunk(head, literal=True, note=note)
    length, found = len(head), False
    for chunk in _read(rgb, stop, located=True, start=length):
        found = found or bool(chunk.text)
        length += len(chunk.text)
        yield Chunk(chunk.text, chunk.regions, literal=True)
    if not found:
        yield Chunk("nothing that could be read (Latin script only).", literal=True)
    for kind, content, quad in measurements.codes(rgb):
        yield Chunk(
            f"\n\n{kind}: {content}",
            (_region(f"{kind}: {content}", quad, rgb, None),),
            literal=True,
        )
    yield Chunk(f"\n\n{_facts(rgb)}", literal=True)


def _region(label: str, quad: Iterable, rgb: np.ndarray, span: tuple[int, int] | None) -> Region:
    height, width = rgb.shape[:2]
    outline = tuple((clamp(float(x) / width), clamp(float(y) / height)) for x, y in quad)
    return Region(label, outline, span=span)


TASKS: dict[str, Callable[[np.ndarray, str, CancelToken], Iterator[Chunk]]] = {
    "<OCR>": _text,
    "<OCR_WITH_REGION>": _located_text,
    "<REGION_TO_SEGMENTATION>": _mask,
    "<CAPTION_TO_PHRASE_GROUNDING>": _ground,
    "<OPEN_VOCABULARY_DETECTION>": _find,
    "<REGION_TO_DESCRIPTION>": _describe,
}

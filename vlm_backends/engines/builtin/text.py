"""Read print: with or without places, or in place of a model that converses."""

from collections.abc import Iterator, Sequence

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import codes, colours, ocr
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.types import Chunk, Model


def read_text(rgb: np.ndarray, words: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield all print of the picture (H×W×3, uint8) line by line; this task takes no `words`."""
    yield from _lines(rgb, cancel, located=False)


def read_located_text(rgb: np.ndarray, words: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield all print as `read_text` does, each line with its region."""
    yield from _lines(rgb, cancel, located=True)


def describe_print(rgb: np.ndarray, model: Model, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield what can be read from the picture in place of a conversation: print, codes, colours."""
    source = f"Read on this machine by PP-OCRv6, not by {model.title}"
    note = f"{source}: it reads and does not converse. To talk, {OTHER_ENGINES}."
    head = "Printed in this picture:\n\n"
    yield Chunk(head, literal=True, note=note)
    found = False
    for chunk in _lines(rgb, cancel, located=True, start=len(head)):
        found = found or bool(chunk.text)
        yield Chunk(chunk.text, chunk.regions, literal=True)
    if not found:
        yield Chunk("nothing that could be read (Latin script only).", literal=True)
    for code in codes.read_codes(rgb, cancel):
        region = region_from_pixels(code.label, code.corners, rgb)
        yield Chunk(f"\n\n{code.label}", (region,), literal=True)
    yield Chunk(f"\n\n{colours.size_and_colours(rgb)}", literal=True)


def _lines(rgb: np.ndarray, cancel: CancelToken, located: bool, start: int = 0) -> Iterator[Chunk]:
    """Yield a chunk a line; `start` is how many characters the answer had before the first."""
    scores: list[float] = []
    for group in ocr.stream_lines(rgb, cancel):
        for line in group:
            text = ("\n" if scores else "") + line.text
            start += len(text)
            span = start - len(line.text), start
            regions = (region_from_pixels(line.text, line.quad, rgb, span),) if located else ()
            scores.append(line.score)
            yield Chunk(text, regions, literal=True, note=_note(scores))
    if not scores:
        yield Chunk(
            literal=True, note="PP-OCRv6 found no print in this picture; it reads Latin script."
        )


def _note(scores: Sequence[float]) -> str:
    return (
        f"Read on this machine by PP-OCRv6, not by Florence-2. Surest line {max(scores):.0%}, "
        f"least sure {min(scores):.0%}; it reads Latin script."
    )

"""Read print: with or without places, or in place of a model that converses."""

from collections.abc import Iterator

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import codes, colours
from vlm_backends.engines.builtin.ocr import Scan, TextLine
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.engines.builtin.print_notes import describe_doubts, marked
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.types import Chunk, Model

_BETWEEN = "   "  # pieces that stand on one line
_NOTHING = "nothing that could be read."


def read_text(rgb: np.ndarray, words: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield all print of the picture (H×W×3, uint8) line by line; this task takes no `words`."""
    yield from _print(rgb, cancel, located=False)


def read_located_text(rgb: np.ndarray, words: str, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield all print as `read_text` does, each piece with its region."""
    yield from _print(rgb, cancel, located=True)


def describe_print(rgb: np.ndarray, model: Model, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield what can be read from the picture in place of a conversation: print, codes, colours."""
    source = f"Read on this machine by {ocr_name()}, not by {model.title}"
    note = f"{source}: it reads and does not converse. To talk, {OTHER_ENGINES}."
    head = "Printed in this picture:\n\n"
    yield Chunk(head, literal=True, note=note)
    scan, lines = Scan(rgb, cancel), list[TextLine]()
    length = len(head)
    for chunk in _pieces(scan, rgb, lines, start=len(head)):
        length += len(chunk.text)
        yield chunk
    if not lines:
        length += len(_NOTHING)
        yield Chunk(_NOTHING, literal=True)
    yield Chunk(literal=True, note=f"{note} {describe_doubts(lines, scan.unread)}")
    yield from _codes(rgb, cancel, length)
    yield Chunk(f"\n\n{colours.size_and_colours(rgb)}", literal=True)


def _codes(rgb: np.ndarray, cancel: CancelToken, length: int) -> Iterator[Chunk]:
    """Yield a chunk a code; `length` is how many characters the answer had before the first."""
    for code in codes.read_codes(rgb, cancel):
        text = f"\n\n{code.label}"
        length += len(text)
        span = length - len(code.label), length
        region = region_from_pixels(code.label, code.corners, rgb, span)
        yield Chunk(text, (region,), literal=True)


def _print(rgb: np.ndarray, cancel: CancelToken, located: bool) -> Iterator[Chunk]:
    source = f"Read on this machine by {ocr_name()}, not by Florence-2."
    scan, lines = Scan(rgb, cancel), list[TextLine]()
    for chunk in _pieces(scan, rgb, lines, start=0):
        note = f"{source} {describe_doubts(lines, scan.unread)}" if lines else ""
        yield chunk._replace(regions=chunk.regions if located else (), note=note)
    if not lines:
        source = f"{ocr_name()} found no print in this picture that it can read."
    yield Chunk(literal=True, note=f"{source} {describe_doubts(lines, scan.unread)}")


def _pieces(scan: Scan, rgb: np.ndarray, lines: list[TextLine], start: int) -> Iterator[Chunk]:
    """Yield a chunk for each piece of print, with its region, and add its line to `lines`.

    `start` is how many characters the answer had before the first.
    """
    for done, count in scan.find():
        if count > 1:
            yield Chunk(status=f"Looking for print: part {done + 1} of {count}…")
    for group in scan.lines():
        for line in group:
            before = "" if not lines else _BETWEEN if line.row == lines[-1].row else "\n"
            text = before + marked(line)
            span = start + len(before), start + len(before) + len(line.text)
            start += len(text)
            lines.append(line)
            region = region_from_pixels(line.text, line.quad, rgb, span)
            yield Chunk(text, (region,), literal=True)

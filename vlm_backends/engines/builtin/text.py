"""Read print: with or without places, or in place of a model that converses."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import codes, colours
from vlm_backends.engines.builtin.chart_findings import describe_chart
from vlm_backends.engines.builtin.code_agreement import FoundCode
from vlm_backends.engines.builtin.documents import PrintedTable, find_tables
from vlm_backends.engines.builtin.ocr import Scan, TextLine
from vlm_backends.engines.builtin.ocr_script import ocr_name
from vlm_backends.engines.builtin.pages import describe_page
from vlm_backends.engines.builtin.print_notes import describe_doubts, marked
from vlm_backends.engines.builtin.printed_tables import (
    describe_table,
    fills_picture,
    main_table,
    size_of_table,
)
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES, TaskQuestion
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.engines.builtin.sharpness import describe_sharpness
from vlm_backends.types import Chunk, Model

_BETWEEN = "   "  # pieces that stand on one line
_MIN_TURNED = 12  # characters that agree on how the print is turned
_MOSTLY = 0.8  # of all characters
_RUNS_DOWN = re.compile("[\u3040-\u30ff\u3400-\u9fff]")  # Chinese and Japanese may
_TURNED = (
    "",
    "The print is turned by 90° clockwise.",
    "The print is upside down.",
    "The print is turned by 90° counter-clockwise.",
)
_READ_AS = (
    "",
    "The print was read as turned by 90° clockwise.",
    "The print was read as upside down.",
    "The print was read as turned by 90° counter-clockwise.",
)
_WORD = re.compile(r"[^\W\d_]{3,}")
_LOOKING = "Looking for codes…"
_NOTHING = "nothing that could be read."


def read_text(rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield all print of the picture (H×W×3, uint8) line by line."""
    yield from _print(rgb, cancel, located=False)


def read_located_text(
    rgb: np.ndarray, question: TaskQuestion, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield all print as `read_text` does, each piece with its region."""
    yield from _print(rgb, cancel, located=True)


def describe_print(
    rgb: np.ndarray, model: Model, cancel: CancelToken, with_parts: bool = False
) -> Iterator[Chunk]:
    """Yield what can be read from the picture in place of a conversation: print, codes, colours.

    `with_parts` adds the parts of a page, and its tables.
    """
    source = f"Read by the built-in tools ({ocr_name()}), not by {model.title}"
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
    yield Chunk(status=_LOOKING)
    found = codes.read_codes(rgb, cancel)
    said = [note, describe_doubts(lines, _unread(scan, found))]
    for chunk in _parts(rgb, lines, length, cancel) if with_parts and lines else ():
        length += len(chunk.text)
        said.append(chunk.note)
        yield chunk._replace(note="")
    yield Chunk(literal=True, note=" ".join(filter(None, said)))
    yield from _codes(found, rgb, length)
    measured = colours.size_and_colours(rgb), _direction(lines), describe_sharpness(rgb)
    yield Chunk(f"\n\n{' '.join(filter(None, measured))}", literal=True)


def _parts(
    rgb: np.ndarray, lines: Sequence[TextLine], length: int, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield the parts of a page and its tables, and a chart where there is no table."""
    tables = find_tables(rgb, lines)
    page = describe_page(rgb, lines, tables, length)
    yield page
    if not tables and not cancel.is_set():
        yield Chunk(status="Looking for a chart…")
        yield describe_chart(rgb, lines, length + len(page.text), cancel)


def _turned_unsurely(lines: Sequence[TextLine]) -> str:
    """Say that print was read as if turned, where no word shows which way it runs; else nothing."""
    turn = _turn(lines)
    if not turn or any(_WORD.search(line.text) for line in lines):
        return ""
    return f"{_READ_AS[turn]} No word shows that: if it is not, all of this is wrong."


def _direction(lines: Sequence[TextLine]) -> str:
    """Say by how much the print as a whole is turned; empty for upright or little print."""
    return _turned_unsurely(lines) or _TURNED[_turn(lines)]


def _turn(lines: Sequence[TextLine]) -> int:
    """Return by how many quarters the print as a whole is turned, clockwise; 0 for little print."""
    turns = Counter[int]()
    for line in lines:
        if not _RUNS_DOWN.search(line.text):  # vertical columns are upright
            (x0, y0), (x1, y1) = line.quad[:2]
            degrees = math.degrees(math.atan2(y1 - y0, x1 - x0))
            turns[round(degrees / 90) % 4] += len(line.text)
    turn, characters = max(turns.items(), key=lambda item: item[1], default=(0, 0))
    return turn if characters >= max(_MIN_TURNED, _MOSTLY * turns.total()) else 0


def _codes(found: Sequence[FoundCode], rgb: np.ndarray, length: int) -> Iterator[Chunk]:
    """Yield a chunk a code; `length` is how many characters the answer had before the first."""
    for code in found:
        text = f"\n\n{code.label}"
        length += len(text)
        span = length - len(code.label), length
        region = region_from_pixels(code.label, code.corners, rgb, span)
        yield Chunk(text, (region,), literal=True)


def _print(rgb: np.ndarray, cancel: CancelToken, located: bool) -> Iterator[Chunk]:
    source = f"Read by the built-in tools ({ocr_name()}), not by Florence-2."
    scan, lines = Scan(rgb, cancel), list[TextLine]()
    for chunk in _pieces(scan, rgb, lines, start=0):
        note = f"{source} {describe_doubts(lines, len(scan.unread))}" if lines else ""
        yield chunk._replace(regions=chunk.regions if located else (), note=note)
    if not lines:
        source = f"The built-in tools ({ocr_name()}) found no text."
    yield Chunk(status=_LOOKING)
    found = codes.read_codes(rgb, cancel)
    tables = find_tables(rgb, lines)
    table = None if located else main_table(tables)
    doubts = describe_doubts(lines, _unread(scan, found), in_table=fills_picture(table))
    said = [source, *filter(None, [doubts, _turned_unsurely(lines)]), *_told_codes(found)]
    said += _told_tables(tables, located)
    yield Chunk(literal=True, note=" ".join(said), rows=table.rows if table else ())


def _told_tables(tables: Sequence[PrintedTable], located: bool) -> Iterator[str]:
    """Yield sentences on the tables that the print makes up."""
    main = main_table(tables)
    if main is None:
        return
    number = f"{len(tables)} tables are" if len(tables) > 1 else "A table is"
    which = "the largest has" if len(tables) > 1 else "it has"
    yield f"{number} in the print: {which} {size_of_table(main)}."
    if located:
        yield "The task “Read” gives it as rows and columns."
    else:
        yield from filter(None, [describe_table(main)])


def _told_codes(found: Sequence[FoundCode]) -> Iterator[str]:
    """Yield sentences on codes that are in the picture, for an answer that has none of them."""
    kinds = Counter(code.kind.partition(" (")[0] for code in found if code.content)
    if kinds:
        counted = [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in kinds.items()]
        head = ", ".join(counted[:-1])
        are = "are" if kinds.total() > 1 else "is"
        them = "them" if kinds.total() > 1 else "it"
        yield (
            f"{f'{head} and ' if head else ''}{counted[-1]} {are} in the picture too: a chat tab "
            f"reads {them}."
        )
    if broken := sum(not code.content for code in found):
        were = "code was" if broken == 1 else "codes were"
        yield f"{broken} {were} seen and could not be read."


def _unread(scan: Scan, found: Sequence[FoundCode]) -> int:
    """Return how many places look like print and are none of the codes."""
    return sum(not any(code.covers(place) for code in found) for place in scan.unread)


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

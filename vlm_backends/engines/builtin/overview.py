"""Tell at a glance what is in a picture: things, text, codes, a table, a chart."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import codes, things
from vlm_backends.engines.builtin.chart_findings import describe_chart
from vlm_backends.engines.builtin.codes import FoundCode
from vlm_backends.engines.builtin.documents import find_tables
from vlm_backends.engines.builtin.ocr import Scan, TextLine
from vlm_backends.engines.builtin.printed_tables import main_table, size_of_table
from vlm_backends.engines.builtin.things import Thing
from vlm_backends.types import CONFIDENCE

_MOST = 3  # kinds of things that are named
FindingKind = Literal["things", "text", "table", "chart", "codes"]


class Finding(NamedTuple):
    """One kind of what is there, and how much of it in a few words, such as "2 dogs, 1 cup"."""

    kind: FindingKind
    said: str


def overview(rgb: np.ndarray, cancel: CancelToken) -> Iterator[Finding]:
    """Yield what is found in a picture (H×W×3, uint8), the quickest first; end when cancelled.

    It is what the tasks would find with the usual confidence; a chart is one that was measured.
    """
    if found := things.find_things(rgb, CONFIDENCE, cancel):
        yield Finding("things", _things(found))
    lines = _lines(rgb, cancel)
    if cancel.is_set():
        return
    if lines:
        count = len({line.row for line in lines})  # pieces side by side are one line
        yield Finding("text", f"{count} line{'s' if count > 1 else ''} of text")
    if readable := [code for code in codes.read_codes(rgb, cancel) if code.content]:
        yield Finding("codes", _codes(readable))
    if table := main_table(find_tables(rgb, lines)):
        yield Finding("table", f"a table: {size_of_table(table)}")
    elif describe_chart(rgb, lines, 0, cancel).regions:
        yield Finding("chart", "a chart")


def _lines(rgb: np.ndarray, cancel: CancelToken) -> list[TextLine]:
    scan = Scan(rgb, cancel)
    for _ in scan.find():
        pass
    return [line for lines in scan.lines() for line in lines]


def _things(found: Sequence[Thing]) -> str:
    counted = Counter(thing.name for thing in found).most_common()
    said = [f"{count} {things.plural(name, count)}" for name, count in counted[:_MOST]]
    more = sum(count for _, count in counted[_MOST:])
    return ", ".join([*said, *([f"{more} more"] if more else [])])


def _codes(found: Sequence[FoundCode]) -> str:
    counted = Counter(code.kind.partition(" (")[0] for code in found)
    return ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counted.items())

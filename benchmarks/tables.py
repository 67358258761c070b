"""Measures how often a printed table is read right: random tables whose cells are known.

A table is right when it has the rows and columns that were drawn and each cell's text, blanks
aside. A wrong one is told of when the answer names a cell, a row or a column that is not sure.
"""

import io
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from statistics import median
from time import perf_counter

import numpy as np
from PIL import Image

from benchmarks._measure import markdown_table
from benchmarks.table_set.draw import SampleTable, table_picture
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.documents import PrintedTable, find_tables
from vlm_backends.engines.builtin.printed_tables import main_table

_FIRST_SEED, _TABLES = 50_000, 100  # none of those that the reader was made with
_OUTCOMES = "right", "right, not sure", "wrong, told", "wrong, not told", "no table"


def verdict(sample: SampleTable) -> tuple[str, list[str], float]:
    """Return the outcome, what is wrong, and the seconds that rows and columns took after OCR."""
    with Image.open(io.BytesIO(sample.picture)) as image:
        rgb = np.asarray(image.convert("RGB"))
    lines, _ = ocr.read_all(rgb)
    start = perf_counter()
    table = main_table(find_tables(rgb, lines))
    seconds = perf_counter() - start
    if table is None:
        return "no table", [], seconds
    slips = list(_slips(table, sample.rows))
    told = "told" if not table.is_sure else "not told"
    right = "right" if table.is_sure else "right, not sure"
    return f"wrong, {told}" if slips else right, slips, seconds


def _slips(table: PrintedTable, truth: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield what differs from the table that was drawn."""
    shape, drawn = (len(table.rows), len(table.rows[0])), (len(truth), len(truth[0]))
    if shape != drawn:
        yield f"{shape[0]} × {shape[1]} for {drawn[0]} × {drawn[1]}"
        return
    for read, true in zip(table.rows, truth):
        for cell, text in zip(read, true):
            if _bare(cell) != _bare(text):
                yield f"“{cell}” for “{text}”"


def _bare(text: str) -> str:
    return "".join(text.split())


def tables(rounds: int) -> Iterator[str]:
    """Yield the outcomes by kind and trait, what was wrong, and the time.

    Three rounds are the whole set, one is a third of it.
    """
    count = min(_TABLES, _TABLES * rounds // 3)
    yield (
        f"Seeds from {_FIRST_SEED}; rapidocr {version('rapidocr')}, fonts of matplotlib "
        f"{version('matplotlib')}; {platform.system()}."
    )
    counts: Counter[tuple[str, str]] = Counter()
    odd, times = [], []
    for seed in range(_FIRST_SEED, _FIRST_SEED + count):
        sample = table_picture(seed)
        outcome, slips, seconds = verdict(sample)
        times.append(seconds)
        for key in ("all", sample.kind, *sample.traits):
            counts[key, outcome] += 1
        if not outcome.startswith("right"):
            odd.append(f"- {seed} ({sample.kind}): {outcome}; {', '.join(slips[:4])}")
    keys = ["all", *sorted({key for key, _ in counts} - {"all"})]
    rows = [[key, *(counts[key, outcome] for outcome in _OUTCOMES)] for key in keys]
    yield markdown_table((f"{count} tables", *_OUTCOMES), rows)
    if odd:
        yield "\n".join(odd)
    yield f"Rows and columns take {median(times) * 1e3:.0f} ms after the print was read (median)."

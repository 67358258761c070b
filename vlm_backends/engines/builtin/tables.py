"""Turn bar charts into tables, in place of DePlot."""

from collections.abc import Iterator

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.charts import reader
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.types import Chunk, Model


def read_table(rgb: np.ndarray, model: Model, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the table of a bar chart (H×W×3, uint8) in DePlot's grammar, with the bars' regions.

    Without a table, yield the reason and what is printed in the picture.
    """
    lines = read_chart_print(rgb, cancel)
    try:
        table = reader.read_chart(rgb, lines)
    except CannotRead as reason:
        note = "Read on this machine by PP-OCRv6, not by DePlot."
        yield Chunk(_refusal(reason, lines), literal=True, note=note)
        return
    bars = tuple(
        region_from_pixels(label, outline, rgb)
        for label, outline in zip(table.labels, table.outlines)
    )
    note = f"Bars measured and words read on this machine, not by DePlot: {table.how}."
    yield Chunk(reader.linearize(table), bars, note=note)


def read_chart_print(rgb: np.ndarray, cancel: CancelToken | None = None) -> list[TextLine]:
    """Read the print of a chart, without its bars and with them, for the labels inside of bars."""
    bare = reader.without_bars(rgb)
    lines = ocr.read_lines(rgb, cancel)
    return lines if bare is None else ocr.merge_lines(ocr.read_lines(bare, cancel), lines)


def _refusal(reason: CannotRead, lines: list[TextLine]) -> str:
    text = (
        f"No table: {reason}.\n\nThis machine reads bar charts with solid bars. "
        f"For other charts, {OTHER_ENGINES}."
    )
    if lines:
        text += "\n\nWhat is printed in the picture:\n" + "\n".join(line.text for line in lines)
    return text

"""List the chart in a picture, in place of a model that converses."""

from collections.abc import Sequence

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.charts.bar_charts import ChartTable, read_print
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.readings import read_any_chart
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.printed_tables import described_size
from vlm_backends.engines.builtin.regions import region_from_pixels
from vlm_backends.engines.builtin.table_questions.figures import parse_number
from vlm_backends.media.geometry import bounds, corners
from vlm_backends.types import Chunk

_WORD = "Chart"
_LEAST = 3  # numbers of an axis, or shares of a pie
_LEVEL = 0.6  # of a line's height: numbers of one axis are no farther off it
_LABELS = 4  # numbers beside or above bars, wherever these end
_EVEN = 0.3  # of their distance: how much the steps of an axis differ


def describe_chart(
    rgb: np.ndarray, lines: Sequence[TextLine], start: int, cancel: CancelToken
) -> Chunk:
    """Return what the chart in a picture (H×W×3, uint8) says, with its region.

    `start` is how many characters the answer had before. The chunk is empty where the print (the
    lines) has no numbers of an axis and no shares, or where no table can be read.
    """
    if not may_be_chart(lines):
        return Chunk()
    try:
        table = read_any_chart(rgb, read_print(rgb, cancel), cancel)
    except CannotRead as reason:
        return Chunk(f"\n\nWhat may be a chart was not read: {reason}.", literal=True)
    said = f"{_WORD}: {described_size(table.rows)} DePlot’s tab gives it as a table."
    span = start + 2, start + 2 + len(_WORD)
    outline = corners(bounds([point for mark in table.outlines for point in mark]))
    region = region_from_pixels("chart", outline, rgb, span)
    return Chunk(f"\n\n{said}", (region,), literal=True, note=_how(table))


def _how(table: ChartTable) -> str:
    return f"The chart was measured: {table.how}."


def may_be_chart(lines: Sequence[TextLine]) -> bool:
    """Return True for numbers at even steps, as on an axis or at bars, or for several shares."""
    numbers = [line for line in lines if parse_number(line.text)]
    if sum(line.text.rstrip().endswith("%") for line in numbers) >= _LEAST:
        return True
    boxes = np.array([bounds(line.quad) for line in numbers]).reshape(-1, 4)
    heights = boxes[:, 3] - boxes[:, 1]
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    if len(numbers) >= _LABELS and any(_is_even(middles[:, along]) for along in (0, 1)):
        return True
    return any(
        _is_axis(boxes[:, side], middles[:, along], heights)
        for side, along in ((2, 1), (0, 1), (3, 0))
    )


def _is_axis(edges: np.ndarray, places: np.ndarray, heights: np.ndarray) -> bool:
    """Return True when some edges are level and their places along the axis at even steps."""
    for edge, height in zip(edges, heights):
        own = places[np.abs(edges - edge) <= _LEVEL * height]
        if len(own) >= _LEAST and _is_even(own):
            return True
    return False


def _is_even(places: np.ndarray) -> bool:
    """Return True when places along an axis are at even steps."""
    steps = np.diff(np.sort(places))
    return bool(steps.min() > 0 and np.ptp(steps) <= _EVEN * steps.mean())

"""Read any chart: bars, lines and slices, each by its own reader; else say what was seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.charts import (
    bar_charts,
    bar_likes,
    kinds,
    lines,
    name_checks,
    pies,
    plot_area,
)
from vlm_backends.engines.builtin.charts.bar_charts import ChartTable, shrink
from vlm_backends.engines.builtin.charts.errors import AxesInDoubt, CannotRead, OtherKind
from vlm_backends.engines.builtin.charts.labels import TextBox, to_text_box
from vlm_backends.engines.builtin.charts.legend_words import without_sample
from vlm_backends.engines.builtin.ocr import TextLine

_MAGNITUDE = re.compile(
    r"\b(thousands?|millions?|billions?|trillions?|tausend|tsd|mio|mill|mrd|millionen|milliarden|"
    r"milliers?|milliards?|mill[oó]n(es)?|miles de|lakhs?|crores?|bn|mn|mln|mld)\b|['’]000|\b000s",
    re.I,
)


_SWATCH = re.compile(r"[■□▪▫◼◻●○•◦◆◇▲△▼▽◀▶★☆\s]+")  # of a legend, or the marks of points


def read_any_chart(
    rgb: np.ndarray, printed: Sequence[TextLine], cancel: CancelToken | None = None
) -> ChartTable:
    """Return the table of a bar, line, area or pie chart (H×W×3, uint8), whose print is given.

    Lines that are unsure do not count, unless the sample of a legend made them so. Names
    are read once more; `how` tells which are in doubt. Raises CannotRead, whose message says what
    was seen and why there is no table.
    """
    printed = [without_sample(rgb, line) for line in printed if not _SWATCH.fullmatch(line.text)]
    printed = [line for line in printed if line.is_sure]
    table = name_checks.check_names(rgb, printed, _table(rgb, printed, cancel))
    return _with_magnitude(table, printed)


def _with_magnitude(table: ChartTable, printed: Sequence[TextLine]) -> ChartTable:
    """Tell of words such as "in thousands", which the numbers of the table leave out."""
    names = {*table.rows[0], *(row[0] for row in table.rows)}
    words = [line.text for line in printed if _MAGNITUDE.search(line.text)]
    words = [text for text in words if text.strip() not in names]
    if not words:
        return table
    said = f"the chart says “{words[0]}”, and the numbers are as printed, not multiplied by that"
    return replace(table, how=f"{table.how}; {said}")


def _table(rgb: np.ndarray, printed: Sequence[TextLine], cancel: CancelToken | None) -> ChartTable:
    try:
        return pies.read_pie_chart(rgb, printed)
    except OtherKind:
        pass
    except CannotRead as reason:
        raise CannotRead(f"this looks like a pie chart, and {reason}") from None
    try:
        return bar_charts.read_bar_chart(rgb, printed, cancel)
    except OtherKind:
        pass
    except CannotRead as reason:  # a line over bars is not the whole chart
        raise CannotRead(_seen_of_bars(rgb, printed, str(reason))) from None
    try:
        return lines.read_line_chart(rgb, printed)
    except CannotRead as reason:
        raise CannotRead(_seen(rgb, printed, reason)) from None


def _seen_of_bars(rgb: np.ndarray, printed: Sequence[TextLine], reason: str) -> str:
    """Return what was seen where rectangles were taken for bars, as a phrase."""
    drawing = bar_charts.draw_out(rgb)
    labels = [to_text_box(line, drawing.scale) for line in printed]
    return bar_likes.describe_refused(drawing.rgb, labels, drawing.layout, reason)


def _seen(rgb: np.ndarray, printed: Sequence[TextLine], of_lines: CannotRead) -> str:
    """Return what was seen of bars and lines, or else of the whole picture, as a phrase."""
    small, scale = shrink(rgb)
    labels = [to_text_box(line, scale) for line in printed]
    has_axis, is_other = _has_axis(labels), isinstance(of_lines, OtherKind)
    if not has_axis or is_other:
        whole = kinds.describe_unread(small, labels, has_axis)
        if whole != kinds.UNKNOWN:
            return whole
    if lines.is_scatter_plot(small, printed, scale):
        return kinds.SCATTER
    if is_other:
        return f"{kinds.UNKNOWN}: {of_lines}" if has_axis else kinds.UNKNOWN
    if isinstance(of_lines, AxesInDoubt):
        return f"a chart with axes was seen, and {of_lines}"
    return f"axes and what may be lines or areas were seen, and {of_lines}"


def _has_axis(labels: Sequence[TextBox]) -> bool:
    try:
        plot_area.find_value_axis(labels)
    except OtherKind:
        return False
    except CannotRead:
        pass
    return True

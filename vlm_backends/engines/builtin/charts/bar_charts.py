"""Turn a picture of a bar chart into its table, by the print that was read and by geometry.

A chart is refused rather than guessed at: there is a table only when bars, categories, series and
the numbers on the axis agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.charts import axes, axis_ends, checks, overlays
from vlm_backends.engines.builtin.charts.bars import Layout, Rectangle, find_layout
from vlm_backends.engines.builtin.charts.bleaching import bars_in_picture, bleach
from vlm_backends.engines.builtin.charts.categories import find_categories
from vlm_backends.engines.builtin.charts.colours import (
    backgrounds,
    clearly_nearest,
    colour_map,
)
from vlm_backends.engines.builtin.charts.errors import LabelsInDoubt, OtherKind, PrintInDoubt
from vlm_backends.engines.builtin.charts.grouping import group_stacks
from vlm_backends.engines.builtin.charts.legends import Legend, find_legend
from vlm_backends.engines.builtin.charts.print_boxes import (
    PrintBox,
    split_words,
    to_print_box,
)
from vlm_backends.engines.builtin.charts.scales import Scale, find_scale
from vlm_backends.engines.builtin.charts.short_labels import read_short_labels
from vlm_backends.engines.builtin.charts.tabulation import BarDrawing, ChartTable, Frame, tabulate
from vlm_backends.engines.builtin.charts.titles import find_title
from vlm_backends.engines.builtin.ocr import TextLine

_MAX_SIDE = 1600  # px: larger charts are measured at this size
_MIN_BARS, _MAX_BARS = 2, 200
_ENLARGED = 1.6  # by which a picture is enlarged when its print is read again
_MIN_AREA = 0.01  # of the picture that bars fill
_CUT = 0.5  # px: a label that is nearer to the edge of the picture may be cut off
NO_BARS = "no solid bars that stand on one line were found"


def read_print(rgb: np.ndarray, cancel: CancelToken | None = None) -> list[TextLine]:
    """Return the print of a chart (H×W×3, uint8), unsure lines too, read without its bars.

    OCR easily misses print near large solid shapes.
    """
    drawing = draw_out(rgb)
    if not _has_bars(drawing):
        return ocr.read_all(rgb, cancel)[0]
    lines, _ = ocr.read_all(_bleached(drawing), cancel)
    return [_scaled(line, 1 / drawing.scale) for line in lines]


def read_bar_chart(
    rgb: np.ndarray, lines: Sequence[TextLine], cancel: CancelToken | None = None
) -> ChartTable:
    """Return the table of the chart in the picture (H×W×3, uint8), whose print is given.

    Where a label is in doubt, the print is read once more, enlarged, and then short labels one by
    one. Raises CannotRead with the reason.
    """
    drawing = draw_out(rgb)
    if not _has_bars(drawing):
        raise OtherKind(NO_BARS)
    lines = [_scaled(line, drawing.scale) for line in lines]
    try:
        return _table(drawing, lines)
    except PrintInDoubt:
        lines = ocr.merge_lines(_enlarged_print(drawing, cancel), lines)
    try:
        return _table(drawing, lines)
    except LabelsInDoubt:
        found = read_short_labels(drawing.rgb, drawing.layout, cancel)
        if not found:
            raise
    return _table(drawing, ocr.merge_lines(found, lines))


def _enlarged_print(drawing: BarDrawing, cancel: CancelToken | None) -> list[TextLine]:
    large = cv2.resize(
        _bleached(drawing), None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC
    )
    return [_scaled(line, 1 / _ENLARGED) for line in ocr.read_lines(large, cancel)]


def linearize(table: ChartTable) -> str:
    """Return the table in DePlot's grammar."""
    rows = [("TITLE", table.title)] if table.title else []
    return "<0x0A>".join(
        " | ".join(cell.replace("|", "/") for cell in row) for row in (*rows, *table.rows)
    )


def shrink(rgb: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the picture at the size at which it is measured, and its scale."""
    scale = min(1.0, _MAX_SIDE / max(rgb.shape[:2]))
    if scale == 1:
        return rgb, scale
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), scale


def draw_out(rgb: np.ndarray) -> BarDrawing:
    """Return the bars of a picture (H×W×3, uint8), and what lies around them."""
    small, scale = shrink(rgb)
    colours = colour_map(small)
    ground = backgrounds(colours)
    return BarDrawing(small, scale, colours, ground, find_layout(colours.nearest, ground))


def _has_bars(drawing: BarDrawing) -> bool:
    """Return True for bars that are more than the swatches of a legend."""
    area = sum(stack.area for stack in drawing.layout.stacks)
    count = len(drawing.layout.stacks)
    return _MIN_BARS <= count <= _MAX_BARS and area >= _MIN_AREA * drawing.colours.nearest.size


def _bleached(drawing: BarDrawing) -> np.ndarray:
    return bleach(drawing.rgb, drawing.colours, drawing.ground[-1], drawing.layout)


def _scaled(line: TextLine, factor: float) -> TextLine:
    return replace(line, quad=tuple((x * factor, y * factor) for x, y in line.quad))


def _table(drawing: BarDrawing, lines: Sequence[TextLine]) -> ChartTable:
    layout, width = drawing.layout, drawing.rgb.shape[1]
    boxes = [to_print_box(line) for line in lines]
    step = axes.usual_step([box.text for box in boxes])
    labels = [part for box in boxes for part in _numbers_apart(box, step)]
    bars, legend = _legend(drawing, labels)
    in_legend = {box for words in legend.values() for box in words}
    turned = {_turned(label, layout, width): label for label in labels if label not in in_legend}
    stacks = layout.stacks
    scale = find_scale(list(turned), stacks[0].left, stacks[-1].right, layout.base)
    free = [label for label in turned if not scale or label not in scale.print]
    categories = find_categories(free, stacks, layout.is_rotated)
    taken = {box for category in categories for box in category.print}
    free = [label for label in free if label not in taken]
    edges = [
        width - box.bottom if layout.is_rotated else min(box.left, width - box.right)
        for box in taken
    ]
    if min(edges) <= _CUT:
        raise PrintInDoubt("a category label is cut off at the edge of the picture")
    series, cells = group_stacks(stacks, categories)
    used = {*taken, *(scale.print if scale else ())}
    checks.check_legend(legend, [turned[box] for box in turned if box not in used], bars)
    checks.check_edge(drawing.rgb, layout)
    if scale:
        named = [_turned(label, layout, width) for label in in_legend]
        _check_axis_end(drawing, scale, [*turned, *named], [*scale.print, *taken, *named])
    level = [turned[label] for label in free if turned[label].is_level]
    title, _ = find_title(level, min(bar.top for bar in bars))
    frame = Frame(drawing, scale, categories, series, cells, legend)
    return _with_overlays(tabulate(frame, free, title), drawing, list(turned), scale)


def _with_overlays(
    table: ChartTable, drawing: BarDrawing, labels: Sequence[PrintBox], scale: Scale | None
) -> ChartTable:
    """Return the table; it tells of marks over the bars. The labels are in the bars' frame."""
    layout = drawing.layout
    rgb = np.rot90(drawing.rgb) if layout.is_rotated else drawing.rgb
    boxes = [(box.left, box.top, box.right, box.bottom) for box in labels]
    ticks = [label.y for label in scale.labels] if scale else []
    if not overlays.is_drawn_over(rgb, layout, boxes, ticks):
        return table
    return replace(table, how=f"{table.how}; {overlays.DRAWN_OVER}")


def _turned(label: PrintBox, layout: Layout, width: int) -> PrintBox:
    """Return a label in the frame of the bars, where they stand upright."""
    return label.rotated_left(width) if layout.is_rotated else label


def _check_axis_end(
    drawing: BarDrawing, scale: Scale, labels: Sequence[PrintBox], used: Sequence[PrintBox]
) -> None:
    """Raise PrintInDoubt when a power of ten at the axis may have been missed."""
    if scale.multiplier:
        return
    layout = drawing.layout
    letter = float(np.median([label.letter for label in scale.labels]))
    rgb = np.rot90(drawing.rgb) if layout.is_rotated else drawing.rgb
    places = [axis_ends.end_of(scale.labels, letter)]
    if layout.is_rotated:
        is_right = scale.labels[0].x > layout.stacks[0].left
        places.append(axis_ends.outside_of(scale.labels, letter, is_right))
    bars = [(stack.left, stack.right) for stack in layout.stacks]
    for place in places:
        axis_ends.check_end(rgb, place, letter, labels, used, bars)


def _numbers_apart(box: PrintBox, step: float) -> list[PrintBox]:
    """Return the numbers that OCR joined as boxes of their own, or the box as it is.

    "260 280" is two numbers where the others are so far apart, and one where they are not.
    """
    if not box.is_level or axes.is_number(box.text) and " " not in box.text:
        return [box]
    words = split_words(box)
    if not all(axes.is_number(word.text) for word in words):
        return [box]
    if axes.is_number(box.text):
        numbers = [axes.number(word.text) or 0.0 for word in words]
        return words if step and np.allclose(np.diff(numbers), step) else [box]
    return words


def _legend(drawing: BarDrawing, labels: Sequence[PrintBox]) -> tuple[list[Rectangle], Legend]:
    """Return the bars in the picture's own pixels, and the legend that names their colours."""
    layout, width = drawing.layout, drawing.rgb.shape[1]
    bars = bars_in_picture(layout, width)
    others = [one.rotated_right(width) if layout.is_rotated else one for one in layout.others]
    drawn = {bar.colour for bar in bars}
    lenient = np.full((1, 1), -1)
    if len(drawn) > 1:
        lenient = clearly_nearest(drawing.rgb, drawing.colours, list(drawn))
    legend = find_legend(labels, bars, others, drawing.colours.nearest, lenient)
    checks.check_layout(layout, drawing.colours, drawing.ground, legend, others)
    return bars, legend

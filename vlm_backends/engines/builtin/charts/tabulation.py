"""Put names, series and values of a bar chart together into its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vlm_backends.engines.builtin.charts import axes, bar_ends, checks, cut_bars
from vlm_backends.engines.builtin.charts.axes import Axis
from vlm_backends.engines.builtin.charts.bars import Layout, Rectangle, Stack
from vlm_backends.engines.builtin.charts.categories import Category
from vlm_backends.engines.builtin.charts.colours import ColourMap
from vlm_backends.engines.builtin.charts.errors import CannotRead, PrintInDoubt
from vlm_backends.engines.builtin.charts.grouping import Cells
from vlm_backends.engines.builtin.charts.legends import Legend, name_of
from vlm_backends.engines.builtin.charts.print_boxes import PrintBox
from vlm_backends.engines.builtin.charts.scales import Scale
from vlm_backends.engines.builtin.charts.values import Bar, Values, bar_values
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.media.geometry import Outline, corners

_ON_LINE = 1.0  # px: nearer, the zero of the axis is on the line that the bars stand on
_UNNAMED = "Series"  # before the number of a series without a name
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ChartTable:
    """The table of a chart, and its marks: the bars, points or slices that it was read from."""

    title: str
    rows: Rows  # the header first; the first column has the categories
    outlines: tuple[Outline, ...]  # of the marks, in pixels
    labels: tuple[str, ...]  # one a mark: its names and value
    cells: tuple[tuple[int, int], ...]  # one a mark: its row and column, without the headers
    how: str  # how the values were found, as a phrase
    error: float = 0.0  # how far measured values may be off; 0 when all of them were printed
    is_sampled: bool = False  # read at labels, while lines have other values between them
    reread: tuple[TextLine, ...] = ()  # labels that were read one by one, in the picture
    is_stacked: bool = False  # the bars of a row lie on each other


@dataclass(frozen=True)
class BarDrawing:
    """The drawing in a picture, without its print."""

    rgb: np.ndarray  # at the size at which it is measured
    scale: float
    colours: ColourMap
    ground: list[int]  # the colours of the page and of the plot
    layout: Layout


@dataclass(frozen=True)
class Frame:
    """Everything that names and places the bars: axis, categories, series and legend."""

    drawing: BarDrawing
    scale: Scale | None
    categories: list[Category]
    series: list[int]  # the colours that stand side by side
    cells: Cells
    legend: Legend

    @property
    def is_stacked(self) -> bool:
        """Return True when bars lie on each other."""
        return any(len(stack.parts) > 1 for stack in self.drawing.layout.stacks)


def tabulate(frame: Frame, free: Sequence[PrintBox], title: str) -> ChartTable:
    """Return the table of the bars in a frame. `free` is the print in it that has no use yet.

    Raises CannotRead.
    """
    layout, width = frame.drawing.layout, frame.drawing.rgb.shape[1]
    colours = _stacked_colours(frame) if frame.is_stacked else frame.series
    header, grid = _header(frame, colours), _bars(frame, colours)
    order = _legend_order(frame.legend, colours)
    header = [header[i] for i in order]
    grid = [[row[i] for i in order] for row in grid]
    bars = [bar for row in grid for bar in row if bar]
    axis = _checked_axis(frame)
    values = bar_values(bars, axis, free)
    text_of = dict(zip(map(id, bars), values.texts))
    zero = "0" + (axis.unit if axis else "")
    rows: list[tuple[str, ...]] = [("", *header)]
    outlines, labels, cells = [], [], []
    for category, row in zip(frame.categories, grid):
        rows.append((category.name, *(text_of[id(bar)] if bar else zero for bar in row)))
        for column, bar in enumerate(row):
            if bar is None:
                continue
            cells.append((len(rows) - 2, column))
            part = bar.part.rotated_right(width) if layout.is_rotated else bar.part
            outlines.append(_outline(part, frame.drawing.scale))
            series = f", {header[column]}" if len(header) > 1 else ""
            labels.append(f"{category.name}{series}: {text_of[id(bar)]}")
    how = _how(values, len(bars))
    if header[0] == f"{_UNNAMED} 1":
        how += "; no legend was read, so the series are numbered as they stand"
    for i, printed in values.unfit:
        how += f"; at the bar “{labels[i]}” stands “{printed}”, which does not fit its length"
    empty = [each.name for each, row in zip(frame.categories, grid) if not all(row)]
    if empty and not frame.is_stacked:
        how += f"; no bar is seen at {', '.join(empty)}, which counts as 0"
    how += _told_cut(frame, axis) if values.printed < len(bars) else ""
    error = values.error if values.printed < len(bars) else 0.0
    marks = tuple(outlines), tuple(labels), tuple(cells)
    return ChartTable(title, tuple(rows), *marks, how, error, is_stacked=frame.is_stacked)


def _checked_axis(frame: Frame) -> Axis | None:
    """Return the axis with how far its zero is from the line that the bars stand on."""
    axis, layout = frame.scale.axis if frame.scale else None, frame.drawing.layout
    checks.check_base(axis, layout, frame.is_stacked)
    off = checks.off_zero(axis, layout) if axis else 0.0
    return replace(axis, slack=off) if axis and _ON_LINE < off <= checks.NEAR_END else axis


def _told_cut(frame: Frame, axis: Axis | None) -> str:
    """Return a phrase about bars that may be cut off; empty where there are none."""
    layout, rgb = frame.drawing.layout, frame.drawing.rgb
    if axis is None:
        return ""
    cut = cut_bars.find_cut(np.rot90(rgb) if layout.is_rotated else rgb, layout, axis)
    names = [
        category.name
        for category, cell in zip(frame.categories, frame.cells)
        if any(stack in cut for stack in cell)
    ]
    if not names:
        return ""
    return f"; the bar of {', '.join(names)} ends where the axis ends, and may be cut off there"


def _header(frame: Frame, colours: list[int]) -> list[str]:
    if len(colours) == 1:
        return ["Value"]
    names = [name_of(frame.legend[c]) if c in frame.legend else "" for c in colours]
    if not all(names):
        if any(names) or frame.is_stacked:
            kind = "stacked bars" if frame.is_stacked else "bars"
            raise PrintInDoubt(f"no legend names the colours of the {kind}")
        swatches = {other.colour for other in frame.drawing.layout.others} & set(colours)
        if len(swatches) > 1:
            raise PrintInDoubt("the names in the legend could not be read")
        return [f"{_UNNAMED} {i}" for i in range(1, len(names) + 1)]
    if len(set(names)) < len(names):
        raise PrintInDoubt("two series have one name")
    return names


def _legend_order(legend: Legend, colours: list[int]) -> list[int]:
    """Return in which order the series are named in the legend, line by line, if they all are."""
    if len(colours) < 2 or not all(colour in legend for colour in colours):
        return list(range(len(colours)))
    first = [legend[colour][0] for colour in colours]
    letter = float(np.median([box.letter for box in first]))
    return sorted(range(len(first)), key=lambda i: (round(first[i].y / letter), first[i].x))


def _stacked_colours(frame: Frame) -> list[int]:
    """Return the colours of stacked bars, in the order in which they lie on each other."""
    stacks = frame.drawing.layout.stacks
    found = dict.fromkeys(part.colour for stack in stacks for part in reversed(stack.parts))
    longest = max(stacks, key=lambda stack: len(stack.parts))
    first = [part.colour for part in reversed(longest.parts)]
    return first + [colour for colour in found if colour not in first]


def _bars(frame: Frame, colours: list[int]) -> list[list[Bar | None]]:
    layout, rgb = frame.drawing.layout, frame.drawing.rgb
    upright = np.rot90(rgb) if layout.is_rotated else rgb
    grid: list[list[Bar | None]] = []
    for cell in frame.cells:
        if frame.is_stacked:
            parts = _stacked_bars(upright, cell[0], layout.base) if cell[0] else {}
            row = [parts.get(colour) for colour in colours]
        else:
            row = [_bar(upright, stack.parts[0], layout.base) if stack else None for stack in cell]
        grid.append(row)
    _check_empty(frame, grid)
    return grid


def _check_empty(frame: Frame, grid: Sequence[Sequence[Bar | None]]) -> None:
    """Refuse places without a bar that are not plainly empty."""
    layout, colours = frame.drawing.layout, frame.drawing.colours
    nearest = np.rot90(colours.nearest) if layout.is_rotated else colours.nearest
    places = [
        (k, bar.part.middle - category.x, bar.part.width)
        for category, row in zip(frame.categories, grid)
        for k, bar in enumerate(row)
        if bar
    ]
    for category, row in zip(frame.categories, grid):
        if frame.is_stacked and any(row):
            continue
        for k, bar in enumerate(row):
            if bar is None:
                near = [(x, w) for series, x, w in places if series == k or frame.is_stacked]
                x, width = np.median(near, axis=0)
                left, right = category.x + x - width / 2, category.x + x + width / 2
                checks.check_empty(nearest, frame.drawing.ground, left, right, layout.base)
                checks.check_no_other(layout.others, left, right)


def _stacked_bars(rgb: np.ndarray, stack: Stack, base: float) -> dict[int, Bar]:
    """Return the parts of a stack by colour; parts meet half-way between their edges."""
    edges = [bar_ends.exact_end(rgb, stack.parts[0], True)]
    for upper, lower in zip(stack.parts, stack.parts[1:]):
        edges.append((upper.bottom + lower.top) / 2)
    edges.append(bar_ends.exact_end(rgb, stack.parts[-1], False))
    at_base = int(np.abs(np.array(edges) - base).argmin())
    edges[at_base] = base
    bars = {}
    for i, part in enumerate(stack.parts):
        end, start = (edges[i], edges[i + 1]) if i < at_base else (edges[i + 1], edges[i])
        bars[part.colour] = Bar(part, end, start, True, start == base)
    if len(bars) < len(stack.parts):
        raise CannotRead("a stack has two parts of one colour")
    return bars


def _bar(rgb: np.ndarray, part: Rectangle, base: float) -> Bar:
    is_up = (part.top + part.bottom) / 2 < base
    end, start = bar_ends.exact_end(rgb, part, is_up), part.bottom if is_up else part.top
    return Bar(part, end, float(start), False)


def _how(values: Values, count: int) -> str:
    if values.printed == count:
        return "values as printed at the bars"
    measured = f"values measured on the axis, {axes.accuracy(values.error)}"
    if values.printed:
        return f"{values.printed} of {count} values as printed at the bars, the other {measured}"
    return measured


def _outline(bar: Rectangle, scale: float) -> Outline:
    """Return the bar's corners in pixels of the picture before it was shrunk."""
    return corners((bar.left / scale, bar.top / scale, bar.right / scale, bar.bottom / scale))

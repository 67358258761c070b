"""Group bars: into categories by their place, and into series by their colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts.bars import Stack
from vlm_backends.engines.builtin.charts.categories import Category
from vlm_backends.engines.builtin.charts.errors import CannotRead, LabelsInDoubt, PrintInDoubt

_OWN_PLACE = 0.55  # pitches: how far a bar may be from the middle of its category
_SAME_OFFSET = 0.12  # pitches: bars of one series are at one place of their categories

Cells = list[list[Stack | None]]  # one list a category, one entry a place in it


def group_stacks(
    stacks: Sequence[Stack], categories: Sequence[Category]
) -> tuple[list[int], Cells]:
    """Return the colours of the series that stand side by side, and each category's bars.

    There is one colour, of no meaning, where each category has one place. Raises LabelsInDoubt when
    bars and categories do not line up.
    """
    xs = np.array([category.x for category in categories])
    step = (xs[-1] - xs[0]) / (len(xs) - 1)
    middles = np.array([stack.middle for stack in stacks])
    bias = 0.0
    if len(stacks) == len(categories):
        bias = float(np.median(middles - xs))
        if abs(bias) > _OWN_PLACE * step:
            raise LabelsInDoubt("the category labels do not stand under the bars")
    owners = [int(np.abs(xs + bias - x).argmin()) for x in middles]
    if any(abs(xs[k] + bias - x) > _OWN_PLACE * step for k, x in zip(owners, middles)):
        raise LabelsInDoubt("a bar has no category label")
    cells: list[list[Stack]] = [[] for _ in categories]
    for stack, owner in zip(stacks, owners):
        cells[owner].append(stack)
    if max(map(len, cells)) == 1:
        _check_offsets(cells, xs, step)
        return [stacks[0].parts[0].colour], [[*cell] or [None] for cell in cells]
    return _side_by_side(cells, xs, step)


def _check_offsets(cells: Sequence[Sequence[Stack]], xs: np.ndarray, step: float) -> None:
    offsets = [cell[0].middle - x for cell, x in zip(cells, xs) if cell]
    if max(offsets) - min(offsets) > 2 * _SAME_OFFSET * step + 4:
        raise LabelsInDoubt("a bar or its label seems to be missing between the others")


def _side_by_side(
    cells: Sequence[Sequence[Stack]], xs: np.ndarray, step: float
) -> tuple[list[int], Cells]:
    """Return series by colour, where each has its own place in the categories."""
    if any(len(stack.parts) > 1 for cell in cells for stack in cell):
        raise CannotRead("stacked bars stand side by side")
    places: dict[int, list[float]] = {}
    for cell, x in zip(cells, xs):
        for stack in cell:
            places.setdefault(stack.parts[0].colour, []).append(stack.middle - x)
    if len(places) < 2:
        raise PrintInDoubt("there are more bars than category labels")
    for offsets in places.values():
        if max(offsets) - min(offsets) > 2 * _SAME_OFFSET * step + 4:
            raise LabelsInDoubt("bars of one colour are at different places of their categories")
    series = sorted(places, key=lambda colour: float(np.median(places[colour])))
    middles = [float(np.median(places[colour])) for colour in series]
    if min(np.diff(middles)) < _SAME_OFFSET * step / 2:
        raise LabelsInDoubt("bars of two colours are at one place of their categories")
    rows: Cells = []
    for cell in cells:
        by_colour = {stack.parts[0].colour: stack for stack in cell}
        if len(by_colour) < len(cell):
            raise LabelsInDoubt("a category has two bars of one colour")
        rows.append([by_colour.get(colour) for colour in series])
    return series, rows

"""Notice bars that end where the plot ends: an axis that is too short cuts them off there."""

from __future__ import annotations

import numpy as np

from vlm_backends.engines.builtin.charts.axes import Axis
from vlm_backends.engines.builtin.charts.bars import Layout, Stack

_AT_TICK = 2.0  # px from the outermost number of the axis
_EDGE, _ASIDE = 3, (5, 9)  # px from a bar's end: where an edge is, and where the ground is
_LINE, _GROUND = 5.0, 3.0  # of 255: least contrast of a pale frame, and between plot and page
_WHOLE = 0.1  # of an edge that may be hidden
_MOST = 0.5  # of the stacks: where more end on one line, they are parts of one whole


def find_cut(rgb: np.ndarray, layout: Layout, axis: Axis) -> list[Stack]:
    """Return the stacks that may go on behind an end of their plot.

    The picture (H×W×3, uint8) is in the frame of the bars, where they stand upright.
    """
    grey = rgb.mean(axis=2)
    between = np.ones(grey.shape[1], bool)
    between[: layout.stacks[0].left] = between[layout.stacks[-1].right :] = False
    for stack in layout.stacks:
        between[stack.left - 2 : stack.right + 2] = False
    grey = grey[:, between]
    up = [s for s in layout.stacks if s.top < layout.base - _ASIDE[1]]
    down = [s for s in layout.stacks if s.bottom > layout.base + _ASIDE[1]]
    found = [s for s in up if _is_edge(s.top, axis.first, -1, grey)]
    found += [s for s in down if _is_edge(s.bottom, axis.last, 1, grey)]
    at_once = len(found) > _MOST * len(layout.stacks)
    is_stacked = any(len(stack.parts) > 1 for stack in layout.stacks)
    return [] if at_once and is_stacked else found


def _is_edge(end: int, tick: float, step: int, grey: np.ndarray) -> bool:
    """Return True at the axis's last number, and at a line or a new ground beyond it."""
    beyond = (end - tick) * step
    if abs(beyond) <= _AT_TICK:
        return True
    if beyond < 0 or not grey.shape[1]:
        return False
    near, far = _ASIDE
    inside, outside = (
        _level(grey, end - near * step, end - far * step),
        _level(grey, end + near * step, end + far * step),
    )
    if abs(inside - outside) > _GROUND:
        return True
    rows = grey[max(0, end - _EDGE) : end + _EDGE]
    contrast = np.quantile(np.abs(rows - inside), _WHOLE, axis=1)
    return bool(contrast.max(initial=0.0) > _LINE)


def _level(grey: np.ndarray, one: int, other: int) -> float:
    low, high = sorted((one, other))
    rows = grey[max(0, low) : max(1, high)]
    return float(np.median(rows)) if rows.size else 0.0

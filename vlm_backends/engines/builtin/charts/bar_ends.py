"""Measure where a bar ends to a part of a pixel: soft edges are spread over several pixels."""

from __future__ import annotations

import numpy as np

from vlm_backends.engines.builtin.charts.bars import Rectangle

_REACH = 5  # px to both sides of an edge: JPEG and smoothing blur no farther
_INSET = 0.2  # of the width at both sides that does not count
_CONTRAST = 40.0  # distance in RGB (0..441) between the bar and what is beyond its end
_OUTLINE = 1.25  # times that distance: beyond it, a line is drawn around the bar
_MOST = 2.5  # px: an edge that is farther from the given one is another


def exact_end(rgb: np.ndarray, bar: Rectangle, is_top: bool) -> float:
    """Return the y of the upper or the lower end of a bar in a picture (H×W×3, uint8).

    Where the edge is not a plain one, it is the end of the rectangle.
    """
    given = float(bar.top if is_top else bar.bottom)
    inset = round(_INSET * bar.width)
    columns = slice(bar.left + inset, max(bar.left + inset + 1, bar.right - inset))
    inside = min(_REACH, bar.height // 2)
    step = 1 if is_top else -1
    first = bar.top if is_top else bar.bottom - 1
    rows = [first + step * i for i in range(-_REACH, inside)]
    if not 0 <= min(rows) <= max(rows) < len(rgb) or not inside:
        return given
    profile = np.median(rgb[rows, columns].astype(np.float32), axis=1)
    beyond, within = profile[0], profile[-1]
    contrast = float(np.linalg.norm(beyond - within))
    away = np.linalg.norm(profile - within, axis=1)
    if contrast < _CONTRAST or away.max() > _OUTLINE * contrast:
        return given
    covered = (1 - away / contrast).clip(0, 1).sum() - inside  # rows of the bar beyond `given`
    return given - step * float(covered) if abs(covered) <= _MOST else given

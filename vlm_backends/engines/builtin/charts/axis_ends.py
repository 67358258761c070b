"""Look at the end of a value axis for a power of ten that was missed or misread.

Without it, all values would be wrong by that power.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.errors import PrintInDoubt
from vlm_backends.media.geometry import Box

_POWER = re.compile(r"[x×*·+]?\s*[1lI]\s?[eE]\s?[-+−–]?\s?\d{1,2}\b.*|.*[x×*·]\s?[1lI][0oO].*")
_WORD = re.compile(r"[^\W\d_]{3}")
_NUMBER = re.compile(r"[\d.,'%$€£¥ +−–-]+[kKMB]?")
_AS_NUMBER = re.compile(r"1\d{1,3}|\+.*")  # as which 10³ and 1e3 may be read; or an offset
_SIGN = re.compile(r"[\d×*]")  # what powers of ten are made of

# in heights of a letter
_ASIDE = 6.0  # how far beside the labels of the axis a power of ten stands
_BEYOND = 3.0  # and how far beyond the next tick
_LEVEL = 0.6  # and how far below the top of the last label it may be, where the axis ends there
_UNDER, _BACK = 3.0, 5.0  # under the labels of a lying axis, and back from its end
_GLYPH = 0.3, 1.1  # how high a letter is, the box of OCR being larger than it
_GAP = 0.7  # between two letters
_PAD = 0.3  # around print that was read

_INK = 60.0  # distance in RGB (0..441) from the ground
_LEAST = 4  # px: smaller marks are specks
_MIDDLE = 0.3  # of a bar's width: the value of a bar stands over its middle

UNREAD = "something stands at the end of the value axis, and it was not read"
MISREAD = "a power of ten may stand at the end of the value axis, and it was not read surely"


class Printed(Protocol):
    """Print with its upright box in pixels."""

    @property
    def text(self) -> str:
        """Return what is printed."""
        ...

    @property
    def left(self) -> float:
        """Return the least x."""
        ...

    @property
    def top(self) -> float:
        """Return the least y."""
        ...

    @property
    def right(self) -> float:
        """Return the greatest x."""
        ...

    @property
    def bottom(self) -> float:
        """Return the greatest y."""
        ...


def end_of(column: Sequence[Printed], letter: float) -> Box:
    """Return where a power of ten stands over an axis with these labels, in pixels."""
    tops = sorted(label.top for label in column)
    pitch = float(np.median(np.diff(tops))) if len(tops) > 1 else 0.0
    left, right = min(one.left for one in column), max(one.right for one in column)
    reach = _ASIDE * letter
    top = tops[0] - pitch - _BEYOND * letter
    return left - reach, top, right + reach, tops[0] + _LEVEL * letter


def outside_of(column: Sequence[Printed], letter: float, is_right: bool) -> Box:
    """Return where Matplotlib puts the power of ten of a lying axis, which is turned upright.

    It is beside the last labels, away from the bars, which are at the left when `is_right`.
    """
    top = min(label.top for label in column)
    left, right = min(one.left for one in column), max(one.right for one in column)
    pad, far = _PAD * letter, _UNDER * letter
    across = (right + pad, right + far) if is_right else (left - far, left - pad)
    return across[0], top - _UNDER * letter, across[1], top + _BACK * letter


def check_end(
    rgb: np.ndarray,
    place: Box,
    letter: float,
    labels: Sequence[Printed],
    used: Sequence[Printed],
    bars: Sequence[tuple[float, float]] = (),
) -> None:
    """Raise PrintInDoubt when a power of ten may stand in a place of a picture (H×W×3, uint8).

    `labels` is all print; what is in `used` is understood. `bars` are the left and right ends of
    bars, over whose middles values stand.
    """
    for label in labels:
        x, y = (label.left + label.right) / 2, (label.top + label.bottom) / 2
        is_value = any(
            abs(x - (left + right) / 2) <= _MIDDLE * (right - left) for left, right in bars
        )
        is_there = place[0] <= x <= place[2] and place[1] <= y <= place[3]
        if is_there and label not in used and _may_be_power(label.text, is_value):
            raise PrintInDoubt(MISREAD)
    if _has_unread_ink(rgb, place, letter, labels):
        raise PrintInDoubt(UNREAD)


def _may_be_power(text: str, is_value: bool) -> bool:
    if _POWER.fullmatch(text.strip()):
        return True
    if _NUMBER.fullmatch(text):
        return not is_value and bool(_AS_NUMBER.fullmatch(text.strip()))
    return not is_value and bool(_SIGN.search(text)) and not _WORD.search(text)


def _has_unread_ink(rgb: np.ndarray, place: Box, letter: float, labels: Sequence[Printed]) -> bool:
    """Return True when marks as large as letters stand side by side where none were read."""
    height, width = rgb.shape[:2]
    left, right = (round(min(max(x, 0), width)) for x in (place[0], place[2]))
    top, bottom = (round(min(max(y, 0), height)) for y in (place[1], place[3]))
    part = rgb[top:bottom, left:right].astype(np.float32)
    if min(part.shape[:2]) < _LEAST:
        return False
    ink = np.linalg.norm(part - np.median(part.reshape(-1, 3), axis=0), axis=2) > _INK
    pad = _PAD * letter + 1
    for label in labels:
        rows = slice(max(0, round(label.top - pad - top)), max(0, round(label.bottom + pad - top)))
        start, end = label.left - pad - left, label.right + pad - left
        ink[rows, max(0, round(start)) : max(0, round(end))] = False
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    return _stand_side_by_side(stats[1:], letter, ink.shape)


def _stand_side_by_side(stats: np.ndarray, letter: float, shape: tuple[int, ...]) -> bool:
    least, most = (share * letter for share in _GLYPH)
    glyphs = [
        (x, y, x + w, y + h)
        for x, y, w, h, _ in sorted(stats.tolist())
        if max(least, _LEAST) <= max(w, h) <= most
        and h >= w / 2
        and min(x, y) > 0
        and x + w < shape[1]
        and y + h < shape[0]
    ]
    return any(
        0 <= b[0] - a[2] + 1 <= _GAP * letter and min(a[3], b[3]) - max(a[1], b[1]) > 0
        for i, a in enumerate(glyphs)
        for b in glyphs[i + 1 :]
    )

"""Numbers as charts print them, and the straight line from pixels to values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_NUMBER = re.compile(
    r"([-+−–]?)\s*[$€£¥]?\s*([0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]+)?(\.[0-9]+)?\s*([kKmMbB]|bn|%)?"
)
_TIMES = {"k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9}
_OFF = 3.0  # px: how far a label may stand from the line and still belong to it
_LEAST = 3  # labels that make an axis


@dataclass(frozen=True)
class Axis:
    """value = slope * pixel + offset; `unit` is what stood behind the numbers."""

    slope: float
    offset: float
    unit: str = ""

    def value(self, pixel: float) -> float:
        """The value at a pixel."""
        return self.slope * pixel + self.offset

    @property
    def decimals(self) -> int:
        """Digits behind the point that a pixel can tell apart; below zero for tens, hundreds, …"""
        return int(np.ceil(-np.log10(abs(self.slope))))


def number(text: str) -> float | None:
    """The number that a label prints, such as `1,200`, `12.5%`, `$3k` or `−4`; None for anything else."""
    match = _NUMBER.fullmatch(text.strip())
    if not match or not (match[2] or match[3]):
        return None
    value = float((match[2] or "0").replace(",", "").replace(" ", "") + (match[3] or ""))
    value *= _TIMES.get((match[4] or "").lower(), 1.0)
    return -value if match[1] in ("-", "−", "–") else value


def fit(labels: Sequence[tuple[float, float, str]]) -> Axis | None:
    """The axis through most of the labels (pixel, value, text); None without three that agree."""
    best: list[int] = []
    for i, (p, v, _) in enumerate(labels):
        for q, w, _ in labels[i + 1 :]:
            if abs(p - q) < 8 or v == w:
                continue
            slope = (w - v) / (q - p)
            near = [
                k
                for k, (r, u, _) in enumerate(labels)
                if abs(v + slope * (r - p) - u) <= abs(slope) * _OFF
            ]
            if len({labels[k][1] for k in near}) > len({labels[k][1] for k in best}):
                best = near
    if len({labels[k][1] for k in best}) < _LEAST:
        return None
    pixels, values = np.array([labels[k][:2] for k in best]).T
    slope, offset = np.polyfit(pixels, values, 1)
    return Axis(
        float(slope),
        float(offset),
        "%" if all(labels[k][2].strip().endswith("%") for k in best) else "",
    )

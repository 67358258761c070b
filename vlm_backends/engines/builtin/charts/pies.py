"""Turn a picture of a pie or doughnut chart into its table.

Printed percentages and values count when they fit the measured angles of their sectors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.bar_charts import ChartTable, shrink
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import TextBox, to_text_box
from vlm_backends.engines.builtin.charts.sectors import Disc, Sector, find_disc
from vlm_backends.engines.builtin.charts.series_names import clean_name, legend_entries
from vlm_backends.engines.builtin.charts.strokes import lab_distance
from vlm_backends.engines.builtin.charts.titles import find_title
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.media.geometry import Outline

_FIT = 0.012  # of the whole: how far a printed share may be from the measured one
_SUM = 0.015  # of the whole: how far printed percentages may be from 100 together
_TITLE = 1.25  # radii above the middle: a title stands higher
_OUTSIDE = 1.75  # radii: labels that are farther belong to no sector
_ALIKE = 26.0  # distance in CIELAB (0..255 each) between a legend's patch and its sector
_APART = 12.0  # and between two sectors: closer ones are not told apart by a legend
_SIDE = 0.004  # turns from the side of a sector: a label there may be its neighbour's
_ARC_STEP = 0.02  # turns between the corners of a sector's outline
_WITH_NUMBER = re.compile(r"(.*?)[\s:,;(–-]*(\d[\d.,]*\s?%)\)?")

NO_NAME = "the name of a sector was not read"
TWO_NAMES = "two sectors have the same name"
UNFIT = "the numbers printed at the sectors do not fit their angles"
PRINTED = "values as printed, and they fit the sectors' angles"
MEASURED = "shares measured from the sectors' angles"
MIXED = "shares as printed where they were read and fit, else measured from the sectors' angles"


def read_pie_chart(rgb: np.ndarray, lines: Sequence[TextLine]) -> ChartTable:
    """Return the table of a pie chart (H×W×3, uint8), whose print is given.

    Raises CannotRead with the reason.
    """
    small, scale = shrink(rgb)
    labels = [to_text_box(line, scale) for line in lines]
    disc = find_disc(small)
    title, in_title = find_title(labels, disc.y - _TITLE * disc.radius)
    labels = [label for label in labels if label not in in_title]
    words, numbers = _assigned(disc, labels)
    values, how = _values(disc, numbers)
    names = _names(small, disc, words, labels)
    rows = [("", "Share" if any("%" in value for value in values) else "Value")]
    rows += zip(names, values)
    spots = tuple(_outline(disc, sector, scale) for sector in disc.sectors)
    tags = tuple(f"{name}: {value}" for name, value in zip(names, values))
    cells = tuple((i, 0) for i in range(len(names)))
    error = 0.0 if how == PRINTED else disc.error
    how = f"{how}, to about ±{error:.1f} %" if error else how
    return ChartTable(title, tuple(rows), spots, tags, cells, how, error)


def _assigned(disc: Disc, labels: Sequence[TextBox]) -> tuple[list[list[str]], list[list[str]]]:
    """Return for each sector the words and the numbers that are printed in or beside it."""
    words: list[list[str]] = [[] for _ in disc.sectors]
    numbers: list[list[str]] = [[] for _ in disc.sectors]
    for label in sorted(labels, key=lambda label: label.top):
        k = _sector_of(disc, label)
        if k is None:
            continue
        match = _WITH_NUMBER.fullmatch(label.text.strip())
        if match:
            numbers[k].append(match[2])
            words[k] += [match[1].strip()] if match[1].strip() else []
        elif axes.number(label.text) is not None:
            numbers[k].append(label.text.strip())
        else:
            words[k].append(label.text.strip())
    return words, numbers


def _sector_of(disc: Disc, label: TextBox) -> int | None:
    """Return the sector that a label is printed in or beside; None for neither, or in doubt."""
    angle, distance = disc.polar(label.x, label.y)
    if distance > 1:  # the point of its box that is nearest to the disc
        x = float(np.clip(disc.x, label.left, label.right))
        y = float(np.clip(disc.y, label.top, label.bottom))
        y = label.y if x != disc.x else y
        angle, distance = disc.polar(x, y)
    elif distance < disc.hole:
        return None
    if distance > _OUTSIDE:
        return None
    inside = [
        k for k, one in enumerate(disc.sectors) if one.holds(angle, min(_SIDE, one.share / 4))
    ]
    return inside[0] if len(inside) == 1 else None


def _values(disc: Disc, numbers: Sequence[Sequence[str]]) -> tuple[list[str], str]:
    """Return each sector's value as text, and how the values were found. Raises CannotRead."""
    shares = np.array([sector.share for sector in disc.sectors])
    percents = [[text for text in found if text.endswith("%")] for found in numbers]
    plain = [[text for text in found if not text.endswith("%")] for found in numbers]
    if any(percents):
        return _percentages(disc, percents)
    if plain and all(len(found) == 1 for found in plain):
        values = np.array([axes.number(found[0]) or 0 for found in plain])
        if values.min() >= 0 and values.sum() > 0:
            if np.abs(values / values.sum() - shares).max() <= _FIT:
                return [found[0] for found in plain], PRINTED
            raise CannotRead(UNFIT)
    return [_measured(disc, sector) for sector in disc.sectors], MEASURED


def _percentages(disc: Disc, printed: Sequence[Sequence[str]]) -> tuple[list[str], str]:
    values: list[str] = []
    total = 0.0
    for sector, found in zip(disc.sectors, printed):
        fitting = [text for text in found if _fits(text, sector.share)]
        if found and not fitting or len(set(fitting)) > 1:
            raise CannotRead(UNFIT)
        values.append(fitting[0] if fitting else _measured(disc, sector))
        total += (axes.number(fitting[0]) or 0.0) / 100 if fitting else sector.share
    if abs(total - 1) > _SUM + 0.005 * len(values):
        raise CannotRead(UNFIT)
    return values, PRINTED if all(printed) else MIXED


def _fits(text: str, share: float) -> bool:
    value = axes.number(text)
    return value is not None and abs(value / 100 - share) <= _FIT


def _measured(disc: Disc, sector: Sector) -> str:
    return f"{100 * sector.share:.{disc.decimals}f}%"


def _names(
    rgb: np.ndarray, disc: Disc, words: Sequence[Sequence[str]], labels: Sequence[TextBox]
) -> list[str]:
    """Return the sectors' names, from a legend or beside them. Raises CannotRead."""
    by_legend = _legend_names(rgb, disc, labels)
    names = by_legend or [" ".join(found) for found in words]
    if not all(names):
        raise CannotRead(NO_NAME)
    if len(set(names)) < len(names):
        raise CannotRead(TWO_NAMES)
    return names


def _legend_names(rgb: np.ndarray, disc: Disc, labels: Sequence[TextBox]) -> list[str]:
    """Return the names that a legend gives to the sectors by colour; empty without one."""
    outside = [label for label in labels if disc.polar(label.x, label.y)[1] > 1]
    entries = legend_entries(rgb, outside, ())
    colours = [sector.colour for sector in disc.sectors]
    names: list[str] = []
    for colour in colours:
        near = [entry for entry in entries if lab_distance(entry.colour, colour) < _ALIKE]
        near.sort(key=lambda entry: lab_distance(entry.colour, colour))
        if not near:
            return []
        names.append(clean_name(near[0].box.text))
    closest = min(
        (lab_distance(a, b) for i, a in enumerate(colours) for b in colours[:i]), default=99.0
    )
    return names if closest > _APART else []


def _outline(disc: Disc, sector: Sector, scale: float) -> Outline:
    """Return a sector's outline in pixels of the picture before it was shrunk."""
    steps = max(2, round(sector.share / _ARC_STEP))
    turns = [sector.start + sector.share * i / steps for i in range(steps + 1)]
    points = [_point(disc, turn, 1.0) for turn in turns]
    inner = [_point(disc, turn, disc.hole) for turn in reversed(turns)] if disc.hole else []
    middle = [] if disc.hole else [(disc.x, disc.y)]
    return tuple((x / scale, y / scale) for x, y in [*points, *inner, *middle])


def _point(disc: Disc, turn: float, part: float) -> tuple[float, float]:
    angle = 2 * np.pi * turn
    reach = part * disc.radius
    return disc.x + reach * float(np.sin(angle)), disc.y - reach * float(np.cos(angle))

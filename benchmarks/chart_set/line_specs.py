"""Draw lots for what a line or area chart shows: points, series, ticks and looks."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.chart_set.specs import AXIS_TITLES, DAYS, MONTHS, PLACES, SERIES, TITLES

KINDS = (
    "one line",
    "one line",
    "several lines",
    "several lines",
    "several lines",
    "markers",
    "dashes",
    "names at the ends",
    "numbers below",
    "dates below",
    "many points",
    "area",
    "area under a line",
    "negative",
    "values printed",
    "thousands",
    "percent",
    "rotated labels",
)
REFUSED = "stacked areas", "two axes", "logarithmic", "one colour", "steps", "gap"


@dataclass(frozen=True)
class LineSpec:
    """What a line chart shows; `values` has one list a series, one value a point.

    The points stand at `places`; the tick labels `names` stand at `ticks`.
    """

    kind: str
    title: str
    places: list[float]
    ticks: list[float]
    names: list[str]
    series: list[str]
    values: list[list[float]]
    axis_title: str = ""
    below_title: str = ""

    @property
    def rows(self) -> dict[str, list[float]]:
        """Return the value of each series at each tick label that the lines reach."""
        return {
            name: [at(place, self.places, row) for row in self.values]
            for place, name in zip(self.ticks, self.names)
            if self.places[0] <= place <= self.places[-1]
        }


def at(place: float, places: Sequence[float], values: Sequence[float]) -> float:
    """Return the value of a polyline at a place."""
    for i in range(len(places) - 1):
        if places[i] <= place <= places[i + 1]:
            share = (place - places[i]) / (places[i + 1] - places[i])
            return values[i] + share * (values[i + 1] - values[i])
    raise ValueError("the line does not reach there")


def line_spec(kind: str, dice: random.Random) -> LineSpec:
    """Return a random chart of a kind."""
    many = kind in ("several lines", "names at the ends", "two axes", "one colour", "gap") or (
        kind in ("markers", "dashes", "numbers below", "dates below", "stacked areas")
        and (dice.random() < 0.5 or kind == "stacked areas")
    )
    series = list(dice.choice(SERIES)) if many else [""]
    places, ticks, names = _below(kind, dice)
    return LineSpec(
        kind,
        dice.choice(TITLES) if dice.random() < 0.85 else "",
        places,
        ticks,
        names,
        series,
        _values(kind, dice, len(places), len(series)),
        dice.choice(AXIS_TITLES) if dice.random() < 0.5 else "",
        dice.choice(["Year", "Month", "Step", "Time"]) if dice.random() < 0.3 else "",
    )


def _below(kind: str, dice: random.Random) -> tuple[list[float], list[float], list[str]]:
    """Return the places of the points, those of the ticks, and the ticks' labels."""
    if kind == "many points":
        count, step = dice.choice([40, 80, 150]), dice.choice([1, 5, 10])
        ticks = [float(tick) for tick in range(0, count * step, max(1, count // 5) * step)]
        return [float(i * step) for i in range(count)], ticks, [f"{tick:g}" for tick in ticks]
    count = dice.randint(4, 9)
    places = [float(i) for i in range(count)]
    if kind == "numbers below":
        start, step = dice.choice([(0, 1), (0, 10), (0, 0.5), (2000, 5), (1, 1), (0, 100)])
        places = [start + step * place for place in places]
        return places, places, [f"{place:g}" for place in places]
    if kind == "dates below":
        year, months = dice.randint(2015, 2024), dice.randint(0, 11)
        stamps = [(year + (months + i) // 12, (months + i) % 12) for i in range(count)]
        form = dice.choice(["{0}-{1:02}", "{2} {0}", "{2} '{3:02}"])
        names = [form.format(y, m + 1, MONTHS[m], y % 100) for y, m in stamps]
        return places, places, names
    pool = dice.choice([MONTHS, MONTHS, DAYS, "years", "years", "quarters", PLACES])
    if pool == "years":
        start = dice.randint(2005, 2016)
        names = [str(start + i) for i in range(count)]
    elif pool == "quarters":
        names = [f"Q{i % 4 + 1} {2022 + i // 4}" for i in range(count)]
    elif pool is PLACES:
        names = dice.sample(PLACES, count)
    else:
        start = dice.randrange(len(pool))
        names = [pool[(start + i) % len(pool)] for i in range(min(count, len(pool)))]
    places = places[: len(names)]
    return places, places, names


def _values(kind: str, dice: random.Random, count: int, many: int) -> list[list[float]]:
    scale = dice.choice([1, 8, 10, 50, 100, 100, 400, 1000])
    if kind == "thousands":
        scale = dice.choice([3000, 12000, 50000, 250000, 2_000_000, 40_000_000])
    if kind == "percent":
        scale = 100
    digits = 2 if scale <= 1 else 1 if scale < 200 else 0
    rows = []
    for _ in range(many):
        walk, row = dice.uniform(0.2, 0.9), []
        jump = 0.06 if kind == "many points" else dice.choice([0.15, 0.3, 0.6])
        for _ in range(count):
            walk = min(1.0, max(0.06, walk + dice.uniform(-jump, jump)))
            row.append(float(round(walk * scale, digits)))
        rows.append(row)
    if kind == "negative":
        middle = dice.uniform(0.3, 0.7) * scale
        rows = [[round(value - middle, digits) for value in row] for row in rows]
    if kind == "logarithmic":
        rows = [[float(round(10 ** dice.uniform(0, 4), 1)) for _ in row] for row in rows]
    return rows

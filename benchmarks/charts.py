"""Measures how often the chart reader is right: reads random Matplotlib charts of known values.

A value is right within 2 % of the largest value. A chart is right when its categories, its series
and all of its values are, and "misread" when only a label is misspelt.
"""

import io
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import matplotlib
import numpy as np
from PIL import Image

from benchmarks._measure import markdown_table
from vlm_backends.engines.builtin.charts import axes, reader
from vlm_backends.engines.builtin.tables import read_chart_print

matplotlib.use("Agg")
from matplotlib import pyplot

WORDS = (  # names of categories
    "North South East West Apples Pears Kiwis Plums Paris Oslo Lima Quito Cairo Tokyo Monday "
    "Friday Red Green Bus Tram Bike Walk Coal Gas Nuclear Water Team-A Team-B 2019 2021 2024 "
    "Q1 Q2 Q3 Tea Coffee Bread Milk Spring Winter"
).split()

SERIES = ["Solar", "Wind", "Hydro"]
STYLES = ["default", "ggplot", "bmh", "seaborn-v0_8-whitegrid", "dark_background", "fast"]
RIGHT = 0.02
_COUNT, _SEED = 60, 3


@dataclass(frozen=True)
class ChartSample:
    """A picture of a chart, and the values it was drawn from."""

    kind: str
    image: Image.Image
    names: list[str]
    values: list[list[float]]  # one list a category


def samples(count: int, seed: int) -> Iterator[ChartSample]:
    """Yield charts of four kinds in turn, in random styles, sizes and file formats."""
    dice = random.Random(seed)
    for i in range(count):
        kind = ("vertical", "grouped", "horizontal", "labelled")[i % 4]
        names = dice.sample(WORDS, dice.randint(3, 7))
        many = dice.randint(2, 3) if kind == "grouped" else 1
        scale = dice.choice([1, 10, 100, 5000])
        values = [
            [round(dice.uniform(0.15, 1) * scale, 2 if scale == 1 else 1) for _ in range(many)]
            for _ in names
        ]
        with pyplot.style.context(dice.choice(STYLES)):
            image = _drawn(kind, names, values, dice)
        yield ChartSample(kind, _saved(image, dice), names, values)


def _drawn(
    kind: str, names: list[str], values: list[list[float]], dice: random.Random
) -> Image.Image:
    figure, plot = pyplot.subplots(
        figsize=(dice.uniform(6, 10), dice.uniform(4, 6)), dpi=dice.choice([90, 110, 150])
    )
    places, width = np.arange(len(names)), dice.uniform(0.55, 0.85) / len(values[0])
    for k in range(len(values[0])):
        row = [value[k] for value in values]
        at = places + (k - (len(values[0]) - 1) / 2) * width
        draw = plot.barh if kind == "horizontal" else plot.bar
        bars = draw(at, row, width, label=SERIES[k])
        if kind == "labelled":
            plot.bar_label(bars, padding=3)
    (plot.set_yticks if kind == "horizontal" else plot.set_xticks)(places, names)
    if len(values[0]) > 1:
        plot.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    plot.set_title("Units sold by place")
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches="tight")
    pyplot.close(figure)
    return Image.open(buffer).convert("RGB")


def _saved(image: Image.Image, dice: random.Random) -> Image.Image:
    """Return the picture as it is, or after JPEG compression of medium quality."""
    if dice.random() < 0.5:
        return image
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=dice.choice([70, 85, 95]))
    return Image.open(buffer).convert("RGB")


def verdict(sample: ChartSample) -> tuple[str, list[float]]:
    """Return `right` or what is wrong, and the values' errors as shares of the largest value."""
    rgb = np.asarray(sample.image)
    try:
        head, *rows = reader.read_chart(rgb, read_chart_print(rgb)).rows
    except reader.CannotRead as reason:
        return f"refused: {reason}", []
    order = -1 if sample.kind == "horizontal" else 1  # Matplotlib draws the first one lowest
    values, names = sample.values[::order], sample.names[::order]
    if [len(row) - 1 for row in rows] != [len(value) for value in values]:
        return f"wrong: {len(rows)} categories of {len(head) - 1} series", []
    largest = max(map(max, values))
    pairs = [pair for row, value in zip(rows, values) for pair in zip(row[1:], value)]
    errors = [abs(axes.number(cell) - true) / largest for cell, true in pairs]
    if max(errors) > RIGHT:
        return "wrong: values", errors
    heads = SERIES[: len(values[0])] if len(values[0]) > 1 else ["Value"]
    odd = [
        (said, true)
        for said, true in zip([*head[1:], *(row[0] for row in rows)], [*heads, *names])
        if said != true
    ]
    return (f"misread: {odd}" if odd else "right"), errors


def tables(_: int) -> Iterator[str]:
    """Yield a table with one row a kind of chart, and a list of the charts that were not right."""
    counts, errors, odd = Counter(), {}, []
    for i, sample in enumerate(samples(_COUNT, _SEED)):
        outcome, off = verdict(sample)
        counts[sample.kind, outcome.partition(":")[0]] += 1
        errors.setdefault(sample.kind, []).extend(off)
        if outcome != "right":
            odd.append(f"- {sample.kind} {i}: {outcome}")
    outcomes = "right", "misread", "refused", "wrong"
    rows = [
        [
            kind,
            *(counts[kind, outcome] for outcome in outcomes),
            f"{median(off or [0]):.2%}",
            f"{max(off or [0]):.2%}",
        ]
        for kind, off in errors.items()
    ]
    yield markdown_table((f"{_COUNT} random charts", *outcomes, "median off", "most off"), rows)
    if odd:
        yield "\n".join(odd)

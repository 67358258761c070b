"""Draw bar charts with seaborn, in its own themes."""

import io
import random

import pandas
import seaborn
from matplotlib import pyplot

from benchmarks.chart_set import matplotlib_bars
from benchmarks.chart_set.specs import BarSpec

THEMES = "darkgrid", "whitegrid", "white", "ticks", "dark"
PALETTES = "deep", "muted", "pastel", "Set2", "colorblind"


def draw(spec: BarSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG; seaborn has no stacked bars, so these are Matplotlib's."""
    theme = dice.choice(THEMES)
    with pyplot.rc_context():
        seaborn.set_theme(style=theme, palette=dice.choice(PALETTES))
        size = dice.choice([(6.4, 4.8), (8, 5), (9, 5)])
        figure, axes = pyplot.subplots(figsize=size, dpi=dice.choice([80, 100, 140]))
        if spec.stacked or spec.kind in ("coloured", "highlighted"):
            matplotlib_bars.draw_bars(axes, spec, dice, None)
        else:
            _draw_bars(axes, spec, dice)
        matplotlib_bars.label(axes, spec, dice)
        if theme in ("white", "ticks") and dice.random() < 0.5:
            seaborn.despine()
        buffer = io.BytesIO()
        figure.savefig(buffer, bbox_inches=None if matplotlib_bars.fits(spec) else "tight")
        pyplot.close(figure)
    return buffer.getvalue()


def _draw_bars(axes, spec: BarSpec, dice: random.Random) -> None:
    table = pandas.DataFrame(
        [
            (name, series, value)
            for series, values in zip(spec.series, spec.values)
            for name, value in zip(spec.names, values)
        ],
        columns=["name", "series", "value"],
    )
    axis = {"y": "name", "x": "value"} if spec.horizontal else {"x": "name", "y": "value"}
    many = {"hue": "series"} if len(spec.series) > 1 else {}
    edges = {"edgecolor": dice.choice(["black", ".2"])} if spec.kind == "edges" else {}
    seaborn.barplot(table, **axis, **many, ax=axes, errorbar=None, **edges)
    if spec.value_labels:
        for bars in axes.containers:
            axes.bar_label(bars, fmt=lambda v: matplotlib_bars.number_text(v, spec), padding=3)
        axes.margins(**{"x" if spec.horizontal else "y": 0.12})

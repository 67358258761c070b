"""Draw line and area charts with Matplotlib, in its own styles, seaborn's, and spreadsheets'."""

import io
import random

import numpy as np
import seaborn
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

from benchmarks.chart_set.line_specs import LineSpec
from benchmarks.chart_set.matplotlib_bars import EXCEL, LEGENDS, SHEETS, STYLES

SEABORN_THEMES = "darkgrid", "whitegrid", "white", "ticks", "dark"
DASHES = "-", "--", ":", "-."
MARKERS = "o", "s", "^", "D", "x", "."


def draw(spec: LineSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG, in one of Matplotlib's styles."""
    with pyplot.style.context(dice.choice(STYLES)):
        return _drawn(spec, dice)


def draw_seaborn(spec: LineSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG, in one of seaborn's themes."""
    with pyplot.rc_context():
        seaborn.set_theme(
            style=dice.choice(SEABORN_THEMES), palette=dice.choice(["deep", "muted", "Set2"])
        )
        return _drawn(spec, dice)


def draw_office(spec: LineSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG that looks as Excel or Google Sheets draw it."""
    excel = dice.random() < 0.5
    grey = "#595959" if excel else "#444444"
    style = {
        "text.color": grey,
        "axes.labelcolor": grey,
        "xtick.color": grey,
        "ytick.color": grey,
        "axes.titlelocation": "center" if excel else "left",
        "axes.prop_cycle": pyplot.cycler(color=EXCEL if excel else SHEETS),
        "lines.linewidth": 2.25,
        "lines.solid_capstyle": "round",
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": "#D9D9D9",
        "xtick.major.size": 0,
        "ytick.major.size": 0,
    }
    with pyplot.rc_context(style):
        return _drawn(spec, dice)


def _drawn(spec: LineSpec, dice: random.Random) -> bytes:
    size = dice.choice([(6.4, 4.8), (8, 5), (7, 4), (9, 5)])
    figure, axes = pyplot.subplots(figsize=size, dpi=dice.choice([72, 100, 100, 120, 150]))
    _draw_lines(axes, spec, dice)
    turn = {"rotation": dice.choice([30, 45, 90])} if spec.kind == "rotated labels" else {}
    if turn.get("rotation", 90) < 90:
        turn["ha"] = dice.choice(["right", "center"])
    axes.set_xticks(spec.ticks, spec.names, **turn)
    axes.set_title(spec.title)
    axes.set_ylabel(spec.axis_title)
    axes.set_xlabel(spec.below_title)
    if spec.kind == "percent":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    if spec.kind == "thousands" and dice.random() < 0.6:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if spec.kind == "logarithmic":
        axes.set_yscale("log")
    if len(spec.series) > 1 and spec.kind != "names at the ends":
        axes.legend(**dice.choice(LEGENDS))
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches="tight")
    pyplot.close(figure)
    return buffer.getvalue()


def _draw_lines(axes, spec: LineSpec, dice: random.Random) -> None:
    if spec.kind == "stacked areas":
        axes.stackplot(spec.places, *spec.values, labels=spec.series)
        return
    width = dice.choice([{}, {}, {"lw": 1}, {"lw": 2.5}, {"lw": 4}])
    for k, (name, values) in enumerate(zip(spec.series, spec.values)):
        options: dict = {"label": name or None, **width}
        if spec.kind == "markers":
            options["marker"] = MARKERS[k] if dice.random() < 0.5 else "o"
        if spec.kind == "dashes":
            options["ls"] = DASHES[k] if len(spec.series) > 1 else dice.choice(DASHES[1:])
        if spec.kind == "one colour":
            options["color"] = "tab:blue"
        if spec.kind == "area":
            axes.fill_between(spec.places, values, alpha=dice.choice([None, 0.4]))
            axes.set_ylim(0)
            continue
        on = axes.twinx() if spec.kind == "two axes" and k == len(spec.series) - 1 else axes
        row = np.array(values) * (dice.choice([0.1, 20]) if on is not axes else 1)
        if on is not axes:
            options["color"] = "tab:red"
        if spec.kind == "gap":
            row[len(row) // 2] = np.nan
        style = "step" if spec.kind == "steps" else "plot"
        line = getattr(on, style)(spec.places, row, **options)[0]
        if spec.kind == "area under a line":
            axes.fill_between(spec.places, values, alpha=dice.choice([0.2, 0.35]))
        if spec.kind == "names at the ends":
            colour = line.get_color() if dice.random() < 0.6 else None
            axes.annotate(name, (spec.places[-1], values[-1]), (6, 0), color=colour,
                          textcoords="offset points", va="center")  # fmt: skip
        if spec.kind == "values printed":
            for place, value in zip(spec.places, values):
                axes.annotate(f"{value:g}", (place, value), (0, 7), ha="center",
                              textcoords="offset points")  # fmt: skip
    if spec.kind == "negative" and dice.random() < 0.5:
        axes.axhline(0, color="black", lw=0.8)

"""Draw bar charts with Matplotlib, in its own styles and in those of spreadsheets."""

import io
import random
from collections.abc import Callable

import matplotlib
import numpy as np

from benchmarks.chart_set.specs import BarSpec

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

STYLES = (
    "default",
    "default",
    "default",
    "ggplot",
    "bmh",
    "fivethirtyeight",
    "dark_background",
    "Solarize_Light2",
    "seaborn-v0_8-whitegrid",
)
EXCEL = "#4472C4", "#ED7D31", "#A5A5A5", "#FFC000", "#5B9BD5"
SHEETS = "#4285F4", "#EA4335", "#FBBC04", "#34A853", "#FF6D01"
COLOURFUL = (
    "#1f77b4 #ff7f0e #2ca02c #d62728 #9467bd #8c564b #e377c2 #bcbd22 #17becf #7f7f7f #aec7e8"
).split()
LEGENDS = (
    {},
    {},
    {"loc": "upper left", "bbox_to_anchor": (1.01, 1)},
    {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12), "ncols": 4, "frameon": False},
    {"loc": "lower center", "bbox_to_anchor": (0.5, 1.08), "ncols": 4, "frameon": False},
)


def draw(spec: BarSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG, in one of Matplotlib's styles."""
    with pyplot.style.context(dice.choice(STYLES)):
        return _drawn(spec, dice, None, lambda _: None)


def draw_office(spec: BarSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG that looks as Excel or Google Sheets draw it."""
    excel = dice.random() < 0.5
    colours = EXCEL if excel else SHEETS
    grey = "#595959" if excel else "#444444"
    style = {
        "text.color": grey,
        "axes.labelcolor": grey,
        "xtick.color": grey,
        "ytick.color": grey,
        "axes.titlesize": 14 if excel else 13,
        "axes.titlelocation": "center" if excel else "left",
    }

    def finish(axes) -> None:
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(length=0)
        axes.set_axisbelow(True)
        (axes.xaxis if spec.horizontal else axes.yaxis).grid(True, color="#D9D9D9", lw=0.8)
        zero = axes.axvline if spec.horizontal else axes.axhline
        zero(0, color="#BFBFBF" if excel else "#333333", lw=1)

    with pyplot.rc_context(style):
        return _drawn(spec, dice, colours, finish)


def _drawn(
    spec: BarSpec, dice: random.Random, colours: tuple[str, ...] | None, finish: Callable
) -> bytes:
    wide = len(spec.names) * len(spec.series) > 8 or spec.kind == "long labels"
    size = (dice.uniform(7, 10), 5) if wide else dice.choice([(6.4, 4.8), (8, 5), (7, 4), (5, 5)])
    figure, axes = pyplot.subplots(figsize=size, dpi=dice.choice([72, 100, 100, 120, 150]))
    draw_bars(axes, spec, dice, colours)
    label(axes, spec, dice)
    finish(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches=dice.choice([None, "tight"]) if fits(spec) else "tight")
    pyplot.close(figure)
    return buffer.getvalue()


def fits(spec: BarSpec) -> bool:
    """Return True when all print lies inside of a figure of fixed margins."""
    return not (spec.rotation or spec.kind == "long labels" or len(spec.series) > 1)


def draw_bars(axes, spec: BarSpec, dice: random.Random, colours: tuple[str, ...] | None) -> None:
    """Draw the bars of all series, with their values where they are asked for."""
    places = np.arange(len(spec.names), dtype=float)
    many = 1 if spec.stacked else len(spec.series)
    width = dice.uniform(0.5, 0.85) / many
    method = axes.barh if spec.horizontal else axes.bar
    up, down = np.zeros(len(places)), np.zeros(len(places))
    gap = dice.choice([1, 1, 0.9]) if many > 1 else 1
    for k, (name, values) in enumerate(zip(spec.series, spec.values)):
        row, options = np.array(values), _colours(spec, dice, colours, k)
        at = places if spec.stacked else places + (k - (many - 1) / 2) * width
        if spec.stacked:
            options["left" if spec.horizontal else "bottom"] = np.where(row < 0, down, up)
        bars = method(at, row, width * gap, label=name or None, **options)
        up, down = up + np.maximum(row, 0), down + np.minimum(row, 0)
        if spec.value_labels:
            axes.bar_label(bars, fmt=lambda v: number_text(v, spec), padding=3)
            axes.margins(**{"x" if spec.horizontal else "y": 0.12})
    if any(min(row) < 0 for row in spec.values) and dice.random() < 0.6:
        (axes.axvline if spec.horizontal else axes.axhline)(0, color="black", lw=0.8)


def _colours(
    spec: BarSpec, dice: random.Random, colours: tuple[str, ...] | None, series: int
) -> dict:
    options: dict = {} if colours is None else {"color": colours[series % len(colours)]}
    if spec.highlight is not None:
        base, accent = dice.choice(
            [("#999999", "#d62728"), ("#9ecae1", "#08519c"), ("lightgrey", "orange")]
        )
        options["color"] = [accent if i == spec.highlight else base for i in range(len(spec.names))]
    if spec.kind == "coloured":
        options["color"] = dice.sample(COLOURFUL, len(spec.names))
    if spec.kind == "edges":
        options |= {"edgecolor": dice.choice(["black", "white", "black"]), "linewidth": 1.2}
    return options


def label(axes, spec: BarSpec, dice: random.Random) -> None:
    """Write the names, the number format, titles and the legend."""
    horizontal = spec.horizontal
    places = np.arange(len(spec.names))
    wrapped = spec.kind == "long labels" and dice.random() < 0.6
    names = [name.replace(" ", "\n", 1) if wrapped else name for name in spec.names]
    turn = {} if spec.rotation is None else {"rotation": spec.rotation}
    if spec.rotation and spec.rotation < 90:
        turn["ha"] = dice.choice(["right", "center"])
    if horizontal:
        axes.set_yticks(places, names)
        if dice.random() < 0.4:
            axes.invert_yaxis()
    else:
        axes.set_xticks(places, names, **turn)
    formatter = _formatter(spec, dice)
    if formatter:
        (axes.xaxis if horizontal else axes.yaxis).set_major_formatter(FuncFormatter(formatter))
    axes.set_title(spec.title)
    (axes.set_xlabel if horizontal else axes.set_ylabel)(spec.axis_title)
    (axes.set_ylabel if horizontal else axes.set_xlabel)(spec.category_title)
    if len(spec.series) > 1:
        axes.legend(**dice.choice(LEGENDS))


def number_text(value: float, spec: BarSpec) -> str:
    """Return a value as it is printed at its bar."""
    return f"{spec.prefix}{value:,.6g}{spec.unit}"


def _formatter(spec: BarSpec, dice: random.Random) -> Callable | None:
    if spec.kind == "percent":
        return lambda value, _: f"{value:g}%"
    if spec.kind != "thousands":
        return None
    largest = max(map(max, spec.values))
    kinds: list[Callable | None] = [lambda v, _: f"{spec.prefix}{v:,.0f}"] * 2
    if not spec.prefix:
        kinds += [None, None, lambda v, _: f"{v:,.0f}".replace(",", ".")]
        kinds.append(lambda v, _: f"{v:,.0f}".replace(",", " "))
    if 10_000 <= largest < 1e6:
        kinds.append(lambda v, _: f"{spec.prefix}{v / 1e3:g}k")
    if largest >= 1e6:
        kinds.append(lambda v, _: f"{spec.prefix}{v / 1e6:g}M")
    return dice.choice(kinds)

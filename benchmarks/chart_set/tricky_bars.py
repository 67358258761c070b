"""Draw bar charts that are easily misread: a refusal of them is no loss, a wrong table is."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib
import numpy as np

from benchmarks.chart_set.specs import PLACES, THINGS

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

Rows = dict[str, list[float]]


@dataclass
class Sheet:
    """What is drawn so far: the axes, the lots, the names and their values."""

    axes: "pyplot.Axes"
    dice: random.Random
    names: list[str]
    values: list[float]

    @property
    def rows(self) -> Rows:
        """Return the table of one series."""
        return {name: [value] for name, value in zip(self.names, self.values)}

    def more(self, least: float = 0.1, most: float = 1.0) -> list[float]:
        """Return values for another series."""
        top = max(map(abs, self.values))
        return [round(self.dice.uniform(least, most) * top, 1) for _ in self.names]


def draw(kind: str, dice: random.Random) -> tuple[bytes, Rows | None, tuple[str, ...]]:
    """Return the chart as a PNG, its table (None where none is right), and its series."""
    figure, axes = pyplot.subplots(
        figsize=dice.choice([(6.4, 4.8), (8, 5), (7, 5)]), dpi=dice.choice([80, 100, 130])
    )
    names = dice.sample(dice.choice([PLACES, THINGS]), dice.randint(4, 6))
    values = [round(dice.uniform(0.15, 1) * 90, 1) for _ in names]
    rows, series = KINDS[kind](Sheet(axes, dice, names, values))
    figure.axes[0].set_title(dice.choice(["Visitors by city", "Budget 2024", ""]))
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches=dice.choice([None, "tight"]))
    pyplot.close(figure)
    return buffer.getvalue(), rows, series


def twin(sheet: Sheet):
    """Bars, and a line with an axis of its own."""
    sheet.axes.bar(sheet.names, sheet.values)
    right = sheet.axes.twinx()
    right.plot(sheet.names, sheet.more(), "o-", color=sheet.dice.choice(["k", "C1", "C3"]))
    right.set_ylim(0, max(sheet.values) * sheet.dice.choice([0.03, 0.5, 4]))
    return sheet.rows, ()


def line_over(sheet: Sheet):
    """Bars with a line of another series over them."""
    sheet.axes.bar(sheet.names, sheet.values, label="Sales")
    sheet.axes.plot(sheet.names, sheet.more(), "o-", color="C1", label="Target")
    sheet.axes.legend()
    return None, ()


def waterfall(sheet: Sheet):
    """Bars that begin where the one before them ends."""
    steps = [round(sheet.dice.uniform(-30, 30), 1) for _ in sheet.names[2:]]
    ends = np.cumsum([100, *steps])
    values = [100, *steps, float(ends[-1])]
    bottoms = [0, *ends[:-1], 0]
    colours = ["#444444", *("#33aa33" if step > 0 else "#cc3333" for step in steps), "#444444"]
    sheet.axes.bar(sheet.names, values, bottom=bottoms, color=colours)
    return {name: [value] for name, value in zip(sheet.names, values)}, ()


def diverging(sheet: Sheet):
    """A second series below the zero line."""
    down = [-value for value in sheet.more()]
    draw_bars = sheet.dice.choice([sheet.axes.bar, sheet.axes.barh])
    draw_bars(sheet.names, sheet.values, label="income")
    draw_bars(sheet.names, down, label="costs")
    sheet.axes.legend()
    return {n: [a, b] for n, a, b in zip(sheet.names, sheet.values, down)}, ("income", "costs")


def pyramid(sheet: Sheet):
    """Two series back to back, with the axis's numbers without signs."""
    left = sheet.more()
    sheet.axes.barh(sheet.names, [-value for value in left], label="Men")
    sheet.axes.barh(sheet.names, sheet.values, label="Women")
    sheet.axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{abs(v):g}"))
    sheet.axes.legend()
    return {n: [a, b] for n, a, b in zip(sheet.names, left, sheet.values)}, ("Men", "Women")


def panels(sheet: Sheet):
    """Two plots side by side."""
    sheet.axes.remove()
    share = sheet.dice.random() < 0.5
    one, other = pyplot.gcf().subplots(1, 2, sharey=share)
    one.bar(sheet.names[:3], sheet.values[:3])
    other.bar(sheet.names[:3], sheet.more()[:3], color=sheet.dice.choice(["C0", "C1"]))
    return None, ()


def histogram(sheet: Sheet):
    """Counts of a measured quantity."""
    lots = np.random.default_rng(sheet.dice.randrange(1000)).normal(50, 12, 300)
    edge = sheet.dice.choice([None, "white", "black"])
    sheet.axes.hist(lots, bins=sheet.dice.choice([6, 10, 15]), edgecolor=edge)
    return None, ()


def logarithmic(sheet: Sheet):
    """Bars on a logarithmic axis."""
    values = [round(10 ** sheet.dice.uniform(0.5, 4)) for _ in sheet.names]
    sheet.axes.bar(sheet.names, values)
    sheet.axes.set_yscale("log")
    if sheet.dice.random() < 0.5:
        sheet.axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
    return {name: [value] for name, value in zip(sheet.names, values)}, ()


def cut_below(sheet: Sheet):
    """An axis that begins above zero."""
    values = [round(60 + value / 3, 1) for value in sheet.values]
    sheet.axes.bar(sheet.names, values)
    sheet.axes.set_ylim(sheet.dice.choice([40, 50, 55]), 95)
    return {name: [value] for name, value in zip(sheet.names, values)}, ()


def cut_above(sheet: Sheet):
    """An axis that ends below the longest bars."""
    sheet.axes.bar(sheet.names, sheet.values)
    sheet.axes.set_ylim(0, round(0.8 * max(sheet.values)))
    return None, ()


def error_bars(sheet: Sheet):
    """Bars with the range of their error."""
    errors = [value * sheet.dice.uniform(0.05, 0.2) for value in sheet.values]
    sheet.axes.bar(sheet.names, sheet.values, yerr=errors, capsize=sheet.dice.choice([0, 4, 8]))
    return sheet.rows, ()


def hatched(sheet: Sheet):
    """Bars with a pattern."""
    sheet.axes.bar(
        sheet.names, sheet.values, hatch=sheet.dice.choice(["//", "..", "xx"]), edgecolor="black",
        color=sheet.dice.choice(["white", "C0", "lightgrey"]),
    )  # fmt: skip
    return sheet.rows, ()


def multiplier(sheet: Sheet):
    """A power of ten at the end of the axis."""
    factor = sheet.dice.choice([1e5, 1e6, 1e8])
    draw_bars = sheet.dice.choice([sheet.axes.bar, sheet.axes.barh])
    values = [round(value, 1) * factor for value in sheet.values]
    draw_bars(sheet.names, values)
    if sheet.dice.random() < 0.3:
        sheet.axes.ticklabel_format(
            axis="y" if draw_bars == sheet.axes.bar else "x", useMathText=True
        )
    return {name: [value] for name, value in zip(sheet.names, values)}, ()


def white_edges(sheet: Sheet):
    """Stacked bars with white edges."""
    upper = sheet.more(0.1, 0.4)
    edge = {"edgecolor": "white", "linewidth": sheet.dice.choice([1, 2, 3])}
    sheet.axes.bar(sheet.names, sheet.values, label="day", **edge)
    sheet.axes.bar(sheet.names, upper, bottom=sheet.values, label="night", **edge)
    sheet.axes.legend()
    return {n: [a, b] for n, a, b in zip(sheet.names, sheet.values, upper)}, ("day", "night")


def grid_over(sheet: Sheet):
    """Grid lines over the bars."""
    sheet.axes.bar(sheet.names, sheet.values)
    sheet.axes.grid(
        axis=sheet.dice.choice(["y", "both"]),
        color=sheet.dice.choice(["white", "#b0b0b0", "black"]),
        lw=sheet.dice.choice([0.8, 1.5, 2.5]),
        zorder=3,
    )
    return sheet.rows, ()


def zebra(sheet: Sheet):
    """Two alternating colours that are no series."""
    colours = ["#1f77b4", sheet.dice.choice(["#aec7e8", "#ff7f0e"])] * len(sheet.names)
    sheet.axes.bar(sheet.names, sheet.values, color=colours[: len(sheet.names)])
    return sheet.rows, ()


def zero_bar(sheet: Sheet):
    """A bar of no height."""
    sheet.values[sheet.dice.randrange(len(sheet.values))] = 0.0
    sheet.axes.bar(sheet.names, sheet.values)
    return sheet.rows, ()


def no_legend(sheet: Sheet):
    """Stacked bars that nothing names."""
    sheet.axes.bar(sheet.names, sheet.values)
    sheet.axes.bar(sheet.names, sheet.more(), bottom=sheet.values)
    return None, ()


def legend_over(sheet: Sheet):
    """A legend that may cover the end of a bar."""
    places, other = np.arange(len(sheet.names)), sheet.more()
    sheet.axes.bar(places - 0.2, sheet.values, 0.4, label="2023")
    sheet.axes.bar(places + 0.2, other, 0.4, label="2024")
    sheet.axes.set_xticks(places, sheet.names)
    where = sheet.dice.choice(["upper right", "upper left", "center", "upper center"])
    sheet.axes.legend(loc=where, framealpha=sheet.dice.choice([0.8, 1]))
    return {n: [a, b] for n, a, b in zip(sheet.names, sheet.values, other)}, ("2023", "2024")


def ranges(sheet: Sheet):
    """Floating bars, as of a schedule."""
    starts = [round(sheet.dice.uniform(0, 40)) for _ in sheet.names]
    draw_bars = sheet.dice.choice([sheet.axes.bar, sheet.axes.barh])
    key = "bottom" if draw_bars == sheet.axes.bar else "left"
    draw_bars(sheet.names, sheet.values, **{key: starts})
    return None, ()


def number_names(sheet: Sheet):
    """Years that are numbers to Matplotlib, so that not every bar has its label."""
    start, count = sheet.dice.randint(1990, 2015), sheet.dice.randint(6, 12)
    years = list(range(start, start + count))
    values = [round(sheet.dice.uniform(5, 90), 1) for _ in years]
    sheet.axes.bar(years, values)
    return {str(year): [value] for year, value in zip(years, values)}, ()


KINDS: dict[str, Callable] = {
    function.__name__.replace("_", " "): function
    for function in (
        twin, line_over, waterfall, diverging, pyramid, panels, histogram, logarithmic, cut_below,
        cut_above, error_bars, hatched, multiplier, white_edges, grid_over, zebra, zero_bar,
        no_legend, legend_over, ranges, number_names,
    )
}  # fmt: skip

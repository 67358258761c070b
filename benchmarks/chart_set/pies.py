"""Draw one random pie or doughnut chart: a seed decides the library, the names and the looks."""

import io
import random
from typing import Any

import altair
import pandas
import plotly
import seaborn
from matplotlib import pyplot

from benchmarks.chart_set import plotly_bars
from benchmarks.chart_set.draw import SampleChart, saved
from benchmarks.chart_set.matplotlib_bars import EXCEL, SHEETS
from benchmarks.chart_set.specs import LONG, PEOPLE, PLACES, THINGS, TITLES

PRINTED = "percent printed", "percent printed", "values printed", "nothing printed"
REFUSED = "exploded", "slices without names", "half a ring", "two rings"


def pie_chart(seed: int, refused: bool = False) -> SampleChart:
    """Return the pie of this seed; with `refused`, one that no table is right for."""
    dice = random.Random(seed)
    library = "matplotlib" if refused else dice.choice(list(_LIBRARIES))
    kind = dice.choice(REFUSED if refused else PRINTED)
    names = dice.sample(dice.choice([PLACES, THINGS, PEOPLE, LONG[:12]]), dice.randint(3, 7))
    values = [float(dice.randint(4, 60)) for _ in names]
    if library == "altair" and kind == "nothing printed":
        kind = "percent printed"
    title = dice.choice(TITLES) if dice.random() < 0.85 else ""
    picture = saved(_LIBRARIES[library](kind, title, names, values, dice), dice)
    rows = {
        name: [value if kind == "values printed" else 100 * value / sum(values)]
        for name, value in zip(names, values)
    }
    return SampleChart(library, f"pie, {kind}", picture, title, (), None if refused else rows)


def _draw_matplotlib(
    kind: str, title: str, names: list[str], values: list[float], dice: random.Random
) -> bytes:
    palette = dice.choice([None, None, seaborn.color_palette("pastel"), EXCEL + SHEETS])
    figure, axes = pyplot.subplots(
        figsize=dice.choice([(6.4, 4.8), (6, 6), (8, 5)]), dpi=dice.choice([72, 100, 120, 150])
    )
    hole = {"width": dice.choice([0.35, 0.5])} if dice.random() < 0.3 else {}
    edge = {"edgecolor": "white", "linewidth": 1.5} if dice.random() < 0.4 else {}
    options: dict[str, Any] = {"startangle": dice.choice([0, 90, 140]), "colors": palette}
    options["wedgeprops"] = {**hole, **edge}
    if kind in ("percent printed", "exploded", "half a ring"):
        options["autopct"] = dice.choice(["%1.1f%%", "%1.0f%%", "%.1f%%"])
        options["pctdistance"] = 1 - hole["width"] / 2 if hole else 0.6
    if kind == "values printed":
        total = sum(values)
        options["autopct"] = lambda share: f"{share * total / 100:.0f}"
        options["pctdistance"] = 1 - hole["width"] / 2 if hole else 0.6
    if kind == "exploded":
        options["explode"] = [0.15 if i == 1 else 0 for i in range(len(names))]
    if kind == "half a ring":
        values = [value / sum(values) / 2 for value in values]
        options |= {"normalize": False, "startangle": 180, "counterclock": False}
    by_legend = dice.random() < 0.35 and kind != "slices without names"
    if not by_legend and kind != "slices without names":
        options["labels"] = names
    parts = axes.pie(values, **options)
    if kind == "two rings":
        axes.pie(values[::-1], radius=0.6, wedgeprops={"edgecolor": "white"})
    if by_legend:
        axes.legend(parts[0], names, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_title(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches="tight")
    pyplot.close(figure)
    return buffer.getvalue()


def _draw_plotly(
    kind: str, title: str, names: list[str], values: list[float], dice: random.Random
) -> bytes:
    printed = {"percent printed": "percent", "values printed": "value", "nothing printed": "none"}
    text = printed[kind]
    if text != "none" and dice.random() < 0.4:
        text = f"label+{text}"
    trace: dict[str, Any] = {"type": "pie", "labels": names, "values": values, "textinfo": text}
    trace |= {"hole": 0.4} if dice.random() < 0.3 else {}
    template = plotly.io.templates[dice.choice(["plotly", "plotly_white", "seaborn", "ggplot2"])]
    layout: dict[str, Any] = {"template": template.to_plotly_json(), "width": 700, "height": 500}
    layout |= {"title": {"text": title}} if title else {}
    return plotly_bars.render([trace], layout, dice.choice([1, 1, 1.5, 2]))


def _draw_altair(
    kind: str, title: str, names: list[str], values: list[float], dice: random.Random
) -> bytes:
    total = sum(values)
    text = [f"{v:g}" if kind == "values printed" else f"{100 * v / total:.1f}%" for v in values]
    table = pandas.DataFrame({"name": names, "value": values, "text": text})
    base = altair.Chart(table).encode(
        theta=altair.Theta("value:Q", stack=True),
        order=altair.Order("order:Q"),
        color=altair.Color("name:N", sort=None),
    )
    base = base.transform_window(order="row_number()")
    inner = {"innerRadius": 60} if dice.random() < 0.4 else {}
    shown = base.mark_arc(outerRadius=120, **inner) + base.mark_text(radius=142).encode(
        text="text:N"
    )
    titled: dict[str, Any] = {"title": title} if title else {}
    buffer = io.BytesIO()
    shown.properties(width=330, height=330, **titled).save(
        buffer, format="png", scale_factor=dice.choice([1, 1.5, 2])
    )
    return buffer.getvalue()


_LIBRARIES = {
    "matplotlib": _draw_matplotlib,
    "plotly": _draw_plotly,
    "altair": _draw_altair,
}

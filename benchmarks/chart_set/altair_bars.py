"""Draw bar charts with Altair (Vega-Lite), rendered by vl-convert."""

import io
import random
from typing import Any

import altair
import pandas

from benchmarks.chart_set.specs import BarSpec

THEMES = (
    "default",
    "default",
    "default",
    "excel",
    "ggplot2",
    "quartz",
    "vox",
    "googlecharts",
    "dark",
)


def draw(spec: BarSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG."""
    table = pandas.DataFrame(
        [
            (name, series, value, f"{spec.prefix}{value:,.6g}{spec.unit}", str(i == spec.highlight))
            for series, values in zip(spec.series, spec.values)
            for i, (name, value) in enumerate(zip(spec.names, values))
        ],
        columns=["name", "series", "value", "text", "accent"],
    )
    chart = altair.Chart(table)
    bars = chart.mark_bar(**_mark(spec, dice)).encode(**_encoding(spec, dice))
    if spec.value_labels:
        aside = {"align": "left", "dx": 3} if spec.horizontal else {"dy": -8}
        colour = altair.value("black")
        marks = chart.mark_text(**aside).encode(**_places(spec, dice), text="text:N", color=colour)
        bars = bars + marks
    theme = "default" if spec.value_labels else dice.choice(THEMES)
    size = {"width": dice.choice([300, 400, 500]), "height": dice.choice([250, 300])}
    if spec.horizontal or dice.random() < 0.2:
        size = {"width": 400, "height": 300}
    if "grouped" in spec.kind and dice.random() < 0.5:
        size = {}  # Vega's own: 20 px a bar
    titled: dict[str, Any] = {"title": spec.title} if spec.title else {}
    picture = bars.properties(**size, **titled)
    buffer = io.BytesIO()
    with altair.theme.enable(theme):
        picture.save(buffer, format="png", scale_factor=dice.choice([1, 1.5, 2, 2]))
    return buffer.getvalue()


def _mark(spec: BarSpec, dice: random.Random) -> dict[str, Any]:
    if spec.kind == "edges":
        return {"stroke": dice.choice(["black", "white"]), "strokeWidth": 1.5}
    return {}


def _places(spec: BarSpec, dice: random.Random) -> dict[str, Any]:
    value_axis: dict[str, Any] = {}
    if spec.kind == "percent":
        value_axis["labelExpr"] = "datum.label + '%'"
    if spec.kind == "thousands" and dice.random() < 0.3:
        value_axis["format"] = "~s"
    if spec.prefix:
        value_axis["labelExpr"] = f"'{spec.prefix}' + datum.label"
    name_axis: dict[str, Any] = {}
    if spec.rotation:
        name_axis["labelAngle"] = -spec.rotation
    elif not spec.horizontal and dice.random() < 0.5:
        name_axis["labelAngle"] = 0
    if spec.kind == "long labels" and not spec.horizontal:
        name_axis = {"labelAngle": -45} if dice.random() < 0.5 else {}
    names = altair.X if not spec.horizontal else altair.Y
    values = altair.Y if not spec.horizontal else altair.X
    title = spec.category_title or None
    name = names("name:N", sort=None, axis=altair.Axis(title=title, **name_axis))
    value = values("value:Q", axis=altair.Axis(title=spec.axis_title or None, **value_axis))
    return {"y": name, "x": value} if spec.horizontal else {"x": name, "y": value}


def _encoding(spec: BarSpec, dice: random.Random) -> dict[str, Any]:
    encoding = _places(spec, dice)
    if len(spec.series) > 1:
        place = dice.choice([{}, {}, {"orient": "bottom"}, {"orient": "top"}])
        title = dice.choice(["series", None])
        encoding["color"] = altair.Color(
            "series:N", sort=None, legend=altair.Legend(title=title, **place)
        )
        if not spec.stacked:
            offset = altair.YOffset if spec.horizontal else altair.XOffset
            encoding["yOffset" if spec.horizontal else "xOffset"] = offset("series:N", sort=None)
    if spec.highlight is not None:
        scale = altair.Scale(domain=["True", "False"], range=["orange", "steelblue"])
        encoding["color"] = altair.Color("accent:N", scale=scale, legend=None)
    if spec.kind == "coloured":
        encoding["color"] = altair.Color("name:N", legend=None)
    return encoding

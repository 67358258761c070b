"""Draw line and area charts with Altair (Vega-Lite), rendered by vl-convert."""

import io
import random
from typing import Any

import altair
import pandas

from benchmarks.chart_set.altair_bars import THEMES
from benchmarks.chart_set.line_specs import LineSpec

DASHES = [1, 0], [8, 8], [4, 2], [2, 2]


def draw(spec: LineSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG."""
    table = pandas.DataFrame(
        [
            (place, series, value)
            for k, (series, values) in enumerate(zip(spec.series, spec.values))
            for i, (place, value) in enumerate(zip(_below(spec), values))
            if not (spec.kind == "gap" and i == len(values) // 2)
        ],
        columns=["place", "series", "value"],
    )
    chart = _marked(altair.Chart(table), spec, dice).encode(
        **_places(spec, dice), **_looks(spec, dice)
    )
    if spec.kind in ("values printed", "names at the ends"):
        chart = chart + _print(table, spec, dice)
    titled: dict[str, Any] = {"title": spec.title} if spec.title else {}
    size = {"width": dice.choice([300, 400, 500]), "height": dice.choice([250, 300])}
    buffer = io.BytesIO()
    with altair.theme.enable(dice.choice(THEMES)):
        chart.properties(**size, **titled).save(
            buffer, format="png", scale_factor=dice.choice([1, 1.5, 2, 2])
        )
    return buffer.getvalue()


def _below(spec: LineSpec) -> list:
    return spec.places if spec.kind in ("numbers below", "many points") else spec.names


def _marked(chart: altair.Chart, spec: LineSpec, dice: random.Random) -> altair.Chart:
    if "area" in spec.kind:
        return chart.mark_area(**({"line": True, "opacity": 0.4} if "line" in spec.kind else {}))
    options: dict[str, Any] = {"point": True} if spec.kind == "markers" else {}
    if spec.kind == "steps":
        options["interpolate"] = "step-after"
    if spec.kind == "dashes" and len(spec.series) == 1:
        options["strokeDash"] = dice.choice(DASHES[1:])
    return chart.mark_line(**options)


def _places(spec: LineSpec, dice: random.Random) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": spec.below_title or None}
    kind = "N"
    if spec.kind in ("numbers below", "many points"):
        kind = "Q"
        axis |= {"values": spec.ticks, "format": "~f"}
    elif dice.random() < 0.5:
        axis["labelAngle"] = 0
    if spec.kind == "rotated labels":
        axis["labelAngle"] = dice.choice([-45, -30, -90, 45])
    beside: dict[str, Any] = {"title": spec.axis_title or None}
    if spec.kind == "percent":
        beside["labelExpr"] = "datum.label + '%'"
    if spec.kind == "thousands" and dice.random() < 0.3:
        beside["format"] = "~s"
    scale = altair.Scale(type="log") if spec.kind == "logarithmic" else altair.Undefined
    options: dict[str, Any] = {"scale": altair.Scale(zero=False)} if kind == "Q" else {"sort": None}
    return {
        "x": altair.X(f"place:{kind}", axis=altair.Axis(**axis), **options),
        "y": altair.Y("value:Q", axis=altair.Axis(**beside), scale=scale),
    }


def _looks(spec: LineSpec, dice: random.Random) -> dict[str, Any]:
    if len(spec.series) < 2:
        return {}
    if spec.kind == "one colour":
        return {"detail": "series:N"}
    legend = altair.Legend(
        title=dice.choice(["series", None]), **dice.choice([{}, {}, {"orient": "bottom"}])
    )
    if spec.kind == "names at the ends":
        legend = None
    looks: dict[str, Any] = {"color": altair.Color("series:N", sort=None, legend=legend)}
    if spec.kind == "dashes":
        looks["strokeDash"] = altair.StrokeDash("series:N", sort=None, legend=legend)
    return looks


def _print(table: pandas.DataFrame, spec: LineSpec, dice: random.Random) -> altair.Chart:
    places = _places(spec, random.Random(0))
    if spec.kind == "values printed":
        text = altair.Chart(table).mark_text(dy=-9)
        return text.encode(x=places["x"], y=places["y"], text="value:Q")
    last = table[table["place"] == _below(spec)[-1]]
    text = altair.Chart(last).mark_text(align="left", dx=6)
    return text.encode(x=places["x"], y=places["y"], text="series:N", color="series:N")

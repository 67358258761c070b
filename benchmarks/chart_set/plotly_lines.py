"""Draw line and area charts with Plotly."""

import random
from typing import Any

import plotly

from benchmarks.chart_set.line_specs import LineSpec
from benchmarks.chart_set.plotly_bars import LEGENDS, TEMPLATES, render

DASHES = "solid", "dash", "dot", "dashdot"


def draw(spec: LineSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG."""
    below: dict[str, Any] = {"title": {"text": spec.below_title}}
    if spec.kind in ("numbers below", "many points"):
        below |= {"tickvals": spec.ticks, "ticktext": spec.names}
    else:
        below["type"] = "category"
    if spec.kind == "rotated labels":
        below["tickangle"] = dice.choice([-45, 45, 90, -90, -30])
    beside: dict[str, Any] = {"title": {"text": spec.axis_title}}
    beside |= {"ticksuffix": "%"} if spec.kind == "percent" else {}
    beside |= {"tickformat": dice.choice([",", "", "~s"])} if spec.kind == "thousands" else {}
    beside |= {"type": "log"} if spec.kind == "logarithmic" else {}
    layout: dict[str, Any] = {
        "template": plotly.io.templates[dice.choice(TEMPLATES)].to_plotly_json(),
        "xaxis": below,
        "yaxis": beside,
        "width": dice.choice([700, 700, 900, 1000]),
        "height": dice.choice([450, 500, 600]),
    }
    layout |= {"title": {"text": spec.title}} if spec.title else {}
    if len(spec.series) > 1:
        layout["legend"] = dice.choice(LEGENDS)
    if spec.kind == "two axes":
        layout["yaxis2"] = {"overlaying": "y", "side": "right"}
    return render(_traces(spec, dice), layout, dice.choice([1, 1, 1.5, 2]))


def _traces(spec: LineSpec, dice: random.Random) -> list[dict[str, Any]]:
    marked = spec.kind == "markers" or dice.random() < 0.2
    by_number = spec.kind in ("numbers below", "many points")
    traces = []
    for k, (name, values) in enumerate(zip(spec.series, spec.values)):
        row: list[float | None] = list(values)
        trace: dict[str, Any] = {"type": "scatter", "x": spec.places if by_number else spec.names}
        trace |= {"mode": "lines+markers" if marked else "lines"}
        trace |= {"name": name} if name else {}
        if spec.kind == "dashes":
            trace["line"] = {"dash": DASHES[k] if len(spec.series) > 1 else DASHES[1 + k % 3]}
        if spec.kind in ("area", "area under a line"):
            trace["fill"] = "tozeroy"
        if spec.kind == "stacked areas":
            trace["stackgroup"] = "one"
        if spec.kind == "one colour":
            trace["line"] = {"color": "#636EFA"}
        if spec.kind == "steps":
            trace["line"] = {"shape": "hv"}
        if spec.kind == "gap":
            row[len(row) // 2] = None
        if spec.kind == "two axes" and k == len(spec.series) - 1:
            trace["yaxis"], row = "y2", [value * 30 for value in values]
        if spec.kind in ("values printed", "names at the ends"):
            ends = spec.kind == "names at the ends"
            trace["mode"] += "+text"
            last = [""] * (len(values) - 1) + [name]
            trace["text"] = last if ends else [f"{value:g}" for value in values]
            trace["textposition"] = "middle right" if ends else "top center"
            trace["showlegend"] = not ends
        traces.append(trace | {"y": row})
    return traces

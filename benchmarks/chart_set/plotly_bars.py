"""Draw bar charts with Plotly, whose script runs in the Chromium that is installed."""

import atexit
import base64
import json
import random
from functools import lru_cache
from typing import Any

import plotly
from plotly.offline import get_plotlyjs

from benchmarks.chart_set.specs import BarSpec
from tests.support import chromium

TEMPLATES = "plotly", "plotly", "plotly", "plotly_white", "plotly_dark", "ggplot2", "simple_white"
LEGENDS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"orientation": "h"},
    {"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom"},
    {"x": 0.01, "y": 0.99},
)


def draw(spec: BarSpec, dice: random.Random) -> bytes:
    """Return the chart as a PNG."""
    template = plotly.io.templates[dice.choice(TEMPLATES)].to_plotly_json()
    value_axis: dict[str, Any] = {"title": {"text": spec.axis_title}}
    if spec.kind == "percent":
        value_axis["ticksuffix"] = "%"
    if spec.kind == "thousands":
        value_axis |= {"tickprefix": spec.prefix} if spec.prefix else {}
        value_axis |= {"tickformat": dice.choice([",", "", "", "~s"])}
    name_axis: dict[str, Any] = {"title": {"text": spec.category_title}, "type": "category"}
    if spec.rotation:
        name_axis["tickangle"] = dice.choice([-1, 1]) * spec.rotation
    if spec.horizontal and dice.random() < 0.4:
        name_axis["autorange"] = "reversed"
    axes = (value_axis, name_axis) if spec.horizontal else (name_axis, value_axis)
    layout: dict[str, Any] = {
        "template": template,
        "barmode": "relative" if spec.stacked else "group",
        "xaxis": axes[0],
        "yaxis": axes[1],
        "width": dice.choice([700, 700, 900, 1000]),
        "height": dice.choice([450, 500, 600]),
    }
    if spec.title:
        layout["title"] = {"text": spec.title}
    if len(spec.series) > 1:
        layout["legend"] = dice.choice(LEGENDS)
    return render(_traces(spec, dice), layout, dice.choice([1, 1, 1.5, 2]))


def _traces(spec: BarSpec, dice: random.Random) -> list[dict[str, Any]]:
    traces = []
    inside = dice.random() < 0.5
    for name, values in zip(spec.series, spec.values):
        places = (values, spec.names) if spec.horizontal else (spec.names, values)
        trace: dict[str, Any] = {"type": "bar", "x": places[0], "y": places[1]}
        trace |= {"name": name} if name else {}
        trace |= {"orientation": "h"} if spec.horizontal else {}
        if spec.value_labels:
            trace["text"] = [f"{spec.prefix}{value:,.6g}{spec.unit}" for value in values]
            trace["textposition"] = "auto" if inside else "outside"
        trace["marker"] = _marker(spec, dice)
        traces.append(trace)
    return traces


def _marker(spec: BarSpec, dice: random.Random) -> dict[str, Any]:
    if spec.highlight is not None:
        colours = ["lightslategray"] * len(spec.names)
        colours[spec.highlight] = "crimson"
        return {"color": colours}
    if spec.kind == "coloured":
        palette = "#636EFA #EF553B #00CC96 #AB63FA #FFA15A #19D3F3 #FF6692 #B6E880 #FF97FF".split()
        return {"color": dice.sample(palette, len(spec.names))}
    if spec.kind == "edges":
        return {"line": {"color": dice.choice(["black", "white", "rgb(8,48,107)"]), "width": 1.5}}
    return {}


def render(traces: list[dict[str, Any]], layout: dict[str, Any], scale: float) -> bytes:
    """Return a figure as a PNG."""
    figure = json.dumps({"data": traces, "layout": layout})
    size = {"format": "png", "width": layout["width"], "height": layout["height"], "scale": scale}
    call = "([figure, size]) => Plotly.toImage(JSON.parse(figure), size)"
    address = _page().evaluate(call, [figure, size])
    return base64.b64decode(address.partition(",")[2])


@lru_cache(maxsize=1)
def _page() -> Any:
    from playwright.sync_api import sync_playwright

    session = sync_playwright().start()
    atexit.register(session.stop)
    browser = session.chromium.launch(
        executable_path=chromium.CHROMIUM, args=list(chromium.ARGUMENTS)
    )
    page = browser.new_page()
    page.set_content("<html><body></body></html>")
    page.add_script_tag(content=get_plotlyjs())
    return page

"""Draw one random line or area chart: a seed decides the library, the kind and the looks."""

import random

from benchmarks.chart_set import altair_lines, matplotlib_lines, plotly_lines
from benchmarks.chart_set.draw import SampleChart, saved
from benchmarks.chart_set.line_specs import KINDS, REFUSED, line_spec

LINE_LIBRARIES = {
    "matplotlib": matplotlib_lines.draw,
    "seaborn": matplotlib_lines.draw_seaborn,
    "plotly": plotly_lines.draw,
    "altair": altair_lines.draw,
    "spreadsheet": matplotlib_lines.draw_office,
}


def line_chart(seed: int, refused: bool = False) -> SampleChart:
    """Return the chart of this seed; with `refused`, of a kind that no table is right for."""
    dice = random.Random(seed)
    library = dice.choice(list(LINE_LIBRARIES))
    kind = dice.choice(REFUSED if refused else KINDS)
    if library == "altair" and kind == "two axes":
        library = "plotly"
    spec = line_spec(kind, dice)
    picture = saved(LINE_LIBRARIES[library](spec, dice), dice)
    series = tuple(spec.series) if len(spec.series) > 1 else ()
    rows = None if refused else spec.rows
    return SampleChart(library, kind, picture, spec.title, series, rows)

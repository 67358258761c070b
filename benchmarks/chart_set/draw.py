"""Draw one random chart: a seed decides the library, the kind, the values and the looks."""

import io
import random
from dataclasses import dataclass

from PIL import Image

from benchmarks.chart_set import (
    altair_bars,
    matplotlib_bars,
    plotly_bars,
    seaborn_bars,
    tricky_bars,
)
from benchmarks.chart_set.specs import ORDINARY, bar_spec

LIBRARIES = {
    "matplotlib": matplotlib_bars.draw,
    "seaborn": seaborn_bars.draw,
    "plotly": plotly_bars.draw,
    "altair": altair_bars.draw,
    "spreadsheet": matplotlib_bars.draw_office,
}


@dataclass(frozen=True)
class SampleChart:
    """A picture (PNG or JPEG) of a chart, and the table that it was drawn from.

    `rows` has one list of values a name, one value a series; it is None where no table is right.
    With `may_refuse`, a refusal is no loss.
    """

    library: str
    kind: str
    picture: bytes
    title: str
    series: tuple[str, ...]  # empty for a single one
    rows: dict[str, list[float]] | None
    may_refuse: bool = False


def chart(seed: int) -> SampleChart:
    """Return the chart of this seed."""
    dice = random.Random(seed)
    library = dice.choice(list(LIBRARIES))
    kind = dice.choice(ORDINARY)
    spec = bar_spec(kind, dice)
    picture = saved(LIBRARIES[library](spec, dice), dice)
    rows = {name: [row[i] for row in spec.values] for i, name in enumerate(spec.names)}
    series = tuple(spec.series) if len(spec.series) > 1 else ()
    return SampleChart(library, kind, picture, spec.title, series, rows)


def saved(picture: bytes, dice: random.Random) -> bytes:
    """Return the picture as it is, or as a JPEG of usual quality."""
    if dice.random() < 0.65:
        return picture
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").save(buffer, "JPEG", quality=dice.choice([75, 85, 95]))
    return buffer.getvalue()


def tricky_chart(seed: int) -> SampleChart:
    """Return a bar chart that is easily misread; its kind goes round with the seed."""
    dice = random.Random(seed)
    kind = list(tricky_bars.KINDS)[seed % len(tricky_bars.KINDS)]
    picture, rows, series = tricky_bars.draw(kind, dice)
    return SampleChart("matplotlib", kind, saved(picture, dice), "", series, rows, True)

"""Measures how often the chart reader is right: reads random charts of known values.

A value is right within 2 % of the largest value, a share of a pie also within half a percentage
point, as its print is rounded. A chart is right when its rows, its series and all of its values
are, and "misspelt" when only the spelling of a name is not. A picture without a right table has to
be refused.
"""

import io
import platform
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from statistics import median

import numpy as np
from PIL import Image
from rapidfuzz.distance import OSA

from benchmarks._measure import markdown_table
from benchmarks.chart_set.draw import SampleChart, chart, tricky_chart
from benchmarks.chart_set.lines import line_chart
from benchmarks.chart_set.others import other_picture
from benchmarks.chart_set.pies import pie_chart
from vlm_backends.engines.builtin.charts.bar_charts import ChartTable
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.readings import read_any_chart
from vlm_backends.engines.builtin.table_questions.figures import parse_number
from vlm_backends.engines.builtin.tables import read_chart_print

RIGHT = 0.02  # of the largest value
_ROUNDING = 0.51  # of a percentage that is printed without decimals
_MISSPELT = 3  # letters of a name
_FIRST_SEED = 20_000  # none of those that the readers were made with
_OUTCOMES = "right", "misspelt", "refused", "wrong"
_SETS: dict[str, tuple[int, Callable[[int], SampleChart]]] = {
    "bars": (300, chart),
    "bars that are easily misread": (42, tricky_chart),
    "lines": (100, line_chart),
    "pies": (40, pie_chart),
    "lines without a right table": (30, lambda seed: line_chart(seed, refused=True)),
    "pies without a right table": (10, lambda seed: pie_chart(seed, refused=True)),
    "other pictures": (40, other_picture),
}


def verdict(sample: SampleChart) -> tuple[str, list[float]]:
    """Return the outcome with what is wrong, and the errors as shares of the largest value."""
    with Image.open(io.BytesIO(sample.picture)) as image:
        rgb = np.asarray(image.convert("RGB"))
    try:
        table = read_any_chart(rgb, read_chart_print(rgb))
    except CannotRead as reason:
        return f"refused: {reason}", []
    if sample.rows is None:
        return f"wrong: a table of {len(table.rows) - 1} rows", []
    return _compared(sample, table)


def _compared(sample: SampleChart, table: ChartTable) -> tuple[str, list[float]]:
    head, *rows = table.rows
    truth = sample.rows or {}
    read = {row[0]: row[1:] for row in rows if any(row[1:])}
    names = _matched(list(read), list(truth))
    series = _matched(list(head[1:]), list(sample.series)) if sample.series else {head[1]: ""}
    if names is None or series is None or len(head) - 1 != max(1, len(sample.series)):
        return f"wrong: rows {list(read)}, series {list(head[1:])}", []
    order = [sample.series.index(series[name]) if sample.series else 0 for name in head[1:]]
    is_share = sample.kind.startswith("pie") and any("%" in cell for row in rows for cell in row)
    total = sum(row[0] for row in truth.values()) if is_share else 100.0
    largest = max(abs(value) for row in truth.values() for value in row) * 100 / total
    errors = []
    for name, cells in read.items():
        for cell, column in zip(cells, order):
            true = truth[names[name]][column] * 100 / total
            parsed = parse_number(cell)
            off = abs(parsed[0] - true) if parsed else np.inf
            errors.append(max(0.0, off - _ROUNDING * is_share) / largest)
    if max(errors) > RIGHT:
        return f"wrong: off by {max(errors):.0%}", errors
    misspelt = [
        pair for pair in [*names.items(), *series.items()] if pair[1] and pair[0] != pair[1]
    ]
    return (f"misspelt: {misspelt}" if misspelt else "right"), errors


def _matched(read: list[str], truth: list[str]) -> dict[str, str] | None:
    """Return the true name of each name that was read, in spite of misspelt letters."""
    if len(read) != len(truth):
        return None
    pairs: dict[str, str] = {}
    for name in read:
        free = [true for true in truth if true not in pairs.values()]
        best = min(free, key=lambda true: OSA.distance(name, true))
        if name != best and OSA.distance(name, best) > min(_MISSPELT, len(best) // 2):
            return None
        pairs[name] = best
    return pairs


def tables(rounds: int) -> Iterator[str]:
    """Yield a table of outcomes for each set, by library and kind, and a list of what was wrong.

    Three rounds are the whole sets, one is a third of each.
    """
    libraries = "matplotlib", "seaborn", "plotly", "altair", "vl-convert-python", "rapidocr"
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    yield f"Seeds from {_FIRST_SEED}; {versions}; {platform.system()}."
    for title, (whole, draw) in _SETS.items():
        count = min(whole, whole * rounds // 3)
        counts: Counter[tuple[str, str]] = Counter()
        errors: dict[str, list[float]] = {}
        odd: list[str] = []
        for seed in range(_FIRST_SEED, _FIRST_SEED + count):
            sample = draw(seed)
            outcome, off = verdict(sample)
            short = outcome.partition(":")[0]
            for key in ("all", sample.library, sample.kind):
                counts[key, short] += 1
                errors.setdefault(key, []).extend(off)
            if short != "right" and (sample.rows is not None or short != "refused"):
                odd.append(f"- {seed}, {sample.library}, {sample.kind}: {outcome}")
        yield _summary(f"{count} {title}", counts, errors)
        yield "\n".join(odd) or "None was wrong or refused without need."


def _summary(title: str, counts: Counter[tuple[str, str]], errors: dict[str, list[float]]) -> str:
    rows = [
        [
            key,
            *(counts[key, outcome] for outcome in _OUTCOMES),
            f"{median(off or [0]):.2%}",
            f"{max(off or [0]):.2%}",
        ]
        for key, off in sorted(errors.items(), key=lambda item: item[0] != "all")
    ]
    return markdown_table((title, *_OUTCOMES, "median off", "most off"), rows)

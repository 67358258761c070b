"""Draw pictures that have no table of this kind: other charts, maps, tables, photographs."""

import io
import random
from collections.abc import Callable

import numpy as np
from matplotlib import pyplot

from benchmarks.chart_set.draw import SampleChart, saved
from benchmarks.chart_set.specs import PLACES, TITLES
from tests.support.paths import ASSETS

PHOTOS = "astronaut.jpg", "cat.jpg", "coffee.jpg", "rocket.jpg", "sign.jpg", "poster.jpg"
PAGES = "page.png", "receipt.png", "screenshot.png", "slide1.png"


def other_picture(seed: int) -> SampleChart:
    """Return the picture of this seed: no table follows from it."""
    dice = random.Random(seed)
    kind = dice.choice([*_DRAWN, "photograph", "page"])
    if kind in ("photograph", "page"):
        name = dice.choice(PHOTOS if kind == "photograph" else PAGES)
        return SampleChart("asset", kind, (ASSETS / name).read_bytes(), "", (), None)
    numbers = np.random.default_rng(seed)
    polar = {"projection": "polar"} if kind in ("radar", "gauge") else None
    figure, axes = pyplot.subplots(
        figsize=dice.choice([(6.4, 4.8), (8, 5)]), dpi=dice.choice([80, 100]), subplot_kw=polar
    )
    _DRAWN[kind](axes, numbers)
    axes.set_title(dice.choice(TITLES))
    buffer = io.BytesIO()
    figure.savefig(buffer)
    pyplot.close(figure)
    return SampleChart("matplotlib", kind, saved(buffer.getvalue(), dice), "", (), None)


def _scatter(axes, numbers: np.random.Generator) -> None:
    for colour in ("tab:blue", "tab:orange")[: numbers.integers(1, 3)]:
        axes.scatter(numbers.normal(50, 20, 60), numbers.normal(50, 20, 60), color=colour)


def _bubbles(axes, numbers: np.random.Generator) -> None:
    axes.scatter(*numbers.uniform(0, 100, (2, 14)), s=numbers.uniform(50, 2500, 14), alpha=0.5)


def _regression(axes, numbers: np.random.Generator) -> None:
    x = np.sort(numbers.uniform(0, 10, 50))
    axes.scatter(x, 2 * x + numbers.normal(0, 2, 50))
    axes.plot(x, 2 * x, color=numbers.choice(["tab:red", "tab:blue"]))


def _heat_map(axes, numbers: np.random.Generator) -> None:
    axes.imshow(numbers.random((6, 8)), cmap=numbers.choice(["viridis", "Blues", "coolwarm"]))
    axes.set_xticks(range(8), PLACES[:8], rotation=45)


def _boxes(axes, numbers: np.random.Generator) -> None:
    axes.boxplot(numbers.normal(50, 15, (40, 5)), patch_artist=bool(numbers.integers(2)))


def _violins(axes, numbers: np.random.Generator) -> None:
    axes.violinplot(numbers.normal(50, 15, (40, 4)))


def _radar(axes, numbers: np.random.Generator) -> None:
    angles = np.linspace(0, 2 * np.pi, 7)
    values = numbers.uniform(2, 10, 6)
    axes.plot(angles, [*values, values[0]])
    axes.fill(angles, [*values, values[0]], alpha=0.25)
    axes.set_xticks(angles[:-1], PLACES[:6])


def _gauge(axes, numbers: np.random.Generator) -> None:
    axes.set_thetalim(0, np.pi)
    axes.bar(np.linspace(0.25, 2.9, 6), 1, width=0.5, bottom=1, color=["g", "y", "orange"] * 2)
    axes.annotate("72", (numbers.uniform(0.5, 2.5), 1.5), (0, 0), arrowprops={"width": 2})


def _map(axes, numbers: np.random.Generator) -> None:
    for _ in range(12):
        middle = numbers.uniform(10, 90, 2)
        turns = np.sort(numbers.uniform(0, 2 * np.pi, 9))
        reach = numbers.uniform(5, 18, (9, 1))
        shape = middle + reach * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        axes.fill(*shape.T, color=pyplot.get_cmap("Greens")(numbers.random()))


def _histogram(axes, numbers: np.random.Generator) -> None:
    axes.hist(numbers.normal(50, 15, 400), bins=25)


def _candles(axes, numbers: np.random.Generator) -> None:
    level = 50 + np.cumsum(numbers.normal(0, 3, 25))
    step = numbers.normal(0, 3, 25)
    colours = np.where(step > 0, "tab:green", "tab:red")
    axes.bar(range(25), np.abs(step), bottom=np.minimum(level, level + step), color=colours)
    axes.vlines(range(25), level - 6, level + 6, colors=colours)


def _stems(axes, numbers: np.random.Generator) -> None:
    axes.stem(range(10), numbers.uniform(1, 10, 10))


def _error_bars(axes, numbers: np.random.Generator) -> None:
    axes.errorbar(range(8), numbers.uniform(2, 9, 8), yerr=1.2, fmt="o")


def _contours(axes, numbers: np.random.Generator) -> None:
    x, y = np.meshgrid(np.linspace(-3, 3, 80), np.linspace(-3, 3, 80))
    axes.contour(x, y, np.sin(x + numbers.random()) * np.cos(y), levels=8)


def _network(axes, numbers: np.random.Generator) -> None:
    places = numbers.uniform(0, 100, (10, 2))
    for _ in range(16):
        axes.plot(*places[numbers.choice(10, 2, replace=False)].T, color="grey")
    axes.scatter(*places.T, s=200, zorder=3)


_DRAWN: dict[str, Callable] = {
    "scatter plot": _scatter,
    "bubbles": _bubbles,
    "scatter with a line": _regression,
    "heat map": _heat_map,
    "box plot": _boxes,
    "violins": _violins,
    "radar": _radar,
    "gauge": _gauge,
    "map": _map,
    "histogram": _histogram,
    "candles": _candles,
    "stems": _stems,
    "error bars": _error_bars,
    "contours": _contours,
    "network": _network,
}

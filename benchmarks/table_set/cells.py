"""Random words and numbers for the cells of a table: names, heads, and columns of one format."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_NAMES = (
    "Apples,Brown bread,Olive oil,Green tea,Basmati rice,Oat milk,Dark chocolate,Sea salt,Butter,"
    "Honey,Norway,Portugal,New Zealand,Chile,South Korea,Kenya,Ireland,Costa Rica,Japan,Greece,"
    "Rotterdam,Hamburg,Le Havre,Gothenburg,Trieste,Valencia,Felixstowe,Model A,Model B,Baseline,"
    "Random forest,Linear probe,Night shift,Day shift,Repairs,Cleaning,Licences,Travel,Rent,"
    "Electricity,Alice Moore,Bruno Keller,Chen Wei,Dana Fox,Emil Berg,Fatima Noor,Grace Hall"
).split(",")
_HEADS = (
    "Price,Units,Share,Total,Growth,Weight,Stock,Area,Income,Score,Orders,Visits,Margin,Cost,Rate,"
    "Height,Speed,Target,Actual,Change,Returns,Net weight,Unit price,Staff cost,Error rate"
).split(",")
_FIRST = "Item,Country,Port,Name,Model,Product,Team,Region,Account,Category".split(",")
_OVER = "First half,Second half,Sales by region,This year,Last year,Europe,Planned".split(",")
_WORDS = "open,closed,yes,no,pending,high,low,medium,north,south,daily,weekly,new".split(",")

_FORMATS: tuple[Callable[[np.random.Generator], str], ...] = (
    lambda dice: f"{dice.integers(2, 999)}",
    lambda dice: f"{dice.integers(1_000, 9_999_999):,}",
    lambda dice: f"{dice.uniform(0, 100):.1f}",
    lambda dice: f"{dice.uniform(1_000, 99_999):,.2f}",
    lambda dice: f"{dice.uniform(0, 100):.1f}%",
    lambda dice: f"{dice.uniform(-20, 20):+.1f}",
    lambda dice: f"${dice.uniform(1, 5_000):,.2f}",
    lambda dice: f"{dice.uniform(1_000, 99_999):,.2f}".translate(str.maketrans(",.", ".,")),
    lambda dice: f"{dice.integers(1, 28):02}.{dice.integers(1, 12):02}.{dice.integers(2001, 2026)}",
    lambda dice: str(dice.choice(_WORDS)),
)


@dataclass(frozen=True)
class Content:
    """Hold the cells of a table: rows of texts, the head's first.

    `spans` are the heads over several columns: row, first column, last column (inclusive); such a
    text stands in each of its columns. `wrapped` cells are broken onto two lines.
    """

    rows: tuple[tuple[str, ...], ...]
    head_rows: int
    spans: tuple[tuple[int, int, int], ...] = ()
    formats: tuple[int, ...] = ()  # of each column; 0 for the names


def random_content(dice: np.random.Generator) -> Content:
    """Return cells in 3 to 11 rows and 2 to 6 columns; some are empty, some have spanning heads."""
    count, width = int(dice.integers(3, 12)), int(dice.integers(2, 7))
    names = dice.choice(_NAMES, count, replace=False)
    heads = [str(dice.choice(_FIRST)), *map(str, dice.choice(_HEADS, width - 1, replace=False))]
    formats = [int(dice.integers(len(_FORMATS))) for _ in range(width - 1)]
    gaps = dice.random() < 0.3
    body = [
        (
            str(name),
            *("" if gaps and dice.random() < 0.12 else _FORMATS[form](dice) for form in formats),
        )
        for name in names
    ]
    spans = _spans(dice, width) if width > 2 and dice.random() < 0.3 else ()
    over = [""] * width
    for (_, first, last), text in zip(spans, dice.choice(_OVER, len(spans) or 1, replace=False)):
        over[first : last + 1] = [str(text)] * (last + 1 - first)
    rows = [over] * bool(spans) + [heads, *body]
    return Content(tuple(map(tuple, rows)), 1 + bool(spans), spans, (0, *(f + 1 for f in formats)))


def _spans(dice: np.random.Generator, width: int) -> tuple[tuple[int, int, int], ...]:
    if width >= 5 and dice.random() < 0.6:
        middle = int(dice.integers(2, width - 2))
        return (0, 1, middle), (0, middle + 1, width - 1)
    return ((0, 1, width - 1),) if dice.random() < 0.5 or width == 3 else ((0, 1, 2),)

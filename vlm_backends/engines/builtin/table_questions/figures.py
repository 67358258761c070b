"""Hold a table's numbers with their units, and spell results as the table spells its cells."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

_CELL = re.compile(
    r"([-+−–]?)\s*([^\d\s.,+−–-]{0,3})\s*([-+−–]?)\s*"
    r"(\d{1,3}(?:[,   ]\d{3})+|\d+)?(\.\d+)?(?:[eE]([-+]?\d+))?\s*([^\d\s]*)"
)
_MINUS = "-−–"
# a small m or b is a unit: metres, minutes, bytes
_FACTORS = {"k": 1e3, "K": 1e3, "M": 1e6, "bn": 1e9, "Bn": 1e9, "BN": 1e9, "B": 1e9}
_MOST_DECIMALS = 6
MEANS = {"average", "avg", "mean", "median"}
TOTALS = {"total", "totals", "sum", "all", "overall", "grand total", "subtotal", *MEANS}


@dataclass(frozen=True)
class Cell:
    """One number of a table: where it stands, and how it is spelled."""

    row: int  # from 0, without the header
    column: int  # from 0, without the names of the rows
    value: float
    text: str


@dataclass(frozen=True)
class Figures:
    """A table's names and numbers."""

    rows: tuple[str, ...]
    series: tuple[str, ...]
    cells: tuple[Cell, ...]  # those that hold a number
    prefix: str = ""  # of every number, such as "$"
    unit: str = ""  # behind every number, such as "%"
    decimals: int = 0

    def missing(self, rows: Sequence[int] | None, series: Sequence[int] | None) -> int:
        """Return how many cells of these rows and series hold no number; None stands for all."""
        height = len(self.rows if rows is None else rows)
        width = len(self.series if series is None else series)
        return height * width - len(self.of(rows, series))

    @property
    def has_totals(self) -> bool:
        """Return True when a row or series is the total of others, by its name."""
        return any(name.strip().lower() in TOTALS for name in (*self.rows, *self.series))

    def of(
        self, rows: Sequence[int] | None = None, series: Sequence[int] | None = None
    ) -> list[Cell]:
        """Return the cells of these rows and series; None stands for all."""
        return [
            cell
            for cell in self.cells
            if (rows is None or cell.row in rows) and (series is None or cell.column in series)
        ]

    def added(self) -> Figures:
        """Return a table of one series: the sum of each row."""
        sums = [(i, sum(cell.value for cell in self.of([i]))) for i in range(len(self.rows))]
        cells = tuple(Cell(i, 0, value, self.spell(value)) for i, value in sums if self.of([i]))
        return replace(self, series=("",), cells=cells)

    def name(self, cell: Cell) -> str:
        """Return the names of a cell: its row's, and its series' where there are several."""
        row = self.rows[cell.row]
        return f"{row}, {self.series[cell.column]}" if len(self.series) > 1 else row

    def spell(self, value: float, more_decimals: int = 0) -> str:
        """Return a number as this table spells its own, with its unit."""
        decimals = min(_MOST_DECIMALS, self.decimals + more_decimals)
        text = f"{round(value, decimals) + 0.0:,.{decimals}f}"
        if more_decimals and "." in text:
            text = text.rstrip("0").rstrip(".")
        sign, digits = ("−", text[1:]) if text.startswith("-") else ("", text)
        return f"{sign}{self.prefix}{digits}{self.unit}"


def parse_table(rows: Sequence[Sequence[str]]) -> Figures | None:
    """Return a table's figures; None without a number, or when its numbers have several units.

    The first row is the header, the first column has the names.
    """
    if len(rows) < 2 or len(rows[0]) < 2:
        return None
    found: list[tuple[Cell, str, str, int]] = []
    for i, row in enumerate(rows[1:]):
        for j, text in enumerate(row[1:]):
            parsed = parse_number(text)
            if parsed:
                value, prefix, unit, decimals = parsed
                found.append((Cell(i, j, value, text.strip()), prefix, unit, decimals))
            elif any(char.isdigit() for char in text):
                return None  # a number that cannot be read surely
    if not found or len({(prefix, unit) for _, prefix, unit, _ in found}) > 1:
        return None
    names = tuple(str(row[0]).strip() for row in rows[1:])
    series = tuple(str(name).strip() for name in rows[0][1:])
    _, prefix, unit, _ = found[0]
    decimals = max(decimals for *_, decimals in found)
    return Figures(names, series, tuple(cell for cell, *_ in found), prefix, unit, decimals)


def is_headless(rows: Sequence[Sequence[str]]) -> bool:
    """Return True when the first row has figures with the unit of those below, as no head has.

    Bare numbers above others may be names of columns, such as years and sizes.
    """
    return any(_has_unit_of(head, column) for head, *column in zip(*(row[1:] for row in rows)))


def _has_unit_of(head: str, column: Sequence[str]) -> bool:
    parsed = parse_number(head)
    if not parsed or parsed[1:3] == ("", ""):
        return False
    alike = [other for other in map(parse_number, column) if other and other[1:3] == parsed[1:3]]
    return 2 * len(alike) > len(column)


def parse_number(text: str) -> tuple[float, str, str, int] | None:
    """Return a number's value, prefix, unit and decimals: `1,200`, `-3.5 %`, `$2M`; or None."""
    match = _CELL.fullmatch(str(text).strip())
    if not match or not (match[4] or match[5]) or (match[1] and match[3]):
        return None
    value = float(re.sub(r"\D", "", match[4] or "0") + (match[5] or ""))
    value *= 10.0 ** int(match[6] or 0)
    decimals = len(match[5] or ".") - 1
    unit = match[7]
    if unit in _FACTORS:
        value, unit, decimals = value * _FACTORS[unit], "", 0
    if (match[1] or match[3]) and (match[1] or match[3]) in _MINUS:
        value = -value
    return (value, match[2], unit, decimals) if math.isfinite(value) else None

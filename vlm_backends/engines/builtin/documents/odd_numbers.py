"""Find numbers that are written unlike the rest of their column: one may have lost a point."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

_NUMBER = re.compile(r"[^\w.,%]*\d[\d.,'\u00a0 ]*%?[^\w.,%]*")
_THOUSANDS = re.compile(r"(?<=\d)[.,'\u00a0 ](?=\d{3}(?!\d))")
_FRACTION = re.compile(r"[.,](\d+)(?!.*\d)")
_MIN_CELLS = 4
_USUAL = 0.75  # of a column's numbers are written alike, or none is odd


def odd_numbers(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the cells with other decimals, or another sign of percent, than their column."""
    for column in zip(*rows[1:]):
        forms = {cell: _form(cell) for cell in column if _NUMBER.fullmatch(cell)}
        counts = Counter(_form(cell) for cell in column if cell in forms)
        if counts.total() < _MIN_CELLS:
            continue
        ((usual, count),) = counts.most_common(1)
        if count >= _USUAL * counts.total():
            yield from (cell for cell, form in forms.items() if form != usual)


def _form(cell: str) -> tuple[int, bool]:
    """Return how many decimals a number has, and whether it is a percentage."""
    fraction = _FRACTION.search(_THOUSANDS.sub("", cell) if cell.count(".") != 1 else cell)
    return len(fraction[1]) if fraction else 0, "%" in cell

"""Find numbers that are written unlike the rest of their column: one may have lost a point."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

_NUMBER = re.compile(r"[^\w.,%]*\d[\d.,'\u00a0 ]*%?[^\w.,%]*")
_THOUSANDS = re.compile(r"(?<=\d)[.,'\u00a0 ](?=\d{3}(?!\d))")
_FRACTION = re.compile(r"[.,](\d+)(?!.*\d)")
_SIGNED = re.compile(r"[^\d\w]*[-+\u2212\u2013]")
_BROKEN = re.compile(
    r"(?=.*\d)[\d.,' ]*(?:[.,]\s*[.,]|[.,] \d|\d [.,]|\d\s+\d{1,2}(?!\d))[\d.,' ]*%?"
)
_MIN_CELLS = 4
_USUAL = 0.75  # of a column's numbers are written alike, or none is odd


def is_number(cell: str) -> bool:
    """Return True for a cell that holds a number and nothing else but signs."""
    return bool(_NUMBER.fullmatch(cell))


def odd_numbers(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the cells with other decimals or signs than their column, and broken numbers."""
    yield from (cell for row in rows[1:] for cell in row if _BROKEN.fullmatch(cell))
    for column in zip(*rows[1:]):
        cells = [cell for cell in column if is_number(cell)]
        if len(cells) < _MIN_CELLS:
            continue
        for form in (_decimals, _percent, _sign):
            ((usual, count),) = Counter(map(form, cells)).most_common(1)
            if count >= _USUAL * len(cells) and (usual or form is not _sign):
                yield from (cell for cell in cells if form(cell) != usual)


def _decimals(cell: str) -> int:
    fraction = _FRACTION.search(_THOUSANDS.sub("", cell) if cell.count(".") != 1 else cell)
    return len(fraction[1]) if fraction else 0


def _percent(cell: str) -> bool:
    return "%" in cell


def _sign(cell: str) -> bool:
    return bool(_SIGNED.match(cell))

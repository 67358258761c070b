"""Compute what each kind of question asks of a table: a text, and the cells that it comes from."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from statistics import mean, median

from vlm_backends.engines.builtin.table_questions.figures import MEANS, TOTALS, Cell, Figures
from vlm_backends.engines.builtin.table_questions.grammar import Query
from vlm_backends.text import listed

_TESTS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_TEST_WORDS = {">": "more than", ">=": "at least", "<": "less than", "<=": "at most"}
_MOST_LISTED, _MOST_NEAR = 30, 3
OF_ALL_ROWS = {"extreme", "several", "lead", "limit", "count", "range"}  # each ranks or sifts cells

_Computed = tuple[str, list[Cell]]


def _scope(table: Figures, query: Query) -> list[Cell]:
    """Return the cells of the rows and series that a query names; all when it names none."""
    return table.of(query.rows or None, query.series or None)


def _about(table: Figures, query: Query) -> str:
    """Return what a query is restricted to, as a phrase with a comma."""
    names = [table.rows[i] for i in query.rows] + [table.series[i] for i in query.series]
    return f"For {listed(names)}, " if names else ""


def _ranked(table: Figures, query: Query) -> list[Cell]:
    if table.has_totals:  # the total of a table is larger than its rows, and no answer
        return []
    return sorted(_scope(table, query), key=lambda cell: cell.value, reverse=query.most)


def _extreme(table: Figures, query: Query, error: float) -> _Computed | None:
    ranked = _ranked(table, query)
    values = list(dict.fromkeys(cell.value for cell in ranked))
    rank = int(query.number)
    if len(values) < rank:
        return None
    tied = [cell for cell in ranked if cell.value == values[rank - 1]]
    word = "largest" if query.most else "smallest"
    order = {1: "", 2: "second ", 3: "third ", 4: "fourth ", 5: "fifth "}[rank]
    about = _about(table, query)
    names = listed(_name(table, query, cell) for cell in tied)
    text = (
        f"{about or 'The '}{'the ' if about else ''}{order}{word} value is {tied[0].text}: {names}."
    )
    others = [cell for cell in ranked if cell.value != tied[0].value]
    if error and len(tied) > 1:
        text += f" They were measured alike, to about ±{table.spell(error, 3)}."
    return text + _doubt(table, tied[0], others, error), tied


def _name(table: Figures, query: Query, cell: Cell) -> str:
    """Return a cell's name, without what the question itself said."""
    if len(query.series) == 1:
        return table.rows[cell.row]
    if len(query.rows) == 1 and len(table.series) > 1:
        return table.series[cell.column]
    return table.name(cell)


def _doubt(table: Figures, cell: Cell, others: Sequence[Cell], error: float) -> str:
    """Say when a measured value is too close to another for their order to be sure."""
    near = [one for one in others if abs(one.value - cell.value) < 2 * error]
    if not near:
        return ""
    names = listed(f"{table.name(one)} ({one.text})" for one in near[:_MOST_NEAR])
    names += " or others" if len(near) > _MOST_NEAR else ""
    return f" Each was measured to about ±{table.spell(error, 3)}, so it could also be {names}."


def _each_to(table: Figures, error: float) -> str:
    """Say how exact the values behind a result are; nothing for values that were printed."""
    return f" Each value was measured to about ±{table.spell(error, 3)}." if error else ""


def _several(table: Figures, query: Query, error: float) -> _Computed | None:
    ranked = _ranked(table, query)
    count = int(query.number)
    if len(ranked) < count:
        return None
    chosen, rest = ranked[:count], ranked[count:]
    chosen += [cell for cell in rest if cell.value == chosen[-1].value]
    word = "largest" if query.most else "smallest"
    spelled = listed(f"{_name(table, query, cell)} ({cell.text})" for cell in chosen)
    text = f"{_about(table, query)}{word}: {spelled}."
    return text[0].upper() + text[1:] + _doubt(
        table, chosen[-1], ranked[len(chosen) :], error
    ), chosen


def _lead(table: Figures, query: Query, error: float) -> _Computed | None:
    ranked = _ranked(table, query)
    answer = _extreme(table, query, error)
    if not answer or len(ranked) < 2:
        return None
    if ranked[0].value == ranked[1].value:
        return answer
    text, cells = answer
    gap = table.spell(abs(ranked[0].value - ranked[1].value))
    next_one = f"{_name(table, query, ranked[1])} ({ranked[1].text})"
    text = f"{text} The next is {next_one}: the difference is {gap}.{_each_to(table, error)}"
    return text, [*cells, ranked[1]]


def _total(table: Figures, query: Query, error: float) -> _Computed | None:
    named = [i for i, name in enumerate(table.rows) if name.strip().lower() in TOTALS]
    if table.has_totals and not query.rows:
        is_mean = bool(named) and table.rows[named[0]].strip().lower() in MEANS
        if query.kind != "total" or len(named) != 1 or is_mean:
            return None
        cells = table.of(named, query.series or None)
        spelled = listed(f"{table.name(cell)}: {cell.text}" for cell in cells)
        return f"The table says it itself: {spelled}.", cells
    cells = _scope(table, query)
    if not cells or table.has_totals:
        return None
    compute = {"total": sum, "average": mean, "median": median}[query.kind]
    more = 0 if query.kind == "total" else 1
    result = table.spell(compute([cell.value for cell in cells]), more)
    text = f"{_about(table, query)}the {query.kind} of {len(cells)} values is {result}."
    if len(table.series) > 1 and not query.series and len(query.rows) != 1:
        parts = [(name, table.of(query.rows or None, [j])) for j, name in enumerate(table.series)]
        spelled = [
            f"{name} {table.spell(compute([c.value for c in part]), more)}"
            for name, part in parts
            if part
        ]
        text += f" By series: {', '.join(spelled)}."
    return text[0].upper() + text[1:] + _each_to(table, error), cells


def _pair(table: Figures, query: Query) -> tuple[Cell, Cell] | None:
    """Return the two cells that a query compares: two rows, or two series of a row."""
    rows, series = query.rows, query.series
    if len(rows) == 2 and len(series) == (0 if len(table.series) == 1 else 1):
        found = [table.of([row], series or None) for row in rows]
    elif len(rows) == 1 and len(series) == 2:
        found = [table.of(rows, [one]) for one in series]
    else:
        return None
    return (found[0][0], found[1][0]) if all(len(cells) == 1 for cells in found) else None


def _difference(table: Figures, query: Query, error: float) -> _Computed | None:
    pair = _pair(table, query)
    if not pair:
        return None
    return _apart(table, *pair) + _each_to(table, error), list(pair)


def _apart(table: Figures, one: Cell, other: Cell) -> str:
    names = f"{table.name(one)} is {one.text} and {table.name(other)} is {other.text}"
    if one.value == other.value:
        return f"{names}: there is no difference."
    larger = one if one.value > other.value else other
    gap = table.spell(abs(one.value - other.value))
    return f"{names}: {table.name(larger)} is larger by {gap}."


def _comparison(table: Figures, query: Query, error: float) -> _Computed | None:
    pair = _pair(table, query)
    if not pair:
        return None
    one, other = pair
    holds = one.value > other.value if query.most else one.value < other.value
    text = f"{'Yes' if holds else 'No'}: {_apart(table, one, other)}"
    if abs(one.value - other.value) < 2 * error:
        text = f"Not surely: {_apart(table, one, other)}"
    return text + _each_to(table, error), list(pair)


def _range(table: Figures, query: Query, error: float) -> _Computed | None:
    ranked = _ranked(table, query)
    if len(ranked) < 2:
        return None
    first, last = ranked[0], ranked[-1]
    gap = table.spell(first.value - last.value)
    names = [f"{_name(table, query, cell)} ({cell.text})" for cell in (first, last)]
    text = f"{_about(table, query)}the largest is {names[0]} and the smallest is {names[1]}"
    text = f"{text[0].upper()}{text[1:]}: the difference is {gap}.{_each_to(table, error)}"
    return text, [first, last]


def _limit(table: Figures, query: Query, error: float) -> _Computed | None:
    if len(table.series) > 1 and len(query.series) != 1:
        return None
    if table.has_totals or (query.unit and query.unit != table.prefix + table.unit):
        return None
    cells = _scope(table, query)
    test = _TESTS[query.test]
    chosen = [cell for cell in cells if test(cell.value, query.number)]
    limit = f"{_TEST_WORDS[query.test]} {table.spell(query.number, 3)}"
    spelled = (
        listed(f"{table.rows[cell.row]} ({cell.text})" for cell in chosen[:_MOST_LISTED])
        if chosen
        else ""
    )
    if query.kind == "count":
        text = f"{_about(table, query)}{len(chosen)} of {len(cells)} are {limit}"
    else:
        text = f"{_about(table, query)}{limit}"
    text += f": {spelled}." if chosen else ": none."
    near = [cell for cell in cells if abs(cell.value - query.number) < error]
    if near:
        names = listed(table.rows[cell.row] for cell in near[:_MOST_LISTED])
        text += f"{_each_to(table, error)} So {names} could be on the other side."
    return text[0].upper() + text[1:], chosen


def _named(table: Figures, query: Query, _: float) -> _Computed | None:
    cells = _scope(table, query)
    if not cells:
        names = [table.rows[i] for i in query.rows] + [table.series[i] for i in query.series]
        return f"The table has no number for {listed(names)}.", []
    spelled = "; ".join(f"{table.name(cell)}: {cell.text}" for cell in cells[:_MOST_LISTED])
    return f"{spelled}.", cells


def _size(table: Figures, query: Query, _: float) -> _Computed | None:
    series = f" and {len(table.series)} series" if len(table.series) > 1 else ""
    return f"The table has {len(table.rows)} rows{series}.", []


KINDS = {
    "extreme": _extreme,
    "several": _several,
    "lead": _lead,
    "total": _total,
    "average": _total,
    "median": _total,
    "difference": _difference,
    "comparison": _comparison,
    "range": _range,
    "limit": _limit,
    "count": _limit,
    "named": _named,
    "size": _size,
}

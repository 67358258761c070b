"""Sides that take turns in one run, and the tables of their medians: the machine's noise meets all of them alike."""

import gc
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import TypeVar

T = TypeVar("T")


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def spent(work: Callable[[], object]) -> float:
    """The processor's seconds that one call takes: what others do on the machine counts for little."""
    start = process_time()
    work()
    return process_time() - start


def turns(
    sides: Mapping[str, Callable[[], T]], rounds: int, warm: bool = True
) -> dict[str, list[T]]:
    """What each side returns in each round; a first round only warms up."""
    found: dict[str, list[T]] = {name: [] for name in sides}
    for i in range(-warm, rounds):
        for name, side in sides.items():
            gc.collect()  # what one side leaves behind is not the next one's burden
            measured = side()
            if i >= 0:
                found[name].append(measured)
    return found


def alternated(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each side measures of itself; a first round only warms up."""
    return {name: median(values) for name, values in turns(sides, rounds).items()}


def installed(*modules: str) -> bool:
    """Whether all of these can be imported here."""
    return all(find_spec(module) for module in modules)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table, its first column to the left and figures to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, rule, *rows))


def goals(rows: Sequence[tuple[str, float | None, float]], unit: str = "×") -> str:
    """A table of goals: what, what was measured (None: its peer is not here), and what it may be at most."""
    verdicts = [
        (
            what,
            "–" if found is None else f"{found:.3g} {unit}",
            f"≤ {most:g} {unit}",
            _verdict(found, most),
        )
        for what, found, most in rows
    ]
    return table(("goal", "measured", "at most", ""), verdicts)


def ratio(figures: Mapping[str, float], side: str, peer: str) -> float | None:
    """How many times the peer's figure this side's is; None when the peer is not here."""
    return figures[side] / figures[peer] if figures.get(peer) else None


def _verdict(found: float | None, most: float) -> str:
    if found is None:
        return "not measured"
    return "met" if found <= most else "**not met**"

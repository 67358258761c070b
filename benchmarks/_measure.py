"""Measures sides in alternating rounds, so that the machine's noise affects all of them alike."""

import gc
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import TypeVar

T = TypeVar("T")


def wall_time(work: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds."""
    start = perf_counter()
    work()
    return perf_counter() - start


def cpu_time(work: Callable[[], object]) -> float:
    """Return the processor time of one call in seconds, which other processes hardly change."""
    start = process_time()
    work()
    return process_time() - start


def take_turns(
    sides: Mapping[str, Callable[[], T]], rounds: int, warm: bool = True
) -> dict[str, list[T]]:
    """Return what each side returned in each round; a first round only warms up."""
    found: dict[str, list[T]] = {name: [] for name in sides}
    for i in range(-warm, rounds):
        for name, side in sides.items():
            gc.collect()  # so that no side pays for another's garbage
            measured = side()
            if i >= 0:
                found[name].append(measured)
    return found


def medians(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median of what each side measures of itself; a first round only warms up."""
    return {name: median(values) for name, values in take_turns(sides, rounds).items()}


def installed(*modules: str) -> bool:
    """Return True when all of these modules can be imported."""
    return all(find_spec(module) for module in modules)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share (0..1) of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table: the first column left-aligned, the others right-aligned."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, rule, *rows))


def goals_table(rows: Sequence[tuple[str, float | None, float]], unit: str = "×") -> str:
    """Return a table of goals.

    Each row holds what it is about, what was measured (None: the peer is not installed), and the
    most that it may be.
    """
    verdicts = [
        (
            what,
            "–" if found is None else f"{found:.3g} {unit}",
            f"≤ {most:g} {unit}",
            _verdict(found, most),
        )
        for what, found, most in rows
    ]
    return markdown_table(("goal", "measured", "at most", ""), verdicts)


def ratio(figures: Mapping[str, float], side: str, peer: str) -> float | None:
    """Return this side's figure divided by the peer's; None when the peer was not measured."""
    return figures[side] / figures[peer] if figures.get(peer) else None


def _verdict(found: float | None, most: float) -> str:
    if found is None:
        return "not measured"
    return "met" if found <= most else "**not met**"

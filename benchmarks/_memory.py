"""Measures how much memory a piece of work takes at its peak."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak(prepare: Callable[..., Callable[[], object]], *given: object) -> float | None:
    """Return the peak memory of calling what `prepare(*given)` returns, in MiB.

    Counts what is above the memory before the call, in a process of its own. Returns None where the
    system does not report it.
    """
    if not Path("/proc/self/clear_refs").exists():
        return None
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (prepare, given))


def _measured(prepare: Callable[..., Callable[[], object]], given: tuple) -> float:
    work = prepare(*given)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    work()
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    """Return a value of the kernel's status file, in KiB."""
    return next(
        int(line.split()[1])
        for line in _STATUS.read_text().splitlines()
        if line.startswith(f"{name}:")
    )

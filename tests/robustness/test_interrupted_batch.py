"""A batch is interrupted three times: `python -m tests.robustness.annotate [--short]`, without a key, on 127.0.0.1 alone."""

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.batch_runs import interrupted, paint, start, whole
from tests.support.rows import Row
from tests.support.wire import Wire
from tests.support.wire import replies as say

_WAYS = {
    "killed (SIGKILL)": signal.SIGKILL,
    "stopped (Ctrl-C)": signal.SIGINT,
    "ended (SIGTERM)": signal.SIGTERM,
}


def rows(short: bool) -> Iterator[Row]:
    """Every way of interruption, three times each."""
    count = 60 if short else 1000
    for way, number in _WAYS.items():
        with TemporaryDirectory() as folder, Wire() as wire:
            names = paint(Path(folder), count)
            course = interrupted(Path(folder), wire, [number] * 3)
        once = sum(course.lines[name] == 1 for name in names)
        amiss = course.broken + sum(course.lines.values()) - once + course.again + course.missed
        remark = f"{course.asked - count} asked twice, whose answer had no line yet"
        yield Row(f"A batch of {count:,} is {way} three times: one whole line a picture, none asked again that has one",
                  count, once, amiss, remark)  # fmt: skip


if __name__ == "__main__":
    found = list(rows("--short" in sys.argv))
    for row in found:
        print(row)
    sys.exit(not all(row.kept for row in found))


def test_killed_three_times_in_its_midst(tmp_path, wire):
    names = paint(tmp_path, 60)
    course = interrupted(tmp_path, wire, [signal.SIGKILL] * 3)
    assert course.lines == dict.fromkeys(names, 1)
    assert not course.broken and not course.again and not course.missed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_while_an_answer_is_held_back(tmp_path, wire, number):
    gate = threading.Event()
    wire.script += [say.sse(["one"])] + [say.sse(["a ", "b"], gate=gate)] * 4
    paint(tmp_path, 9)
    process = start(tmp_path, wire)
    assert wire.until(lambda: len(wire.asked("chat")) == 5, 60)
    process.send_signal(number)
    assert process.wait(30) == 130
    gate.set()
    assert len(whole(tmp_path / "out.jsonl")) == 1

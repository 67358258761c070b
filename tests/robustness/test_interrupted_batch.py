"""A batch is interrupted three times: each picture has one whole line in the end, and none is asked again."""

import signal
import threading

import pytest

from tests.support.batch_runs import interrupted, paint, start, whole
from tests.support.wire import replies as say


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_three_times_in_its_midst(tmp_path, wire, number, long_form):
    names = paint(tmp_path, 1000 if long_form else 60)
    course = interrupted(tmp_path, wire, [number] * 3)
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

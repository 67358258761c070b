"""The same lines by several processes: one line a picture, also when one is killed or all are stopped."""

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.support.batch_runs import paint, start, whole
from tests.support.wire import replies as say
from vlm_backends.annotate.jsonl import entries

pytest.importorskip("ray", reason="Ray is not installed: see requirements-ray.txt")


def busy(process):
    """The processes of this run that make a line now."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"VLM_RUN={process.args[-1]}".encode() in (folder / "environ").read_bytes()
            if ours and b"_row" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


def test_a_killed_process_costs_no_picture(tmp_path, wire, monkeypatch):
    names, gate = paint(tmp_path, 12), threading.Event()
    monkeypatch.setenv("VLM_RUN", str(tmp_path / "out.csv"))  # how this run's processes are known
    wire.script += [say.sse(["a ", "b"], gate=gate)] * 2
    process = start(
        tmp_path, wire, "--ray", "local", "--parallel", "2", "--csv", str(tmp_path / "out.csv")
    )
    assert wire.until(lambda: len(wire.asked("chat")) == 2 and len(busy(process)) == 2, 300), (
        "two ask at the same time: "
        f"{len(wire.asked('chat'))} asked, busy {busy(process)}, exit {process.poll()}"
    )
    os.kill(busy(process)[0], signal.SIGKILL)
    assert wire.until(lambda: len(wire.asked("chat")) > 2, 60)
    gate.set()
    assert process.wait(120) == 0
    assert sorted(whole(tmp_path / "out.jsonl")) == names and not any(
        each["error"] for each in entries(tmp_path / "out.jsonl")
    )
    assert len(wire.asked("chat")) == 13, (
        "only the picture that it had at hand is asked about again"
    )
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 13


def test_ctrl_c_leaves_whole_lines_and_the_next_run_makes_the_others(tmp_path, wire):
    names, out, gate = paint(tmp_path, 12), tmp_path / "out.jsonl", threading.Event()
    wire.script += [say.sse(["a ", "b"])] * 4 + [say.sse(["a ", "b"], gate=gate)] * 2
    process = start(tmp_path, wire, "--ray", "local", "--parallel", "2")
    assert wire.until(lambda: len(wire.asked("chat")) == 6 and len(whole(out)) == 4, 300), (
        "two are asked about, four are done"
    )
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert process.wait(60) == 130
    gate.set()
    assert len(set(whole(out)) & set(names)) == 4 == len(whole(out))
    assert start(tmp_path, wire).wait(60) == 0
    assert sorted(whole(out)) == names and not any(each["error"] for each in entries(out))
    assert len(wire.asked("chat")) == 14, "whose line was there is not asked about again"

"""A data set from the command line: exactly one line a picture, whatever fails and whatever interrupts the run."""

import csv
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.batch_runs import paint, whole
from tests.support.paths import ROOT
from tests.support.wire import replies as say
from vlm_backends import BadPrompt, CancelToken
from vlm_backends.annotate.command import main
from vlm_backends.annotate.jsonl import entries
from vlm_backends.annotate.runner import annotate
from vlm_backends.ratelimit import SlidingWindow

KEY = "nvapi-0123456789abcdef"


FULL = """
import resource, sys
from vlm_backends.annotate.command import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("room", [1, 700])
def test_a_full_disk_leaves_whole_lines_and_the_next_run_goes_on(tmp_path, wire, room):
    paint(tmp_path / "p", 6)
    env = {**os.environ, "NVIDIA_API_KEY": KEY, "NVIDIA_BASE_URL": wire.url}
    command = [str(tmp_path / "p"), "--prompt", "What?", "--out", str(tmp_path / "out.jsonl")]
    full = subprocess.run(
        [sys.executable, "-c", FULL, str(room), *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert (
        full.returncode == 1
        and "File too large" in full.stderr
        and "Traceback" not in full.stderr
        and KEY not in full.stderr
    )
    written = (tmp_path / "out.jsonl").read_bytes()
    assert (
        len(written) <= room
        and (not written or written.endswith(b"\n"))
        and None not in whole(tmp_path / "out.jsonl")
    )
    again = subprocess.run(
        [sys.executable, "-m", "vlm_backends.annotate", *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert (
        again.returncode == 0
        and len(whole(tmp_path / "out.jsonl")) == len(set(whole(tmp_path / "out.jsonl"))) == 6
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Six small pictures, and the folder above them to be in."""
    monkeypatch.chdir(tmp_path)
    paint(Path("p"), 6)
    return tmp_path


@pytest.fixture
def asked(wire, monkeypatch):
    """The server whose answers come, and an environment that leads to it."""
    monkeypatch.setenv("NVIDIA_API_KEY", KEY)
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    return wire


def run(*options):
    return main([*(options or ["p"]), "--out", "out.jsonl"])


@pytest.mark.parametrize("options, said", [
    (["nowhere"], "“nowhere”"), (["p", "--task", "<NOPE>"], "no task"), (["p", "--task", "<OPEN_VOCABULARY_DETECTION>"], "needs words"),
    (["p", "--task", "<REGION_TO_CATEGORY>"], "needs a region"), (["p", "--task", "<OD>", "--prompt", "x"], "--prompt"), (["p", "--prompt", " "], "empty"),
    (["p", "--task", "<OD>", "--model", "google/paligemma"], "--model"), (["p", "--model", "microsoft/florence-2"], "choose one"),
    (["p", "--model", "nobody/knows"], "no model"), (["p", "--words", "a cat"], "belong to a task"), (["p", "--engine", "openai"], "VLM_BASE_URL"),
    (["p", "--csv", "./out.jsonl"], "of their own"), (["p", "--csv", "x", "--coco", "x"], "of their own"), (["p", "--csv", "p"], "“p” is a folder"),
])  # fmt: skip
def test_what_cannot_be_asked_is_a_sentence_before_anything_is_asked(
    folder, asked, capsys, options, said
):
    assert run(*options) == 1
    assert (
        said in (printed := capsys.readouterr().err)
        and "Traceback" not in printed
        and KEY not in printed
    )
    assert not asked.asked("chat")


@pytest.mark.parametrize("option", ["--parallel", "--rpm"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "", "9" * 5000, "1e3", "²"])
def test_numbers_that_are_none_are_a_sentence(folder, capsys, option, value):
    with pytest.raises(SystemExit) as left:
        run("p", f"{option}={value}")
    assert (
        left.value.code == 2
        and f"{option}: give a whole number from 1 to" in capsys.readouterr().err
    )


def test_every_picture_has_one_line_and_only_what_failed_is_asked_again(folder, asked, capsys):
    (folder / "p/0003.png").write_bytes(b"no picture")
    asked.script += [say.status(422, {"detail": "no"}), say.sse(["half"], cut_after=1)]
    assert (
        run("p", "p/0001.png", "--csv", "t/all.csv", "--coco", "t/all.json", "--parallel", "3") == 3
    )
    found = {each["file"]: each for each in entries(folder / "out.jsonl")}
    assert (
        len(whole(folder / "out.jsonl")) == len(found) == 6
        and sum(bool(each["error"]) for each in found.values()) == 3
    )
    assert "not a picture" in found["p/0003.png"]["error"] and "3 failed" in capsys.readouterr().err
    assert (
        len(list(csv.DictReader((folder / "t/all.csv").open(encoding="utf-8-sig", newline=""))))
        == 6
    )
    assert len(json.loads((folder / "t/all.json").read_text())["images"]) == 3
    first = len(asked.asked("chat"))
    paint(folder / "p", 6)
    assert run() == 0 and len(asked.asked("chat")) == first + 3
    assert (
        run() == 0
        and len(asked.asked("chat")) == first + 3
        and len(whole(folder / "out.jsonl")) == 6
    )
    assert KEY not in (folder / "out.jsonl").read_text()


def test_a_picture_that_vanishes_in_the_meantime_has_its_line(folder, asked):
    gate = threading.Event()
    asked.script += [say.sse(["a ", "b"], gate=gate)]
    worker = threading.Thread(
        target=lambda: (
            asked.until(lambda: asked.asked("chat")),
            (folder / "p/0005.png").unlink(),
            gate.set(),
        )
    )
    worker.start()
    assert run("p/0000.png", "p/0005.png", "--parallel", "1") == 3
    worker.join()
    assert [bool(each["error"]) for each in entries(folder / "out.jsonl")] == [False, True]


def test_the_regions_of_a_task_are_in_the_lines_and_in_coco(folder, asked):
    assert run("p/0000.png", "p/0001.png", "--task", "od", "--coco", "all.json") == 0
    found, coco = list(entries(folder / "out.jsonl")), json.loads((folder / "all.json").read_text())
    assert all(
        each["regions"] and (each["task"], each["prompt"]) == ("<OD>", "<OD>") for each in found
    )
    assert len(coco["images"]) == 2 and len(coco["annotations"]) == sum(
        len(each["regions"]) for each in found
    )
    assert run("p", "--task", "od") == 0 and len(whole(folder / "out.jsonl")) == 6
    assert run("p") == 1, "another question goes to another file"


class Far:
    """A picture that cannot be read; notes when it was handed out."""

    name = "far"

    def read(self):
        raise BadPrompt("no")


def test_pictures_are_taken_as_they_are_needed_and_none_after_a_stop(wire):
    taken, stop = [], CancelToken()

    def endless():
        while True:
            taken.append(1)
            yield Far()

    for count, record in enumerate(
        annotate(None, None, None, None, endless(), stop, SlidingWindow(None), 4), 1
    ):
        assert record.error == "no" and len(taken) <= count + 4
        if count == 50:
            stop.set()
    assert len(taken) <= 58

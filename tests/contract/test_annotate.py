"""A data set from the command line: exactly one line a picture, whatever fails and whatever interrupts the run."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.robustness.test_interrupted_batch import ROOT, interrupted, paint, start, whole
from tests.support.wire import replies as say
from vlm_backends import BadPrompt, CancelToken, Picture, Region
from vlm_backends.annotate.command import main
from vlm_backends.annotate.jsonl import entries, ledger
from vlm_backends.annotate.records import write_coco, write_csv
from vlm_backends.annotate.runner import annotate
from vlm_backends.media.exports import as_coco
from vlm_backends.ratelimit import SlidingWindow

KEY = "nvapi-0123456789abcdef"
QUESTION = {"model": "m", "task": None, "prompt": "What?"}


def entry(name, error=None, **fields):
    return {"file": name, **QUESTION, "text": "", "error": error, **fields}


def text_of(*found):
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in found)


# the ledger


NAMES = some.text(some.characters(exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    found=some.lists(some.tuples(NAMES, some.booleans()), max_size=5),
    words=NAMES,
    zeros=some.integers(0, 3),
    data=some.data(),
)
def test_whatever_is_cut_off_each_picture_has_one_line_in_the_end(
    tmp_path_factory, found, words, zeros, data
):
    path = tmp_path_factory.mktemp("cut") / "out.jsonl"
    lines = [entry(name, "why" if failed else None, text=words) for name, failed in found]
    text = text_of(*lines)
    cut = data.draw(some.integers(0, len(text)))
    path.write_bytes(text[:cut] + bytes(zeros) * (text[:cut][-1:] != b"\n"))
    survivors = lines[: text[:cut].count(b"\n")]
    answered = {each["file"] for each in survivors if not each["error"]}
    with ledger(path, QUESTION) as (done, write):
        assert done == answered
        for each in lines * 2:
            write(entry(each["file"], text="again"))
    after = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert sorted(each["file"] for each in after) == sorted({each["file"] for each in lines})
    assert all(
        each["text"] == ("again" if each["file"] not in answered else words) for each in after
    )
    assert sorted(file.name for file in path.parent.iterdir() if file.suffix != ".lock") == [
        "out.jsonl"
    ]


@pytest.mark.parametrize("held, said", [
    (b"notes of mine", "something else"), (b"notes of mine\n", "something else"), (b"\x89PNG\r\n\x1a\n\0\0", "something else"), (b"\n", "something else"),
    (b"{}\n", "something else"), (b'{"file": 7}\n', "something else"), (b'{"file": "a"\n', "something else"), (b'{"name": "a"}\n', "something else"),
    (b'{"file": "' + b"[" * 100_000 + b"\n", "something else"), (text_of(entry("a")) + b"}" + text_of(entry("b")), "something else"),
    (text_of(entry("a", prompt="Where?")), "another question"), (text_of(entry("a")) + text_of(entry("b", task="<OD>")), "another question"),
    (text_of({"file": "a"}), "another question"), (text_of(entry("a", "why", model="n")), "another question"), (b"\0\n", "something else"),
])  # fmt: skip
def test_a_file_that_holds_something_else_is_left_as_it_is(tmp_path, held, said):
    path = tmp_path / "out.jsonl"
    path.write_bytes(held)
    with pytest.raises(BadPrompt, match=said), ledger(path, QUESTION):
        pass
    assert path.read_bytes() == held and not list(tmp_path.glob(".*.part"))


def test_two_runs_never_write_to_one_file(tmp_path):
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "out.jsonl")
    with ledger(tmp_path / "out.jsonl", QUESTION) as (_, write):
        write(entry("a"))
        for path in ("out.jsonl", "link.jsonl"):
            with pytest.raises(BadPrompt, match="Another run"), ledger(tmp_path / path, QUESTION):
                pass
    for _ in range(2):  # also after a fault of whoever writes, of whatever kind
        with pytest.raises(ImportError), ledger(tmp_path / "link.jsonl", QUESTION) as (done, _):
            assert done == {"a"} and (tmp_path / "link.jsonl").is_symlink()
            raise ImportError


def test_names_and_words_of_strangers_come_back_as_they_were(tmp_path):
    names = ["a\nb.png", "\u2028.png", "кот.png", '"', "\\xff.png", "\0"]
    with ledger(tmp_path / "out.jsonl", QUESTION) as (_, write):
        for name in names:
            write(entry(name, text="half \ud800 a letter"))
    with ledger(tmp_path / "out.jsonl", QUESTION) as (done, _):
        assert done == set(names)
    assert [each["text"] for each in entries(tmp_path / "out.jsonl")] == ["half ? a letter"] * 6


FULL = """
import resource, sys
from vlm_backends.annotate import main
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


# the command


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


# beside the lines


REGION = some.builds(
    Region,
    NAMES,
    some.lists(some.tuples(some.floats(0, 1), some.floats(0, 1)), max_size=5).map(tuple),
    some.booleans(),
)


@settings(deadline=None, max_examples=40)
@given(found=some.lists(some.tuples(NAMES, some.lists(REGION, max_size=3)), max_size=4))
def test_coco_written_picture_by_picture_is_that_of_all_at_once(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("coco") / "all.json"
    lines = [
        entry(name, width=40, height=30, regions=[region._asdict() for region in regions])
        for name, regions in found
    ]
    write_coco(
        path,
        lambda: [
            entry("failed", "why", width=4, height=3, regions=[]),
            entry("none", width=None),
            *lines,
        ],
    )
    picture = Picture(b"", "", 40, 30)
    assert json.loads(path.read_bytes()) == json.loads(
        json.dumps(as_coco((name, picture, regions) for name, regions in found))
    )


def test_no_cell_is_a_formula(tmp_path):
    lines = [
        entry("=1+1.png", text='=HYPERLINK("x")\n"a", b', regions=[{}], engine="e", seconds=0.5),
        entry("b", "-why", text="", regions=[], engine="e", seconds=0),
    ]
    write_csv(tmp_path / "all.csv", lambda: lines)
    head, first, second = csv.reader((tmp_path / "all.csv").open(encoding="utf-8-sig", newline=""))
    assert head == ["file", "text", "regions", "engine", "seconds", "error"] and first[2:] == [
        "1",
        "e",
        "0.5",
        "",
    ]
    assert first[0] == "'=1+1.png" and first[1].startswith("'=HYPER") and second[-1] == "'-why"
    with pytest.raises(ZeroDivisionError):
        write_csv(tmp_path / "all.csv", lambda: (1 / 0 for _ in "x"))
    assert (
        len((tmp_path / "all.csv").read_text().splitlines()) == 4
        and len(list(tmp_path.iterdir())) == 1
    ), "the old file stays whole"


# interruptions


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

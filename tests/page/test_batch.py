"""One question about many pictures: every picture once, at a pace, whatever fails; stop, resume, and a zip that opens."""

import csv
import io
import json
import threading
import zipfile
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from tests.support.async_tools import gather
from tests.support.paths import ASSETS
from tests.support.updates import value_of, values_of
from tests.support.wire import replies as say
from ui.core.session import Visitor, find_engines
from ui.state.batch import Batch, grid, progress
from ui.tabs.batch import KINDS, SAMPLES, BatchTab, question_for
from vlm_backends import Embedded, find_model
from vlm_backends.annotate.sources import Source

KEY = "nvapi-canary-0123456789"

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
KIND = LLAMA.id


@pytest.fixture
def folder(tmp_path):
    """Twelve small pictures that all differ."""
    for i in range(12):
        Image.new("RGB", (40 + i, 30), (i * 20, 90, 120)).save(tmp_path / f"{i:02}.png")
    return tmp_path


@pytest.fixture
def tab(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        return BatchTab(find_engines(Embedded()), gr.State(Visitor()))


def drive(tab, batch, visitor=None):
    gather(tab.stream(batch, visitor or Visitor(KEY)))
    return tab.finish(batch)


def opened(batch):
    return zipfile.ZipFile(io.BytesIO(batch.pack().read_bytes()))


def test_resume_asks_what_failed_only_and_the_zip_holds_all(tab, wire, folder):
    paths = [str(path) for path in sorted(folder.glob("*.png"))]
    (folder / "07.png").write_bytes(b"no picture")
    batch = Batch()
    wire.script += [say.status(422, {"detail": "no"})]
    tab.take(batch, paths, KIND, "What?")
    drive(tab, batch)
    assert len(batch.left()) == 2 and "10 of 12 done, 2 failed" in progress(batch)
    asked = len(wire.asked("chat"))
    notice = value_of(tab.resume(batch), tab.notice)
    drive(tab, batch)
    assert "10 of 12 are answered already" in notice and len(wire.asked("chat")) == asked + 1
    bundle = opened(batch)
    rows = list(csv.DictReader(io.StringIO(bundle.read("results.csv").decode("utf-8-sig"))))
    assert [row["state"] for row in rows].count("done") == 11 and rows[7]["error"]
    assert len([name for name in bundle.namelist() if name.startswith("annotated/")]) == 11
    kept = json.loads(bundle.read("json/00.json"))
    assert (
        (kept["model"], kept["text"]) == (LLAMA.id, rows[0]["text"])
        and kept["text"]
        and kept["sent"]["as"] == "inline"
    )
    assert len(json.loads(bundle.read("coco.json"))["images"]) == 11
    assert KEY.encode() not in batch.pack().read_bytes()


@pytest.mark.parametrize("paths, kind, words, said", [
    ([], KIND, "x", "Add pictures"), (["a.png"] * 101, KIND, "x", "takes 100"), (["sign.jpg"], "nope", "x", "Choose"),
    (["sign.jpg"], None, "x", "Choose"), (["sign.jpg"], "microsoft/florence-2<OPEN_VOCABULARY_DETECTION>", " ", "needs words"),
])  # fmt: skip
def test_a_batch_that_cannot_begin_is_a_sentence(tab, paths, kind, words, said):
    batch = Batch()
    taken = tab.take(batch, [str(ASSETS / path) for path in paths], kind, words)
    _, notice, *rest = values_of(taken, tab.taken)
    assert said in notice.replace("\\", "") and not batch.busy and rest == [gr.skip()] * 6


def test_a_second_batch_waits_and_stop_keeps_what_is_done(tab, wire, folder):
    gates = [threading.Event() for _ in range(12)]
    wire.script += [say.sse(["one"])] + [say.sse(["a ", "b"], gate=gate) for gate in gates]
    batch = Batch()
    tab.take(batch, [str(path) for path in sorted(folder.glob("*.png"))], KIND, "What?")
    worker = threading.Thread(target=drive, args=(tab, batch))
    worker.start()
    while not any(batch.done(source) for source in batch.sources):
        pass
    notice = value_of(tab.take(batch, [str(folder / "00.png")], KIND, "What?"), tab.notice)
    assert "still going" in notice
    tab.end(batch)
    worker.join(30)
    assert not worker.is_alive() and len(batch.left()) == 11 and "11 not asked" in progress(batch)


@pytest.mark.parametrize("paths, counted", [
    (None, False), ([], False), (["a.png"], False), (["a.pdf"], True), (["a.png", "/b/c.TIFF"], True), (["pdf"], False), (["a.tif", "b.jpg"], True),
])  # fmt: skip
def test_a_batch_says_that_it_counts_pages_and_then_what_it_found(tab, paths, counted):
    assert value_of(tab.announce(paths), tab.notice) == "Counting the pages…" * counted
    after = tab.take(Batch(), paths or [], KIND, "?")
    assert "Counting" not in value_of(after, tab.notice), "it is gone in any case"


@pytest.mark.parametrize("pages, again, said", [
    ((3,), (), ""), ((1, 3), (), ""), ((1,), (0,), "1 of the files came twice"), ((3,), (0,), "1 of the files came twice"),
    ((2, 1, 4), (0, 2, 2), "3 of the files came twice"), ((1, 1, 1), (), ""),
])  # fmt: skip
def test_files_are_counted_and_not_their_pages(tab, tmp_path, pages, again, said):
    paths = []
    for index, count in enumerate(pages):
        paths.append(str(tmp_path / f"{index}.tif"))
        first, *more = [Image.new("L", (9 + index, 9), 40 * page) for page in range(count)]
        first.save(paths[-1], save_all=True, append_images=more)
    batch = Batch()
    notice = value_of(
        tab.take(batch, paths + [paths[index] for index in again], KIND, "?"), tab.notice
    )
    assert len(batch.sources) == sum(pages)
    assert notice.startswith(said) and bool(notice) == bool(said)


def test_strangers_words_are_words_in_the_grid():
    wicked = "<img src=x onerror=alert(1)>.png"
    batch = Batch(question_for(KIND, "x"), (Source(wicked, Path("/nowhere.png")),))
    assert "<img src=x" not in grid(batch) and "&lt;img" in grid(batch)


def test_every_kind_of_question_can_be_asked():
    for kind, (_, task) in KINDS.items():
        job = question_for(kind, "a cat")
        assert job.text and (not task or job.text.startswith(task.token))
    assert all((ASSETS / sample).is_file() for sample in SAMPLES)

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

from tests.conftest import CHROMIUM
from tests.page.test_page import KEY, gather
from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from ui.core.session import Visitor, registry
from ui.state.batch import Batch, grid, progress
from ui.tabs.batch import KINDS, SAMPLES, BatchTab, job_of
from vlm_backends import NVIDIA, BadPrompt, CancelToken, Embedded, Prompt, Turn, find_model
from vlm_backends.annotate.runner import annotate, rate_limit_for
from vlm_backends.annotate.sources import MOST, Source, safe_name, sources
from vlm_backends.media import images
from vlm_backends.ratelimit import SlidingWindow

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
KIND = LLAMA.id


# the pace


class Clock:
    """Seconds that pass only when somebody waits for them."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Patient(CancelToken):
    """Waits by moving the clock."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.waited = clock, []

    def wait(self, seconds):
        self.waited.append(round(seconds, 6))
        self.clock.now += seconds
        return self.is_set()


def test_no_more_than_so_many_in_any_window():
    clock = Clock()
    window, stop, begun = SlidingWindow(3, 10, clock), Patient(clock), []
    for _ in range(10):
        assert window.turn(stop)
        begun.append(clock.now)
        clock.now += 1
    assert all(later - earlier >= 10 for earlier, later in zip(begun, begun[3:]))
    assert begun[:3] == [100, 101, 102] and begun[3] == 110, "nobody waits longer than needed"


def test_a_hold_is_for_all_and_a_stop_ends_the_wait():
    clock = Clock()
    window, stop = SlidingWindow(None, 60, clock), Patient(clock)
    window.hold(7)
    assert window.due() == 7 and window.turn(stop) and stop.waited == [7]
    stopped = CancelToken()
    stopped.set()
    window.hold(1000)
    assert not window.turn(stopped)


def test_a_key_has_one_pace_wherever_it_is_used_and_keeps_to_the_hosts_limit():
    (one, parallel), (other, _) = rate_limit_for(NVIDIA(KEY)), rate_limit_for(NVIDIA(KEY))
    assert one is other and one is not rate_limit_for(NVIDIA("another"))[0] and parallel > 1
    assert (one.requests, one.seconds) == (40, 60) and KEY not in repr(vars(one))
    assert rate_limit_for(Embedded())[0].requests is None and rate_limit_for(Embedded())[1] == 1


# names


@pytest.mark.parametrize("given, safe", [
    ("cat.jpg", "cat.jpg"), ("../../etc/passwd", "passwd"), ("C:\\x\\cat.png", "cat.png"), ("", "picture"), (".jpg", "jpg"),
    ("...", "picture"), ("con.png", "_con.png"), ("a\nb\x00c.png", "abc.png"), ("\u202egpj.exe", "gpj.exe"), ("=1+1.png", "=1+1.png"),
    ("<b>.png", "b.png"), ("кот.jpg", "кот.jpg"), ("x" * 500 + ".png", "x" * 80 + ".png"), ("a.tar.gz", "a.tar.gz"), ("a. .png", "a.png"),
])  # fmt: skip
def test_a_strangers_file_name_is_made_safe(given, safe):
    assert safe_name(given) == safe


@pytest.fixture
def folder(tmp_path):
    """Twelve small pictures that all differ."""
    for i in range(12):
        Image.new("RGB", (40 + i, 30), (i * 20, 90, 120)).save(tmp_path / f"{i:02}.png")
    return tmp_path


def test_files_get_names_of_their_own_and_doubles_go(folder, tmp_path):
    (tmp_path / "deep").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "deep" / "00.png")
    (tmp_path / "deep" / "copy.png").write_bytes((folder / "01.png").read_bytes())
    found = sources(
        [
            folder / "00.png",
            folder / "01.png",
            tmp_path / "deep" / "00.png",
            tmp_path / "deep" / "copy.png",
        ]
    )
    assert [source.name for source in found] == ["00.png", "01.png", "00-2.png"]
    for bad in ([], [folder / "00.png"] * (MOST + 1)):
        with pytest.raises(BadPrompt):
            sources(bad)


# the core, on real sockets


def question(picture):
    return Prompt((Turn("user", "What?", (picture,)),), LLAMA.sampling)


def run(wire, found, stop=None, window=None, parallel=4):
    engine = NVIDIA(KEY, wire.url)
    return list(
        annotate(
            engine,
            LLAMA,
            question,
            None,
            found,
            stop or CancelToken(),
            window or SlidingWindow(None),
            parallel,
        )
    )


def test_every_picture_has_one_record_whatever_fails(wire, folder):
    (folder / "05.png").write_bytes(b"no picture")
    wire.script += [say.status(422, {"detail": "no"}), say.sse(["half"], cut_after=1)]
    records = run(wire, sources(sorted(folder.glob("*.png"))))
    assert sorted(record.source.name for record in records) == [f"{i:02}.png" for i in range(12)]
    failed = [record for record in records if record.error]
    assert len(failed) == 3 and any("not a picture" in record.error for record in failed)
    assert all(record.answer.text for record in records if not record.error)


class Told(SlidingWindow):
    """Notes for how long it is held, and holds for no time."""

    def __init__(self):
        super().__init__(40, 60)
        self.held = []

    def hold(self, seconds):
        self.held.append(seconds)


def too_fast(seconds):
    return say.status(429, {"detail": "slow down"}, headers={"Retry-After": seconds})


def test_too_fast_is_waited_out_and_asked_again(wire, folder):
    wire.script += [too_fast("45"), too_fast("31")]
    window = Told()
    (record,) = run(wire, sources([folder / "00.png"]), window=window, parallel=1)
    assert (
        not record.error
        and record.answer.text
        and window.held == [45, 31]
        and len(wire.asked("chat")) == 3
    )


@pytest.mark.parametrize("seconds, asked", [("45", 6), ("86400", 1)])
def test_who_never_lets_us_in_is_not_asked_for_ever(wire, folder, seconds, asked):
    wire.script += [too_fast(seconds)] * 20
    records = run(wire, sources([folder / "00.png", folder / "01.png"]), window=Told(), parallel=1)
    assert "asks to wait" in records[0].error and "asks to wait" in records[1].error
    assert len(wire.asked("chat")) == (asked if seconds == "86400" else 2 * asked)


def test_a_refusal_that_holds_for_all_is_not_paid_again(wire, folder):
    wire.script += [say.status(402, {"detail": "no credits"})] * 2
    records = run(wire, sources(sorted(folder.glob("*.png"))), parallel=1)
    assert (
        len(records) == 12
        and all(record.error for record in records)
        and len(wire.asked("chat")) == 1
    )


def test_stop_leaves_the_rest_unrecorded(wire, folder):
    stop, seen = CancelToken(), []
    engine = NVIDIA(KEY, wire.url)
    for record in annotate(
        engine,
        LLAMA,
        question,
        None,
        sources(sorted(folder.glob("*.png"))),
        stop,
        SlidingWindow(None),
        1,
    ):
        seen.append(record)
        if len(seen) == 3:
            stop.set()
    assert (
        3 <= len(seen) <= 4
        and not any(record.error for record in seen)
        and len(wire.asked("chat")) <= 5
    )


# the tab's handlers


@pytest.fixture
def tab(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        return BatchTab(registry(Embedded()), gr.State(Visitor()))


def drive(tab, batch, visitor=None):
    gather(tab.stream(batch, visitor or Visitor(KEY)))
    return tab.finish(batch)


def test_a_stop_keeps_nothing_of_questions_that_are_over(wire):
    stop = CancelToken()
    engine, prompt = (
        NVIDIA(KEY, wire.url),
        Prompt((Turn("user", "What?", (images.read(ASSETS / "coffee.jpg"),)),), LLAMA.sampling),
    )
    for _ in range(3):
        assert list(engine.stream(LLAMA, prompt, stop))
    assert not stop._actions
    window = SlidingWindow(None)
    assert not any(window.take() for _ in range(1000)) and not window._begun


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
    _, notice, *_ = tab.resume(batch)
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
    _, notice, *rest = tab.take(batch, [str(ASSETS / path) for path in paths], kind, words)
    assert said in notice.replace("\\", "") and not batch.waiting and rest == [gr.skip()] * 6


def test_a_second_batch_waits_and_stop_keeps_what_is_done(tab, wire, folder):
    gates = [threading.Event() for _ in range(12)]
    wire.script += [say.sse(["one"])] + [say.sse(["a ", "b"], gate=gate) for gate in gates]
    batch = Batch()
    tab.take(batch, [str(path) for path in sorted(folder.glob("*.png"))], KIND, "What?")
    worker = threading.Thread(target=drive, args=(tab, batch))
    worker.start()
    while not any(batch.done(source) for source in batch.sources):
        pass
    _, notice, *_ = tab.take(batch, [str(folder / "00.png")], KIND, "What?")
    assert "still going" in notice
    tab.end(batch)
    worker.join(30)
    assert not worker.is_alive() and len(batch.left()) == 11 and "11 not asked" in progress(batch)


def test_strangers_words_are_words_in_the_grid():
    wicked = "<img src=x onerror=alert(1)>.png"
    batch = Batch(job_of(KIND, "x"), (Source(wicked, Path("/nowhere.png")),))
    assert "<img src=x" not in grid(batch) and "&lt;img" in grid(batch)


def test_every_kind_of_question_can_be_asked():
    for kind, (_, task) in KINDS.items():
        job = job_of(kind, "a cat")
        assert job.text and (not task or job.text.startswith(task.token))
    assert all((ASSETS / sample).is_file() for sample in SAMPLES)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")
def test_thumbnails_fill_and_the_results_come_as_a_zip(visit):
    page = visit(width=390, height=900)
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-start").click()
    sync_api.expect(page.locator("#batch-notice")).to_contain_text("Add pictures first")
    page.locator("#batch-files input[type=file]").set_input_files(
        [ASSETS / "sign.jpg", ASSETS / "chart.png"]
    )
    page.locator("#batch-files").get_by_text("chart").first.wait_for()
    page.locator("#batch-start").click()
    sync_api.expect(page.locator("#batch-status [role=status]")).to_contain_text(
        "2 of 2 done", timeout=90_000
    )
    sign = page.locator(".batch-grid li", has_text="sign.jpg")
    sync_api.expect(sign).to_contain_text("PINE RIDGE PARK")
    assert (
        sign.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
        == 360
    )
    for width in (390, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    with page.expect_download() as caught:
        page.locator("#batch-download").click()
    bundle = zipfile.ZipFile(caught.value.path())
    assert {"results.csv", "coco.json", "annotated/sign.jpeg", "json/chart.json"} <= set(
        bundle.namelist()
    )

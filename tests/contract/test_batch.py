"""One question about many pictures, on real sockets: one record a picture, at a pace, whatever fails."""

import pytest
from PIL import Image

from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from vlm_backends import NVIDIA, CancelToken, Prompt, Turn, find_model
from vlm_backends.annotate.runner import annotate
from vlm_backends.annotate.sources import sources
from vlm_backends.media import images
from vlm_backends.ratelimit import SlidingWindow

KEY = "nvapi-canary-0123456789"


LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")


@pytest.fixture
def folder(tmp_path):
    """Twelve small pictures that all differ."""
    for i in range(12):
        Image.new("RGB", (40 + i, 30), (i * 20, 90, 120)).save(tmp_path / f"{i:02}.png")
    return tmp_path


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


def test_a_stop_keeps_nothing_of_questions_that_are_over(wire):
    stop = CancelToken()
    engine, prompt = (
        NVIDIA(KEY, wire.url),
        Prompt((Turn("user", "What?", (images.read(ASSETS / "coffee.jpg"),)),), LLAMA.sampling),
    )
    for _ in range(3):
        assert list(engine.stream(LLAMA, prompt, stop))
    assert not stop._callbacks
    window = SlidingWindow(None)
    assert not any(window.take() for _ in range(1000)) and not window._begun

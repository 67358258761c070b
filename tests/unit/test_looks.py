"""A look at a picture that was given: nobody asked for it, so it makes no question wait."""

import threading

from PIL import Image

from tests.support.paths import ASSETS
from tests.support.processes import until
from vlm_backends import CancelToken, Embedded, Prompt, Turn, ask, find_model
from vlm_backends.engines.builtin import look_over, overview
from vlm_backends.media import images

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")


def test_many_looks_leave_seats_to_questions(monkeypatch):
    cancel, looking = CancelToken(), []

    def look(rgb, cancel):
        looking.append(rgb)
        ended.wait(60)
        yield overview.Finding("text", "1 line of text")

    monkeypatch.setattr(overview, "overview", look)
    ended, picture = threading.Event(), images.read(Image.new("RGB", (60, 40)))
    found = []
    looks = [
        threading.Thread(target=lambda: found.extend(look_over(picture, cancel))) for _ in range(6)
    ]
    try:
        for each in looks:
            each.start()
        assert until(lambda: looking)
        prompt = Prompt((Turn("user", "What does it say?", (images.read(ASSETS / "sign.jpg"),)),))
        said = [answer.status for answer in ask(Embedded(), LLAMA, prompt)]
        assert said and not any("Waiting in line" in status for status in said)
        assert len(looking) == 1, "one look at a time"
    finally:
        ended.set()
        for each in looks:
            each.join(60)
    assert len(found) == 6, "each look has its turn"

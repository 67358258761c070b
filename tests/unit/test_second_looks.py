"""What has none of the 80 names gets another one in another light: such a name is not told."""

from pathlib import Path

import gradio
import numpy as np
import pytest
from PIL import Image

from tests.support.paths import ROOT
from vlm_backends.engines.builtin.things.boxes import Thing
from vlm_backends.engines.builtin.things.detector import detect
from vlm_backends.engines.builtin.things.finding import distinct, things_of
from vlm_backends.engines.builtin.things.second_looks import confirmed

GRADIO = Path(gradio.__file__).parent / "media_assets" / "images"


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (ROOT / "assets" / "cat.jpg", {"cat"}),
        (ROOT / "assets" / "astronaut.jpg", {"person"}),
        (ROOT / "assets" / "coffee.jpg", {"cup", "dining table"}),
        (GRADIO / "cheetah.jpg", set()),  # a "dog" at first sight
        (GRADIO / "lion.jpg", set()),
        (GRADIO / "tower.jpg", set()),
        (ROOT / "assets" / "rocket.jpg", set()),
    ],
)
def test_only_what_is_seen_again_keeps_its_name(path, names):
    rgb = opened(path)
    found = distinct(things_of(detect(rgb), 0.5))
    assert {thing.name for thing in confirmed(rgb, found, 0.5)} == names


def test_a_cheetah_is_a_dog_at_first_sight():
    rgb = opened(GRADIO / "cheetah.jpg")
    assert "dog" in {thing.name for thing in things_of(detect(rgb), 0.5)}


@pytest.mark.parametrize(
    "thing",
    [
        Thing("dog", 0.9, (0.0, 0.0, 0.87, 1.0)),  # the place of the cat
        Thing("cat", 0.9, (0.7, 0.7, 1.0, 1.0)),  # a corner of it
        Thing("toaster", 0.99, (0.2, 0.2, 0.4, 0.4)),
    ],
)
def test_what_is_not_seen_again_is_left_out(thing):
    assert confirmed(opened(ROOT / "assets" / "cat.jpg"), [thing], 0.5) == []


def test_no_look_makes_a_thing_surer_and_the_surest_is_first():
    rgb = opened(ROOT / "assets" / "coffee.jpg")
    found = distinct(things_of(detect(rgb), 0.4))
    again = confirmed(rgb, found, 0.4)
    first = {(thing.name, thing.box): thing.score for thing in found}
    assert [thing.score for thing in again] == sorted((t.score for t in again), reverse=True)
    assert all(0.4 <= thing.score <= first[thing.name, thing.box] for thing in again)


def test_nothing_found_is_nothing_confirmed():
    assert confirmed(np.zeros((20, 20, 3), np.uint8), [], 0.5) == []

"""What the benchmarks measure in time, counted: encodes, calls, hand-overs, bytes. No clock decides here."""

import asyncio
import io
import json
import sys
import threading
from unittest.mock import patch

import pytest
from PIL import Image

from benchmarks.readers import GRAMMARS
from tests.support.async_tools import finished
from ui.components.viewer import scene
from vlm_backends import (
    Answer,
    CancelToken,
    Region,
    encode,
    read,
)
from vlm_backends.concurrency import latest_items
from vlm_backends.media import drawing, images


def photograph(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    noise = Image.effect_noise((width // 4, height // 4), 60).resize((width, height), Image.BICUBIC)
    Image.merge("RGB", [noise, noise.transpose(Image.Transpose.ROTATE_180), noise]).save(
        buffer, "JPEG", quality=92
    )
    return buffer.getvalue()


def calls(work) -> int:
    """How many functions, Python's and C's, one call goes through."""
    count = 0

    def note(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("width, height", [(1200, 800), (4000, 3000), (6000, 4000), (8000, 6000)])
def test_a_photograph_is_fitted_in_three_encodes_and_never_decoded_whole(width, height):
    data, sizes = photograph(width, height), []
    with (
        patch.object(images, "_save", side_effect=images._save) as save,
        patch.object(
            images,
            "_shrunk",
            side_effect=lambda image, *a: sizes.append(image.size) or shrunk(image, *a),
        ),
    ):
        encode(data)
    assert 1 <= save.call_count <= 3
    assert all(wide * high <= max(width * height / 4, 1_500_000) for wide, high in sizes)


shrunk = images._shrunk


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_reading_is_linear_in_the_reply(grammar):
    reader, item = GRAMMARS[grammar]
    few, many = ("".join(item(7) for _ in range(count)) for count in (200, 2000))
    assert calls(lambda: reader(many)) <= 10.5 * calls(lambda: reader(few))


def test_a_thousand_pieces_are_a_few_hand_overs_and_nothing_of_them_is_lost():
    gate = threading.Event()

    def pieces():
        yield 0
        gate.wait(30)
        yield from range(1, 1000)

    async def handed() -> list[int]:
        found = []
        async for item in latest_items(pieces, CancelToken(), pause=0.5):
            found.append(item)
            gate.set()
        return found

    found = finished(asyncio.wait_for(handed(), 60))
    assert found[0] == 0 and found[-1] == 999 and len(found) <= 4


def box(i: int) -> Region:
    x, y = i % 17 / 20, i // 17 / 20
    return Region(f"object {i}", ((x, y), (x + 0.04, y), (x + 0.04, y + 0.04), (x, y + 0.04)))


def test_the_scene_of_many_regions_is_small_and_grows_with_their_number_only():
    picture = read(photograph(1200, 800))
    sizes = [
        len(json.dumps(scene(picture, Answer("", tuple(map(box, range(count)))))))
        for count in (50, 100, 200)
    ]
    assert sizes[2] < 200 * 250 and sizes[2] - sizes[1] <= 2.2 * (sizes[1] - sizes[0])


def test_drawing_on_a_large_picture_makes_no_mask_of_its_own():
    image = Image.new("RGB", (4000, 3000))
    mask = Region("mask", ((0.1, 0.1), (0.9, 0.2), (0.5, 0.9)), is_mask=True)
    with patch.object(Image, "new", side_effect=Image.new) as new:
        drawing.draw(image, [mask])
    assert not any(call.args[0] == "L" and call.args[1][0] > 1000 for call in new.call_args_list)

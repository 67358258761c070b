"""Colours are named as people name them, in patches, photographs and bad light."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.colour_samples import (
    LIGHTS,
    PATCHES,
    REGIONS,
    SIGNS,
    family,
    photographed_sign,
)
from vlm_backends.engines.builtin.colour_names import to_oklab
from vlm_backends.engines.builtin.colours import colours, size_and_colours


def flat(code: str, size=(40, 30)) -> np.ndarray:
    return np.full((size[1], size[0], 3), tuple(bytes.fromhex(code)), np.uint8)


def said(rgb: np.ndarray) -> dict[str, float]:
    return dict(colours(rgb))


def families(rgb: np.ndarray) -> list[str]:
    return [family(name) for name, _ in colours(rgb)]


# --- patches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code, names", PATCHES.items())
def test_a_patch_has_one_of_the_names_that_people_give_it(code, names):
    ((name, share),) = colours(flat(code))
    assert family(name) in names.split(", ") and share == 1.0


@pytest.mark.parametrize("code, name", [
    ("006400", "dark green"), ("90ee90", "light green"), ("000080", "dark blue"), ("add8e6", "light blue"), ("8b0000", "dark red"),
    ("d3d3d3", "light grey"), ("404040", "dark grey"), ("301934", "dark purple"), ("0000ff", "blue"), ("808080", "grey"),
])  # fmt: skip
def test_light_and_dark_are_said(code, name):
    assert said(flat(code)) == {name: 1.0}


def test_white_black_and_grey_have_no_tint_in_oklab():
    lab = to_oklab(np.array([[0, 0, 0], [255, 255, 255], [128, 128, 128]], np.uint8))
    assert np.abs(lab[:, 1:]).max() < 1e-6 and lab[:2, 0] == pytest.approx([0, 1], abs=1e-6)


# --- photographs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", REGIONS, ids=lambda sample: f"{sample.picture}: {sample.thing}")
def test_a_thing_in_a_photograph_has_a_name_that_people_accept(sample):
    found = families(sample.pixels())
    assert found[0] in sample.names.split(", ")
    assert not set(found) & set(sample.never.split(", "))


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize(
    "name, colour", [(name, colour) for name, many in SIGNS.items() for colour in many]
)
def test_a_sign_keeps_its_colour_in_any_light(name, colour, light):
    found = colours(photographed_sign(colour, light, seed=sum(colour)))
    assert family(found[0][0]) == name and found[0][1] >= 0.55


def test_a_shaded_thing_has_one_name():
    found = said(photographed_sign((0, 110, 70), "shaded", seed=1))
    assert list(found) == ["green"] and found["green"] >= 0.85


# --- shares ---------------------------------------------------------------------------------------


def halves(*codes: str) -> np.ndarray:
    return np.concatenate([flat(code) for code in codes], axis=1)


@pytest.mark.parametrize("codes, shares", [
    (("0000ff", "ffff00"), {"blue": 0.5, "yellow": 0.5}),
    (("ff0000", "ff0000", "ff0000", "ffffff"), {"red": 0.75, "white": 0.25}),
    (("191970", "add8e6"), {"dark blue": 0.5, "light blue": 0.5}),
    (("ffa500", "5c4033"), {"orange": 0.5, "brown": 0.5}),
    (("006400", "90ee90", "ffffff", "ffffff"), {"dark green": 0.25, "light green": 0.25, "white": 0.5}),
])  # fmt: skip
def test_shares_are_those_of_the_pixels(codes, shares):
    assert said(halves(*codes)) == pytest.approx(shares, abs=0.05)


@pytest.mark.parametrize("seed", range(8))
def test_shares_are_told_in_steps_and_never_add_up_to_more_than_all(seed):
    cells = np.random.RandomState(seed).randint(0, 256, (4, 5, 3)).astype(np.uint8)
    found = colours(np.kron(cells, np.ones((20, 20, 1), np.uint8)))
    shares = [share for _, share in found]
    assert sum(shares) <= 1.0 + 1e-9 and shares == sorted(shares, reverse=True)
    assert all(share >= 0.05 and (share * 20) == pytest.approx(round(share * 20)) for share in shares)  # fmt: skip


@pytest.mark.parametrize("ground, thing, name", [("white", "red", "white"), ("black", "yellow", "black"), ("#006400", "white", "dark green")])  # fmt: skip
@pytest.mark.parametrize("box", [(0, 0, 20, 20), (90, 90, 99, 99), (0, 50, 199, 50), (30, 0, 31, 199)])  # fmt: skip
def test_what_is_rare_is_left_out_and_the_rest_is_not_called_all(ground, thing, name, box):
    image = Image.new("RGB", (200, 200), ground)
    ImageDraw.Draw(image).rectangle(box, thing)  # 0.25 to 1 %
    assert said(np.asarray(image)) == {name: 0.95}
    assert size_and_colours(np.asarray(image)).endswith(f"{name} 95%, others under 10%.")


@pytest.mark.parametrize("codes", [("000000", "ffffff"), ("ff0000", "ffff00"), ("0000ff", "ffa500")])  # fmt: skip
@pytest.mark.parametrize("size", [(400, 400), (401, 397), (120, 90)])
@pytest.mark.parametrize("pattern", ["1 px squares", "2 px squares", "2 px stripes"])
def test_fine_patterns_have_the_colours_of_all_their_parts(codes, size, pattern):
    y, x = np.indices((size[1], size[0]))
    second = {"1 px squares": x + y, "2 px squares": x // 2 + y // 2, "2 px stripes": x // 2}
    pixels = np.array([tuple(bytes.fromhex(code)) for code in codes], np.uint8)
    found = said(pixels[second[pattern] % 2])
    assert len(found) == 2 and all(share == pytest.approx(0.5, abs=0.06) for share in found.values())  # fmt: skip


@pytest.mark.parametrize("codes, rest", [
    (("ff0000", "008000", "0000ff", "ffff00", "ffa500", "800080"), "others 3"),
    (("ffffff", "ffffff", "000000", "ff0000", "008000", "0000ff", "ffff00"), "others 30%"),
    (("ff0000", "0000ff"), ""),
    (("ff0000", "0000ff", "ffff00", "ffffff"), ""),
])  # fmt: skip
def test_what_has_no_name_is_told(codes, rest):
    words = size_and_colours(halves(*codes))
    assert rest in words and ("others" in words) == bool(rest)


@pytest.mark.parametrize("strips, told", [
    ({"white": 160, "808000": 30, "red": 5, "blue": 5}, "white 80%, olive 15%, others under 10%."),
    ({"black": 120, "red": 77, "white": 3}, "black 60%, red 35%, others under 10%."),
    ({"black": 120, "red": 80}, "black 60%, red 40%."), ({"white": 200}, "white 100%."),
])  # fmt: skip
def test_a_small_rest_is_told_too(strips, told):
    image = Image.new("RGB", (200, 100))
    left = 0
    for colour, width in strips.items():
        ink = colour if colour.isalpha() else f"#{colour}"
        ImageDraw.Draw(image).rectangle((left, 0, left + width - 1, 99), ink)
        left += width
    assert size_and_colours(np.asarray(image)).endswith(told)


def test_many_colours_are_called_many():
    codes = ["ff0000", "ffa500", "ffff00", "008000", "008080", "40e0d0", "0000ff", "800080", "ff00ff", "ff69b4", "8b4513",
             "d2b48c", "808000", "000000", "ffffff", "808080"]  # fmt: skip
    assert size_and_colours(halves(*codes)).endswith("Colours: many, none of them large.")


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (2, 3), (5000, 7)])
def test_pictures_of_any_size_have_colours(size):
    assert said(flat("008000", size)) == {"green": 1.0}
    assert size_and_colours(flat("008000", size)).startswith(f"{size[0]} × {size[1]} px.")

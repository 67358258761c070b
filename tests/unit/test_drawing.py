"""The drawing law, and what a reader of the picture would complain about."""

import math

import pytest
from PIL import Image, ImageChops

from vlm_backends import Region, colours, draw

GREY = Image.new("RGB", (600, 400), (128, 128, 128))


def box(x0, y0, x1, y1, label="thing", is_mask=False):
    return Region(label, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), is_mask)


def changed(region, image=GREY):
    """The bounds, in pixels, of what drawing changed."""
    return ImageChops.difference(image, draw(image, [region])).getbbox()


def test_drawing_law():
    before = GREY.tobytes()
    regions = [box(0.1, 0.2, 0.5, 0.6), box(0.3, 0.3, 0.9, 0.9, "mask", True)]
    once, again = draw(GREY, regions), draw(GREY, regions)
    assert GREY.tobytes() == before, "the given image was drawn on"
    assert once.size == GREY.size and once.tobytes() == again.tobytes()
    assert draw(GREY, []).tobytes() == before
    middle = 240, 200
    assert draw(GREY, [box(0.2, 0.2, 0.6, 0.8, is_mask=True)]).getpixel(middle) != GREY.getpixel(
        middle
    )
    assert draw(GREY, [box(0.2, 0.2, 0.6, 0.8)]).getpixel(middle) == GREY.getpixel(middle)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_any_mode_is_drawn_on_in_rgb(mode):
    assert draw(GREY.convert(mode), [box(0.1, 0.1, 0.9, 0.9)]).mode == "RGB"


@pytest.mark.parametrize(
    "corners", [(0, 0, 1, 1), (0, 0, 0.02, 0.02), (0.98, 0.98, 1, 1), (0, 0.5, 1, 0.5)]
)
@pytest.mark.parametrize(
    "label",
    ["x", "a very long label that would run far out of the picture " * 3, "Straße 日本\n two"],
)
def test_labels_stay_inside(corners, label):
    region = box(*corners, label=label)
    left, top, right, bottom = changed(region)
    assert 0 <= left < right <= 600 and 0 <= top < bottom <= 400


@pytest.mark.parametrize(
    "outline", [(), ((0.5, 0.5),), ((0.1, 0.1), (0.9, 0.9)), ((0.5, 0.5),) * 9]
)
def test_degenerate_outlines_do_not_stop_the_drawing(outline):
    for solid in (True, False):
        assert draw(GREY, [Region("x", outline, solid)]).size == GREY.size


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3000, 2), (40, 40)])
def test_small_pictures_are_drawn_on(size):
    assert (
        draw(Image.new("RGB", size), [box(0, 0, 1, 1), box(0, 0, 1, 1, is_mask=True)]).size == size
    )


def test_a_slanted_line_is_anti_aliased():
    ring = tuple(
        (0.5 + 0.3 * math.cos(t / 20 * math.pi), 0.5 + 0.4 * math.sin(t / 20 * math.pi))
        for t in range(40)
    )
    colours = draw(GREY, [Region("", ring)]).getcolors(10_000)
    assert len(colours) > 8, "no shades between the line and the ground"


@pytest.mark.parametrize("side", [300, 1000, 1600, 2400, 2500])
def test_a_slanted_line_is_as_wide_as_a_straight_one(side):
    image, wide = Image.new("L", (side, side), 255), []
    for lean in (0, 0.02):
        region = Region("", ((0.2, 0.2), (0.8, 0.2 + lean), (0.8, 0.8), (0.2, 0.8)))
        column = draw(image, [region]).crop((side // 2, 0, side // 2 + 1, side // 2)).convert("L")
        wide.append(sum(255 - value for value in column.tobytes()) / (255 - luma(region)))
    assert abs(wide[0] - wide[1]) <= 1.1, wide


def luma(region):
    return (
        Image.new("RGB", (1, 1), colours([region.label])[region.label])
        .convert("L")
        .getpixel((0, 0))
    )


def test_outlines_without_points_beside_others_stop_nothing():
    regions = [*[Region("x", ())] * 300, box(0.2, 0.2, 0.6, 0.6)]
    assert ImageChops.difference(GREY, draw(GREY, regions)).getbbox()


def test_line_and_letters_grow_with_the_picture():
    widths = []
    for size in (500, 4000):
        image = Image.new("RGB", (size, size), "grey")
        column = draw(image, [box(0.2, 0.2, 0.8, 0.8, "")]).crop(
            (0, size // 2, size // 2, size // 2 + 1)
        )
        widths.append(sum(count for count, pixel in column.getcolors() if pixel != (128, 128, 128)))
    assert widths[1] > 3 * widths[0]


def test_a_label_has_one_colour_everywhere():
    alone = [colours([f"label {i}"])[f"label {i}"] for i in range(50)]
    assert colours(["Cat"])["Cat"] == colours([" cat "])[" cat "] and len(set(alone)) > 8


def test_labels_of_one_picture_differ_in_colour_and_the_first_ones_keep_theirs():
    labels = [f"label {i}" for i in range(14)]
    given = colours(labels)
    assert len(set(given.values())) == 14 and colours(labels[:7]) == dict(list(given.items())[:7])
    assert colours([*labels, "one more"])["one more"] in given.values() and colours([]) == {}
    assert colours(["a", " A "])["a"] == colours(["a", " A "])[" A "]


def test_plates_of_neighbours_do_not_cover_each_other():
    regions = [box(0.1, 0.5, 0.4, 0.8, "one"), box(0.1, 0.5, 0.41, 0.81, "two")]
    both = draw(GREY, regions)
    for region in regions:
        counts = {pixel: count for count, pixel in both.getcolors(100_000)}
        assert counts[colours(["one", "two"])[region.label]] > 400, (
            f"the plate of {region.label} is covered"
        )

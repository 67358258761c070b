"""The one pixel convention: PNG, mask, SVG, COCO, CSV and the page agree on every coordinate."""

import csv
import io
import random
from xml.etree import ElementTree as xml

import pytest
from PIL import Image

from ui.components.viewer import scene
from vlm_backends import Answer, Region, draw, read
from vlm_backends.media import images
from vlm_backends.media.exports import as_coco, as_csv, as_mask, as_svg
from vlm_backends.media.geometry import (
    area,
    bounds,
    clamp,
    corners,
    covered_pixels,
    ordered_box,
    scan_lines,
    to_pixels,
)

SVG = "{http://www.w3.org/2000/svg}"
SIZES = [(600, 400), (97, 301), (640, 6400), (3000, 40), (7, 5)]


def random_boxes(count, seed=0):
    chance = random.Random(seed)
    return [ordered_box(*(chance.random() for _ in range(4))) for _ in range(count)]


def drawn_bounds(size, region):
    """The pixels, right and bottom exclusive, that drawing a region changed on white."""
    white = Image.new("RGB", size, "white")
    marked = draw(white, [region]).convert("L").point(lambda level: 255 * (level < 255))
    return marked.getbbox()


def exported_outlines(picture, region):
    """A region's outline in pixels, as each format with coordinates has it."""
    answer = Answer("", (region,))
    (polygon,) = xml.fromstring(as_svg(picture, [region], plain=True)).iter(f"{SVG}polygon")
    (annotation,) = as_coco([("picture.png", picture, [region])])["annotations"]
    flat = annotation["segmentation"][0]
    (page_region,) = scene(picture, answer)["regions"]
    row = list(csv.reader(io.StringIO(as_csv(answer, picture))))[1]
    return {
        "svg": [tuple(map(float, pair.split(","))) for pair in polygon.get("points").split()],
        "coco": list(zip(flat[::2], flat[1::2])),
        "csv": [tuple(map(float, pair.split(","))) for pair in row[5].split()],
        "page": [(x * picture.width, y * picture.height) for x, y in page_region["points"]],
    }


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_drawing_law_every_format_has_the_same_coordinates(size):
    picture = read(Image.new("RGB", size, "white"))
    half_a_step = max(size) * 0.5e-5 + 1e-9  # the page gets hundred-thousandths of the picture
    for box in random_boxes(10):
        expected = to_pixels(corners(box), *size)
        for name, outline in exported_outlines(picture, Region("", corners(box))).items():
            within = half_a_step if name == "page" else 0.5e-3 + 1e-9
            for point, wanted in zip(outline, expected, strict=True):
                assert point == pytest.approx(wanted, abs=within), name


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_drawing_law_a_box_in_a_png_is_the_box_of_coco_and_the_mask(size):
    picture, line = read(Image.new("RGB", size, "white")), max(2, round(2.5 * max(size) / 1000))
    for box in [(0, 0, 1, 1), *random_boxes(20)]:
        region = Region("", corners(box))
        left, top, wide, high = as_coco([("", picture, [region])])["annotations"][0]["bbox"]
        if min(wide, high) < 2 * line + 1:
            continue  # no room for its two lines: they are drawn all the same, for it to be seen
        drawn = drawn_bounds(size, region)
        assert drawn == images.pixels(as_mask(picture, [region])).convert("L").getbbox()
        for pixel, edge in zip(drawn, (left, top, left + wide, top + high)):
            assert abs(pixel - edge) <= 0.5005, "more than half a pixel away"


@pytest.mark.parametrize("size", [(600, 400), (2600, 300)], ids=str)
def test_drawing_law_a_filled_mask_covers_what_the_mask_file_marks(size):
    """Beside the outline's line, every pixel inside is tinted and none outside of it."""
    outline = ((0.2, 0.2), (0.8, 0.25), (0.7, 0.8), (0.25, 0.7))
    region = Region("", outline, is_mask=True)
    drawn = draw(Image.new("RGB", size, "white"), [region]).convert("L")
    tinted = drawn.point(lambda level: 255 * (level < 255)).getbbox()
    marked = images.pixels(as_mask(read(Image.new("RGB", size)), [region])).convert("L").getbbox()
    line = max(2, round(2.5 * max(size) / 1000))
    grown = [a - b for a, b in zip(marked[:2], tinted[:2])]
    grown += [a - b for a, b in zip(tinted[2:], marked[2:])]
    assert max(grown) - min(grown) <= 2, "the line is not centred on the outline"
    assert all(0 <= each <= line for each in grown)


@pytest.mark.parametrize("box, covered", [
    ((0, 0, 10, 8), (0, 0, 10, 8)),
    ((2.4, 3.5, 5.5, 6.6), (2, 3, 5, 7)),  # the centres are at .5; an edge on one counts from it on
    ((4.6, 4.6, 5.4, 5.4), (5, 5, 6, 6)),  # no centre inside: one pixel all the same
    ((10, 8, 10, 8), (9, 7, 10, 8)),
    ((-5, -5, 1e300, 3), (0, 0, 10, 3)),
])  # fmt: skip
def test_covered_pixels(box, covered):
    assert covered_pixels(box, 10, 8) == covered


def test_covered_pixels_are_those_of_the_scan_lines():
    for box in random_boxes(50, seed=1):
        outline = to_pixels(corners(box), 97, 41)
        rows = list(scan_lines(outline))
        if rows and rows[0][1] < rows[0][2]:
            (_, start, end), lines = rows[0], [row for row, _, _ in rows]
            found = start, min(lines), end, max(lines) + 1
            assert found == covered_pixels(bounds(outline), 97, 41)


def test_boxes_and_outlines():
    assert ordered_box(0.9, 0.1, 0.2, 0.8) == (0.2, 0.1, 0.9, 0.8)
    assert corners((0, 1, 2, 3)) == ((0, 1), (2, 1), (2, 3), (0, 3))
    assert bounds(corners((0, 1, 2, 3))) == (0, 1, 2, 3) and bounds(()) == (0, 0, 0, 0)
    assert area(corners((0, 1, 2, 4))) == 6 and area(((0, 0), (5, 5))) == 0 and area(()) == 0
    assert [clamp(value) for value in (-1, 0.25, 7)] == [0, 0.25, 1]

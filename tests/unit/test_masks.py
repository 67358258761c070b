"""Things cut out of pictures: in a box, at a point and by words; poor outlines are not drawn."""

import concurrent.futures
import json
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.support.paths import ASSETS, ROOT
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import masking
from vlm_backends.engines.builtin.masks import CLEAN, cut_at, cut_box
from vlm_backends.engines.builtin.masks.outlines import outlines
from vlm_backends.engines.builtin.masks.people import in_frame, person_probability
from vlm_backends.engines.builtin.masks.windows import window_around
from vlm_backends.engines.builtin.prompts import TaskQuestion
from vlm_backends.errors import BadPrompt
from vlm_backends.readers import florence2
from vlm_backends.types import Chunk

ASTRONAUT_BOX = 0.02, 0.01, 0.74, 1.0
CUP_WITH_SAUCER = 0.12, 0.03, 0.81, 0.97
CAT_BOX = 0.0, 0.0, 0.86, 1.0


def photo(name: str) -> np.ndarray:
    with Image.open(ASSETS / name) as image:
        return np.asarray(image.convert("RGB"))


def scene(*shapes, size=(640, 480), ground=(40, 120, 60), grain=6.0) -> np.ndarray:
    """Shapes (kind, box in 0..1, colour) on a ground, soft and with grain, as a camera has them."""
    image = Image.new("RGB", size, ground)
    for kind, box, colour in shapes:
        corners = tuple(at * side for at, side in zip(box, size * 2))
        getattr(ImageDraw.Draw(image), kind)(corners, colour)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)), float)
    noise = np.random.default_rng(0).normal(0, grain, soft.shape)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def drawn(regions, width, height) -> np.ndarray:
    """The pixels inside of the regions' outlines."""
    mask = Image.new("1", (width, height))
    for region in regions:
        points = [(x * width, y * height) for x, y in region.outline]
        ImageDraw.Draw(mask).polygon(points, 1)
    return np.asarray(mask)


def overlap(one, other) -> float:
    return (one & other).sum() / (one | other).sum()


def ellipse(box, width=640, height=480) -> np.ndarray:
    left, top, right, bottom = (at * side for at, side in zip(box, (width, height) * 2))
    y, x = np.mgrid[:height, :width] + 0.5
    across = (x - (left + right) / 2) / ((right - left) / 2)
    return across**2 + ((y - (top + bottom) / 2) / ((bottom - top) / 2)) ** 2 <= 1


def answer(task, rgb, words="", box=None) -> Chunk:
    question = TaskQuestion(florence2.write_locations(box) if box else words)
    return [chunk for chunk in task(rgb, question, CancelToken()) if chunk.text][-1]


def in_box(rgb, box) -> Chunk:
    return answer(masking.outline_region, rgb, box=box)


def by_words(rgb, words) -> Chunk:
    return answer(masking.outline_by_words, rgb, words)


# --- in a box -------------------------------------------------------------------------------------


def test_a_person_is_cut_by_the_network_and_named():
    chunk = in_box(photo("astronaut.jpg"), ASTRONAUT_BOX)
    assert re.match(r"person \d\d%\. ", chunk.text) and "Sure of the outline: 0." in chunk.text
    assert "MediaPipe" in chunk.note and "GrabCut" in chunk.note and "Florence-2" in chunk.note
    mask = drawn(chunk.regions, 512, 512)
    (sure,) = re.findall(r"Sure of the outline: (\d\.\d\d)", chunk.text)
    (named,) = re.findall(r"^person (\d\d)%\. ", chunk.text)
    assert float(sure) >= CLEAN
    for region in chunk.regions:
        assert region.is_mask and region.label == "person"
        assert round(100 * region.score) == int(named), "the outline's sureness is not the name's"
    inside, outside = (
        [(220, 60), (200, 130), (80, 350), (150, 480)],
        [(400, 60), (60, 60), (420, 400)],
    )
    assert all(mask[y, x] for x, y in inside), "hair, face or suit is missing"
    assert not any(mask[y, x] for x, y in outside), "the wall, the flag or the helmet is in it"


def in_the_dark(rgb: np.ndarray, from_row: int, ground: float = 30) -> np.ndarray:
    """The astronaut before an even dark ground, in clothes of its colour from this row on."""
    shapes = json.loads((ROOT / "benchmarks/mask_set/outlines.json").read_text())["outlines"]
    outline = next(shape["outline"] for shape in shapes if shape["name"] == "astronaut")
    figure = Image.new("L", rgb.shape[1::-1])
    points = [(x * rgb.shape[1], y * rgb.shape[0]) for x, y in outline]
    ImageDraw.Draw(figure).polygon(points, 255)
    share = np.asarray(figure.filter(ImageFilter.GaussianBlur(2)))[..., None] / 255
    share[from_row:] = 0
    noise = np.random.default_rng(0).normal(0, 4, rgb.shape)
    return np.clip(rgb * share + ground * (1 - share) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("share", [0.7, 0.8])
def test_a_person_in_dark_clothes_before_a_dark_ground_is_no_sure_outline(share):
    """The mask ends where the clothes begin: once 0.87 sure of an outline that misses a fifth."""
    rgb = in_the_dark(photo("astronaut.jpg"), round(share * 512))
    cut = cut_box(rgb, ASTRONAUT_BOX, is_person=True)
    top, bottom = ASTRONAUT_BOX[1], ASTRONAUT_BOX[3]
    rows = np.linspace(cut.frame[1], cut.frame[3], cut.mask.shape[0] + 1)[1:]
    reached = rows[cut.mask.any(axis=1)].max()
    assert reached < share + 0.05, "the mask should end there, or this test shows nothing"
    assert cut.sureness <= (reached - top) / (bottom - top) + 0.01
    assert cut.is_clean == (share == 0.8)


def test_a_cat_without_surroundings_is_not_drawn_as_nonsense():
    """Once its nose and eyes were a triangle."""
    chunk = in_box(photo("cat.jpg"), CAT_BOX)
    assert "No clean outline" in chunk.text and re.match(r"cat \d\d%\. ", chunk.text)
    assert (
        "An outline was tried" in chunk.note and "Outlined by the built-in tools" not in chunk.note
    )
    (region,) = chunk.regions
    assert not region.is_mask and region.label == "cat" and len(region.outline) == 4


def test_a_saucer_with_a_cup_is_cut_out():
    rgb = photo("coffee.jpg")
    mask = drawn(in_box(rgb, CUP_WITH_SAUCER).regions, 600, 400)
    assert mask[100, 290] and mask[320, 300] and mask[230, 120] and mask[180, 420]
    assert not (mask[30, 60] or mask[370, 560] or mask[380, 60])


@pytest.mark.parametrize("kind", ["ellipse", "rectangle"])
@pytest.mark.parametrize("size", [(640, 480), (160, 120)])
def test_a_plain_shape_is_cut_exactly_at_any_size(kind, size):
    box = 0.3, 0.25, 0.7, 0.75
    cut = cut_box(scene((kind, box, (200, 40, 40)), size=size), (0.27, 0.2, 0.74, 0.79))
    assert cut.is_clean
    wanted = 0.2 if kind == "rectangle" else 0.2 * np.pi / 4
    assert cut.area == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("hole", [(0.42, 0.4, 0.58, 0.6), (0.45, 0.5, 0.6, 0.65)])
def test_a_hole_stays_a_hole(hole):
    rgb = scene(
        ("ellipse", (0.3, 0.25, 0.7, 0.75), (200, 40, 40)), ("ellipse", hole, (40, 120, 60))
    )
    cut = cut_box(rgb, (0.27, 0.2, 0.74, 0.79))
    middle = (hole[0] + hole[2]) / 2, (hole[1] + hole[3]) / 2
    assert cut.is_clean and not cut.holds(middle) and cut.holds((0.34, 0.5))


def test_a_mark_in_another_colour_is_no_hole():
    rgb = scene(
        ("ellipse", (0.3, 0.25, 0.7, 0.75), (200, 40, 40)),
        ("ellipse", (0.45, 0.4, 0.55, 0.55), (240, 240, 240)),
    )
    assert cut_box(rgb, (0.27, 0.2, 0.74, 0.79)).holds((0.5, 0.47))


@pytest.mark.parametrize(
    "rgb, box",
    [
        (scene(), (0.2, 0.2, 0.8, 0.8)),  # nothing but grain
        (scene(grain=40), (0.2, 0.2, 0.8, 0.8)),
        (scene(grain=0), (0.3, 0.3, 0.6, 0.6)),
        (
            scene(("rectangle", (0.5, 0, 1, 1), (200, 40, 40))),
            (0.3, 0.3, 0.7, 0.7),
        ),  # half of a thing
        (photo("rocket.jpg"), (0.05, 0.1, 0.4, 0.5)),  # sky
        (photo("coffee.jpg"), (0.78, 0.45, 0.98, 0.95)),  # wood
        (photo("astronaut.jpg"), (0.05, 0.05, 0.2, 0.25)),  # folds of a flag
    ],
)
def test_where_there_is_no_thing_no_outline_is_drawn(rgb, box):
    chunk = in_box(rgb, box)
    assert "No clean outline" in chunk.text and "box" in chunk.text
    assert "Outlined" not in chunk.note
    assert not any(region.is_mask for region in chunk.regions)


@pytest.mark.parametrize(
    "box, reason",
    [
        ((0, 0, 1, 1), "surroundings"),
        ((0.5, 0.5, 0.502, 0.9), "small"),
        ((0.2, 0.5, 0.9, 0.503), "small"),
    ],
)
def test_a_box_that_cannot_be_cut_is_refused(box, reason):
    with pytest.raises(BadPrompt, match=reason):
        cut_box(scene(), box)


@pytest.mark.parametrize("side", [(1, 1), (1, 300), (7, 5)])
def test_tiny_pictures_end_with_a_sentence(side):
    with pytest.raises(BadPrompt, match="small|surroundings"):
        cut_box(np.zeros((*side, 3), np.uint8), (0.1, 0.1, 0.6, 0.6))


def test_a_box_at_the_border_says_what_to_expect():
    rgb = scene(("ellipse", (-0.2, 0.3, 0.3, 0.7), (200, 40, 40)))
    assert "touches the border" in in_box(rgb, (0, 0.25, 0.34, 0.75)).note
    assert "border" not in in_box(rgb, (0.02, 0.25, 0.34, 0.75)).note


def test_several_visitors_at_once_get_the_same_masks():
    rgb, person = photo("coffee.jpg"), photo("astronaut.jpg")
    work = [(rgb, CUP_WITH_SAUCER, False), (person, ASTRONAUT_BOX, True)] * 2
    alone = [cut_box(*each) for each in work[:2]] * 2
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda each: cut_box(*each), work))
    for one, other in zip(alone, together):
        assert np.array_equal(one.mask, other.mask) and one.sureness == other.sureness


# --- at a point -----------------------------------------------------------------------------------


@pytest.mark.parametrize("click", [0.0, 0.004])
def test_a_click_outlines_the_thing_at_that_point(click):
    balls = (0.1, 0.2, 0.3, 0.5), (0.6, 0.5, 0.9, 0.9)
    rgb = scene(*(("ellipse", box, (210, 60, 40)) for box in balls))
    at = 0.75, 0.7
    chunk = in_box(rgb, (at[0] - click, at[1] - click, at[0] + 0.003, at[1] + 0.003))
    assert overlap(drawn(chunk.regions, 640, 480), ellipse(balls[1])) > 0.9


def test_a_click_on_a_person_takes_the_person():
    chunk = masking.outline_at(photo("astronaut.jpg"), (0.3, 0.8), 0.5)
    assert chunk.regions[0].label == "person" and chunk.regions[0].is_mask


@pytest.mark.parametrize("point", [(0.2, 0.2), (0.0, 0.0), (1.0, 1.0), (0.5, 0.999)])
def test_a_click_on_nothing_draws_nothing(point):
    chunk = masking.outline_at(scene(), point, 0.5)
    assert "No clean outline" in chunk.text and not chunk.regions
    assert chunk.note.startswith(
        "An outline was tried by the built-in tools (GrabCut and edges), not"
    )


def test_a_point_outside_of_the_shape_does_not_return_the_shape():
    found = cut_at(scene(("ellipse", (0.4, 0.4, 0.6, 0.6), (200, 40, 40))), (0.1, 0.1))
    assert found is None or found[0].holds((0.1, 0.1))


# --- by words -------------------------------------------------------------------------------------


def test_a_person_is_outlined_by_words():
    chunk = by_words(photo("astronaut.jpg"), "the woman")
    assert re.search(r"person \d\d%: sure of the outline 0\.", chunk.text)
    assert "“woman” was looked for as person: more than that cannot be told here." in chunk.text
    assert {region.label for region in chunk.regions} == {"person"}
    assert chunk.text[slice(*chunk.regions[0].span)] == "person"


@pytest.mark.parametrize(
    "words, said",
    [
        ("a pagoda", "knows 80 kinds of things; “pagoda” is none of them"),
        ("a pagoda and a stupa", "“pagoda” and “stupa” are none of them"),
        ("the left one", "these words name none"),
        ("not the woman", "“not” is not understood"),
        ("the zebra", "No zebra was found"),
    ],
)
def test_what_cannot_be_outlined_is_said(words, said):
    chunk = by_words(photo("astronaut.jpg"), words)
    assert said in chunk.text and not chunk.regions and chunk.literal
    assert "utline" not in chunk.note and "Found by the built-in tools (SSDLite)" in chunk.note


def test_words_whose_outline_is_poor_name_no_maker_of_outlines():
    chunk = by_words(photo("cat.jpg"), "the cat")
    assert "no clean outline, its box" in chunk.text and len(chunk.regions) == 1
    assert chunk.note.startswith(
        "An outline was tried by the built-in tools (GrabCut and edges), not"
    )


def test_words_that_were_left_out_are_said():
    chunk = by_words(photo("astronaut.jpg"), "the smiling person in front of the flag")
    assert "Not taken into account: “in front of the flag” and “smiling”" in chunk.text or (
        "“smiling”" in chunk.text and "“flag”" in chunk.text
    )


def test_without_words_it_is_refused():
    with pytest.raises(BadPrompt, match="Write what to outline"):
        by_words(scene(), "")


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [(0, 0, 1, 1), (0.25, 0.25, 0.75, 0.75), (0.5, 0, 1.0, 0.5)])
def test_a_probability_is_moved_to_another_frame(frame):
    columns = np.tile((np.arange(256, dtype=np.float32) + 0.5) / 256, (256, 1))
    moved = in_frame(columns, (0, 0, 1, 1), frame, (40, 80))
    wanted = frame[0] + (np.arange(80) + 0.5) / 80 * (frame[2] - frame[0])
    assert np.abs(moved[20, 2:-2] - wanted[2:-2]).max() < 0.01


def test_nobody_is_seen_where_nobody_is():
    rgb = photo("coffee.jpg")
    probability, part = person_probability(rgb, CUP_WITH_SAUCER)
    assert (probability > 0.5).mean() < 0.25 and part[0] < CUP_WITH_SAUCER[0]


@pytest.mark.parametrize("size", [(40, 30), (31, 977), (977, 31), (4000, 3000)])
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.9, 0.9, 1, 1), (0.5, 0.5, 0.51, 0.52)])
def test_a_window_holds_its_box(size, box):
    rgb = np.zeros((size[1], size[0], 3), np.uint8)
    window = window_around(rgb, box, 128)
    height, width = window.rgb.shape[:2]
    left, top, right, bottom = window.box
    assert max(height, width) <= 128 and 0 <= left < right <= width and 0 <= top < bottom <= height
    assert 0 <= window.frame[0] < window.frame[2] <= 1 and window.inside.sum() > 0


@pytest.mark.parametrize(
    "mask", [np.zeros((40, 60), bool), np.ones((40, 60), bool), np.eye(50, dtype=bool)]
)
def test_outlines_stay_inside(mask):
    for outline in outlines(mask):
        assert len(outline) >= 3 and all(0 <= at <= 1 for point in outline for at in point)
        assert all(type(at) is float for point in outline for at in point)

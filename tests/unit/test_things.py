"""Things are found by their looks, with a score; a page, a drawing and an unknown noun are not named."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.support.paths import ASSETS
from vlm_backends import Embedded, Prompt, Turn, ask, find_model, find_task, read
from vlm_backends.engines.builtin import things
from vlm_backends.engines.builtin.nouns import words_left
from vlm_backends.engines.builtin.prompts import TaskQuestion
from vlm_backends.engines.builtin.regions import widened
from vlm_backends.engines.builtin.things import Thing, find_things, kinds_of, mentions, plural
from vlm_backends.engines.builtin.things.detector import detect
from vlm_backends.engines.builtin.things.finding import _sampled, distinct, things_of

FLORENCE = find_model("microsoft/florence-2")


def picture(name: str) -> np.ndarray:
    return np.asarray(Image.open(ASSETS / name).convert("RGB"))


def answered(name_or_image, token, words="", confidence=0.5):
    source = ASSETS / name_or_image if isinstance(name_or_image, str) else name_or_image
    turn = Turn("user", token + words, (read(source),))
    reply = ask(Embedded(), FLORENCE, Prompt((turn,), confidence=confidence), find_task(token))
    for _ in reply:
        pass
    return reply.answer


# --- what is seen ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name, thing, box", [
    ("cat.jpg", "cat", (0.0, 0.0, 0.88, 0.99)),
    ("coffee.jpg", "cup", (0.29, 0.05, 0.69, 0.61)),
    ("astronaut.jpg", "person", (0.04, 0.02, 0.80, 1.0)),
])  # fmt: skip
def test_a_thing_is_found_with_its_box(name, thing, box):
    found = find_things(picture(name))
    assert found[0].name == thing and found[0].score >= 0.6
    assert things.overlap(found[0].box, box) > 0.8


def test_a_mirrored_picture_gives_mirrored_things():
    rgb = picture("coffee.jpg")
    found, mirrored = find_things(rgb), find_things(np.ascontiguousarray(rgb[:, ::-1]))
    assert [thing.name for thing in found] == [thing.name for thing in mirrored]
    for one, other in zip(found, mirrored):
        left, top, right, bottom = other.box
        assert things.overlap(one.box, (1 - right, top, 1 - left, bottom)) > 0.95
        assert abs(one.score - other.score) < 0.1  # the second looks are turned one way only


@pytest.mark.parametrize("name, thing", [("coffee.jpg", "cup"), ("cat.jpg", "cat")])
@pytest.mark.parametrize("side", [600, pytest.param(2400, marks=pytest.mark.slow), 4000])
def test_a_photograph_has_the_same_things_at_any_size(name, thing, side):
    """Once what was large and smooth from pixel to pixel was left out as a drawing."""
    image = Image.fromarray(picture(name))
    scale = side / max(image.size)
    large = image.resize((round(image.width * scale), round(image.height * scale)), Image.BICUBIC)
    found, before = find_things(np.asarray(large)), find_things(picture(name))
    assert found[0].name == before[0].name == thing
    assert things.overlap(found[0].box, before[0].box) > 0.8


def test_a_large_drawing_holds_no_things():
    image = Image.new("RGB", (600, 400), (240, 240, 235))
    pen = ImageDraw.Draw(image)
    pen.rectangle((200, 120, 360, 320), (180, 60, 50))
    pen.ellipse((200, 95, 360, 145), (90, 40, 30))
    pen.arc((330, 150, 430, 270), -90, 90, (180, 60, 50), 22)
    large = np.asarray(image.resize((2400, 1600)))
    assert things_of(detect(large), 0.3), "the network sees something in it"
    assert find_things(large, 0.3) == []


@pytest.mark.parametrize("start, end, side, step", [
    (0.0, 1.0, 300, 1), (0.0, 1.0, 440, 1), (0.0, 1.0, 600, 2), (0.0, 1.0, 4000, 13), (0.4, 0.6, 4000, 3), (0.5, 0.5, 10, 1),
    (0.0, 1.0, 1, 1), (0.99, 1.0, 20_000, 1),
])  # fmt: skip
def test_of_a_long_side_some_pixels_are_looked_at(start, end, side, step):
    looked_at = range(side)[_sampled(start, end, side)]
    assert looked_at.step == step and 1 <= len(looked_at) <= 460
    assert looked_at[0] == int(start * side) and looked_at[-1] > int(end * side) - step - 1


@pytest.mark.parametrize("width, left, top", [(500, 300, 300), (600, 1900, 300), (800, 200, 1500)])
def test_a_small_thing_of_a_large_picture_is_found(width, left, top):
    cat = Image.fromarray(picture("cat.jpg")).resize((width, width * 2 // 3))
    ground = Image.new("RGB", (3000, 2250), (96, 122, 88))
    noise = np.random.default_rng(1).normal(0, 6, (2250, 3000, 3))
    ground = Image.fromarray((np.asarray(ground) + noise).clip(0, 255).astype(np.uint8))
    ground.paste(cat, (left, top))
    assert things_of(detect(np.asarray(ground)), 0.5) == [], "it is too small for one look"
    (found,) = find_things(np.asarray(ground), 0.5)
    assert found.name == "cat"
    right, bottom = left + width, top + width * 2 // 3
    place = left / 3000, top / 2250, right / 3000, bottom / 2250
    assert things.overlap(found.box, place) > 0.5


@pytest.mark.parametrize("name", [
    "page.png", "receipt.png", "chart.png", "grouped.png", "horizontal.png", "slide1.png", "slide2.png", "slide3.png",
    pytest.param("screenshot.png", marks=pytest.mark.slow),
    "sign.jpg", "poster.jpg",
])  # fmt: skip
def test_pages_drawings_and_screenshots_hold_no_things(name):
    assert find_things(picture(name), 0.5) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 3000), (301, 299)])
@pytest.mark.parametrize("value", [0, 255])
def test_nothing_is_found_in_an_empty_picture_of_any_shape(size, value):
    assert find_things(np.full((*size, 3), value, np.uint8), 0.3) == []


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_noise(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    assert find_things(noise, 0.5) == []


def test_scores_and_boxes_are_within_the_picture():
    seen = detect(picture("cat.jpg"))
    assert seen.scores.shape == (1917, 80) and seen.boxes.shape == (1917, 4)
    assert seen.scores.min() >= 0 and seen.scores.max() <= 1
    assert seen.boxes.min() >= 0 and seen.boxes.max() <= 1


@pytest.mark.parametrize("found, kept", [
    ([("cat", 0.9, (0, 0, 1, 1)), ("cat", 0.8, (0, 0, 1, 0.9))], ["cat"]),  # a double
    ([("cat", 0.9, (0, 0, 1, 1)), ("dog", 0.8, (0, 0, 1, 0.9))], ["cat"]),  # one thing, two names
    ([("cat", 0.9, (0, 0, 0.5, 1)), ("cat", 0.8, (0.5, 0, 1, 1))], ["cat", "cat"]),  # two cats
    ([("bed", 0.6, (0, 0, 1, 1)), ("cat", 0.9, (0, 0, 0.7, 0.9))], ["cat", "bed"]),  # a cat on a bed
    ([], []),
])  # fmt: skip
def test_doubles_are_one_thing(found, kept):
    assert [thing.name for thing in distinct([Thing(*each) for each in found])] == kept


def test_a_thing_of_a_part_is_moved_into_the_whole_picture():
    thing = things.moved(Thing("cat", 0.9, (0.0, 0.5, 0.5, 1.0)), (0.2, 0.4, 0.6, 0.8))
    assert thing.box == pytest.approx((0.2, 0.6, 0.4, 0.8)) and thing.name == "cat"


@pytest.mark.parametrize("box, wider", [
    ((0.4, 0.4, 0.6, 0.8), (0.3, 0.3, 0.7, 0.9)), ((0.0, 0.0, 0.5, 1.0), (0.0, 0.0, 0.75, 1.0)), ((0.5, 0.5, 0.5, 0.5), (0.5,) * 4),
])  # fmt: skip
def test_a_box_is_widened_within_the_picture(box, wider):
    assert widened(box, 0.5, 0.25) == pytest.approx(wider)


# --- nouns ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, found", [
    ("a cat", [("cat", ("cat",))]),
    ("Two DOGS and a bike", [("DOGS", ("dog",)), ("bike", ("bicycle",))]),
    ("the woman on the left", [("woman", ("person",))]),
    ("people", [("people", ("person",))]),
    ("knives, forks; spoons", [("knives", ("knife",)), ("forks", ("fork",)), ("spoons", ("spoon",))]),
    ("a teddy bear", [("teddy bear", ("teddy bear",))]),
    ("traffic lights", [("traffic lights", ("traffic light",))]),
    ("buses near the benches", [("buses", ("bus",)), ("benches", ("bench",))]),
    ("animals", [("animals", ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"))]),
    ("a hot dog", [("hot dog", ("hot dog",))]),
    ("the cat sleeping there", [("cat", ("cat",))]),
    ("a puppy in a car.", [("puppy", ("dog",)), ("car", ("car",))]),
    # no kinds
    ("", []), ("a pagoda", []), ("cat food", [("food", kinds_of("food"))]), ("a dog house", []), ("the car park", []),
    ("a catalogue", []), ("concatenate", []), ("bus stop", []), ("42", []), ("train station", []), ("glasses case", []),
    ("horse chestnut tree", []), ("scar", []), ("carpet", []), ("a bearing", []), ("Café", []), ("orange juice", []), ("dog bed", [("bed", ("bed",))]), ("cat ring", []),
])  # fmt: skip
def test_nouns_that_name_kinds(text, found):
    assert [(noun.text, noun.kinds) for noun in mentions(text)] == found
    assert all(text[noun.start : noun.end] == noun.text for noun in mentions(text))


OWN = (
    "m4 bolt",
    "Fire Extinguisher Sign",
    "traffic_light",
    "size 4 wrench",
    "7",
    "Person",
    "y",
    "",
)


@pytest.mark.parametrize("text, found", [
    ("an M4 bolt", [("M4 bolt", "m4 bolt")]), ("12 m4  bolts?", [("m4  bolts", "m4 bolt")]), ("the m4 bolt 5", [("m4 bolt", "m4 bolt")]),
    ("the left fire extinguisher sign", [("fire extinguisher sign", "Fire Extinguisher Sign")]),
    ("fire extinguisher signs and size 4 wrenches", [("fire extinguisher signs", "Fire Extinguisher Sign"), ("size 4 wrenches", "size 4 wrench")]),
    ("two traffic lights, a traffic_light", [("traffic lights", "traffic_light"), ("traffic_light", "traffic_light")]),
    ("Is there a 7?", [("7", "7")]), ("women", [("women", "Person")]),
    ("7 dogs", []), ("bolt", []), ("m4", []), ("fire extinguisher", []), ("m4 bolt cutter", []), ("a cat", []), ("", []),
])  # fmt: skip
def test_kinds_of_another_detector_are_found_by_all_their_words(text, found):
    named = things.categories.mentions(text, OWN)
    assert [(noun.text, noun.kinds) for noun in named] == [(said, (kind,)) for said, kind in found]
    assert words_left(" ".join(noun.text for noun in named), named) == []
    for noun in named:
        assert noun.is_name == (noun.text != "women")
        assert noun.is_plural == noun.text.endswith(("s", "women"))


@pytest.mark.parametrize("kind", OWN)
def test_each_kind_has_a_plural(kind):
    assert plural(kind, 1) == kind and plural(kind, 2).startswith(kind[:-1])


@pytest.mark.parametrize("name, count, text", [
    ("person", 1, "person"), ("person", 2, "people"), ("knife", 3, "knives"), ("sheep", 4, "sheep"), ("bus", 2, "buses"),
    ("couch", 2, "couches"), ("mouse", 2, "mice"), ("cat", 0, "cats"), ("toothbrush", 2, "toothbrushes"), ("skis", 1, "skis"),
])  # fmt: skip
def test_plurals(name, count, text):
    assert plural(name, count) == text


def test_every_kind_is_found_under_its_own_name_and_plural():
    assert len(things.detector().kinds) == len(set(things.detector().kinds)) == 80
    for kind in things.detector().kinds:
        assert kinds_of(kind) == (kind,)
        assert kind in kinds_of(plural(kind, 2))


@pytest.mark.parametrize("words, left", [
    ("a red cup", ["red"]), ("the cup", []), ("red pagoda", ["red", "pagoda"]), ("cat food", ["cat"]), ("", []),
])  # fmt: skip
def test_words_that_no_noun_covers(words, left):
    assert words_left(words, mentions(words)) == left


# --- answers --------------------------------------------------------------------------------------


def test_detection_lists_things_with_scores_and_says_what_found_them():
    answer = answered("coffee.jpg", "<OD>")
    assert answer.text.split("\n")[0].startswith("cup 9")
    for region in answer.regions:
        assert answer.text[slice(*region.span)] == region.label and 0.5 <= region.score <= 1
    assert "SSDLite" in answer.note and "80 kinds" in answer.note
    assert "not by Florence-2" in answer.note and "nearest" in answer.note


@pytest.mark.parametrize(
    "token, picture", [("<OD>", "page.png"), ("<REGION_PROPOSAL>", "rocket.jpg")]
)
def test_where_nothing_is_found_the_kinds_are_listed_below(token, picture):
    answer = answered(picture, token)
    assert answer.regions == () and answer.fold is not None
    assert answer.text[: answer.fold].startswith("No thing of a known kind was found")
    assert all(kind in answer.text[answer.fold :] for kind in things.detector().kinds)


def test_confidence_parts_the_things_and_the_rest_is_counted():
    names = [region.label for region in answered("coffee.jpg", "<OD>").regions]
    fewer = answered("coffee.jpg", "<OD>", confidence=0.9)
    assert names[0] == "cup" and [region.label for region in fewer.regions] == ["cup"]
    assert f"{len(names) - 1} more" in fewer.note or len(names) == 1
    assert answered("coffee.jpg", "<OD>", confidence=1.0).regions == ()


SMALL_THINGS = "Small things, which only a part of this large picture shows, count from 60% on."


@pytest.mark.parametrize("size, confidence, said", [
    ((1200, 1200), 0.5, True), ((1200, 1200), 0.9, True), ((1200, 899), 0.5, False), ((300, 300), 0.5, False),
])  # fmt: skip
@pytest.mark.parametrize("token", ["<OD>", "<REGION_PROPOSAL>"])
def test_what_the_count_leaves_out_in_a_large_picture_is_said(size, confidence, said, token):
    answer = answered(Image.new("RGB", size, "white"), token, confidence=confidence)
    assert (SMALL_THINGS in answer.note) == said


def test_the_count_is_of_what_a_lower_confidence_shows():
    cat = Image.fromarray(picture("cat.jpg")).resize((1500, 1000))
    few, all_ = (answered(cat, "<OD>", confidence=at) for at in (0.95, 0.3))
    more = len(all_.regions) - len(few.regions)
    assert more > 0 and f" {more} more " in few.note


def test_proposals_have_no_names():
    answer = answered("coffee.jpg", "<REGION_PROPOSAL>")
    assert answer.regions and all(region.label == "" for region in answer.regions)
    assert answer.text.endswith("around what may be a thing.")


@pytest.mark.parametrize("name, box, text", [
    ("cat.jpg", "<loc_5><loc_5><loc_880><loc_990>", "cat, "),
    ("coffee.jpg", "<loc_290><loc_50><loc_690><loc_610>", "cup, "),
    ("page.png", "<loc_64><loc_128><loc_857><loc_221>", "text"),
    ("coffee.jpg", "<loc_800><loc_700><loc_990><loc_990>", "No name: "),  # a corner of the table
    ("coffee.jpg", "<loc_120><loc_40><loc_810><loc_970>", "No name: "),  # the saucer on it
    ("coffee.jpg", "<loc_60><loc_20><loc_870><loc_990>", "No name: "),
    ("rocket.jpg", "<loc_10><loc_10><loc_400><loc_400>", "No name: "),  # sky
    ("cat.jpg", "<loc_300><loc_300><loc_340><loc_340>", "No name: "),  # fur
])  # fmt: skip
def test_a_region_is_named_or_not(name, box, text):
    assert answered(name, "<REGION_TO_CATEGORY>", box).text.startswith(text)


@pytest.mark.parametrize("box", [
    "<loc_120><loc_40><loc_810><loc_970>", "<loc_60><loc_20><loc_870><loc_990>", "<loc_30><loc_10><loc_960><loc_990>"
])  # fmt: skip
def test_what_lies_on_a_larger_thing_does_not_get_its_name(box):
    outlined = answered("coffee.jpg", "<REGION_TO_SEGMENTATION>", box)
    assert "dining table" not in outlined.text
    assert {region.label for region in outlined.regions} == {"mask by colour"}


def test_a_person_that_the_box_cuts_off_is_called_one_and_the_network_is_named():
    outlined = answered(
        "astronaut.jpg", "<REGION_TO_SEGMENTATION>", "<loc_40><loc_5><loc_960><loc_700>"
    )
    assert {region.label for region in outlined.regions} == {"person"}
    assert "selfie segmentation" in outlined.note


@pytest.mark.parametrize("words, labels, said", [
    ("cat", ["cat"], ""),
    ("kittens", ["cat"], ""),
    ("a green-eyed cat", ["cat"], "Not found in print, and no known kind of thing: “green-eyed”."),
    ("dog", [], "Not found, by its looks or in print: “dog”."),
    ("cat and dog", ["cat"], "Not found, by its looks or in print: “dog”."),
    ("pagoda", [], "Not found in print, and no known kind of thing: “pagoda”."),
    ("no cat", ["cat"], "“no” is not understood"),
    ("cat tree", [], "Not looked for, as a part of a longer name: “cat”."),
])  # fmt: skip
def test_nouns_are_found_by_looks_or_refused(words, labels, said):
    answer = answered("cat.jpg", "<OPEN_VOCABULARY_DETECTION>", words)
    assert [region.label for region in answer.regions] == labels
    assert said in answer.text
    assert (answer.fold is None) == bool(labels)


def test_a_word_that_is_printed_is_no_thing():
    answer = answered("sign.jpg", "<OPEN_VOCABULARY_DETECTION>", "Eagle Point")
    assert [(region.label, region.score) for region in answer.regions] == [("Eagle Point", None)]


def test_a_sentence_is_grounded_in_things_and_print():
    answer = answered("cat.jpg", "<CAPTION_TO_PHRASE_GROUNDING>", "The kitten looks at a dog")
    assert [region.label for region in answer.regions] == ["cat"]  # the detector knows no kittens
    assert "“dog”" in answer.text and "“kitten” was looked for as cat" in answer.note


def test_a_person_is_never_called_a_woman():
    answer = answered("astronaut.jpg", "<CAPTION_TO_PHRASE_GROUNDING>", "a woman in a suit")
    assert [region.label for region in answer.regions] == ["person"]
    assert "more than that cannot be told here" in answer.note


@pytest.mark.parametrize("confidence", [0.0, 1.0, 0.3])
def test_any_confidence_is_taken(confidence):
    assert answered("cat.jpg", "<OD>", confidence=confidence).text


def test_a_photograph_of_a_thing_on_an_even_ground_is_no_drawing():
    cat = Image.fromarray(picture("cat.jpg")).filter(ImageFilter.GaussianBlur(0.6))
    sheet = Image.new("RGB", (900, 900), "white")
    sheet.paste(cat, (220, 300))
    assert "cat" in [thing.name for thing in find_things(np.asarray(sheet))]


@pytest.mark.parametrize("quality", [None, 95, 60])
def test_a_drawn_stop_sign_is_left_out(quality):
    image = Image.new("RGB", (400, 400), (235, 235, 235))
    pen = ImageDraw.Draw(image)
    pen.regular_polygon((200, 180, 150), 8, rotation=22, fill=(200, 20, 20))
    pen.rectangle((192, 320, 208, 400), fill=(90, 90, 90))
    rgb = np.asarray(image)
    if quality:
        _, data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
        rgb = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert find_things(rgb) == []


def test_a_task_question_has_the_usual_confidence():
    assert TaskQuestion("cat").confidence == 0.5

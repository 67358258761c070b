"""The picture component's scene as a pure value, and several answers joined to one."""

import json

import pytest
from PIL import Image

from ui.components.viewer import Action, Tools, linked_parts, scene
from vlm_backends import Answer, Region
from vlm_backends.media import images
from vlm_backends.media.geometry import bounds, corners
from vlm_backends.media.merging import attached, grounded

SQUARE = corners((0.25, 0.25, 0.75, 0.75))


@pytest.mark.parametrize("text, spans, parts", [
    ("", [], []),
    ("a cat", [], [("a cat", [])]),
    ("a cat", [None], [("a cat", [])]),
    ("a cat on a mat", [(0, 5), (9, 14)], [("a cat", [0]), (" on ", []), ("a mat", [1])]),
    ("a cat on a mat", [(9, 14), (0, 5)], [("a cat", [1]), (" on ", []), ("a mat", [0])]),
    ("two cats", [(0, 8), (0, 8)], [("two cats", [0, 1])]),
    ("a cat on a mat", [(0, 14), (0, 5)], [("a cat", [1]), (" on a mat", [])]),  # overlapping: the first that ends
    ("кот 🐈 спит", [(4, 5)], [("кот ", []), ("🐈", [0]), (" спит", [])]),
    ("short", [(3, 99)], [("short", [])]),
    ("short", [(-2, 3)], [("short", [])]),
    ("short", [(3, 3)], [("short", [])]),
    ("short", [(4, 2)], [("short", [])]),
])  # fmt: skip
def test_the_words_are_parted_at_the_names(text, spans, parts):
    answer = Answer(text, tuple(Region("x", SQUARE, span=span) for span in spans))
    assert linked_parts(answer) == parts
    assert "".join(part for part, _ in linked_parts(answer)) == text


def test_a_scene_is_plain_json_and_long_names_are_cut():
    picture = images.read(Image.new("RGB", (40, 30)))
    made = scene(
        picture,
        Answer("x", (Region("<b>" * 5000, SQUARE, True),)),
        tools=Tools(region_actions=[Action("a", "A")]),
    )
    assert (
        json.loads(json.dumps(made)) == made | {"parts": [["x", []]]}
        and len(made["regions"][0]["label"]) == 400
    )
    assert scene(None) is None and scene(picture)["regions"] == []
    assert scene(picture, Answer("\n", (Region("", SQUARE, span=(0, 0)),) * 2))["parts"] == [], (
        "a panel without a word"
    )


def test_what_was_found_about_a_box_joins_the_answer_that_it_came_from():
    base = Answer(
        "cat\ndog",
        (Region("cat", SQUARE, span=(0, 3)), Region("dog", corners((0, 0, 0.2, 0.2)), span=(4, 7))),
    )
    named = attached(base, [bounds(base.regions[0].outline)], [Answer("a grey cat")])
    assert named.text == "a grey cat\ncat\ndog"
    assert [named.text[slice(*region.span)] for region in named.regions] == ["a grey cat", "dog"]
    masked = attached(
        base, [bounds(base.regions[1].outline)], [Answer("", (Region("", SQUARE, True),))]
    )
    assert masked.text == "dog\ncat\ndog" and [region.label for region in masked.regions] == [
        "dog",
        "cat",
        "dog",
    ]
    assert attached(Answer(""), [(0, 0, 1, 1)], [Answer("")]).text == "your region"
    assert attached(base, [], []) == base


@pytest.mark.parametrize("label, words, own, line, shown", [
    ("Lake Loop", "No clean outline.", "region", "Lake Loop: No clean outline.", "Lake Loop"),
    ("Lake Loop", "90 × 20 px. Print: LAKE LOOP", "region", "90 × 20 px. Print: LAKE LOOP", "Lake Loop"),
    ("cup", "mug 91%", "mug", "mug 91%", "mug"),
    ("cup", "", "mug", "mug", "mug"),
    ("cup", "", "region", "cup", "cup"),
    ("dog", "a small puppy", None, "dog: a small puppy", "dog: a small puppy"),
    ("", "No clean outline.", "region", "No clean outline.", "your region"),
    ("", "", "region", "your region", "your region"),
])  # fmt: skip
def test_a_line_about_a_box_says_which_box_and_the_box_keeps_its_name(
    label, words, own, line, shown
):
    base = Answer(label, (Region(label, SQUARE, span=(0, len(label))),))
    box = bounds(SQUARE)
    found = Answer(words, () if own is None else (Region(own, SQUARE),))
    made = attached(base, [box], [found])
    assert made.text.splitlines() == [line, *([label] if label else [])]
    (region,) = made.regions
    assert region.label == shown and made.text[slice(*region.span)] == line


def test_a_caption_is_tied_to_the_places_of_what_it_names():
    found = Answer(
        "cat\nmat\nhat", tuple(Region(name, SQUARE) for name in ("Cat", "mat ", "hat", ""))
    )
    tied = grounded(Answer("A cat on a mat."), found)
    assert tied.text == "A cat on a mat." and [region.span for region in tied.regions] == [
        (2, 5),
        (11, 14),
        None,
        None,
    ]


def test_what_is_folded_is_apart_from_the_text():
    picture = images.read(Image.new("RGB", (40, 30)))
    answer = Answer("No thing was found.\n\nThe kinds\ncat, dog", fold=19)
    made = scene(picture, answer)
    assert made["parts"] == [("No thing was found.", [])]
    assert made["folded"] == ["The kinds", "cat, dog"]
    assert scene(picture, answer, text=False)["folded"] == []
    assert scene(picture, Answer("words"))["folded"] == []

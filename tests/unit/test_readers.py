"""The five grammars: tables of replies, more bad than good, and properties over every prefix."""

import json
import math
from pathlib import Path

import pytest

from vlm_backends import TASKS, Answer, find_task
from vlm_backends.readers import deplot, florence2, kosmos2, paligemma, plain

TRANSCRIPTS = json.loads(
    (Path(__file__).parents[1] / "support" / "transcripts" / "replies.json").read_text()
)
READERS = {
    "plain": plain.read, "kosmos2": kosmos2.read, "paligemma": paligemma.read, "deplot": deplot.read,
    **{f"florence2.{name}": getattr(florence2, name) for name in ("text", "boxes", "quads", "polygons", "boxes_or_polygons")},
}  # fmt: skip


def check_regions(answer: Answer, found: int | list) -> None:
    """So many regions, or these: label, then first and third corner to a thousandth."""
    if isinstance(found, int):
        assert len(answer.regions) == found
        return
    assert [region.label for region in answer.regions] == [label for label, _ in found]
    for region, (_, corners) in zip(answer.regions, found):
        assert [v for point in region.outline[::2] for v in point] == pytest.approx(
            corners, abs=0.001
        )


@pytest.mark.parametrize(
    "reply, text, found",
    [
        ("car<loc_52><loc_332><loc_932><loc_774>", "car", [("car", [0.053, 0.333, 0.932, 0.774])]),
        ("</s><s>car<loc_0><loc_0><loc_999><loc_999></s>", "car", [("car", [0, 0, 1, 1])]),
        (
            "<loc_1><loc_2><loc_3><loc_4>",
            "",
            [("", [0.001, 0.003, 0.004, 0.005])],
        ),  # a region proposal
        (
            "a<loc_1><loc_2><loc_3><loc_4><loc_5><loc_6><loc_7><loc_8>",
            "a",
            2,
        ),  # two boxes of one phrase
        (
            "a<loc_9><loc_8><loc_3><loc_4>",
            "a",
            [("a", [0.004, 0.005, 0.01, 0.009])],
        ),  # swapped corners
        ("a<loc_1><loc_2><loc_3>", "a", 0),  # half a box
        ("a<loc_1><loc_2><loc_3><loc_4><loc_5>", "a", 1),  # a box and a dangling bin
        (
            "a<loc_1><loc_2><loc_3><loc_123456>",
            "a",
            [("a", [0.001, 0.003, 0.004, 1.0])],
        ),  # a bin beyond the grid
        ("<loc_><loc_1>", "<loc_>", 0),
        ("just words", "just words", 0),
        ("", "", 0),
        ("a café<loc_1><loc_2><loc_3><loc_4>", "a café", 1),
        ("x<loc_1><loc_2><loc_3><loc_4>y<loc_1><loc_2><loc_3><loc_4>", "x\ny", 2),
        ("1 < 2 and <lo", "1 < 2 and", 0),  # an unfinished mark is hidden
        ("<OD>car<loc_1><loc_2><loc_3><loc_4>", "car", 1),  # the echoed task
    ],
)
def test_florence_boxes(reply, text, found):
    answer = florence2.boxes(reply)
    assert answer.text == text
    check_regions(answer, found)


def test_eight_locations_are_one_quad_or_two_boxes_by_task():
    reply = "STOP<loc_10><loc_20><loc_30><loc_20><loc_30><loc_40><loc_10><loc_40>"
    assert len(florence2.quads(reply).regions) == 1
    assert len(florence2.boxes(reply).regions) == 2
    assert len(florence2.quads(reply).regions[0].outline) == 4


@pytest.mark.parametrize(
    "reply, sizes",
    [
        ("a dog<loc_1><loc_1><loc_9><loc_1><loc_9><loc_9>", [3]),
        (
            "<loc_1><loc_1><loc_9><loc_1><loc_9><loc_9><sep><loc_1><loc_1><loc_9><loc_1><loc_9><loc_9><loc_1><loc_9>",
            [3, 4],
        ),
        (
            "<poly><loc_1><loc_1><loc_9><loc_1><loc_9><loc_9></poly><poly><loc_1><loc_1><loc_5><loc_1><loc_5><loc_5></poly>",
            [3, 3],
        ),
        ("<loc_1><loc_1><loc_9><loc_1>", []),  # two points are no area
        ("<poly></poly><sep>", []),
        ("<loc_1><loc_1><loc_9><loc_1><loc_9><loc_9><loc_3>", [3]),  # an odd bin is dropped
    ],
)
def test_florence_polygons(reply, sizes):
    regions = florence2.polygons(reply).regions
    assert [len(region.outline) for region in regions] == sizes
    assert all(region.is_mask for region in regions)


@pytest.mark.parametrize(
    "reply, text, found",
    [
        ("<grounding> An image of<phrase> a snowman</phrase><object><patch_index_0044><patch_index_0863></object>.",
         "An image of a snowman.", [("a snowman", [0.391, 0.047, 0.984, 0.828])]),
        ("<phrase>a</phrase><object><patch_index_0000><patch_index_0031></object>", "a", [("a", [0, 0, 1, 0.031])]),
        ("<phrase>a</phrase><object><patch_index_0005><patch_index_0911></delimiter_of_multi_objects/>"
         "<patch_index_0005><patch_index_0006></object> b", "a b", 2),
        ("<phrase>a</phrase><object><patch_index_0005></object> b", "a b", 0),  # half a pair
        ("<object><patch_index_0001><patch_index_0100></object>", "", 1),  # a place without a phrase
        ("<phrase>half of a phr", "half of a phr", 0),
        ("<phrase>a</phrase><object><patch_index_9999><patch_index_0000></object>", "a", 1),
        ("words only", "words only", 0),
        ("x <obj", "x", 0),
        ("</phrase></object><object></phrase>", "", 0),
    ],
)  # fmt: skip
def test_kosmos2(reply, text, found):
    answer = kosmos2.read(reply)
    assert answer.text == text
    check_regions(answer, found)
    assert all(answer.text[slice(*region.span)] == region.label for region in answer.regions)


@pytest.mark.parametrize(
    "reply, text, found",
    [
        (
            "<loc0256><loc0128><loc0768><loc0900> cat",
            "cat",
            [("cat", [0.125, 0.25, 0.88, 0.751])],
        ),  # y comes first
        (
            "<loc0000><loc0000><loc1023><loc1023> a ; <loc0000><loc0000><loc0001><loc0001> b",
            "a\nb",
            2,
        ),
        ("<loc0000><loc0000><loc1023><loc1023><seg001><seg127> a", "a", 1),
        ("<loc0000><loc0000><loc1023> a", "a", 0),  # three of four
        ("a cat on a mat", "a cat on a mat", 0),
        ("<loc9999><loc0000><loc0000><loc0000> x", "x", [("x", [0, 0, 0, 1])]),
        ("yes<eos>", "yes", 0),
        ("<lo", "", 0),
    ],
)
def test_paligemma(reply, text, found):
    answer = paligemma.read(reply)
    assert answer.text == text
    check_regions(answer, found)


@pytest.mark.parametrize(
    "reply, rows, title",
    [
        (
            "TITLE | Sales<0x0A>Year | Units<0x0A>2020 | 7",
            [("Year", "Units"), ("2020", "7")],
            "Sales",
        ),
        ("Year | Units<0x0A>2020 | 7", [("Year", "Units"), ("2020", "7")], ""),
        ("Year | Units\n2020 | 7\n", [("Year", "Units"), ("2020", "7")], ""),
        ("| Year | Units |\n|---|---|\n| 2020 | 7 |", [("Year", "Units"), ("2020", "7")], ""),
        ("a | b | c<0x0A>1", [("a", "b", "c"), ("1", "", "")], ""),  # ragged
        ("a | b<0x0A>1 | 2 | 3", [("a", "b", ""), ("1", "2", "3")], ""),
        (" | a<0x0A>x | 1", [("", "a"), ("x", "1")], ""),  # an empty corner
        ("TITLE | a", [], "a"),
        ("a | b<0x0A>1 | 2<0x0", [("a", "b"), ("1", "2")], ""),  # the row end is not there yet
        ("no table here", [], ""),
        ("a | b<0x0A>-1 | -", [("a", "b"), ("-1", "-")], ""),  # a minus is no Markdown rule
    ],
)
def test_deplot(reply, rows, title):
    answer = deplot.read(reply)
    assert list(answer.rows) == rows
    assert (f"**{title}**" in answer.text) == bool(title)
    assert "<0x" not in answer.text


@pytest.mark.parametrize(
    "reply, text",
    [
        ("Hello</s>", "Hello"),
        ("<think>hm", ""),
        ("<think>hm</think>Yes", "Yes"),
        ("a <b> c", "a <b> c"),
        ("Hi<|eot_id|>", "Hi"),
        ("Hi<|eo", "Hi"),
        ("x < y", "x < y"),
        ("", ""),
    ],
)
def test_plain(reply, text):
    assert plain.read(reply).text == text


BOX, QUAD = (
    "<loc_100><loc_200><loc_300><loc_400>",
    "<loc_1><loc_2><loc_9><loc_2><loc_9><loc_8><loc_1><loc_8>",
)


@pytest.mark.parametrize("words", [
    "x < 5", "<EXIT>", "<EXIT> this way", "<div>", "<b>bold</b>", "I <3 you", "a<b>c", "a <OD", "<CAPTIONS>", "<-- left", "5 <= 7", "<loc>", "<locker_3>", "<mask>", "a </s> b", "the <s>old</s> price",
    "<>", "« < »", "<NAME> <ADDRESS>", "<!-- -->", "<OCR_WITHOUT>",
])  # fmt: skip
def test_print_keeps_its_less_than_signs(words):
    """In each grammar that reads print or names things; a mark is only what the model's vocabulary has."""
    for around in ("{}", "</s><s>{}</s>", "{}<pad><pad>"):
        assert florence2.text(around.format(words)).text == words
        for read, marks in (
            (florence2.quads, QUAD),
            (florence2.boxes, BOX),
            (florence2.polygons, QUAD),
        ):
            answer = read(around.format(f"{words}{marks}total{marks}"))
            assert [region.label for region in answer.regions] == [words, "total"]
    if "<s>" not in words and "</s>" not in words:
        assert kosmos2.read(f"<grounding>{words}.").text == f"{words}."
        assert paligemma.read(f"{words}.").text == f"{words}."
        assert (
            paligemma.read(f"<loc0001><loc0002><loc0300><loc0400> {words}").regions[0].label
            == words
        )


@pytest.mark.parametrize("token", [task.token for task in TASKS])
def test_the_echoed_task_is_no_print(token):
    assert (
        florence2.text(f"{token}STOP").text
        == florence2.text(f"</s><s>{token}STOP</s>").text
        == "STOP"
    )
    for end in range(1, len(token)):
        assert florence2.text(token[:end]).text in ("", token[:end].replace("<", ""))


@pytest.mark.parametrize(
    "phrase",
    [
        "it",
        "It",
        "the image",
        "The image",
        "images",
        "a",
        "a group",
        "other objects",
        "each other",
        "themselves",
        "I",
        "what",
        "Some",
        "one",
    ],
)
def test_phrases_that_name_nothing_are_left_out_with_a_word(phrase):
    answer = find_task("<CAPTION_TO_PHRASE_GROUNDING>").read(
        f"</s><s>{phrase}{BOX}a stop sign{BOX}{phrase}{BOX * 2}</s>"
    )
    assert [region.label for region in answer.regions] == ["a stop sign"] == [answer.text]
    assert answer.note == f"Left out, because it names nothing in particular: “{phrase}”."
    alone = find_task("<CAPTION_TO_PHRASE_GROUNDING>").read(f"{phrase}{BOX}")
    assert alone.regions == () and alone.text == "" and phrase in alone.note


@pytest.mark.parametrize(
    "phrase",
    [
        "US",
        "IT",
        "an image of a dog",
        "the images",
        "a group of people",
        "item",
        "another dog",
        "The",
        "i",
        "ITS",
        "them all",
        "thing",
        "a set of keys",
        "HE",
    ],
)
def test_other_phrases_are_grounded(phrase):
    answer = find_task("<CAPTION_TO_PHRASE_GROUNDING>").read(f"{phrase}{BOX}")
    kept = phrase not in ("The",)
    assert [region.label for region in answer.regions] == [phrase] * kept and bool(
        answer.note
    ) != kept


def test_only_phrases_of_a_sentence_are_left_out():
    assert [region.label for region in find_task("<OD>").read(f"it{BOX}image{BOX}").regions] == [
        "it",
        "image",
    ]
    assert find_task("<OCR_WITH_REGION>").read(f"it{QUAD}").regions[0].label == "it"


@pytest.mark.parametrize("name, reply", [(row["reader"], row["reply"]) for row in TRANSCRIPTS])
def test_prefix_law(name, reply):
    """Every prefix: no error, no marks, coordinates in 0..1, and no settled region is taken back."""
    settled: tuple = ()
    for end in range(len(reply) + 1):
        answer = READERS[name](reply[:end])
        assert not any(
            mark in answer.text
            for mark in ("<loc", "<patch", "<phrase", "<0x", "</s>", "<|", "<seg", "<poly")
        )
        assert all(
            0 <= v <= 1 and math.isfinite(v)
            for r in answer.regions
            for point in r.outline
            for v in point
        )
        assert answer.regions[: len(settled)] == settled
        settled = answer.regions[:-1]


@pytest.mark.parametrize(
    "row", TRANSCRIPTS, ids=lambda row: f"{row['reader']}: {row['reply'][:30]}"
)
def test_transcripts(row):
    answer = READERS[row["reader"]](row["reply"])
    assert len(answer.regions) == row["regions"]
    assert len(answer.rows) == row["rows"]
    assert answer.text == row["text"]


def test_round_trip_law():
    """A region spelled for Florence-2 and read back is off by at most 0.0015."""
    for i in range(0, 1000, 7):
        box = (i / 1000, (i * 7 % 900) / 1000, (i + 1) / 1000 if i < 999 else 1.0, 1.0)
        region = florence2.boxes("x" + florence2.write_locations(box)).regions[0]
        (x0, y0), (x1, y1) = region.outline[0], region.outline[2]
        assert max(abs(a - b) for a, b in zip(box, (x0, y0, x1, y1))) <= 0.0015


def test_every_task_reads_without_raising():
    for task in TASKS:
        for reply in ("", "<", "<loc_", task.token, "\x00<loc_1>", "<loc_1>" * 9, "<poly>" * 5):
            assert isinstance(task.read(reply), Answer)

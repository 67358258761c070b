"""The embedded engine: every answer is computed from the picture that was brought, and what is not is refused."""

import contextlib
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tests.support import chart_pictures as charts
from tests.support.builtin_runs import FLORENCE, picture, run
from tests.support.chart_pictures import font
from tests.support.paths import ASSETS
from vlm_backends import (
    CATALOGUE,
    TASKS,
    BadPrompt,
    CancelToken,
    Embedded,
    MissingKey,
    Prompt,
    Turn,
    VLMError,
    ask,
    find_model,
    find_task,
    read,
)
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.colours import colours
from vlm_backends.engines.builtin.masks.outlines import outlines
from vlm_backends.engines.builtin.ocr import networks
from vlm_backends.table_prompts import write_table_prompt

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
HERE = ["<CAPTION_TO_PHRASE_GROUNDING>", "<OPEN_VOCABULARY_DETECTION>", "<REGION_TO_SEGMENTATION>",
        "<REFERRING_EXPRESSION_SEGMENTATION>", "<OD>", "<REGION_PROPOSAL>", "<REGION_TO_CATEGORY>",
        "<REGION_TO_DESCRIPTION>", "<OCR>", "<OCR_WITH_REGION>"]  # fmt: skip


def page(*blocks: tuple[int, int, str], size=(900, 600), letter=24) -> Image.Image:
    """Black print on white; each block is (x, y, lines)."""
    image = Image.new("RGB", size, "white")
    for x, y, text in blocks:
        ImageDraw.Draw(image).multiline_text((x, y), text, "black", font(letter), spacing=10)
    return image


def talk(image, model=LLAMA):
    return list(
        ask(Embedded(), model, Prompt((Turn("user", "What is this?", (picture(image),)),)))
    )[-1]


SIGN = read(ASSETS / "sign.jpg")


# --- the 14 tasks -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.token)
def test_every_task_answers_truly_or_says_what_it_needs(task):
    words, region = (
        ("park" if task.takes == "words" else ""),
        ((0.2, 0.2, 0.8, 0.8) if task.takes == "region" else None),
    )
    if task.token in HERE:
        answer = run(task.token, SIGN, words, region)
        assert (
            answer.text
            and "by the built-in tools" in answer.note
            and "not by Florence-2" in answer.note
        )
        assert answer.literal and answer.sent.way is None
    else:
        with pytest.raises(MissingKey, match="needs Florence-2 itself.*key"):
            run(task.token, SIGN, words, region)


OF_THINGS = (
    "<OD>",
    "<REGION_PROPOSAL>",
    "<REGION_TO_CATEGORY>",
    "<REFERRING_EXPRESSION_SEGMENTATION>",
)


@pytest.mark.slow
@pytest.mark.parametrize("token", HERE)
def test_different_pictures_get_different_answers_and_the_same_one_the_same(token):
    task = find_task(token)
    words, region = {
        "nothing": ("", None),
        "words": ("green blue", None),
        "region": ("", (0.1, 0.1, 0.9, 0.9)),
    }[task.takes]
    one, other = page((60, 60, "A green\nbicycle")), page((60, 260, "Two blue\nboats at sea"))
    ImageDraw.Draw(one).rectangle((500, 200, 700, 400), "green")
    ImageDraw.Draw(other).rectangle((480, 300, 800, 350), "blue")
    if token in OF_THINGS:  # they know photographs
        one, other = (Image.open(ASSETS / name) for name in ("coffee.jpg", "cat.jpg"))
        words = words and "the cat"
    answers = [run(token, image, words, region) for image in (one, one.copy(), other)]
    assert answers[0] == answers[1] and answers[0].text != answers[2].text


# --- reading ------------------------------------------------------------------------------------------------------

LEFT, RIGHT = (
    "Alpha goes first\nthen comes bravo\nand charlie last",
    "Delta heads here\nthen follows echo\nfoxtrot is the end",
)
COLUMNS = f"{LEFT}\n{RIGHT}".split("\n")


@pytest.mark.slow
@pytest.mark.parametrize("image, lines", [
    (page((60, 60, LEFT), (480, 60, RIGHT)), COLUMNS),
    (page((60, 20, "A headline over both of the columns"), (60, 90, LEFT), (480, 90, RIGHT)), ["A headline over both of the columns", *COLUMNS]),
    (page((60, 60, "Tea\nCake\nTotal"), (700, 60, "2.10\n3.45\n5.55")), ["Tea   2.10", "Cake   3.45", "Total   5.55"]),
    (page((60, 60, LEFT)).rotate(-8, expand=True, fillcolor="white"), COLUMNS[:3]),
    (page((60, 60, LEFT)).resize((3600, 2400)), COLUMNS[:3]),
    (Image.eval(page((60, 60, LEFT)), lambda v: 255 - v), COLUMNS[:3]),
    (page((60, 60, "Zażółć gęślą jaźń")), ["Zażółć gęślą jaźń"]),
], ids=["columns", "headline", "receipt", "slanted", "large", "inverted", "polish"])  # fmt: skip
def test_print_is_read_whole_and_in_order(image, lines):
    answer = run("<OCR_WITH_REGION>", image)
    assert answer.text.split("\n") == lines
    pieces = [piece for line in lines for piece in line.split("   ")]
    assert [answer.text[slice(*region.span)] for region in answer.regions] == pieces
    assert [region.label for region in answer.regions] == pieces
    plain = run("<OCR>", image)
    assert plain.text == answer.text and plain.regions == ()


@pytest.mark.slow
def test_a_quad_lies_on_its_print():
    (region,) = run("<OCR_WITH_REGION>", page((300, 270, "MEETING POINT"), letter=40)).regions
    xs, ys = [x * 900 for x, _ in region.outline], [y * 600 for _, y in region.outline]
    box = ImageDraw.Draw(Image.new("RGB", (1, 1))).textbbox((300, 270), "MEETING POINT", font(40))
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx(box, abs=9)
    assert len(region.outline) == 4 and region.outline[0][0] < region.outline[1][0]


@pytest.mark.slow
@pytest.mark.parametrize("image", [
    Image.new("RGB", (400, 300), "white"),
    Image.new("RGB", (400, 300), "black"),
    Image.effect_noise((400, 300), 60).convert("RGB"),
    Image.radial_gradient("L").convert("RGB"),
    Image.open(ASSETS / "coffee.jpg").resize((300, 200)).filter(ImageFilter.GaussianBlur(6)),
], ids=["white", "black", "noise", "gradient", "blurred"])  # fmt: skip
def test_where_nothing_is_printed_nothing_is_read(image):
    for token in ("<OCR>", "<OCR_WITH_REGION>"):
        answer = run(token, image)
        assert answer.text == "" and answer.regions == () and "no text" in answer.note


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 900), (900, 1), (7, 7), (9, 400), (11, 11), (3, 5), (16, 16),
    (12000, 8), (8, 12000)])  # fmt: skip
def test_pictures_of_any_size_get_an_answer_or_a_sentence(size):
    image = Image.effect_noise(size, 90).convert("RGB")
    for token in HERE:
        task = find_task(token)
        with contextlib.suppress(VLMError):
            for box in (
                ((0, 0, 1, 1), (0.997, 0.997, 1, 1), (0, 0, 0.01, 0.01))
                if task.takes == "region"
                else (None,)
            ):
                run(token, image, "a word" if task.takes == "words" else "", box)
    for model in CATALOGUE:
        if not model.tasks:
            assert talk(image, model).text


@pytest.mark.slow
@pytest.mark.parametrize("size", [(6000, 30), (30, 6000), (2400, 12), (12, 2400)])
def test_the_slimmest_pictures_are_read_by_whoever_reads(size):
    image = Image.effect_noise(size, 90).convert("RGB")
    assert "no text" in run("<OCR_WITH_REGION>", image).note
    assert talk(image, CATALOGUE[0]).text


# --- finding printed words ----------------------------------------------------------------------------------------

POSTER = page((60, 60, "Harbour Museum\nopen daily 9 to 5\nharbour tours at noon"))


@pytest.mark.slow
@pytest.mark.parametrize("words, found", [
    ("harbour", ["Harbour", "harbour"]), ("HARBOUR", ["Harbour", "harbour"]), ("noon", ["noon"]), ("open daily", ["open daily"]),
    ("museum, tours", ["Museum", "tours"]), ("museum. giraffe.", ["Museum"]),
])  # fmt: skip
def test_open_vocabulary_finds_what_is_printed(words, found):
    answer = run("<OPEN_VOCABULARY_DETECTION>", POSTER, words)
    assert sorted(region.label for region in answer.regions) == sorted(found)
    assert all(answer.text[slice(*region.span)] == region.label for region in answer.regions)


def test_whole_words_are_found_though_the_phrase_stands_only_in_others():
    found = run("<OPEN_VOCABULARY_DETECTION>", page((60, 60, "smart shows\nshow")), "art show")
    assert [region.label for region in found.regions] == ["show"]


def test_a_long_text_is_no_burden():
    text = "The Harbour Museum, seen from the sea. " * 500
    assert {r.label for r in run("<CAPTION_TO_PHRASE_GROUNDING>", POSTER, text).regions} == {
        "Harbour Museum"
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["giraffe", "arbou", "muse", "9 to 6 giraffes!", "(", "[a-z]+", ".*", "日本"]
)
def test_open_vocabulary_says_when_nothing_is_printed(words):
    answer = run("<OPEN_VOCABULARY_DETECTION>", POSTER, words)
    assert {region.label for region in answer.regions} <= {"to"}
    said = ("Not found", "Nothing that these words name was found.")
    assert answer.regions or answer.text.startswith(said)


@pytest.mark.parametrize("sentence, found", [
    ("The Harbour Museum has tours at noon.", ["Harbour Museum", "tours at noon"]),
    ("A man at the museum", ["Museum"]),
    ("a to at", []), ("A cat on a mat", []),
])  # fmt: skip
def test_grounding_finds_runs_of_the_sentence(sentence, found):
    assert [
        region.label for region in run("<CAPTION_TO_PHRASE_GROUNDING>", POSTER, sentence).regions
    ] == found


def test_a_found_word_lies_where_it_is_printed():
    (region,) = run("<OPEN_VOCABULARY_DETECTION>", POSTER, "museum").regions
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    start, end = (60 + pen.textlength(text, font(24)) for text in ("Harbour ", "Harbour Museum"))
    xs = [x * 900 for x, _ in region.outline]
    assert (min(xs), max(xs)) == pytest.approx((start, end), abs=14)


# --- masks by colour ----------------------------------------------------------------------------------------------


def disc(hole=0, size=(640, 480)) -> tuple[Image.Image, np.ndarray]:
    """A red disc on green, and its true mask."""
    image, mask = Image.new("RGB", size, (40, 120, 60)), Image.new("1", size)
    for canvas, fills in ((image, [(200, 40, 40), (40, 120, 60)]), (mask, [1, 0])):
        for radius, colour in zip((140, hole), fills):
            if radius:
                ImageDraw.Draw(canvas).ellipse(
                    (320 - radius, 240 - radius, 320 + radius, 240 + radius), colour
                )
    return image.filter(ImageFilter.GaussianBlur(1)), np.asarray(mask)


def filled(regions, size=(640, 480)) -> np.ndarray:
    mask = Image.new("1", size)
    for region in regions:
        ImageDraw.Draw(mask).polygon([(x * size[0], y * size[1]) for x, y in region.outline], 1)
    return np.asarray(mask)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("hole", [0, 60])
def test_a_mask_is_the_thing_in_the_box_and_its_hole_stays_a_hole(hole):
    image, truth = disc(hole)
    answer = run("<REGION_TO_SEGMENTATION>", image, region=(0.25, 0.15, 0.75, 0.85))
    assert overlap(filled(answer.regions), truth) > 0.95
    assert all(region.is_mask and region.label == "mask by colour" for region in answer.regions)
    assert filled(answer.regions)[240, 320] == (not hole)


def test_things_apart_are_parts():
    image = Image.new("RGB", (640, 480), "white")
    for x in (150, 400):
        ImageDraw.Draw(image).rectangle((x, 150, x + 100, 330), (30, 60, 160))
    answer = run("<REGION_TO_SEGMENTATION>", image, region=(0.15, 0.2, 0.85, 0.8))
    assert len(answer.regions) == 2 and "2 parts" in answer.text


@pytest.mark.parametrize(
    "box, reason",
    [
        ((0, 0, 1, 1), "surroundings"),
        ((0, 0, 1, 0.995), "surroundings"),
        ((0.5, 0.5, 0.504, 0.9), "small"),
    ],
)
def test_a_box_with_nothing_to_compare_is_refused(box, reason):
    with pytest.raises(BadPrompt, match=reason):
        run("<REGION_TO_SEGMENTATION>", disc()[0], region=box)


@pytest.mark.slow
@pytest.mark.parametrize("box", [(0, 0, 0.9, 0.9), (0, 0.2, 0.5, 0.8), (0.5, 0.5, 1, 1)])
def test_a_box_at_the_border_says_what_to_expect(box):
    assert "border" in run("<REGION_TO_SEGMENTATION>", disc()[0], region=box).note


@pytest.mark.parametrize(
    "mask", [np.zeros((40, 60), bool), np.ones((40, 60), bool), np.eye(50, dtype=bool)]
)
def test_outlines_stay_inside(mask):
    for outline in outlines(mask):
        assert len(outline) >= 3 and all(0 <= v <= 1 for point in outline for v in point)


# --- measured facts -----------------------------------------------------------------------------------------------


def test_a_region_is_described_by_what_is_measured_in_it():
    image = page((500, 100, "EXIT 12"), letter=40)
    ImageDraw.Draw(image).rectangle((0, 300, 450, 600), (40, 90, 200))
    answer = run("<REGION_TO_DESCRIPTION>", image, region=(0.5, 0.1, 0.95, 0.35))
    assert "405 × 150 px" in answer.text and "EXIT 12" in answer.text and "white" in answer.text
    answer = run("<REGION_TO_DESCRIPTION>", image, region=(0.05, 0.55, 0.45, 0.95))
    assert "blue 100%" in answer.text and "No print" in answer.text


@pytest.mark.parametrize(
    "ends",
    [
        ((-0.3, -0.4), (1.1, -0.02)),
        ((0.3, -0.05), (1.4, -0.5)),
        ((-0.5, 1.5), (1.2, 1.05)),
        ((0.2, 1.04), (1.3, 1.4)),
        ((-0.04, -2.0), (-0.04, 3.0)),
        ((1.04, -2.0), (1.04, 3.0)),
    ],
)
def test_a_frame_that_passes_by_cuts_no_print(ends):
    """The ends of the frame's line are in widths and heights of the print, from its corner."""
    image = page((200, 280, "EXIT 12"), letter=40)
    left, top, right, bottom = ImageChops.invert(image.convert("L")).getbbox()
    places = [(left + x * (right - left), top + y * (bottom - top)) for x, y in ends]
    ImageDraw.Draw(image).line(places, "black", 3)
    region = (left - 3, top - 3, right + 3, bottom + 3)
    answer = run(
        "<REGION_TO_DESCRIPTION>",
        image,
        region=tuple(edge / size for edge, size in zip(region, image.size * 2)),
    )
    assert "EXIT 12" in answer.text and "(cut off)" not in answer.text, answer.text


@pytest.mark.parametrize("text, letter", [("EXIT 12", 40), ("Coffee 2.90", 28)])
@pytest.mark.parametrize("sides, is_cut", [((0.12, 0.12, 0.12, 0.12), False), ((0.06, 0.4, 0.4, 0.4), False), ((0.3, 0.3, -0.3, 0.3), True),
                                           ((-0.3, 0.3, 0.3, 0.3), True), ((0.3, 0.3, 0.3, -0.3), True), ((0.3, -0.25, 0.3, 0.3), True)])  # fmt: skip
def test_print_that_the_region_cuts_is_said(text, letter, sides, is_cut):
    """The region's sides (left, top, right, bottom) are that many heights of the letters outside of them."""
    image = page((200, 300, text), letter=letter)
    box = ImageChops.invert(image.convert("L")).getbbox()
    signs = -1, -1, 1, 1
    edges = [at + sign * letter * side for at, sign, side in zip(box, signs, sides)]
    region = tuple(edge / size for edge, size in zip(edges, image.size * 2))
    answer = run("<REGION_TO_DESCRIPTION>", image, region=region)
    assert ("(cut off)" in answer.text) == is_cut, answer.text
    assert is_cut or text in answer.text
    assert "It reads Latin script" in answer.note


@pytest.mark.parametrize("words", ["cafe angstrom", "Café Ångström", "Cafe\u0301 A\u030angstro\u0308m", "CAFÉ ANGSTRÖM"])  # fmt: skip
def test_words_are_found_with_and_without_accents(words):
    answer = run("<OPEN_VOCABULARY_DETECTION>", page((100, 100, "The Café Ångström"), letter=36), words)  # fmt: skip
    assert [region.label for region in answer.regions] == ["Café Ångström"] == [answer.text]


@pytest.mark.parametrize("colour, name", [((250, 250, 250), "white"), ((10, 10, 10), "black"), ((200, 35, 35), "red"),
                                          ((130, 130, 128), "grey"), ((245, 215, 70), "yellow")])  # fmt: skip
def test_colours_have_names(colour, name):
    assert colours(np.full((50, 60, 3), colour, np.uint8)) == [(name, pytest.approx(1.0))]


@pytest.mark.slow
def test_codes_are_read_with_their_place():
    answer = talk(Image.open(ASSETS / "receipt.png").convert("RGB"))
    assert "QR code: VLM Showcase" in answer.text
    (region,) = (region for region in answer.regions if region.label.startswith("QR"))
    assert all(0 <= v <= 1 for point in region.outline for v in point) and len(region.outline) == 4


@pytest.mark.parametrize("words", ["", "<loc_1>", "<loc_1><loc_2><loc_3>", "a house", "<loc_1><loc_2><loc_3><loc_4>" * 2,
                                   "<loc_1><loc_2><loc_3><loc_nan>"])  # fmt: skip
@pytest.mark.parametrize("token", ["<REGION_TO_SEGMENTATION>", "<REGION_TO_DESCRIPTION>"])
def test_what_is_no_region_is_refused(token, words):
    with pytest.raises(BadPrompt, match="region"):
        list(Embedded().stream(FLORENCE, Prompt((Turn("user", token + words, (SIGN,)),))))


# --- talking ------------------------------------------------------------------------------------------------------


FIRST, SECOND = "Platform 9", "Gate 27"


@pytest.mark.slow
@pytest.mark.parametrize("words", ["Describe the image.", "Which is the platform?", "Where is the gate?"])  # fmt: skip
@pytest.mark.parametrize("turns, count", [(((FIRST, SECOND),), 2), (((FIRST,), (SECOND,)), 2), (((FIRST,), ()), 1), (((FIRST, FIRST, SECOND),), 3)])  # fmt: skip
def test_of_several_pictures_one_is_looked_at_and_that_is_said(words, turns, count):
    """The turns of a visitor, each with the print of its pictures."""
    asked: list[Turn] = []
    for texts in turns:
        pictures = tuple(picture(page((60, 60, text), size=(360, 160))) for text in texts)
        asked += [Turn("user", words, pictures), Turn("assistant", "…")]
    answer = list(ask(Embedded(), LLAMA, Prompt(tuple(asked[:-1]))))[-1]
    seen = turns[-1][-1] if turns[-1] else FIRST
    assert seen in answer.text
    said = f"Only the last of {count} pictures was looked at."
    assert (said in answer.note) == (count > 1) and answer.note.count("Only") == (count > 1)


@pytest.mark.parametrize(
    "model", [m for m in CATALOGUE if not m.tasks and m.id != "google/deplot"], ids=lambda m: m.id
)
def test_a_chat_says_what_can_be_read_and_that_it_is_not_the_model(model):
    answer = talk(page((100, 100, "Platform 9")), model)
    assert "Platform 9" in answer.text and "900 × 600" in answer.text
    assert (
        f"not by {model.title}" in answer.note
        and "does not converse" in answer.note
        and "key" in answer.note
    )
    assert [region.label for region in answer.regions] == ["Platform 9"]
    assert answer.text[slice(*answer.regions[0].span)] == "Platform 9"


def test_without_print_it_says_so():
    assert "nothing that could be read" in talk(Image.new("RGB", (300, 200), "navy")).text


def test_without_a_picture_it_asks_for_one():
    for model in CATALOGUE:
        with pytest.raises(BadPrompt, match="picture"):
            list(Embedded().stream(model, Prompt((Turn("user", "Hello"),))))


def test_the_newest_picture_is_the_one_that_is_read():
    old, new = (picture(page((100, 100, text))) for text in ("First sheet", "Second sheet"))
    turns = (
        Turn("user", "Read", (old,)),
        Turn("assistant", "…"),
        Turn("user", "And this?", (new,)),
        Turn("assistant", "…"),
    )
    text = list(ask(Embedded(), LLAMA, Prompt((*turns, Turn("user", "Again")))))[-1].text
    assert "Second sheet" in text and "First sheet" not in text


def test_a_refused_chart_still_gives_its_print():
    answer = talk(page((100, 100, "Minutes of the meeting")), find_model("google/deplot"))
    assert (
        answer.text.startswith("No table: no bars, lines or slices")
        and "Minutes of the meeting" in answer.text
        and not answer.rows
    )


def asked_about_chart(question, rows):
    """The last answer of a chat model's stand-in to a question that comes with a chart's table."""
    drawn = picture(charts.horizontal("Visitors", CITIES))
    turn = Turn("user", write_table_prompt(rows, question), (drawn,))
    return list(ask(Embedded(), LLAMA, Prompt((turn,))))[-1]


CITIES = {"Oslo": 42.0, "Rome": 65.0, "Lima": 88.0}
CITY_ROWS = (("", "Value"), *((name, f"{value:g}") for name, value in CITIES.items()))


def test_a_question_about_a_chart_is_computed_from_its_table_with_its_rows_lit():
    answer = asked_about_chart("Which city is the largest, and by how much?", CITY_ROWS)
    assert "88: Lima" in answer.text and "Rome (65): the difference is 23" in answer.text
    assert {region.label.partition(":")[0] for region in answer.regions} == {"Lima", "Rome"}
    assert "Computed by the built-in tools, without a model" in answer.note


@pytest.mark.slow
@pytest.mark.parametrize(
    "question, lit",
    [
        ("What is Rome in 2024?", ["Rome, 2024: 65"]),
        ("Which city had the least in 2023?", ["Lima, 2023: 20"]),
        ("What is the total of 2023?", ["Oslo, 2023: 30", "Rome, 2023: 50", "Lima, 2023: 20"]),
    ],
)
def test_of_several_series_the_cells_of_the_answer_alone_are_lit(question, lit):
    series = {"2023": [30, 50, 20], "2024": [42, 65, 88]}
    drawn = charts.vertical("Visitors", series, list(CITIES), range(0, 101, 20))
    prompt = Prompt((Turn("user", question, (picture(drawn),)),))
    answer = list(ask(Embedded(), find_model("google/deplot"), prompt))[-1]
    assert "Computed from the table, without a model" in answer.note
    assert answer.text[: answer.fold] and answer.text[answer.fold :].startswith("\n\nThe table:\n")
    assert len(answer.rows) == 4
    assert [region.label for region in answer.regions] == lit


@pytest.mark.parametrize(
    "question, said, lit",
    [
        ("Which city has the most visitors?", "The largest value is 88: Lima", ["Lima"]),
        ("What is the average?", "The average of 3 values is 65", ["Oslo", "Rome", "Lima"]),
        ("How many visitors did Oslo have?", "Oslo: 42", ["Oslo"]),
    ],
)
def test_a_chat_computes_what_a_chart_answers(question, said, lit):
    drawn = picture(charts.horizontal("Visitors", CITIES))
    answer = list(ask(Embedded(), LLAMA, Prompt((Turn("user", question, (drawn,)),))))[-1]
    assert answer.text.startswith(said) and len(answer.rows) == 4
    assert [region.label.partition(":")[0] for region in answer.regions] == lit
    assert "not by Llama 3.2" in answer.note and "DePlot" not in answer.note


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, question, said",
    [
        ("chart.png", "Why is the largest so large?", "cannot answer this question"),
        ("chart.png", "How many people drew it?", "cannot answer this question"),
        ("coffee.jpg", "How many cups are there?", "1 cup"),
        ("sign.jpg", "Which way is the longest?", "Lake Loop"),
        ("receipt.png", "What is the total?", "Total"),
    ],
)
def test_a_chat_computes_nothing_else(name, question, said):
    turn = Turn("user", question, (read(ASSETS / name),))
    answer = list(ask(Embedded(), LLAMA, Prompt((turn,))))[-1]
    assert said.lower() in answer.text.lower() and "omputed" not in answer.note
    assert not answer.rows


def test_a_table_that_was_corrected_is_not_said_to_be_read():
    rows = (CITY_ROWS[0], ("Oslo", "99"), *CITY_ROWS[2:])
    answer = asked_about_chart("What is the largest?", rows)
    assert "99: Oslo" in answer.text and "sent with the question" in answer.note


def test_a_question_that_a_table_does_not_answer_says_what_is_needed():
    answer = asked_about_chart("Why is Lima the largest?", CITY_ROWS)
    assert answer.text.startswith("No answer") and "the total" in answer.text
    assert not answer.regions and "Nothing was computed" in answer.note


@pytest.mark.slow
@pytest.mark.parametrize("words", ["Why is Lima the largest?", "Which fjord is the nicest?"])
def test_a_table_says_that_a_question_was_not_understood(words):
    prompt = Prompt((Turn("user", words, (read(ASSETS / "chart.png"),)),))
    answer = list(ask(Embedded(), find_model("google/deplot"), prompt))[-1]
    assert len(answer.rows) == 8 and len(answer.regions) == 7
    assert answer.note.startswith("The question was not surely understood")
    assert "the total" in answer.note and any("the total" in each for each in answer.method)


# --- as a stream --------------------------------------------------------------------------------------------------

LONG = picture(
    page(
        *[
            (40 + 420 * c, 30 + 44 * r, f"Line number {c}{r} of many")
            for c in range(2)
            for r in range(12)
        ]
    )
)


@pytest.mark.slow
def test_lines_arrive_while_others_are_still_being_read():
    whole = Prompt((Turn("user", "<OCR>", (LONG,)),))
    moments, start = [], time.perf_counter()
    chunks = []
    for chunk in Embedded().stream(FLORENCE, whole):
        moments.append(time.perf_counter() - start)
        chunks.append(chunk)
    assert len([chunk for chunk in chunks if chunk.text]) == 24 and len(set(moments)) > 6


def test_stop_ends_the_reading():
    stop, seen = CancelToken(), 0
    for chunk in Embedded().stream(FLORENCE, Prompt((Turn("user", "<OCR>", (LONG,)),)), stop):
        seen += bool(chunk.text)
        if seen == 2:
            stop.set()
    assert seen == 2


@pytest.mark.slow
def test_two_visitors_at_once_get_their_own_answers():
    from concurrent.futures import ThreadPoolExecutor

    images = [picture(page((60, 60, f"Visitor {i}\nreads {i * 111}"))) for i in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        texts = [answer.text for answer in pool.map(lambda image: run("<OCR>", image), images)]
    assert texts == [f"Visitor {i}\nreads {i * 111}" for i in range(1, 5)]


@pytest.mark.slow
def test_it_answers_with_the_network_cut_off(tmp_path):
    """In a process whose sockets refuse to connect: it asks no other host for anything, and prepares to tell none."""
    code = textwrap.dedent(f"""
        import socket, sys
        def refuse(*_): raise SystemExit("asked the network")
        socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
        from vlm_backends import *
        task, model = find_task("<OCR>"), find_model("microsoft/florence-2")
        prompt = Prompt((Turn("user", write_task(task), (read({str(ASSETS / "sign.jpg")!r}),)),))
        print([answer.text for answer in ask(connect({{}}), model, prompt, task)][-1])
    """)
    quiet = (
        "CI",
        "TF_BUILD",
        "GITHUB_ACTIONS",
        "XDG_CACHE_HOME",
    )  # where libraries keep still by themselves
    env = {name: value for name, value in os.environ.items() if name not in quiet} | {
        "HOME": str(tmp_path)
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ASSETS.parent, env=env, capture_output=True, text=True
    )
    assert "PINE RIDGE PARK" in done.stdout, done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], (
        "a library keeps notes about its use"
    )


def test_unsure_lines_are_left_out():
    smeared = page((100, 100, "Some small print"), letter=16).filter(ImageFilter.GaussianBlur(2.2))
    assert all(line.score >= 0.8 for line in ocr.read_lines(np.asarray(smeared)))


@pytest.mark.parametrize("said, threads", [
    (None, -1), ("1", 1), ("2", 2), (" 3 ", 3), ("2,1", 2), ("", -1), ("0", -1), ("-1", -1), ("many", -1), ("1.5", -1), (",", -1), ("²", -1),
])  # fmt: skip
def test_as_many_cores_are_used_as_the_owner_says(monkeypatch, said, threads):
    monkeypatch.delenv("OMP_NUM_THREADS") if said is None else monkeypatch.setenv(
        "OMP_NUM_THREADS", said
    )
    assert networks._threads() == threads


@pytest.mark.slow
def test_the_reader_takes_one_core_when_it_is_told_so(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    reader = networks._load_engine()
    assert reader.text_det.session.session.get_session_options().intra_op_num_threads == 1

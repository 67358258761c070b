"""A chat tab without a model lists what is found, and what a question names comes first."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.support.code_pictures import laid, qr
from tests.support.findings import LLAMA, answered, reply
from tests.support.paths import ASSETS
from vlm_backends.engines.builtin.findings import place_of, together
from vlm_backends.engines.builtin.sharpness import describe_sharpness, least_blur
from vlm_backends.types import Chunk, Region

SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def test_things_come_first_and_are_streamed_before_the_print():
    texts = [answer.text for answer in reply("cat.jpg") if answer.text]
    assert texts[0].startswith("Things in this picture:\n\n1 cat: ")
    assert "Printed" not in texts[0]
    assert "Printed in this picture:" in texts[-1] and "451 × 300 px" in texts[-1]


def test_the_answer_is_called_a_list_of_findings():
    answer = answered("coffee.jpg")
    (cup,) = [region for region in answer.regions if region.label == "cup"]
    assert answer.text[slice(*cup.span)].endswith(f"({cup.score:.0%})")
    assert f"a list of findings, not {LLAMA.title}'s words" in answer.note
    assert "(SSDLite), which know 80 kinds" in answer.note


@pytest.mark.slow
@pytest.mark.parametrize("name", ["receipt.png", "sign.jpg"])
def test_without_things_the_print_is_all_and_that_is_said(name):
    answer = answered(name)
    assert answer.text.startswith("Printed in this picture:")
    assert answer.text.endswith(
        "No thing of a kind that is known here was found; what is drawn is left out."
    )
    assert all(region.score is None for region in answer.regions)


@pytest.mark.parametrize("question, begins, said", [
    ("How many cups are there?", "Things that your question names:\n\n1 cup: ", ""),
    ("Is there a mug?", "Things that your question names:\n\n1 cup: ", "“mug” was looked for as cup."),
    ("Where is the dog?", "Not found by its looks: “dog”; one may be there all the same.", ""),
    ("Is a woman drinking?", "Not found by its looks: “woman”", "more than that cannot be told here"),
    ("Where is the pagoda?", "The built-in tools cannot answer this question; a model that converses may.", "Things in this picture:\n\n1 cup"),
    ("Is there a blue cup?", "Things that your question names:\n\n1 cup: ", "Not taken into account for things: “blue”."),
    ("How many cups are not full?", "Things that your question names:\n\n1 cup: ", "“not”"),
    ("How many dogs and cups?", "Things that your question names:\n\n1 cup: ", "Not found by its looks: “dogs”"),
])  # fmt: skip
def test_what_a_question_names_comes_first(question, begins, said):
    answer = answered("coffee.jpg", question)
    assert answer.text.startswith(begins) and said in answer.text
    assert "cup" in [region.label for region in answer.regions], "nothing is dropped"


NO_ANSWER = "The built-in tools cannot answer this question"


@pytest.mark.parametrize("question, told", [
    ("What mood does it have?", True), ("Write a poem about it.", True), ("Is it expensive?", True),
    ("What colours are in this picture?", False), ("How large is the picture?", False), ("What is in this picture?", False),
    ("How many cups do you see?", False), ("Where is the dog?", False),
])  # fmt: skip
def test_a_question_that_needs_a_model_is_told_first_and_no_other(question, told):
    text = answered("coffee.jpg", question).text
    assert text.startswith(NO_ANSWER) == told and (NO_ANSWER in text) == told
    assert "“see”" not in text


def test_print_that_shares_words_is_before_a_thing_that_was_not_found():
    answer = answered("sign.jpg", "Is there a boat at Lake Loop?")
    assert answer.text.startswith("Printed here, and sharing words with your question")
    assert "Not found by its looks: “boat”" in answer.text


def test_a_question_answered_by_codes_alone_is_answered_by_them_first():
    answer = answered(laid(qr("https://example.org/7", module=5)), "Which QR code has the dog?")
    assert answer.text.startswith("Codes in this picture:\n\nQR code: https://example.org/7")
    assert "Not found by its looks: “dog”" in answer.text
    assert "Not taken into account" not in answer.text, "the codes were looked for"


@pytest.mark.parametrize("box, place", [
    ((0, 0, 0.2, 0.2), "top left"), ((0.4, 0.4, 0.6, 0.6), "middle"), ((0.8, 0.4, 1, 0.6), "right"), ((0, 0, 1, 1), "most of the picture"),
    ((0.4, 0.8, 0.6, 1), "bottom"), ((0, 0.05, 0.9, 0.95), "most of the picture"), ((0.1, 0.1, 0.9, 0.9), "middle"),
])  # fmt: skip
def test_places(box, place):
    assert place_of(box) == place


def test_parts_keep_their_spans_and_the_first_fold():
    parts = [
        Chunk("ab", (Region("b", SQUARE, span=(1, 2)),)),
        Chunk(""),
        Chunk("cd", (Region("d", SQUARE, span=(1, 2)), Region("x", SQUARE)), fold=1),
    ]
    joined = together(parts)
    assert joined.text == "ab\n\ncd" and joined.fold == 5
    spans = [region.span for region in joined.regions]
    assert spans == [(1, 2), (5, 6), None]


@pytest.mark.slow
@pytest.mark.parametrize("turn, said", [
    (None, ""),
    (Image.Transpose.ROTATE_180, "The print is upside down."),
    (Image.Transpose.ROTATE_270, "The print is turned by 90° clockwise."),
    (Image.Transpose.ROTATE_90, "The print is turned by 90° counter-clockwise."),
])  # fmt: skip
def test_how_the_print_is_turned_is_said(turn, said):
    image = Image.open(ASSETS / "receipt.png").convert("RGB")
    text = answered(image.transpose(turn) if turn is not None else image).text
    assert said in text and ("The print is" in text) == bool(said)


@pytest.mark.parametrize(
    "name", ["cat.jpg", "coffee.jpg", "astronaut.jpg", "rocket.jpg", "sign.jpg", "page.png"]
)
def test_sharpness(name):
    image = Image.open(ASSETS / name).convert("RGB")
    size = " at screen size" if max(image.size) > 640 else ""
    assert describe_sharpness(np.asarray(image)) == f"Sharp{size}, at least in places."
    soft = image.filter(ImageFilter.GaussianBlur(5 * max(image.size) / 640))
    assert describe_sharpness(np.asarray(soft)) == "Blurred: no part of it is sharp."
    half = Image.composite(
        image, soft, Image.linear_gradient("L").resize(image.size).point(lambda v: 255 * (v > 127))
    )
    assert "Blurred" not in describe_sharpness(np.asarray(half)), "one half is sharp"


@pytest.mark.parametrize("sigma, said", [
    (0, "Sharp at screen size, at least in places."), (4, "Sharp at screen size, at least in places."),
    (40, "Blurred: no part of it is sharp."),
])  # fmt: skip
def test_a_large_picture_is_called_sharp_at_screen_size_only(sigma, said):
    """A blur of a few pixels is lost when 12 megapixels become small."""
    image = Image.open(ASSETS / "sign.jpg").convert("RGB").resize((4000, 3000))
    rgb = np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)))
    assert describe_sharpness(rgb) == said


@pytest.mark.parametrize("size", [(1, 1), (4, 900), (300, 300), (1, 12000), (12000, 1)])
def test_a_flat_picture_is_neither_sharp_nor_blurred(size):
    flat = np.full((*size, 3), 128, np.uint8)
    assert least_blur(flat) is None and describe_sharpness(flat) == ""

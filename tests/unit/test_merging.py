"""Phrases that were found are tied to their words in a caption: at whole words, whatever stands around them."""

from unicodedata import normalize

import pytest

from vlm_backends import Answer, Region
from vlm_backends.chains import grounded

BOX = ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2))
TIED = [  # a caption, a phrase, and where its words begin
    ("A scarf next to a car", "car", 18), ("two cars and a car", "car", 15), ("A Car.", "car", 2), ("CAR", "car", 0), ("the dog's bowl", "dog", 4), ("I can't see a can", "can", 14),
    ("a café au lait", "café", 2), (normalize("NFD", "a café au lait"), "café", 2), ("a café au lait", normalize("NFD", "café"), 2), ("über die Straße", "straße", 9),
    ("a “STOP” sign", '"stop" sign', 2), ('the "car" here', "car", 5), ("‘car’", "car", 1), ("(car)", "car", 1), ("a car—red", "car", 2), ("a car, a bus", "car", 2), ("une image, l'image", "image", 4),
    ("l'image", "image", 2), ("a T-shirt", "T-shirt", 2), ("a well-known dog", "well-known dog", 2), ("5 boats", "5", 0), ("2, 3", "2", 0), ("A red\n car", "red car", 2), ("红色汽车停在路边", "汽车", 2),
    ("[car]*", "[car]*", 0), ("a C++ book", "C++", 2), ("Žluťoučký kůň", "kůň", 10), ("красная машина", "Машина", 8),
]  # fmt: skip
UNTIED = [
    ("A scarf", "car"), ("two cars", "car"), ("a carpet", "car"), ("oscar", "car"), ("a car-free town", "car"), ("a hot-dog", "dog"), ("a T-shirt", "shirt"), ("a café", "caf"), ("cafés", "café"),
    (normalize("NFD", "a café"), "cafe"), ("Äpfel", "pfel"), ("15 boats", "5"), ("2.5 km", "5"), ("2,000 people", "2"), ("I can't", "can"), ("машины", "машина"), ("nothing", ""), ("nothing", "  "),
    ("a_car", "car"), ("car2", "car"), ("two buses", "bus"), ("reddish car", "red"), ("a dog‑house", "dog"), ("the dogs'", "dog"), ("", "car"), ("Straßen", "Straße"),
]  # fmt: skip


def span(caption: str, phrase: str) -> tuple[int, int] | None:
    (region,) = grounded(Answer(caption), Answer(phrase, (Region(phrase, BOX),))).regions
    assert region.label == phrase and region.outline == BOX
    return region.span


@pytest.mark.parametrize("caption, phrase, start", TIED)
def test_a_phrase_is_tied_to_its_words(caption, phrase, start):
    found = span(caption, phrase)
    assert found and found[0] == start
    assert len(caption[slice(*found)].split()) == len(phrase.split())


@pytest.mark.parametrize("caption, phrase", UNTIED)
def test_a_part_of_a_word_is_no_phrase(caption, phrase):
    assert span(caption, phrase) is None


def test_a_long_caption_takes_no_time():
    caption, phrase = "a carpet and a scarf, " * 4_000, "car"
    assert span(caption, phrase) is None and span(caption + "a car", phrase) == (
        len(caption) + 2,
        len(caption) + 5,
    )
    assert span("x" * 90_000, "x" * 1_000) is None

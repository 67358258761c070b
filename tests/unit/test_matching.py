"""How far two answers agree: overlap of outlines, pairs of places, and the sentence about them."""

import math
import random

import pytest

from ui.state.agreements import Compared, Meeting, sentence, sentences
from vlm_backends import Region
from vlm_backends.media.geometry import corners
from vlm_backends.media.matching import agreement, iou


def polygon(seed):
    """A star-shaped outline, which does not cross itself."""
    dice = random.Random(seed)
    x, y = dice.uniform(0.3, 0.7), dice.uniform(0.3, 0.7)
    angles = sorted(dice.uniform(0, 2 * math.pi) for _ in range(dice.randint(3, 9)))
    return tuple(
        (x + dice.uniform(0.05, 0.3) * math.cos(a), y + dice.uniform(0.05, 0.3) * math.sin(a))
        for a in angles
    )


@pytest.mark.parametrize("seed", range(30))
def test_iou_is_symmetric_within_bounds_and_one_for_itself(seed):
    one, other = polygon(seed), polygon(seed + 1000)
    assert iou(one, one) == pytest.approx(1)
    assert 0 <= iou(one, other) <= 1 and iou(one, other) == pytest.approx(iou(other, one))


@pytest.mark.parametrize("one, other, expected", [
    ((0, 0, 1, 1), (0, 0, 1, 1), 1), ((0, 0, 1, 1), (0, 0, 0.5, 1), 0.5), ((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), 0),
    ((0, 0, 0.4, 0.4), (0.2, 0.2, 0.6, 0.6), 0.04 / 0.28), ((0, 0, 0, 1), (0, 0, 0, 1), 0), ((0.1, 0.1, 0.1, 0.1), (0, 0, 1, 1), 0),
])  # fmt: skip
def test_iou_of_boxes(one, other, expected):
    assert iou(corners(one), corners(other)) == pytest.approx(expected)


def test_what_two_answers_have_in_common():
    cat, dog, far = corners((0, 0, 0.5, 0.5)), corners((0.5, 0.5, 1, 1)), corners((0.8, 0, 1, 0.2))
    ones = (Region("the cat", cat), Region("dog", dog))
    found = agreement(ones, (Region("a cat", cat), Region("dog", far), Region("bird", far)))
    assert [(pair.one.label, round(pair.iou, 2)) for pair in found.pairs] == [
        ("the cat", 1.0),
        ("dog", 0.0),
    ]
    assert sentence("A", "B", found) == "A and B agree on 1 of 3 places (mean IoU 1.00)."
    assert sentence("A", "B", agreement((), ())) == "A and B agree on none of 0 places."
    both = agreement((Region("<i>", cat),), (Region("<i>", cat),))
    shown = sentences([Compared("<b>"), Compared("B")], [Meeting(0, 1, both)])
    assert "<b>" not in shown and "<i>" not in shown and "&lt;i&gt;" in shown


def round_outline(radius, corners=300):
    turns = [2 * math.pi * k / corners for k in range(corners)]
    return tuple((0.5 + radius * math.cos(turn), 0.5 + radius * math.sin(turn)) for turn in turns)


@pytest.mark.parametrize(
    "count, radius, other", [(1, 0.4, 0.2), (1, 0.3, 0.3), (9, 0.49, 0.45), (20, 0.4, 0.35)]
)
def test_outlines_of_many_corners_lose_some_and_little_of_their_overlap(count, radius, other):
    ones, others = ([Region("t", round_outline(r))] * count for r in (radius, other))
    assert agreement(ones, others).pairs[0].iou == pytest.approx((other / radius) ** 2, abs=0.02)


def test_of_thousands_of_places_the_first_are_compared_and_it_is_said():
    crowd = [Region("t", round_outline(0.4, 4))] * 2000
    found = agreement(crowd, crowd[:50])
    assert (
        len(found.pairs) == 50
        and found.places == 100
        and "The first 100 places" in sentence("A", "B", found)
    )
    assert not agreement(crowd[:100], crowd[:1]).cut

"""What a phrase means among the things found: chosen, told with a remark, or not understood."""

import pytest

from vlm_backends.engines.builtin.phrases import read_phrases
from vlm_backends.engines.builtin.question_words import denial
from vlm_backends.engines.builtin.referring import choose
from vlm_backends.engines.builtin.things import Thing
from vlm_backends.text import quoted

# three horses from left to right, small, large and middling; two dogs; a cat; people; one cup
HORSES = (
    Thing("horse", 0.9, (0.02, 0.5, 0.12, 0.6)),
    Thing("horse", 0.8, (0.3, 0.2, 0.6, 0.7)),
    Thing("horse", 0.7, (0.7, 0.45, 0.9, 0.65)),
)
LEFT, LARGE, RIGHT = HORSES
DOG_BY_CAT, DOG = Thing("dog", 0.9, (0.1, 0.7, 0.2, 0.9)), Thing("dog", 0.8, (0.7, 0.7, 0.9, 0.95))
CAT = Thing("cat", 0.9, (0.22, 0.75, 0.3, 0.9))
PEOPLE = tuple(
    Thing("person", 0.9 - i / 10, (0.1 + 0.2 * i, 0.1 + 0.05 * i, 0.2 + 0.2 * i, 0.6))
    for i in range(4)
)
CUP = Thing("cup", 0.9, (0.45, 0.45, 0.55, 0.6))
FOUND = (*HORSES, DOG_BY_CAT, DOG, CAT, *PEOPLE, CUP)


def chosen(words, colour_share=None, found=FOUND):
    """The things, the remarks in one string, and what was not understood, of all phrases."""
    phrases, unknown = read_phrases(words)
    choices = [choose(found, phrase, colour_share) for phrase in phrases]
    return (
        tuple(thing for choice in choices for thing in choice.things),
        " ".join(remark for choice in choices for remark in choice.remarks),
        [word for choice in choices for word in choice.not_understood] + unknown,
    )


@pytest.mark.parametrize(
    "words, wanted",
    [
        ("the left horse", (LEFT,)),
        ("the leftmost horse", (LEFT,)),
        ("The horse on the LEFT", (LEFT,)),
        ("horse on the right side of the picture", (RIGHT,)),
        ("the largest horse", (LARGE,)),
        ("the big horse", (LARGE,)),
        ("the smallest horse", (LEFT,)),
        ("the second largest horse", (RIGHT,)),
        ("the middle horse", (LARGE,)),
        ("the horse in the middle", (LARGE,)),
        ("the first horse from the right", (RIGHT,)),
        ("the last horse from the left", (RIGHT,)),
        ("the second person from the left", (PEOPLE[1],)),
        ("3rd person from the right", (PEOPLE[1],)),
        ("the tallest person", (PEOPLE[0],)),
        ("the cat", (CAT,)),
        ("please outline the cup", (CUP,)),
        ("all people", PEOPLE),
        ("every person", PEOPLE),
        ("everybody", PEOPLE),
        ("horses", HORSES),
        ("both dogs", (DOG_BY_CAT, DOG)),
        ("two dogs", (DOG_BY_CAT, DOG)),
        ("the dog next to the cat", (DOG_BY_CAT,)),
        ("the dog to the right of the cup", (DOG,)),
        ("the dog left of the cup", (DOG_BY_CAT,)),
        ("the cat and the left horse", (CAT, LEFT)),
        ("the cat, the cup", (CAT, CUP)),
        ("the top left person", (PEOPLE[0],)),
    ],
)
def test_a_phrase_means_these_things(words, wanted):
    things, _, unknown = chosen(words)
    assert set(things) == set(wanted) and not unknown


@pytest.mark.parametrize(
    "words, wanted, said",
    [
        ("the horse", (LARGE,), "3 horses were found; this is the largest"),
        ("a horse", (LARGE,), "3 horses were found"),
        ("the second horse", (LARGE,), "counted from the left"),
        ("the left cat", (CAT,), "Only 1 cat fits"),
        ("the largest cup", (CUP,), "Only 1 cup"),
        ("both horses", HORSES, "2 were asked for, 3 found"),
        ("three dogs", (DOG_BY_CAT, DOG), "3 were asked for, 2 found"),
        (
            "the man on the left",
            (PEOPLE[0],),
            "looked for as person: more than that cannot be told",
        ),
        ("women", PEOPLE, "looked for as person"),
        ("the left kitten", (CAT,), "looked for as cat"),
        ("horses on the left", (LEFT, LARGE), "in the left of the picture"),
        ("the large horses", HORSES, "cannot be told: all are taken"),
        ("the dog near the cup", None, "2 dogs fit; this is the nearest"),
        ("the person above the cup", None, "people fit; this is the nearest"),
    ],
)
def test_what_had_to_be_decided_is_told(words, wanted, said):
    things, remarks, unknown = chosen(words)
    assert said in remarks and not unknown, remarks
    assert len(things) == 1 if wanted is None else set(things) == set(wanted)


@pytest.mark.parametrize(
    "words, left_out",
    [
        ("the fast horse", ["fast"]),
        ("the horse that jumps", ["jumps"]),
        ("the horse behind the cat", ["behind the cat"]),
        ("the person with the dog", ["with the dog"]),
        ("the person riding a horse", ["riding a horse"]),
        ("the cat on the horse", ["on the horse"]),
        ("the horse next to the person", ["next to the person"]),  # four people
        ("the dog next to the sheep", ["next to the sheep"]),  # none
        ("the red horse", ["red"]),  # nobody measures
        ("the cup and saucer", ["saucer"]),
        ("the old wooden cup", ["old", "wooden"]),
        ("cat food", ["cat"]),
        ("the dog next to the cat on the left", ["left"]),
        ("the dog next to the left cat", ["next to the left cat"]),
        ("the closest horse", ["closest"]),
        ("the horse in the background", ["background"]),
        ("the man wearing a hat", ["wearing", "hat"]),
    ],
)
def test_words_that_are_not_understood_are_returned(words, left_out):
    assert chosen(words)[2] == left_out


@pytest.mark.parametrize(
    "words, said",
    [
        ("the elephant", "No elephant was found"),
        ("the seventh horse from the left", "There are only 3 horses"),
        ("the 12th horse", "There are only 3 horses"),
        ("the fifth horse from the left", "There are only 3 horses"),
        ("the second cat", "Only 1 cat"),
        ("the cat left of the left", ""),
        ("the cat above the cup", "No cat stands so"),
        ("the cup below the cat", "No cup stands so"),
        ("all elephants", "No elephant was found"),
    ],
)
def test_nothing_is_chosen_in_place_of_what_is_not_there(words, said):
    things, remarks, unknown = chosen(words)
    assert said in remarks
    assert not things or words == "the cat left of the left"


@pytest.mark.parametrize(
    "words",
    ["a pagoda", "the red thing", "", "the left one", "?!", "saucer", "it", "the largest"],
)
def test_without_a_known_noun_nothing_is_meant(words):
    phrases, _ = read_phrases(words)
    assert phrases == []


@pytest.mark.parametrize(
    "words, word",
    [
        ("not the dog", "not"),
        ("all horses without the left one", "without"),
        ("everything except the cat", "except"),
        ("all but the cat", "but"),
        ("the horse that isn't white", "isn't"),
        ("the horse that isn’t white", "isn’t"),
        ("people other than the left one", "other than"),
        ("no cats", "no"),
        ("the left horse", ""),
        ("the nose of the cat", ""),
        ("the note", ""),
        ("a button", ""),
    ],
)
def test_denials_are_seen(words, word):
    assert denial(words) == word


@pytest.mark.parametrize(
    "shares, wanted, said, left_out",
    [
        ({LEFT: 0.8, LARGE: 0.0, RIGHT: 0.0}, (LEFT,), "1 horse red, of 3 horses", []),
        ({LEFT: 0.8, LARGE: 0.0, RIGHT: 0.9}, (RIGHT,), "2 horses red, of 3 horses", []),
        ({LEFT: 0.8, LARGE: 0.2, RIGHT: 0.0}, (LARGE,), "3 horses were found", ["red"]),
        ({LEFT: 0.0, LARGE: 0.0, RIGHT: 0.0}, (LARGE,), "3 horses were found", ["red"]),
        ({LEFT: 0.2, LARGE: 0.2, RIGHT: 0.2}, (LARGE,), "3 horses were found", ["red"]),
    ],
)
def test_a_colour_counts_only_where_it_tells_the_things_apart(shares, wanted, said, left_out):
    things, remarks, unknown = chosen("the red horse", lambda thing, _: shares[thing])
    assert things == wanted and said in remarks and unknown == left_out


@pytest.mark.parametrize("words, text", [
    ([], ""), (["a"], "“a”"), (["a", "b"], "“a” and “b”"), (["a", "b", "a", "c"], "“a”, “b” and “c”"),
])  # fmt: skip
def test_words_are_listed(words, text):
    assert quoted(words) == text
    assert quoted(iter(words), "or") == text.replace("and", "or")


def test_two_that_are_as_far_to_a_side_are_told():
    pair = Thing("cup", 0.9, (0.1, 0.1, 0.2, 0.3)), Thing("cup", 0.8, (0.11, 0.6, 0.21, 0.8))
    things, remarks, _ = chosen("the left cup", found=pair)
    assert things == pair[:1] and "Another cup is about as far to the left" in remarks


@pytest.mark.parametrize(
    "words", ["the 99999999999999999999 horses", "horse " * 500, "the ²nd horse"]
)
def test_odd_words_end(words):
    chosen(words)

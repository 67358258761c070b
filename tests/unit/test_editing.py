"""Regions that are changed by hand: what a browser sends is checked, and the note counts it."""

from types import SimpleNamespace

import pytest

from ui.state.editing import MOST_LABEL, counted, edited
from vlm_backends import Answer, BadPrompt, Region

SQUARE = ((0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.3))
ANSWER = Answer(
    "cat, dog", (Region("cat", SQUARE, score=0.9), Region("dog", SQUARE)), note="Found."
)


def change(**data):
    return edited(ANSWER, SimpleNamespace(**data))


def labels(answer):
    return [region.label for region in answer.regions]


def test_a_region_is_renamed_and_has_no_score_any_more():
    made = change(op="rename", index=0, label="  tiger ")
    assert labels(made) == ["tiger", "dog"] and made.regions[0].score is None
    assert labels(ANSWER) == ["cat", "dog"], "the answer itself stays"


def test_a_region_is_removed_or_added():
    assert labels(change(op="remove", index=1)) == ["cat"]
    made = change(op="add", box=[0.2, 0.2, 0.6, 0.8], label="x" * 500)
    assert len(made.regions) == 3 and len(made.regions[-1].label) == MOST_LABEL


@pytest.mark.parametrize("data", [
    {}, {"op": "paint"}, {"op": None}, {"op": "rename"}, {"op": "rename", "index": 2, "label": "x"},
    {"op": "rename", "index": -1, "label": "x"}, {"op": "rename", "index": "0", "label": "x"},
    {"op": "rename", "index": True, "label": "x"}, {"op": "rename", "index": 0.0, "label": "x"},
    {"op": "rename", "index": 0, "label": ""}, {"op": "rename", "index": 0, "label": " \u202e\x00 "},
    {"op": "remove", "index": None}, {"op": "remove", "index": 99}, {"op": "remove", "index": [0]},
    {"op": "add", "label": "x"}, {"op": "add", "box": [0.1, 0.1, 0.2], "label": "x"},
    {"op": "add", "box": [0, 0, 2, 2], "label": "x"},
    {"op": "add", "box": ["a", 0, 1, 1], "label": "x"}, {"op": "add", "box": [float("nan"), 0, 1, 1], "label": "x"},
    {"op": "add", "box": [0.1, 0.1, 0.4, 0.4], "label": " "},
])  # fmt: skip
def test_a_change_that_makes_no_sense_is_a_sentence(data):
    with pytest.raises(BadPrompt):
        change(**data)


@pytest.mark.parametrize("note", ["", "Found.", "Found. Changed by hand: 3."])
def test_the_note_counts_the_changes_and_forgets_them_again(note):
    answer = Answer("x", note=note)
    once = counted(answer, 1)
    assert once.note.endswith("Changed by hand: 1.") and once.note.count("Changed by hand") == 1
    assert counted(once, 0).note == note.partition(" Changed")[0]

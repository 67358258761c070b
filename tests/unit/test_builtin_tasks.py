"""The built-in engine states a capability for exactly the tasks that it can answer."""

import pytest

from vlm_backends import Embedded, find_model, find_task
from vlm_backends.engines import builtin
from vlm_backends.engines.builtin import tasks

FLORENCE = find_model("microsoft/florence-2")
BY_CONFIDENCE = {  # their answers depend on the prompt's confidence
    "<OD>",
    "<REGION_PROPOSAL>",
    "<REGION_TO_CATEGORY>",
    "<REGION_TO_SEGMENTATION>",
    "<REFERRING_EXPRESSION_SEGMENTATION>",
    "<CAPTION_TO_PHRASE_GROUNDING>",
    "<OPEN_VOCABULARY_DETECTION>",
}


def test_each_task_with_an_answer_has_a_capability():
    assert set(builtin._BY_TASK) == set(tasks.TASKS)


@pytest.mark.parametrize("token", sorted(tasks.TASKS))
def test_the_facts_of_a_task(token):
    capability = Embedded().capability(FLORENCE, find_task(token))
    assert capability.scored == (token in BY_CONFIDENCE)
    assert capability.points == (token == "<REGION_TO_SEGMENTATION>")
    assert "{" not in capability.summary + capability.computed_by

"""One intent in the words of each model."""

import pytest

from vlm_backends import CATALOGUE, BadPrompt, find_model
from vlm_backends.intents import ASK, DESCRIBE, FIND, INTENTS, READ, supports, write_prompt

LLAMA, NEVA, FLORENCE = (
    "meta/llama-3.2-11b-vision-instruct",
    "nvidia/neva-22b",
    "microsoft/florence-2",
)


@pytest.mark.parametrize("id, purpose, words, text, task", [
    (FLORENCE, READ, "", "<OCR_WITH_REGION>", "<OCR_WITH_REGION>"),
    (FLORENCE, FIND, "cat, dog", "<OPEN_VOCABULARY_DETECTION>cat, dog", "<OPEN_VOCABULARY_DETECTION>"),
    (FLORENCE, DESCRIBE, "", "<MORE_DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"),
    (FLORENCE, ASK, "a {dog}", "<CAPTION_TO_PHRASE_GROUNDING>a {dog}", "<CAPTION_TO_PHRASE_GROUNDING>"),
    ("google/paligemma", FIND, "cat, dog", "detect cat ; dog", None),
    ("google/deplot", READ, "", "Generate underlying data table of the figure below:", None),
    (LLAMA, ASK, " Who? ", "Who?", None),
])  # fmt: skip
def test_each_model_is_asked_in_its_own_grammar(id, purpose, words, text, task):
    said, found = write_prompt(find_model(id), purpose, words)
    assert said == text and (found.token if found else None) == task


@pytest.mark.parametrize("id, purpose, words", [
    (LLAMA, ASK, ""), (LLAMA, ASK, "  "), (FLORENCE, FIND, ""), ("google/deplot", ASK, "x"), ("google/deplot", DESCRIBE, ""),
])  # fmt: skip
def test_what_cannot_be_asked_is_a_sentence(id, purpose, words):
    with pytest.raises(BadPrompt):
        write_prompt(find_model(id), purpose, words)


def test_every_model_joins_something_and_every_purpose_has_models():
    assert all(any(supports(model, purpose) for purpose in INTENTS) for model in CATALOGUE)
    assert all(sum(supports(model, purpose) for model in CATALOGUE) > 3 for purpose in INTENTS)

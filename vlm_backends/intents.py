"""What a visitor may want of a picture, and how each model is told so: one row a grammar, one column a purpose."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vlm_backends.errors import BadPrompt
from vlm_backends.readers import deplot, florence2, kosmos2, paligemma, plain
from vlm_backends.types import Model, Reader, Task


@dataclass(frozen=True)
class Intent:
    """Something that several models can be asked in the same words."""

    title: str
    about: str
    words: str = ""  # what the visitor writes for it, such as “your question”; empty: nothing
    example: str = ""


ASK = Intent(
    "Ask", "Your own words, as you write them.", "your question", "How far is it to Lake Loop?"
)
DESCRIBE = Intent("Describe", "What is in the picture.")
FIND = Intent(
    "Find", "Where the things that you name are.", "what to look for", "Lake Loop, Eagle Point"
)
READ = Intent("Read", "The text in the picture, or the table behind a chart.")
INTENTS = ASK, DESCRIBE, FIND, READ


_FORMS: Mapping[
    Reader, Mapping[Intent, str]
] = {  # by the grammar that a model's answers are read with
    plain.read: {
        ASK: "{words}",
        DESCRIBE: "Describe this picture in detail.",
        FIND: "Where in this picture is {words}? Say for each of them where it stands, or that it is not there.",
        READ: "Write down all text that stands in this picture, line by line, and nothing else.",
    },
    florence2.text: {
        ASK: "<CAPTION_TO_PHRASE_GROUNDING>{words}",
        DESCRIBE: "<MORE_DETAILED_CAPTION>",
        FIND: "<OPEN_VOCABULARY_DETECTION>{words}",
        READ: "<OCR_WITH_REGION>",
    },
    paligemma.read: {ASK: "{words}", DESCRIBE: "caption en", FIND: "detect {things}", READ: "ocr"},
    kosmos2.read: {
        ASK: "{words}",
        DESCRIBE: "<grounding> Describe this image in detail:",
        FIND: "<grounding><write_prompt> {words}</write_prompt>",
        READ: "<grounding> Question: What is written in this image? Answer:",
    },
    deplot.read: {READ: "{own}"},
}

_PARTED = re.compile(r"\s*[,;\n]\s*")


def supports(model: Model, purpose: Intent) -> bool:
    """True when the model can be asked for this."""
    return purpose in _FORMS.get(model.read, {})


def write_prompt(model: Model, purpose: Intent, words: str = "") -> tuple[str, Task | None]:
    """The prompt's text for this model, and its task when the model works by tasks.

    Things to find may be parted by commas, semicolons or lines. Florence-2 answers no questions: it shows the
    places of what the question names (`<CAPTION_TO_PHRASE_GROUNDING>`). Kosmos-2 gets the prompts of its open
    weights, which tie its words to places. Raises BadPrompt when the words are missing or the model cannot do it.
    """
    form, words = _FORMS.get(model.read, {}).get(purpose), (words or "").strip()
    if form is None:
        raise BadPrompt(
            f"{model.title} cannot do “{purpose.title}”. Leave it out, or choose something else to do."
        )
    if purpose.words and not words:
        raise BadPrompt(
            f"“{purpose.title}” needs words: write {purpose.words}, such as “{purpose.example}”."
        )
    things = " ; ".join(filter(None, _PARTED.split(words)))
    text = form.format(words=words, things=things, own="".join(model.prompts[:1]))
    return text, next((task for task in model.tasks if text.startswith(task.token)), None)

"""Write one request, such as “Find Lake Loop”, as a prompt in each model's own grammar.

There is one row per grammar, and one column per intent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vlm_backends.errors import BadPrompt
from vlm_backends.readers import deplot, florence2, kosmos2, paligemma, plain
from vlm_backends.types import Model, Reader, Task


@dataclass(frozen=True)
class Intent:
    """Something that a visitor wants to know of a picture, whichever model answers."""

    title: str
    about: str
    words: str = ""  # what the visitor writes for it, such as “your question”; empty: nothing
    example: str = ""  # such words


ASK = Intent(
    title="Ask",
    about="Your own words, as you write them.",
    words="your question",
    example="How far is it to Lake Loop?",
)
DESCRIBE = Intent(title="Describe", about="What is in the picture.")
FIND = Intent(
    title="Find",
    about="Where the things that you name are.",
    words="what to look for",
    example="Lake Loop, Eagle Point",
)
READ = Intent(title="Read", about="The text in the picture, or the table behind a chart.")
INTENTS = ASK, DESCRIBE, FIND, READ

# By the reader of a model's answers, which names its grammar. A template may use {words}, {things}
# (the words as a list of things) and {first_prompt} (the model's own, from the catalogue).
_TEMPLATES: Mapping[Reader, Mapping[Intent, str]] = {
    plain.read: {
        ASK: "{words}",
        DESCRIBE: "Describe this picture in detail.",
        FIND: "Where in this picture is {words}? Say for each of them where it stands, "
        "or that it is not there.",
        READ: "Write down all text that stands in this picture, line by line, and nothing else.",
    },
    florence2.text: {  # it answers no questions: it shows where the things of a question are
        ASK: "<CAPTION_TO_PHRASE_GROUNDING>{words}",
        DESCRIBE: "<MORE_DETAILED_CAPTION>",
        FIND: "<OPEN_VOCABULARY_DETECTION>{words}",
        READ: "<OCR_WITH_REGION>",
    },
    paligemma.read: {ASK: "{words}", DESCRIBE: "caption en", FIND: "detect {things}", READ: "ocr"},
    kosmos2.read: {  # as published with its open weights; they link its words to places
        ASK: "{words}",
        DESCRIBE: "<grounding> Describe this image in detail:",
        FIND: "<grounding><phrase> {words}</phrase>",
        READ: "<grounding> Question: What is written in this image? Answer:",
    },
    deplot.read: {READ: "{first_prompt}"},
}

_SEPARATOR = re.compile(r"\s*[,;\n]\s*")


def supports(model: Model, intent: Intent) -> bool:
    """Return True when the model can be asked for this intent."""
    return intent in _TEMPLATES.get(model.read, {})


def write_prompt(model: Model, intent: Intent, words: str = "") -> tuple[str, Task | None]:
    """Return the prompt's text for this model, and its task if the model works by tasks.

    Things to find may be separated by commas, semicolons or line ends. Raises BadPrompt when the
    words are missing or the model cannot do it.
    """
    template, words = _TEMPLATES.get(model.read, {}).get(intent), (words or "").strip()
    if template is None:
        raise BadPrompt(
            f"{model.title} cannot do “{intent.title}”. "
            "Leave it out, or choose something else to do."
        )
    if intent.words and not words:
        raise BadPrompt(
            f"“{intent.title}” needs words: write {intent.words}, such as “{intent.example}”."
        )
    things = " ; ".join(filter(None, _SEPARATOR.split(words)))
    text = template.format(words=words, things=things, first_prompt="".join(model.prompts[:1]))
    return text, next((task for task in model.tasks if text.startswith(task.token)), None)

"""Asks the built-in tools, in place of a chat model, what is in a picture."""

from tests.support.paths import ASSETS
from vlm_backends import Answer, Embedded, Prompt, Reply, Turn, ask, find_model, read

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
GENERAL = "What is in this picture?"


def reply(source, question=GENERAL) -> Reply:
    """Ask about an asset, by its name, or about a picture."""
    source = ASSETS / source if isinstance(source, str) else source
    return ask(Embedded(), LLAMA, Prompt((Turn("user", question, (read(source),)),)))


def answered(source, question=GENERAL) -> Answer:
    """Return the whole answer; the spans of its regions are within lines of its text."""
    asked = reply(source, question)
    for _ in asked:
        pass
    for region in asked.answer.regions:
        if region.span:
            words = asked.answer.text[slice(*region.span)]
            assert words and "\n" not in words, "a span that is off"
    return asked.answer

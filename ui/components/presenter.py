"""The steps of presenter mode, which shows the page to an audience; see static/present.js."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PresenterStep:
    """One step: a tab, one of its examples (counted from 0), and a line for the audience."""

    model: str
    example: int
    title: str


PRESENTATION = (  # each step runs on every engine
    PresenterStep("florence-2", 0, "Read a sign: point at a line to see where it stands"),
    PresenterStep("florence-2", 2, "Outline what is in a box"),
    PresenterStep("florence-2", 1, "Find words on a receipt"),
    PresenterStep("deplot", 1, "Turn a chart back into its table, and draw it again"),
    PresenterStep("kosmos-2", 1, "Words tied to places"),
    PresenterStep("llama-3.2-11b-vision-instruct", 0, "Ask about a poster"),
    PresenterStep("phi-3.5-vision-instruct", 1, "A slide, summed up"),
    PresenterStep("florence-2", 5, "Ask about a part of the picture"),
)

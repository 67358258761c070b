"""Presenter mode: what the page shows, step by step, to an audience; static/present.js does the rest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """A step: the tab, the place of its example (from 0), and what the audience reads below."""

    model: str
    example: int
    title: str


SHOW = (  # each runs on every engine
    Scene("florence-2", 0, "Read a sign: point at a line to see where it stands"),
    Scene("florence-2", 2, "Outline what is in a box"),
    Scene("florence-2", 1, "Find words on a receipt"),
    Scene("deplot", 1, "Turn a chart back into its table, and draw it again"),
    Scene("kosmos-2", 1, "Words tied to places"),
    Scene("llama-3.2-11b-vision-instruct", 0, "Ask about a poster"),
    Scene("phi-3.5-vision-instruct", 1, "A slide, summed up"),
    Scene("florence-2", 5, "Ask about a part of the picture"),
)

"""Find things of 80 kinds by SSDLite, whose weights come with this project."""

from vlm_backends.engines.builtin.things.categories import (
    Mention,
    kinds_of,
    mentions,
    plural,
)
from vlm_backends.engines.builtin.things.detector import KINDS
from vlm_backends.engines.builtin.things.finding import Thing, find_things, overlap

__all__ = [
    "KINDS",
    "Mention",
    "Thing",
    "find_things",
    "kinds_of",
    "mentions",
    "overlap",
    "plural",
]

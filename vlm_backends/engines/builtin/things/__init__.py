"""Find things of 80 kinds by SSDLite, or of other kinds by the owner's own detector."""

from vlm_backends.engines.builtin.things.boxes import Thing, box_area, moved, overlap, shared_area
from vlm_backends.engines.builtin.things.categories import Mention, plural
from vlm_backends.engines.builtin.things.finding import find_things, small_things_from
from vlm_backends.engines.builtin.things.source import detector, kinds_of, mentions

__all__ = [
    "Mention",
    "Thing",
    "box_area",
    "detector",
    "find_things",
    "kinds_of",
    "mentions",
    "moved",
    "overlap",
    "plural",
    "shared_area",
    "small_things_from",
]

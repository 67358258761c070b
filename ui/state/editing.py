"""Changes the regions of an answer by hand: a name, one that goes, one more, and back again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vlm_backends import Answer, BadPrompt, Region
from vlm_backends.media.geometry import corners
from vlm_backends.models import check_region
from vlm_backends.text import clean

MOST_LABEL = 100  # characters
_BY_HAND = "Changed by hand: {}."


def edited(answer: Answer, event: Any) -> Answer:
    """Return the answer with one change: its regions and its note, which counts the changes.

    The event comes from the browser, and nothing in it is trusted: `op` is "rename" (of the region
    `index`, to `label`), "remove" (of the region `index`) or "add" (`box` in 0..1, and `label`).
    A region that was renamed or added has no score. Raises BadPrompt.
    """
    op, regions = getattr(event, "op", ""), list(answer.regions)
    if op == "add":
        box = check_region(getattr(event, "box", None))
        regions.append(Region(_label(event), corners(box)))
    elif op == "rename":
        index = _index(event, regions)
        regions[index] = regions[index]._replace(label=_label(event), score=None, span=None)
    elif op == "remove":
        del regions[_index(event, regions)]
    else:
        raise BadPrompt("A region can be renamed, removed or added.")
    return replace(answer, regions=tuple(regions))


def counted(answer: Answer, changes: int) -> Answer:
    """Return the answer with a note that says how many changes were made by hand."""
    note, _, _ = answer.note.partition(_BY_HAND.partition("{")[0])
    if not changes:
        return replace(answer, note=note.strip())
    return replace(answer, note=f"{note.strip()} {_BY_HAND.format(changes)}".strip())


def _label(event: Any) -> str:
    label = clean(str(getattr(event, "label", ""))).strip()[:MOST_LABEL]
    if not label:
        raise BadPrompt("Write a name for the region first.")
    return label


def _index(event: Any, regions: list[Region]) -> int:
    index = getattr(event, "index", None)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(regions):
        raise BadPrompt("This region is not there any more.")
    return index

"""Takes a picture, and shows it with its regions as SVG, and the words linked with them.

Python sends a scene, a plain JSON value; static/viewer.js shows it. The data of its events comes
from the browser and is untrusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

import gradio as gr

from ui.core.storage import picture_path
from ui.state.rendering import split_fold
from vlm_backends import Answer, Picture, Region, colours
from vlm_backends.media.drawing import round_outlines
from vlm_backends.media.palette import Colour, ink

NOTHING = Answer("")
_MAX_LABELLED = 12  # regions; where there are more, labels are shown on request
_MAX_LABEL = 400  # characters; the text below the picture has all of it
_MAX_SPOKEN, _MAX_SPOKEN_LABEL = 8, 60  # labels, and characters of each, for screen readers
# Gradio knows an event of a component by its name in quotes.
_ON_LOAD = (
    "showcase.viewer(element, props, watch, {region: (data) => trigger('region', data), "
    "act: (data) => trigger('act', data), picked: (data) => trigger('picked', data), "
    "edit: (data) => trigger('edit', data)}, upload)"
)


def viewer(several: bool = False, takes: bool = True, **options: Any) -> gr.HTML:
    """Return a component that shows a scene; while it is empty, it asks for a picture.

    It takes pictures that are chosen, dropped, pasted, or named by an address, also in place of the
    one that it shows; `several` at a time, or none where it does not take any.

    Its events: `picked` (pictures were given; see `core.uploads`), `region` (a box was drawn),
    `act` (an action was chosen for boxes, or for the answer) and `edit` (a region was changed; see
    `state.editing`).
    """
    kind = "several" if several else "one" if takes else "none"
    return gr.HTML(
        html_template=f'<div class="viewer" data-takes="{kind}"></div>',
        js_on_load=_ON_LOAD,
        apply_default_css=False,
        **options,
    )


@dataclass(frozen=True)
class Action:
    """A button for a region, or for the answer as a whole; its event brings `name` back.

    `points`: it is offered for a point that was clicked, too. `solid`: it is for things, and makes
    no sense for lines of print.
    """

    name: str
    title: str
    points: bool = False
    solid: bool = False


@dataclass(frozen=True)
class Tools:
    """The tools for a picture and its regions: what a visitor can do with them.

    `region_actions` are offered for boxes (without them none can be drawn), `answer_actions` for
    the answer as a whole. `drawing`: a finger begins with drawing a box instead of moving the
    picture. `points`: a click is taken for a point. `print`: the regions are lines of print.
    `edits` is the number of changes by hand that can be taken back; None: regions cannot be
    changed. `box` is the drawn box: left, top, right, bottom in 0..1. `asked` is the token of the
    task that was chosen when the answer was asked for.
    """

    region_actions: Sequence[Action] = ()
    answer_actions: Sequence[Action] = ()
    drawing: bool = False
    points: bool = False
    print: bool = False
    edits: int | None = None
    box: Sequence[float | None] | None = None
    asked: str = ""

    def to_props(self) -> dict[str, Any]:
        """Return them as JSON for static/viewer.js."""
        return {
            "editable": self.edits is not None,
            "undo": bool(self.edits),
            "print": self.print,
            "points": self.points,
            "draw": self.drawing,
            "box": list(self.box) if self.box else None,
            "asked": self.asked,
            "actions": [asdict(action) for action in self.region_actions],
            "further": [asdict(action) for action in self.answer_actions],
        }


def scene(
    picture: Picture | None,
    answer: Answer = NOTHING,
    groups: Sequence[str] = (),
    *,
    text: bool = True,
    labels: bool | None = None,
    tools: Tools = Tools(),
    lanes: bool = False,
    pictures: Sequence[Picture] = (),
) -> dict[str, Any] | None:
    """Return the value of a viewer: a picture with an answer's regions; None without a picture.

    `groups` has one name for each region: a group shares a colour, and is hidden together; by
    default the labels are the groups. `text` shows the answer's words beside the picture. `labels`
    shows the labels at once; by default when there are few. `lanes`: the groups are answers, which
    can be shown one after the other (static/compare.js). `pictures` are all of the message, where
    it has several (static/pictures.js).
    """
    if picture is None:
        return None
    regions = answer.regions
    shown, folded_title, folded = split_fold(answer)
    return tools.to_props() | {
        "path": picture_path(picture),
        "width": picture.width,
        "height": picture.height,
        "alt": f"The picture: {_spoken(regions)}" if regions else "The picture",
        "regions": _drawn(regions, groups or [region.label for region in regions]),
        "rows": len(answer.rows),
        "parts": linked_parts(shown) if text and answer.text.strip() else [],
        "folded": [folded_title, folded.text] if text and folded_title else [],
        "note": answer.note if text else "",
        "lanes": lanes,
        "pictures": _small(pictures),
        "names": len(regions) <= _MAX_LABELLED if labels is None else labels,
    }


def _small(pictures: Sequence[Picture]) -> list[tuple[str, int, int]]:
    """Return the paths and sizes (px) of pictures, where there are several."""
    several = pictures if len(pictures) > 1 else ()
    return [(picture_path(each), each.width, each.height) for each in several]


def given(shown: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the value of a viewer that shows the visitor's own picture: it goes along to others.

    See static/carry.js.
    """
    return shown and {**shown, "given": True}


def refused(shown: dict[str, Any] | None, sentence: str) -> dict[str, Any]:
    """Return the value of a viewer that still shows this, and says what is wrong with a picture."""
    # Gradio does not send a value that is the same.
    return {**(shown or {}), "said": sentence, "turn": uuid4().hex}


def linked_parts(answer: Answer) -> list[tuple[str, list[int]]]:
    """Return the text in parts, each with the indices of the regions that it names.

    Where two names overlap, the first counts.
    """
    spans: dict[tuple[int, int], list[int]] = {}
    for i, region in enumerate(answer.regions):
        if region.span and 0 <= region.span[0] < region.span[1] <= len(answer.text):
            spans.setdefault(region.span, []).append(i)
    parts: list[tuple[str, list[int]]] = []
    position = 0
    for (start, end), regions in sorted(spans.items()):
        if start < position:
            continue
        parts += [(answer.text[position:start], []), (answer.text[start:end], regions)]
        position = end
    return [part for part in (*parts, (answer.text[position:], [])) if part[0]]


def _drawn(regions: Sequence[Region], groups: Sequence[str]) -> list[dict[str, Any]]:
    shades = colours(groups)
    outlines = round_outlines(regions)
    return [
        _region(region, group, shades[group], points)
        for region, group, points in zip(regions, groups, outlines, strict=True)
    ]


def _region(region: Region, group: str, shade: Colour, points: list[list[float]]) -> dict[str, Any]:
    return {
        "label": region.title[:_MAX_LABEL],
        "name": region.label[:_MAX_LABEL],
        "group": group[:_MAX_LABEL],
        "colour": "rgb({},{},{})".format(*shade),
        "on": ink(shade),
        "solid": region.is_mask,
        "points": points,
    }


def _spoken(regions: Sequence[Region]) -> str:
    """Describe the regions for a screen reader."""
    labels = list(dict.fromkeys(region.label for region in regions if region.label))
    shown = ", ".join(label[:_MAX_SPOKEN_LABEL] for label in labels[:_MAX_SPOKEN])
    more = f" and {len(labels) - _MAX_SPOKEN} more" if len(labels) > _MAX_SPOKEN else ""
    return f"{len(regions)} regions, {shown}{more}"

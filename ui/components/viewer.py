"""The picture component: a picture, its regions as SVG, and the words linked with them, all of it in the browser.

Python sends a scene, a plain JSON value; static/viewer.js shows it. What comes back by its events
is untrusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from ui.core.storage import picture_path
from vlm_backends import Answer, Picture, Region, colours
from vlm_backends.media.drawing import round_outlines
from vlm_backends.media.palette import Colour, ink

NOTHING = Answer("")
_FEW = 12  # regions whose names are shown unasked
_LONGEST = 400  # characters of a name; the words below hold all of it


def viewer(hint: str = "Your picture, with what was found in it", **options: object) -> gr.HTML:
    """A component that shows a scene; its events: `region` (a box was drawn), `act` (something is wished for boxes)."""
    return gr.HTML(
        html_template=f'<div class="viewer" data-hint="{escape(hint)}"></div>',
        js_on_load="showcase.viewer(element, props, watch, {region: (data) => trigger('region', data), "
        "act: (data) => trigger('act', data)})",
        apply_default_css=False,
        **options,
    )


@dataclass(frozen=True)
class Action:
    """Something that can be wished for a region, or for the answer as a whole."""

    name: str
    title: str


def scene(
    picture: Picture | None,
    answer: Answer = NOTHING,
    groups: Sequence[str] = (),
    *,
    words: bool = True,
    names: bool | None = None,
    draw: bool = False,
    box: Sequence[float] | None = None,
    actions: Sequence[Action] = (),
    further: Sequence[Action] = (),
) -> dict | None:
    """The value of a viewer; None without a picture.

    `groups`, one a region, colour and toggle the regions; by default their labels do. `box` is (x0,
    y0, x1, y1) in 0..1. `actions` are offered for boxes (none: nothing can be drawn), `further` for
    the answer as a whole.
    """
    if picture is None:
        return None
    named = groups or [region.label for region in answer.regions]
    shades = colours(named)
    return {
        "path": picture_path(picture),
        "width": picture.width,
        "height": picture.height,
        "alt": f"The picture: {_listed(answer.regions)}" if answer.regions else "The picture",
        "regions": [
            _region(region, group, shades[group], points)
            for region, group, points in zip(
                answer.regions, named, round_outlines(answer.regions), strict=True
            )
        ],
        "parts": parted(answer) if words and answer.text.strip() else [],
        "names": len(answer.regions) <= _FEW if names is None else names,
        "draw": draw,
        "box": list(box) if box else None,
        "actions": [vars(deed) for deed in actions],
        "further": [vars(deed) for deed in further],
    }


def parted(answer: Answer) -> list[tuple[str, list[int]]]:
    """The text in pieces, each with the regions that it names; where two names overlap, the first counts."""
    spans: dict[tuple[int, int], list[int]] = {}
    for i, region in enumerate(answer.regions):
        if region.span and 0 <= region.span[0] < region.span[1] <= len(answer.text):
            spans.setdefault(region.span, []).append(i)
    parts, at = [], 0
    for (start, end), regions in sorted(spans.items()):
        if start < at:
            continue
        parts += [(answer.text[at:start], []), (answer.text[start:end], regions)]
        at = end
    return [part for part in (*parts, (answer.text[at:], [])) if part[0]]


def _region(region: Region, group: str, shade: Colour, points: list[list[float]]) -> dict:
    return {
        "label": region.label[:_LONGEST],
        "group": group[:_LONGEST],
        "colour": "rgb({},{},{})".format(*shade),
        "on": ink(shade),
        "solid": region.is_mask,
        "points": points,
    }


def _listed(regions: Sequence[Region]) -> str:
    names = list(dict.fromkeys(region.label for region in regions if region.label))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{len(regions)} regions, {', '.join(name[:60] for name in names[:8])}{more}"

"""Shows a strip of sample pictures, each with what is asked about it; a click asks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

ASSETS = Path(__file__).parents[2] / "assets"
_SAMPLE = (
    '<button type="button" class="sample" data-index="{}" data-task="{}">'
    '<img data-path="{}" alt="" loading="lazy"><span>{}</span></button>'
)


class Sample(NamedTuple):
    """A picture among the assets, and what is asked about it; `task` is a token, if it is one."""

    picture: str
    title: str
    task: str = ""

    @property
    def path(self) -> Path:
        """The picture's file."""
        return ASSETS / self.picture


def sample_strip(samples: Sequence[Sample]) -> gr.HTML:
    """Return the strip; its event `pick` is read by `picked_index`."""
    buttons = "".join(
        _SAMPLE.format(i, *map(escape, (sample.task, str(sample.path), sample.title)))
        for i, sample in enumerate(samples)
    )
    return gr.HTML(
        f'<div class="samples" role="group" aria-label="Samples: a click asks">{buttons}</div>',
        js_on_load="showcase.samples(element, (data) => trigger('pick', data))",
        apply_default_css=False,
        elem_classes="examples",
    )


def picked_index(event: Any, count: int) -> int | None:
    """Return the index of the sample that was clicked, from 0; None where there is no such one."""
    index = getattr(event, "index", None)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        return None
    return index

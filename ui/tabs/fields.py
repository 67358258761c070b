"""Builds parts of the tabs: the pane of a picture with its samples, a region's four fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.offers import offers
from ui.components.samples import Sample, sample_strip
from ui.components.viewer import viewer
from ui.core.events import CHOICE
from ui.core.gradio_compat import OptionalNumber
from vlm_backends.types import Page

# What a browser offers to choose: not each one knows all of them by "image".
FILE_TYPES = ["image", ".pdf", ".heic", ".heif", ".hif", ".tif", ".tiff", ".avif"]
_SIDES = "Left", "Top", "Right", "Bottom"


def titled(title: str, words: str) -> str:
    """Return an example's title, with the words that it asks about, if there are any."""
    return f"{title}: {words}" if words else title


def page_field(elem_id: str) -> gr.Number:
    """Return the field for the number of a page; it is hidden for files of a single one."""
    # Without limits: a page that a file lacks is refused with this project's own sentence.
    return gr.Number(
        1, visible=False, precision=0, step=1, elem_id=elem_id, elem_classes="page-choice"
    )


def shown_page(page: Page | None) -> gr.Number:
    """Return the field for the page as it is needed, such as "Page (of 3)"; hidden for one only."""
    if page is None or page.count == 1:
        return gr.Number(1, visible=False)
    label = f"{page.unit.capitalize()} (of {page.count:,})"
    return gr.Number(page.number, label=label, visible=True)


class RegionField:
    """The four fields of a region, from 0 to 1: another way to give a box than to draw it."""

    def __init__(self) -> None:
        with gr.Row(visible=False, elem_id="region") as self.group:
            self.sides = [OptionalNumber(label=name, max_lines=1, min_width=60) for name in _SIDES]


class PicturePane:
    """The pane of a picture: the viewer, the choice of a page, a strip of offers and samples."""

    def __init__(self, elem_id: str, samples: Sequence[Sample], several: bool = False) -> None:
        self.viewer = viewer(several, elem_id=elem_id)
        self.page = page_field(f"{elem_id}-page")
        with gr.Row(elem_classes="strip"):  # one line: the picture stays as it is when offers come
            self.offers = offers()
            self.samples = sample_strip(samples)

    def wire(
        self,
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        picked: Callable[..., dict[Any, Any]],
        turned: Callable[..., dict[Any, Any]],
    ) -> Dependency:
        """Wire the picture that is given, and the page that is chosen; return the first event.

        `picked` gets the values of `inputs` and the event, `turned` the number of the page in place
        of the event. Both return {component: value} for `outputs`.
        """
        given = self.viewer.picked(picked, list(inputs), list(outputs), **CHOICE)
        # The field of the page is no output: it may be typed into meanwhile.
        shown = [part for part in outputs if part is not self.page]
        turn = [*inputs, self.page]
        self.page.input(turned, turn, shown, **CHOICE)
        return given

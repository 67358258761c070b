"""Builds fields of the tabs: a row of examples, groups of tasks, a picture, a region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from ui.core.gradio_compat import QUIET, UploadedImage
from ui.core.markdown import verbatim
from ui.core.storage import picture_path, store_picture
from vlm_backends import Model, Picture, Task, VLMError
from vlm_backends.types import Page

# What a browser offers to choose: not each one knows all of them by "image".
FILE_TYPES = ["image", ".pdf", ".heic", ".heif", ".hif", ".tif", ".tiff", ".avif"]
_SIDES = "Left", "Top", "Right", "Bottom"
ASSETS = Path(__file__).parents[2] / "assets"


def example(text: str, picture: str) -> dict:
    """Return an example as gr.MultimodalTextbox holds it; `picture` is a file of the assets."""
    return {"text": text, "files": [str(ASSETS / picture)]}


def example_gallery(examples: Sequence[dict], label: str) -> gr.Dataset:
    """Return the row of examples; its event `click` gives the index of one, from 0."""
    return gr.Dataset(
        components=[gr.MultimodalTextbox(visible=False)],
        type="index",
        elem_classes="examples",
        samples=[[entry] for entry in examples],
        label=label,
    )


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
    """The four fields of a region, from 0 to 1, with a hint how else to give one.

    static/box_input.js takes a click in the picture for a point while the hint says so.
    """

    def __init__(self) -> None:
        with gr.Group(visible=False, elem_id="region") as self.group:
            self.drag_hint = gr.Markdown(
                "**The region**: drag a box in the picture, or type it, from 0 to 1.",
                elem_classes="hint",
            )
            self.click_hint = gr.Markdown(
                "**The region**: drag a box in the picture, or click a thing. You can also type "
                "the box, from 0 to 1.",
                visible=False,
                elem_classes="hint",
                elem_id="click-hint",
            )
            with gr.Row():
                self.sides = [
                    gr.Number(None, label=name, step=0.01, min_width=70) for name in _SIDES
                ]

    def hints(self, points: bool) -> dict[Any, Any]:
        """Return what shows the hint; `points`: a click in the picture is taken."""
        return {
            self.drag_hint: gr.Markdown(visible=not points),
            self.click_hint: gr.Markdown(visible=points),
        }


class PictureField:
    """The field for a visitor's picture, and one for the page of a file that has several.

    The value of `image` is the path of a file; `store_picture` returns what is in it.
    """

    def __init__(self, height: int, elem_id: str) -> None:
        self.image = UploadedImage(
            label="Your picture",
            sources=["upload", "clipboard", "webcam"],
            type="filepath",
            height=height,
            elem_id=elem_id,
            elem_classes="picture-field",
            buttons=["fullscreen"],
        )
        self.page = page_field(f"{elem_id}-page")
        self.parts: list[Component] = [self.image, self.page]

    def show(self, picture: Picture | None) -> dict[Any, Any]:
        """Return what shows a picture in the field, with its page; None empties both."""
        shown = picture and picture_path(picture)
        return {self.image: shown, self.page: shown_page(picture and picture.page)}

    def wire(
        self,
        notice: Component,
        shown: Callable[..., dict[Any, Any]] = lambda picture: {},
        inputs: Sequence[Component] = (),
        outputs: Sequence[Component] = (),
    ) -> None:
        """Show uploads upright, and the page that is chosen, or say what is wrong with them.

        `shown` gets the picture that is in the field now, or None, with the values of `inputs`; it
        returns what else changes.
        """

        def uploaded(path: str | None, *values: Any) -> dict[Any, Any]:
            try:
                picture = store_picture(path) if path else None
            except VLMError as error:
                return self.show(None) | {notice: verbatim(str(error))}
            return self.show(picture) | {notice: ""} | shown(picture, *values)

        def turned(path: str | None, page: int | None, *values: Any) -> dict[Any, Any]:
            if not path or page is None:  # the number is still being typed
                return gr.skip()
            try:
                picture = store_picture(path, page)
            except VLMError as error:
                return {notice: verbatim(str(error))}
            return {self.image: picture_path(picture), notice: ""} | shown(picture, *values)

        def cleared(*values: Any) -> dict[Any, Any]:
            return {self.page: shown_page(None)} | shown(None, *values)

        given, changed = list(inputs), [notice, *outputs]
        self.image.upload(uploaded, [self.image, *given], [*self.parts, *changed], **QUIET)
        # The field of the page is no output: it may be typed into meanwhile.
        turn = [self.image, self.page, *given]
        self.page.input(turned, turn, [self.image, *changed], trigger_mode="always_last", **QUIET)
        self.image.clear(cleared, given, [self.page, *outputs], **QUIET)


def grouped(tasks: tuple[Task, ...]) -> dict[str, list[Task]]:
    """Return the tasks by group, in the catalogue's order."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.group, []).append(task)
    return groups


def holds(model: Model, group: object, token: str) -> bool:
    """Return True when the model's task is in this group."""
    return any(task.token == token and task.group == group for task in model.tasks)

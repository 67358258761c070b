"""Handles what is done to the picture of a task: it is given, turned, drawn into, corrected."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.history_menu import FILLS_OWN
from ui.components.offers import CHART, CODES, Offer, offers_about
from ui.components.viewer import given, refused
from ui.core.events import CHOICE, QUIET, STREAMED
from ui.core.markdown import verbatim
from ui.core.storage import picture_path, store_picture
from ui.core.uploads import carried_picture, given_pictures
from ui.state.task_run import BoxFields, TaskRun
from ui.tabs.fields import PicturePane, shown_page
from ui.tabs.task_runner import TaskRunHandlers
from vlm_backends import Picture, VLMError
from vlm_backends.models import check_region

OFFERS = {  # by what is found in a picture
    "things": Offer("Detect objects", "<OD>"),
    "text": Offer("Read and locate", "<OCR_WITH_REGION>"),
    "table": Offer("Read as rows", "<OCR>", "table"),
    "codes": CODES,
    "chart": CHART,
}
OFFERED_TASKS = [offer.ask for offer in OFFERS.values() if offer not in (CHART, CODES)]
NO_BOX: BoxFields = (None, None, None, None)


@dataclass(frozen=True)
class TaskPictures:
    """The handlers of the picture; they return {component: value}.

    `sides` are the four fields of a region.
    """

    run: gr.State
    pane: PicturePane
    sides: Sequence[Component]
    notice: Component
    runs: TaskRunHandlers

    @property
    def shown(self) -> list[Component]:
        """The outputs of the handlers that show another picture."""
        fields = self.runs.fields
        beside = [fields.facts, *fields.table.outputs]
        return [self.run, self.pane.viewer, self.pane.page, *self.sides, self.notice, *beside]

    def wire(self) -> Dependency:
        """Wire the events of the viewer and of the four fields; return that of a new picture."""
        run, pane, notice = self.run, self.pane, self.notice
        arrived = pane.wire([run], self.shown, self.picked, self.turned)
        drawn = [*self.sides, notice]
        pane.viewer.region(self.drawn, [run, *self.sides], drawn, **CHOICE)
        pane.viewer.edit(
            self.edit, run, [run, pane.viewer, notice], trigger_mode="multiple", **QUIET
        )
        for side in self.sides:
            typed = side.submit  # pyright: ignore[reportAttributeAccessIssue] — a field of text
            typed(self.typed, [run, *self.sides], [pane.viewer, notice], **CHOICE)
        return arrived

    def carry_on(self, listen: Callable[..., Dependency], own: Component) -> Dependency:
        """Have the visitor's picture of another tab shown; see `OpenedTab`."""
        return listen(self.carry, [self.run, own], self.shown, js=FILLS_OWN, **QUIET)

    def look_after(self, event: Dependency) -> Dependency:
        """Have the picture looked over after this event."""
        return event.then(self.look, self.run, self.pane.offers, **STREAMED)

    def carry(self, run: TaskRun, own: str) -> dict[Any, Any]:
        """Show the picture that was given on another tab, unless this one is in use."""
        picture = None if run.used or not own else carried_picture(own)
        if picture is None or picture == run.picture:
            return gr.skip()
        return self.show(picture, run) | {self.pane.page: shown_page(picture.page)}

    def emptied(self) -> dict[Any, Any]:
        """Return what empties the fields of a region."""
        return dict(zip(self.sides, NO_BOX, strict=True))

    def picked(self, run: TaskRun, event: gr.EventData) -> dict[Any, Any]:
        """Show a picture that was given, or say at the viewer what is wrong with it."""
        try:
            (picture,) = given_pictures(event, self.runs.registry.limiter)
        except VLMError as error:
            return {self.pane.viewer: refused(self.runs.shown(run), str(error))}
        run.used = True
        return self.show(picture, run) | {self.pane.page: shown_page(picture.page)}

    def turned(self, run: TaskRun, page: int | None) -> dict[Any, Any]:
        """Show another page of the file."""
        if run.picture is None or page is None:  # the number is still being typed
            return gr.skip()
        try:
            return self.show(store_picture(picture_path(run.picture), page), run)
        except VLMError as error:
            return {self.notice: verbatim(str(error))}

    def show(self, picture: Picture, run: TaskRun) -> dict[Any, Any]:
        """Show the picture in the viewer; forget the result and the box on the one before."""
        run.picture, run.example, run.drawn, run.result = picture, None, None, None
        run.looked, run.chose = None, False
        run.leave(picture)
        shown = {self.run: run, self.pane.viewer: given(self.runs.view(run)), self.notice: ""}
        fields = self.runs.fields
        return shown | self.emptied() | {fields.facts: "", **fields.table.show(None)}

    async def look(self, run: TaskRun) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what can be done with the picture that was given."""
        async for shown in offers_about(run, OFFERS, lambda: run.given):
            yield shown

    def drawn(self, run: TaskRun, event: gr.EventData, *before: Any) -> dict[Any, Any]:
        """Write the box that was drawn into the four fields."""
        try:
            box = tuple(round(side, 3) for side in check_region(getattr(event, "box", None)))
        except VLMError as error:
            return {self.notice: verbatim(str(error))}
        run.drawn, run.before = box, before
        return {**dict(zip(self.sides, box, strict=True)), self.notice: ""}

    def typed(self, run: TaskRun, *region: Any) -> dict[Any, Any]:
        """Show the box that was typed in the picture."""
        run.drawn = None
        try:
            return {self.pane.viewer: self.runs.view(run, check_region(region)), self.notice: ""}
        except VLMError as error:
            return {self.notice: verbatim(str(error))}

    def edit(self, run: TaskRun, event: gr.EventData) -> dict[Any, Any]:
        """Change a region of the result by hand, or take the last change back."""
        try:
            run.change(event)
        except VLMError as error:
            return {self.run: run, self.notice: verbatim(str(error))}
        return {self.run: run, self.pane.viewer: self.runs.shown(run), self.notice: ""}

"""Lets a person choose the page of a file that is attached to a message."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from ui.core.gradio_compat import QUIET, MessageBox
from ui.core.markdown import verbatim
from ui.state.conversation import Conversation, page_in, turn_page
from ui.tabs.fields import page_field, shown_page
from vlm_backends import VLMError


class AttachedPage:
    """The field for a page: of the newest file in the box, or of the conversation's picture.

    It is no output of the event that takes a question: each update of a field has its cost.
    """

    def __init__(self, elem_id: str) -> None:
        self.page = page_field(elem_id)

    def hide(self) -> dict[Any, Any]:
        """Return what hides the field."""
        return {self.page: shown_page(None)}

    def wire(self, box: MessageBox, conversation: gr.State, notice: Component) -> None:
        """Offer the choice when a file is attached, and put the page that is chosen into the box.

        What is wrong with a file is said at once.
        """

        def attached(message: dict | None) -> dict[Any, Any]:
            try:
                return {self.page: shown_page(page_in(message)), notice: ""}
            except VLMError as error:
                return self.hide() | {notice: verbatim(str(error))}

        def turned(held: Conversation, message: dict | None, page: int | None) -> dict[Any, Any]:
            if page is None:  # the number is still being typed
                return gr.skip()
            try:
                return {box: turn_page(message, held, page), notice: ""}
            except VLMError as error:
                return {notice: verbatim(str(error))}

        box.upload(attached, box, [self.page, notice], **QUIET)
        given, changed = [conversation, box, self.page], [box, notice]
        self.page.input(turned, given, changed, trigger_mode="always_last", **QUIET)

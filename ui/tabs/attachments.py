"""Attaches pictures to a message: those given in the viewer, and the page of a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ui.components.offers import CHART, Offer, offers_about
from ui.components.viewer import refused, scene
from ui.core.gradio_compat import QUIET, STREAMED, MessageBox
from ui.core.markdown import verbatim
from ui.core.storage import picture_path, store_picture
from ui.core.uploads import given_pictures
from ui.state.conversation import Conversation, page_in, turn_page
from ui.tabs.fields import PicturePane, shown_page
from vlm_backends import Model, VLMError
from vlm_backends.ratelimit import RateLimiter

OFFERS = {  # by what is found in a picture
    "things": Offer("What is in it?", "What is in this picture?"),
    "text": Offer("Read it", "What does it say?"),
    "codes": Offer("Read", "What is in the code?"),
    "chart": CHART,
}


@dataclass(frozen=True)
class Attachments:
    """The pictures of the message in the box, and their handlers.

    The box holds them; the viewer shows the newest. The field for a page is no output of the event
    that takes a question: each update of a field has its cost.
    """

    model: Model
    conversation: gr.State
    box: MessageBox
    pane: PicturePane
    notice: Component
    limiter: RateLimiter

    def hide_page(self) -> dict[Any, Any]:
        """Return what hides the field for a page."""
        return {self.pane.page: shown_page(None)}

    def wire(self) -> None:
        """Attach what is given in the viewer or the box, and the page that is chosen.

        What is wrong with a file is said at once.
        """
        conversation, box, pane = self.conversation, self.box, self.pane
        shown = [conversation, box, pane.viewer, pane.page, self.notice]
        picked = pane.viewer.picked(
            self.picked, [conversation, box], shown, trigger_mode="always_last", **QUIET
        )
        attached = box.upload(
            self.attached,
            [conversation, box],
            [conversation, pane.viewer, pane.page, self.notice],
            **QUIET,
        )
        for given in (picked, attached):
            given.then(self.look, conversation, pane.offers, **STREAMED)
        turn, turned = [conversation, box, pane.page], [box, pane.viewer, self.notice]
        pane.page.input(self.turned, turn, turned, trigger_mode="always_last", **QUIET)

    def picked(
        self, conversation: Conversation, message: dict | None, event: gr.EventData
    ) -> dict[Any, Any]:
        """Attach the pictures that were given in the viewer to the message, and show the last."""
        most = self.model.pictures
        try:
            pictures = given_pictures(event, self.limiter, most)
        except VLMError as error:
            shown = scene(conversation.given or conversation.picture())
            return {self.pane.viewer: refused(shown, str(error))}
        conversation.given = pictures[-1]
        message = message or {}
        paths = [*(message.get("files") or ()), *map(picture_path, pictures)][-most:]
        return {
            self.conversation: conversation,
            self.box: {"text": message.get("text") or "", "files": paths},
            self.pane.viewer: scene(pictures[-1]),
            self.pane.page: shown_page(pictures[-1].page),
            self.notice: "",
        }

    def attached(self, conversation: Conversation, message: dict | None) -> dict[Any, Any]:
        """Show the newest file of the box."""
        files = (message or {}).get("files") or ()
        try:
            page = page_in(message)
            conversation.given = store_picture(files[-1]) if files else None
        except VLMError as error:
            return self.hide_page() | {self.notice: verbatim(str(error))}
        return {
            self.conversation: conversation,
            self.pane.viewer: scene(conversation.given or conversation.picture()),
            self.pane.page: shown_page(page),
            self.notice: "",
        }

    def turned(
        self, conversation: Conversation, message: dict | None, page: int | None
    ) -> dict[Any, Any]:
        """Attach another page of the newest file."""
        if page is None:  # the number is still being typed
            return gr.skip()
        try:
            turned = turn_page(message, conversation, page)
            conversation.given = store_picture(turned["files"][-1]) if turned["files"] else None
        except VLMError as error:
            return {self.notice: verbatim(str(error))}
        shown = scene(conversation.given or conversation.picture())
        return {self.box: turned, self.pane.viewer: shown, self.notice: ""}

    async def look(self, conversation: Conversation) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what can be asked about the picture that was given."""
        if picture := conversation.given:
            async for shown in offers_about(picture, OFFERS, lambda: conversation.given):
                yield shown
        else:
            yield gr.skip()

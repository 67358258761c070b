"""Attaches pictures to a message: those given in the viewer, and the page of a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.history_menu import FILLS_OWN
from ui.components.offers import READ_HERE, offers_about
from ui.components.viewer import refused
from ui.core.events import CHOICE, QUIET, STREAMED
from ui.core.gradio_compat import MessageBox
from ui.core.markdown import verbatim
from ui.core.storage import picture_path, store_picture
from ui.core.uploads import carried_picture, given_pictures
from ui.state.conversation import Conversation, page_in, readable, turn_page
from ui.tabs.chat_runner import OFFERS, ChatHandlers
from ui.tabs.fields import PicturePane, shown_page
from vlm_backends import Model, Picture, VLMError
from vlm_backends.ratelimit import RateLimiter


@dataclass(frozen=True)
class Attachments:
    """The pictures of the message in the box, and their handlers.

    The box holds them; the viewer shows the newest. The field for a page is no output of the event
    that takes a question: each update of a field has its cost.
    """

    model: Model
    handlers: ChatHandlers
    box: MessageBox
    pane: PicturePane
    limiter: RateLimiter

    def hide_page(self) -> dict[Any, Any]:
        """Return what hides the field for a page."""
        return {self.pane.page: shown_page(None)}

    def wire(self) -> None:
        """Attach what is given in the viewer or the box, and the page that is chosen.

        What is wrong with a file is said at once.
        """
        conversation, box, pane = self.conversation, self.box, self.pane
        given = [conversation, box]
        picked = pane.viewer.picked(self.picked, given, self.shown, **CHOICE)
        for arrived in (picked, box.upload(self.attached, given, self.shown, **QUIET)):
            self._look_after(arrived)
        turn, turned = [*given, pane.page], [box, pane.viewer, self.notice]
        pane.page.input(self.turned, turn, turned, **CHOICE)

    @property
    def conversation(self) -> gr.State:
        """The conversation of the tab."""
        return self.handlers.fields.conversation

    @property
    def notice(self) -> Component:
        """The line that says what is wrong with what was given."""
        return self.handlers.fields.notice

    @property
    def shown(self) -> list[Component]:
        """The outputs of the handlers that show another picture."""
        fields = self.handlers.fields
        given = [fields.conversation, self.box, fields.page, fields.notice]
        return [*given, fields.chatbot, *fields.beside]

    def carry_on(self, listen: Callable[..., Dependency], own: Component) -> Dependency:
        """Have the visitor's picture of another tab attached; see `OpenedTab`."""
        given = [self.conversation, self.box, own]
        carried = listen(self.carry, given, self.shown, js=FILLS_OWN, **QUIET)
        self._look_after(carried)
        return carried

    def _look_after(self, event: Dependency) -> None:
        event.then(self.look, self.conversation, self.pane.offers, **STREAMED)

    def carry(self, conversation: Conversation, message: dict | None, own: str) -> dict[Any, Any]:
        """Attach the picture that was given on another tab, unless this one is in use."""
        picture = None if conversation.used or not own else carried_picture(own)
        if picture is None or picture == conversation.given:
            return gr.skip()
        return self._give(conversation, message, [picture])

    def _give(
        self, conversation: Conversation, message: dict | None, pictures: Sequence[Picture]
    ) -> dict[Any, Any]:
        """Attach pictures to the message, and show the last; the page's sample leaves."""
        conversation.leave_sample()
        conversation.given = pictures[-1]
        message = message or {}
        kept = () if not conversation.used else message.get("files") or ()
        paths = [*kept, *map(picture_path, pictures)][-self.model.pictures :]
        return {
            self.conversation: conversation,
            self.box: {"text": message.get("text") or "", "files": paths},
            self.pane.page: shown_page(pictures[-1].page),
            self.notice: "",
            **self._beside(conversation),
        }

    def _beside(self, conversation: Conversation) -> dict[Any, Any]:
        """Return the conversation, and the picture that is asked about next."""
        handlers = self.handlers
        return {
            handlers.fields.chatbot: conversation.messages,
            **handlers.beside(conversation.picture(), conversation.result),
            self.pane.viewer: self.handlers.shown(conversation),
        }

    def picked(
        self, conversation: Conversation, message: dict | None, event: gr.EventData
    ) -> dict[Any, Any]:
        """Attach the pictures that were given in the viewer to the message, and show the last."""
        try:
            pictures = given_pictures(event, self.limiter, self.model.pictures)
        except VLMError as error:
            return {self.pane.viewer: refused(self.handlers.shown(conversation), str(error))}
        shown = self._give(conversation, message, pictures)
        conversation.used = True
        return shown

    def attached(self, conversation: Conversation, message: dict | None) -> dict[Any, Any]:
        """Show the newest file of the box, which may be typed into meanwhile; drop bad ones."""
        files = (message or {}).get("files") or ()
        try:
            page = page_in(message)
            conversation.given = store_picture(files[-1]) if files else None
        except VLMError as error:
            left = {"text": (message or {}).get("text") or "", "files": readable(files)}
            return self.hide_page() | {self.notice: verbatim(str(error)), self.box: left}
        conversation.leave_sample()
        conversation.used = True
        return {
            self.conversation: conversation,
            self.pane.page: shown_page(page),
            self.notice: "",
            **self._beside(conversation),
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
        return {
            self.box: turned,
            self.pane.viewer: self.handlers.shown(conversation),
            self.notice: "",
        }

    async def look(self, conversation: Conversation) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what can be asked about the picture that was given."""
        own = {"chart": READ_HERE} if self.handlers.fields.chart else {}
        async for shown in offers_about(conversation, OFFERS | own, lambda: conversation.given):
            yield shown

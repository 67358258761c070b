"""Goes through the conversations that this browser had with a model: a new one, or an earlier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr
from gradio.components import Component

from ui.components.history_menu import FILLS_BROWSER, shown_history
from ui.core.events import QUIET
from ui.core.limits import current_user
from ui.core.markdown import verbatim
from ui.core.session import Visitor
from ui.state.conversation import Conversation
from ui.state.history import History
from ui.tabs.chat_runner import check_free
from vlm_backends import Model, VLMError

_GONE = "This conversation is no longer on the server."


class HistoricTab(Protocol):
    """A tab with conversations."""

    model: Model
    conversation: gr.State
    visitor: gr.State
    earlier: gr.HTML
    notice: gr.Markdown

    @property
    def opened(self) -> list[Component]:
        """The outputs of `show_again`."""
        ...

    def show_again(self, state: Conversation, visitor: Visitor) -> dict[Any, Any]:
        """Return what shows a conversation."""
        ...


@dataclass(frozen=True)
class HistoryHandlers:
    """The handlers of the menu of conversations; they return {component: value}."""

    tab: HistoricTab
    history: History
    browser: gr.Textbox

    def wire(self) -> None:
        """Wire the events of the menu."""
        tab = self.tab
        given = [tab.conversation, tab.visitor, self.browser]
        shown = [tab.conversation, tab.earlier, *tab.opened]
        tab.earlier.act(self.act, given, shown, js=FILLS_BROWSER, trigger_mode="multiple", **QUIET)

    def act(
        self, conversation: Conversation, visitor: Visitor, browser: str, event: gr.EventData
    ) -> dict[Any, Any]:
        """Do what was chosen; the event comes from the browser, and is not trusted."""
        kept = browser, current_user(), self.tab.model.id
        op, key = getattr(event, "op", ""), getattr(event, "key", "")
        if op == "list":
            known = [each for each in self.history.earlier(*kept) if each.begun]
            return {self.tab.earlier: shown_history(known, conversation)}
        try:
            check_free(conversation)
        except VLMError as error:
            return {self.tab.conversation: conversation, self.tab.notice: verbatim(str(error))}
        if op == "forget":
            conversation.forgotten = True
        known = {each.key: each for each in self.history.earlier(*kept)}
        chosen = known.get(key) if op == "open" else Conversation()
        if chosen is None:  # it is too old, and was deleted
            return {self.tab.conversation: conversation, self.tab.notice: _GONE}
        self.history.renew(*kept, chosen)
        return {self.tab.conversation: chosen, **self.tab.show_again(chosen, visitor)}

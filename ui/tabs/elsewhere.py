"""Takes what one tab offers to the tab that answers it: charts, codes, questions about a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ui.components.chart import ChartPanel, question_about
from ui.components.offers import CHART, CODES, Offer
from ui.core.events import QUIET
from ui.core.markdown import verbatim
from ui.state.conversation import Conversation
from ui.state.links import slug
from ui.state.replies import PICTURE_FIRST
from ui.state.task_run import TaskRun
from ui.tabs.chat import ChatTab
from ui.tabs.chat_runner import check_free
from ui.tabs.task import TaskTab
from vlm_backends import BadPrompt, Turn, VLMError

_ABOUT_CODES = "What is in the code?"


def wire_elsewhere(tabs: gr.Tabs, models: Sequence[ChatTab | TaskTab]) -> None:
    """Wire the offers of each tab that another one answers."""
    chats = [tab for tab in models if isinstance(tab, ChatTab)]
    chat = next(tab for tab in chats if tab.model.converses)
    reader = next(tab for tab in chats if tab.chart)
    for tab in models:
        _take_offer(tabs, tab, reader, CHART, reader.model.prompts[0])
        if isinstance(tab, TaskTab):
            _take_offer(tabs, tab, chat, CODES, _ABOUT_CODES)
    for tab in chats:
        if tab.chart:
            _ask_about_chart(tabs, tab, tab.chart, chat)


def _take_offer(
    tabs: gr.Tabs, tab: ChatTab | TaskTab, other: ChatTab, offer: Offer, question: str
) -> None:
    """Ask the other tab about the picture of this one when its offer is clicked."""

    def take(
        state: Conversation | TaskRun, conversation: Conversation, event: gr.EventData
    ) -> dict[Any, Any]:
        if getattr(event, "ask", "") != offer.ask:
            return gr.skip()
        try:
            picture = state.given if isinstance(state, Conversation) else state.picture
            if picture is None:
                raise BadPrompt(PICTURE_FIRST)
            check_free(conversation)
        except VLMError as error:
            return {tab.notice: verbatim(str(error))}
        return _opened(tabs, tab, other, conversation, Turn("user", question, (picture,)))

    inputs = [tab.state, other.conversation]
    outputs = [*dict.fromkeys([tabs, tab.notice, *other.handlers.fields.asked])]
    other.answer_after(tab.pane.offers.take(take, inputs, outputs, **QUIET))


def _ask_about_chart(tabs: gr.Tabs, tab: ChatTab, chart: ChartPanel, other: ChatTab) -> None:
    """Send a question about a table to a model that converses, in its own tab."""

    def ask_chat(  # not `ask`, which is the name of an endpoint
        read: Conversation, conversation: Conversation, grid: Any, question: str
    ) -> dict[Any, Any]:
        try:
            turn = question_about(grid, question, read.picture())
            check_free(conversation)
        except VLMError as error:
            return {tab.notice: verbatim(str(error))}
        return _opened(tabs, tab, other, conversation, turn)

    inputs = [tab.conversation, other.conversation, chart.grid, chart.question]
    outputs = [tabs, tab.notice, *other.handlers.fields.asked]
    for begin in (chart.go.click, chart.question.submit):
        other.answer_after(begin(ask_chat, inputs, outputs, **QUIET))


def _opened(
    tabs: gr.Tabs, tab: ChatTab | TaskTab, other: ChatTab, conversation: Conversation, turn: Turn
) -> dict[Any, Any]:
    """Open the other tab, and put the question there."""
    opened = {tabs: gr.Tabs(selected=slug(other.model)), tab.notice: ""}
    return opened | other.handlers.put(conversation, turn)

"""Opens a tab with a sample that is answered already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.viewer import scene
from ui.core.gradio_compat import QUIET
from ui.core.session import Visitor
from ui.core.storage import store_picture
from ui.state.conversation import Conversation
from ui.state.opening import READING, OpeningAnswers
from ui.state.replies import Result
from ui.state.task_run import TaskRun
from vlm_backends import Model, Question

State = Any  # a Conversation or a TaskRun


class OpenedTab(Protocol):
    """A tab that can be opened with the result of its first sample."""

    model: Model
    state: gr.State
    visitor: gr.State
    viewer: gr.HTML
    live: gr.Markdown

    @property
    def opened(self) -> Sequence[Component]:
        """The outputs of `show_result`."""
        ...

    def first_question(self) -> Question:
        """Return the question of the first sample."""
        ...

    def show_result(self, state: State, visitor: Visitor, result: Result) -> dict[Any, Any]:
        """Hold a result that was found before, and return what shows it."""
        ...


def open_with(tab: OpenedTab, opening: OpeningAnswers, opened: Callable[..., Dependency]) -> None:
    """Show the first sample at the event `opened`, and its answer as soon as it is there.

    A tab in which something was given or asked stays as it is.
    """
    opening.add(tab.model, tab.first_question)

    def begin(state: Conversation | TaskRun) -> dict[Any, Any]:
        if state.begun or not opening.pending(tab.model):
            return gr.skip()
        picture = tab.first_question().picture
        return {tab.viewer: scene(picture and store_picture(picture)), tab.live: READING}

    async def answer(state: Conversation | TaskRun, visitor: Visitor) -> dict[Any, Any]:
        result = None if state.begun else await opening.result(tab.model)
        ended = {tab.state: state, tab.live: ""}
        if state.begun:
            return {tab.state: state} if state.active else ended
        if result is None:
            return ended | {tab.viewer: None}
        return ended | tab.show_result(state, visitor, result)

    shown = dict.fromkeys([tab.state, tab.live, tab.viewer, *tab.opened])
    begun = opened(begin, tab.state, [tab.viewer, tab.live], **QUIET)
    begun.then(answer, [tab.state, tab.visitor], [*shown], **QUIET)

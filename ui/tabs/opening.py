"""Opens a tab with what this browser asked there before, or with a sample that is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.history_menu import FILLS_BROWSER
from ui.components.viewer import scene
from ui.core.events import CHOICE, QUIET, SETS_STATE
from ui.core.limits import current_user
from ui.core.session import Visitor
from ui.core.storage import store_picture
from ui.state.conversation import Conversation
from ui.state.history import History, cut_off
from ui.state.opening import READING, OpeningAnswers
from ui.state.replies import Result
from ui.state.task_run import TaskRun
from vlm_backends import Model, Question

State = Any  # a Conversation or a TaskRun


class OpenedTab(Protocol):
    """A tab that can be opened with the result of its first sample, or with an earlier state."""

    model: Model
    state: gr.State
    visitor: gr.State
    viewer: gr.HTML
    live: gr.Markdown

    cleared: Dependency  # the visitor began anew

    @property
    def opened(self) -> Sequence[Component]:
        """The outputs of `show_result` and `show_again`."""
        ...

    def first_question(self) -> Question:
        """Return the question of the first sample."""
        ...

    def show_result(self, state: State, visitor: Visitor, result: Result) -> dict[Any, Any]:
        """Hold a result that was found before, and return what shows it."""
        ...

    def show_again(self, state: State, visitor: Visitor) -> dict[Any, Any]:
        """Return what shows a state that an earlier load of the page left."""
        ...

    def carry(self, listen: Callable[..., Dependency], own: Component) -> Dependency:
        """Have the visitor's picture of another tab shown after what `listen` listens to.

        `own` is a hidden field: a script fills in the path (`FILLS_OWN`). Returns the event.
        """
        ...


@dataclass(frozen=True)
class Opener:
    """The handlers of a tab that opens; they return {component: value}.

    A tab in which something was given or asked stays as it is.
    """

    tab: OpenedTab
    opening: OpeningAnswers
    history: History
    browser: gr.Textbox

    def wire(
        self, opened: Callable[..., Dependency], again: Callable[..., Dependency] | None
    ) -> None:
        """Wire the event that opens the tab, and the one that opens it again, if it is another."""
        tab = self.tab
        self.opening.add(tab.model, tab.first_question)
        given = [tab.state, tab.visitor, self.browser]
        shown = [*dict.fromkeys([tab.state, tab.live, tab.viewer, *tab.opened])]
        first, *_ = [
            # A picture is carried only after what was kept is there: it would take its place.
            tab.carry(
                listen(self.resume, given, shown, js=FILLS_BROWSER, **QUIET).then, self.browser
            )
            for listen in filter(None, [opened, again])
        ]
        read = first.then(self.begin, tab.state, [tab.viewer, tab.live], **QUIET)
        read.then(self.answer, [tab.state, tab.visitor], shown, **SETS_STATE)
        tab.viewer.picked(self.given, tab.state, tab.live, **CHOICE)
        anew = [tab.state, self.browser]
        tab.cleared.then(self.renew, anew, None, js=FILLS_BROWSER, **QUIET)

    def renew(self, state: State, browser: str) -> None:
        """Keep a new state in place of the one that was cleared."""
        self.history.renew(browser, current_user(), self.tab.model.id, state)

    def given(self, state: State) -> Any:
        """Say no longer that the sample is read: a picture was given."""
        return gr.skip() if state.active else ""

    async def resume(self, state: State, visitor: Visitor, browser: str) -> dict[Any, Any]:
        """Go on with what this browser asked before."""
        tab = self.tab
        kept = self.history.resume(browser, current_user(), tab.model.id, state)
        if kept is state:
            return gr.skip()
        if not await cut_off(kept, browser):
            self.renew(state, browser)  # another window shows the other
            return gr.skip()
        kept.shown_in = browser
        return {tab.state: kept, tab.live: "", **tab.show_again(kept, visitor)}

    def begin(self, state: Conversation | TaskRun) -> dict[Any, Any]:
        """Show the first sample while it is read."""
        if state.begun or not self.opening.pending(self.tab.model):
            return gr.skip()
        picture, state.previewed = self.tab.first_question().picture, True
        return {
            self.tab.viewer: scene(picture and store_picture(picture)),
            self.tab.live: READING,
        }

    async def answer(self, state: Conversation | TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Show the answer about the first sample, as soon as it is there."""
        tab = self.tab
        result = None if state.begun else await self.opening.result(tab.model)
        over = {tab.state: state, tab.live: ""}
        if state.begun:
            return {tab.state: state} if state.active else over
        if result is None:
            # Nothing to take away, or it could be a picture that was given just now.
            return over | ({tab.viewer: None} if state.previewed else {})
        return over | tab.show_result(state, visitor, result)

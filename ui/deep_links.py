"""Opens the tab, task and example that a link names in its query string, and nothing private."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.core.gradio_compat import QUIET
from ui.core.session import Visitor
from ui.state.links import slug
from ui.state.task_run import TaskRun
from ui.tabs.chat import ChatTab
from ui.tabs.task import EXAMPLES, TaskTab
from vlm_backends import BadPrompt

_OTHER_TABS = "compare", "batch"  # tabs that belong to no model


@dataclass(frozen=True)
class DeepLinks:
    """Opens the tab and example that an address names, without asking an engine."""

    tabs: gr.Tabs
    chats: Mapping[str, ChatTab]  # by slug
    tasks: TaskTab

    def wire(self, page: gr.Blocks, visitor: gr.State) -> None:
        """Read the address when the page loads."""
        opened = [self.tabs, *(chat.box for chat in self.chats.values())]
        page.load(self.open_tab, None, opened, **QUIET)
        run = self.tasks.run
        page.load(self.choose_task, [run, visitor], [run, *self.tasks.exampled], **QUIET)

    def open_tab(self, request: gr.Request) -> dict[Any, Any]:
        """Open the tab that is named; put its example into the box of a chat."""
        query = request.query_params
        name = query.get("model", "")
        chat = self.chats.get(name)
        updates: dict[Any, Any] = {}
        if chat or name in (slug(self.tasks.model), *_OTHER_TABS):
            updates[self.tabs] = gr.Tabs(selected=name)
        if chat and (index := _index(query, len(chat.model.samples))) is not None:
            updates[chat.box] = chat.sample(index)
        return updates or gr.skip()

    def choose_task(self, run: TaskRun, visitor: Visitor, request: gr.Request) -> dict[Any, Any]:
        """Fill the fields with the task and the example that are named."""
        tab, query = self.tasks, request.query_params
        named: dict[Any, Any] = {}
        if query.get("model") == slug(tab.model):
            index = _index(query, len(EXAMPLES))
            try:
                if index is None:
                    named = tab.chosen_by_link(run, query.get("task", ""), visitor)
                else:
                    named = tab.load_example(run, index, visitor)
            except BadPrompt:  # no such task: the page stays as it is
                pass
        return {tab.run: run, **(named or tab.empty_fields())}


def _index(query: Mapping[str, str], count: int) -> int | None:
    """Return the example's place in its list; links count from 1."""
    number = query.get("example", "")
    if number.isdecimal() and len(number) < 4 and 1 <= int(number) <= count:
        return int(number) - 1
    return None

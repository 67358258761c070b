"""A link to a tab, a task and an example, in the query string; it never holds anything of a visitor's own."""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr

from ui.core.gradio_compat import QUIET
from ui.core.session import Visitor
from ui.state.task_run import Run, slug
from ui.tabs.chat import ChatTab
from ui.tabs.task import EXAMPLES, TaskTab
from vlm_backends import BadPrompt, find_task

_OTHERS = "compare", "batch"  # tabs that are no model's


@dataclass(frozen=True)
class Links:
    """What an address names is there on load; nothing is asked, and nothing is spent."""

    chats: Mapping[str, ChatTab]  # by slug
    tasks: TaskTab

    def restore_on(self, page: gr.Blocks, tabs: gr.Tabs, visitor: gr.State) -> None:
        """Wires both halves to the page's load."""
        page.load(self.opened, None, [tabs, *(tab.box for tab in self.chats.values())], **QUIET)
        page.load(
            self.chosen, [self.tasks.run, visitor], [self.tasks.run, *self.tasks.exampled], **QUIET
        )

    def opened(self, request: gr.Request) -> list:
        """The tab that is named, and its example in the box where one talks."""
        query, boxes = request.query_params, [gr.skip()] * len(self.chats)
        name = query.get("model", "")
        tab = self.chats.get(name)
        index = _index(query, len(tab.model.samples)) if tab else None
        if index is not None:
            boxes[list(self.chats).index(name)] = tab.sample(index)
        known = tab or name in (slug(self.tasks.model), *_OTHERS)
        return [gr.Tabs(selected=name) if known else gr.skip(), *boxes]

    def chosen(self, run: Run, visitor: Visitor, request: gr.Request) -> tuple:
        """The task and the example that are named, in the fields."""
        query = request.query_params
        empty = [
            None,
            "",
            *[None] * 4,
        ]  # picture, words, region: a skip would make the picture's field anew
        unchanged = [gr.skip()] * (len(self.tasks.exampled) - len(empty))
        if query.get("model") != slug(self.tasks.model):
            return run, *unchanged, *empty
        if (index := _index(query, len(EXAMPLES))) is not None:
            return run, *self.tasks.example(run, index, visitor)
        try:
            return (
                run,
                *self.tasks.choose(run, find_task(query.get("task", "")).token, visitor, None),
                *empty,
            )
        except BadPrompt:
            return run, *unchanged, *empty


def _index(query: Mapping[str, str], count: int) -> int | None:
    """The example's place in its list; links count from 1."""
    number = query.get("example", "")
    return (
        int(number) - 1
        if number.isdecimal() and len(number) < 4 and 1 <= int(number) <= count
        else None
    )

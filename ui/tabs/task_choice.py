"""Handles the choice of a task: shows what it needs, and chooses one that fits a new picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.result_panel import facts_html
from ui.components.task_picker import shown_tasks
from ui.core.events import QUIET, SETS_CHOICE
from ui.core.markdown import verbatim
from ui.core.session import Visitor
from ui.state.task_run import TaskRun, complete_box
from ui.tabs.download import DownloadHandlers
from ui.tabs.fields import RegionField
from ui.tabs.task_pictures import NO_BOX, OFFERED_TASKS, OFFERS
from ui.tabs.task_runner import TaskRunHandlers
from vlm_backends import Task, VLMError, find_task
from vlm_backends.engines.base import Capability
from vlm_backends.models import DESCRIBE_GROUP


@dataclass(frozen=True)
class ChoiceFields:
    """The components that depend on the task; a change of `reruns` starts a run."""

    run: gr.State
    visitor: gr.State
    tasks: gr.HTML
    about: Component
    download: Component
    confidence: Component
    go: Component
    words: Component
    region: RegionField
    both: Component
    viewer: Component
    facts: Component
    reruns: gr.State

    @property
    def described(self) -> list[Any]:
        """The outputs of `describe`."""
        return [self.tasks, self.about, self.download, self.confidence, self.go, self.both]

    @property
    def chosen(self) -> list[Any]:
        """The outputs of `show`."""
        return [*self.described, self.words, self.region.group, self.viewer, self.facts]


@dataclass(frozen=True)
class TaskChoice:
    """The handlers of the choice; they return {component: value}."""

    fields: ChoiceFields
    runs: TaskRunHandlers
    downloads: DownloadHandlers

    @property
    def reruns(self) -> gr.State:
        """The state whose change starts a run."""
        return self.fields.reruns

    def wire(self) -> None:
        """Wire the choice, and what is said when the page opens."""
        fields = self.fields
        asked = [fields.run, fields.visitor]
        given = [*asked, *fields.region.sides]
        fields.tasks.choose(self.choose, given, [*fields.chosen, fields.reruns], **SETS_CHOICE)
        gr.on(None, self.describe, asked, fields.described, **QUIET)

    def fit_after(self, event: Dependency) -> None:
        """Have a task chosen that fits the picture, after this event has looked it over."""
        fields = self.fields
        event.then(self.fit, [fields.run, fields.visitor], fields.chosen, **QUIET)

    def choose(
        self, run: TaskRun, visitor: Visitor, event: gr.EventData, *region: Any
    ) -> dict[Any, Any]:
        """Choose a task; a link that names it runs it, too, where it needs nothing more.

        The event comes from the browser: an unknown token changes nothing.
        """
        try:
            task = find_task(str(getattr(event, "token", "")))
        except VLMError:
            return gr.skip()
        run.chose, run.linked = True, bool(getattr(event, "linked", False))
        shown = self.show(run, task, visitor, *region)
        at_once = run.linked and run.picture is not None
        return shown | (self.run_at_once(run, visitor) if at_once else {})

    def run_at_once(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Return what starts a run of the chosen task, where it can run and needs nothing more."""
        complete = find_task(run.token).takes == "nothing"
        runs = complete and self.runs.runnable(run, visitor)
        return {self.reruns: uuid4().hex} if runs else {}

    def fit(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Choose a task for what was seen in a new picture, unless one was chosen for it."""
        offered = [OFFERS[kind].ask for kind, _ in run.seen if OFFERS[kind].ask in OFFERED_TASKS]
        replaceable = run.token in OFFERED_TASKS and run.token not in offered
        is_complete = run.looked is not None and run.looked is run.given
        if not (offered and replaceable and is_complete) or run.chose or run.busy:
            return gr.skip()
        return self.show(run, find_task(offered[0]), visitor, *NO_BOX)

    def show(self, run: TaskRun, task: Task, visitor: Visitor, *region: Any) -> dict[Any, Any]:
        """Choose this task, and show only the fields that it takes."""
        drew = find_task(run.token).takes == "region"
        run.token = task.token
        fields = self.fields
        updates: dict[Any, Any] = {
            **self.describe(run, visitor),
            fields.words: words_for(task),
            fields.region.group: gr.Row(visible=task.takes == "region"),
        }
        if task.takes == "region" and not run.busy:
            updates[fields.viewer] = self.runs.view(run, complete_box(region))
            updates[self.runs.fields.facts] = ""  # the answer before is no longer shown
        elif drew and not run.busy:
            updates[fields.viewer] = self.runs.shown(run)
            updates[self.runs.fields.facts] = facts_html(run.result)
        return updates

    def describe(self, run: TaskRun, visitor: Visitor) -> dict[Any, Any]:
        """Say what the task does, and what the visitor's engine can do for it."""
        model, fields = self.runs.model, self.fields
        task, engine, capability = find_task(run.token), None, Capability(False, "")
        try:
            engine = self.runs.registry.answering(visitor, model)
            capability = engine.capability(model, task)
            state = capability.summary
        except VLMError as error:
            state = str(error)
        run.points = capability.points
        state = verbatim(state[:1].upper() + state[1:])
        return {
            fields.tasks: shown_tasks(model, engine, run.token),
            fields.about: f"{task.about} <small>{state}</small>",
            fields.confidence: gr.Slider(visible=capability.scored),
            fields.go: gr.Button(interactive=capability.available and not run.busy),
            fields.both: gr.Button(visible=task.group == DESCRIBE_GROUP and capability.available),
            **self.downloads.offer(run, visitor),
        }


def words_for(task: Task, **value: Any) -> gr.Textbox:
    """Return the field for words as the task needs it; with its `value`, if one is given."""
    hint = str(task.example or "")
    return gr.Textbox(visible=task.takes == "words", placeholder=hint, **value)

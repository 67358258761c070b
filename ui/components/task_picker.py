"""Lets a visitor choose a task: chips in groups; those that cannot run here look so.

Python sends the tasks as a plain JSON value; static/task_picker.js shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from vlm_backends import Engine, Model


def task_picker() -> gr.HTML:
    """Return the choice; its value is made by `shown_tasks`, its event `choose` names a token."""
    return gr.HTML(
        html_template='<div class="tasks"></div><p class="earlier" role="status"></p>',
        js_on_load="showcase.tasks(element, props, watch, (data) => trigger('choose', data))",
        apply_default_css=False,
        elem_id="tasks",
    )


def shown_tasks(model: Model, engine: Engine | None, chosen: str) -> dict[str, Any]:
    """Return the tasks in their groups, with what keeps one from running.

    Without an engine none is locked: a sentence elsewhere says what is wrong.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for task in model.tasks:
        locked = "" if engine is None else _lock(engine, model, task)
        entry = {"token": task.token, "title": task.title, "locked": locked}
        groups.setdefault(task.group, []).append(entry)
    listed = [{"name": name, "tasks": tasks} for name, tasks in groups.items()]
    return {"chosen": chosen, "groups": listed}


def _lock(engine: Engine, model: Model, task: Any) -> str:
    capability = engine.capability(model, task)
    return "" if capability.available else capability.summary

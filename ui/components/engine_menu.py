"""Lets a visitor choose engines: who answers, their own key, and a row of engines on each tab.

The key is held in the server's memory for this visit only. It is typed into a field that no public
event reads, so that neither the browser's run history nor a shared link can hold it.
"""

from typing import Any

import gradio as gr

from ui.core.gradio_compat import QUIET
from ui.core.session import EngineRegistry, Visitor, who_answers
from vlm_backends import Model, VLMError, engines

# Gradio triggers a state's `change` only after events in the queue.
SETS_STATE: dict[str, Any] = QUIET | {"queue": True}
_PLACEHOLDER = "nvapi-…"
_ABOUT_KEY = (
    "A key from [build.nvidia.com](https://build.nvidia.com) lets this page ask the models at "
    "NVIDIA. It stays in this server's memory until an hour after you leave the page; it is never "
    "written down."
)


def header() -> tuple[gr.State, gr.Markdown]:
    """Return the visitor's state and the line that says who answers; wire the field for a key."""
    visitor, line = gr.State(Visitor()), gr.Markdown(elem_id="who")
    with gr.Accordion("Use your own NVIDIA key", open=False, elem_id="key-box"):
        gr.Markdown(_ABOUT_KEY)
        with gr.Row(equal_height=True):
            key = gr.Textbox(
                type="password",
                label="NVIDIA key",
                placeholder=_PLACEHOLDER,
                elem_id="key",
                scale=3,
            )
            use = gr.Button("Use this key", variant="primary", elem_id="use-key", min_width=130)
            forget = gr.Button("Forget it", elem_id="forget-key", min_width=110)
    outputs = [visitor, key]
    gr.on([use.click, key.submit], use_key, [key, visitor], outputs, **SETS_STATE)
    forget.click(forget_key, None, outputs, **SETS_STATE)
    return visitor, line


def use_key(key: str | None, visitor: Visitor) -> tuple:
    """Return the visitor with this key and no choices, and the emptied field.

    Nothing changes for an empty field, nor, with a warning, for text that cannot be a key.
    """
    key = (key or "").strip()
    if not key:
        return visitor, gr.skip()
    try:
        engines.nvidia_with_key(key)
    except VLMError as error:
        gr.Warning(str(error))
        return visitor, gr.skip()
    hint = f"in use, ends in …{key[-4:]}" if len(key) > 12 else "in use"
    return Visitor(key), gr.Textbox(value="", placeholder=hint)


def forget_key() -> tuple[Visitor, gr.Textbox]:
    """Return a visitor without key and choices, and the emptied field."""
    return Visitor(), gr.Textbox(value="", placeholder=_PLACEHOLDER)


def engine_picker(registry: EngineRegistry, model: Model, visitor: gr.State) -> gr.Radio:
    """Return the row of engines that may answer for this model; a click chooses one."""
    names = [engine.name for engine in registry.engines]
    picker = gr.Radio(names, value=names[0], label="Answered by", elem_classes="engine")

    def choose(name: str, visitor: Visitor) -> Visitor:
        return visitor.choosing(model, name)

    picker.input(choose, [picker, visitor], visitor, **SETS_STATE)
    return picker


def refresh(registry: EngineRegistry, visitor: Visitor) -> list:
    """Return the visitor with a choice for every model, who answers, and each tab's row of engines.

    A setting that cannot be met takes the place of who answers, as its sentence.
    """
    try:
        visitor = registry.with_all_choices(visitor)
    except VLMError as error:
        return [visitor, f"**{error}**", *[gr.skip()] * len(registry.models)]
    choices = dict(visitor.choices)
    rows = [
        gr.Radio(registry.options(visitor, model), value=choices[model.id])
        for model in registry.models
    ]
    return [visitor, who_answers(registry, visitor), *rows]

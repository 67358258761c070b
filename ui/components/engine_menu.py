"""The first lines of the page: who answers, and the visitor's own key.

The key is held in the server's memory for this visit only. It is typed into a field that no public event
reads, so that neither the browser's run history nor a shared link can hold it.
"""

import gradio as gr

from ui.core.gradio_compat import QUIET
from ui.core.session import EngineRegistry, Visitor, who
from vlm_backends import Model, VLMError, engines

SETS = QUIET | {"queue": True}  # of a state: Gradio tells of its change only then


def header() -> tuple[gr.State, gr.Markdown]:
    """The visitor's state, and the line that says who answers; the key's field is wired."""
    visitor, line = gr.State(Visitor()), gr.Markdown(elem_id="who")
    with gr.Accordion("Use your own NVIDIA key", open=False, elem_id="key-box"):
        gr.Markdown(
            "A key from [build.nvidia.com](https://build.nvidia.com) lets this page ask the models at NVIDIA. "
            "It stays in this server's memory until an hour after you leave the page; it is never written down."
        )
        with gr.Row(equal_height=True):
            key = gr.Textbox(
                type="password", label="NVIDIA key", placeholder="nvapi-…", elem_id="key", scale=3
            )
            use = gr.Button("Use this key", variant="primary", elem_id="use-key", min_width=130)
            forget = gr.Button("Forget it", elem_id="forget-key", min_width=110)
    gr.on([use.click, key.submit], taken, [key, visitor], [visitor, key], **SETS)
    forget.click(
        lambda: (Visitor(), gr.Textbox(value="", placeholder="nvapi-…")),
        None,
        [visitor, key],
        **SETS,
    )
    return visitor, line


def taken(key: str, visitor: Visitor) -> tuple:
    """The visitor with this key, whom NVIDIA answers now, and the emptied field; what is no key changes nothing."""
    key = (key or "").strip()
    if not key:
        return visitor, gr.skip()
    try:
        engines.hosted(key)
    except VLMError as error:
        gr.Warning(str(error))
        return visitor, gr.skip()
    hint = f"in use, ends in …{key[-4:]}" if len(key) > 12 else "in use"
    return Visitor(key), gr.Textbox(value="", placeholder=hint)


def engine_picker(registry: EngineRegistry, model: Model, visitor: gr.State) -> gr.Radio:
    """A row of the engines that may answer for this model."""
    names = [engine.name for engine in registry.engines]
    engine = gr.Radio(names, value=names[0], label="Answered by", elem_classes="engine")
    engine.input(
        lambda name, visitor: visitor.choosing(model, name), [engine, visitor], visitor, **SETS
    )
    return engine


def refreshed(registry: EngineRegistry, visitor: Visitor) -> list:
    """The visitor with an engine for every model, the line that says who answers, and every tab's row of engines."""
    try:
        visitor = registry.settled(visitor)
    except VLMError as error:
        return [visitor, f"**{error}**", *[gr.skip()] * len(registry.models)]
    choices = dict(visitor.choices)
    rows = [
        gr.Radio(registry.offers(visitor, model), value=choices[model.id])
        for model in registry.models
    ]
    return [visitor, who(registry, visitor), *rows]

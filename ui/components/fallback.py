"""A way on when an engine cannot answer: a button that names another that can."""

import gradio as gr

from ui.core.session import EngineRegistry, Visitor
from ui.state.replies import PageReply
from vlm_backends import Engine, Model


def way_on() -> gr.HTML:
    """A button whose text is its value, hidden without one; its event `accept` says that it was clicked.

    Gradio's own button would have to be made anew, 2 ms for each answer, to stay hidden.
    """
    return gr.HTML(
        "",
        html_template='<button type="button" hidden></button>',
        js_on_load="showcase.offer(element, props, watch, () => trigger('accept', {}))",
        apply_default_css=False,
        elem_classes="instead",
    )


def offer(registry: EngineRegistry, visitor: Visitor, model: Model, reply: PageReply | None) -> str:
    """The button's text: nothing, unless the model is gone, or needs a key, at the engine that was asked."""
    other = _other(registry, visitor, model, reply) if reply and reply.gone else None
    return f"Ask “{other.name}” instead ({other.state(model)})" if other else ""


def accepted(
    registry: EngineRegistry, visitor: Visitor, model: Model, reply: PageReply | None
) -> Visitor:
    """The visitor, who now asks the engine that was offered."""
    other = _other(registry, visitor, model, reply)
    return visitor.choosing(model, other.name) if other else visitor


def _other(
    registry: EngineRegistry, visitor: Visitor, model: Model, reply: PageReply | None
) -> Engine | None:
    return registry.instead(visitor, model, reply.engine) if reply and reply.engine else None

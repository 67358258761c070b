"""Offers to ask another engine when the chosen one cannot answer."""

import gradio as gr

from ui.core.session import EngineRegistry, Visitor
from ui.state.replies import PageReply
from vlm_backends import Engine, Model


def fallback_button() -> gr.HTML:
    """Return a button whose text is its value; it is hidden while that is empty.

    Its event is `accept`. Gradio's own button would have to be sent with each answer, which
    takes 2 ms, only to stay hidden.
    """
    return gr.HTML(
        "",
        html_template='<button type="button" hidden></button>',
        js_on_load="showcase.offer(element, props, watch, () => trigger('accept', {}))",
        apply_default_css=False,
        elem_classes="instead",
    )


def offer(registry: EngineRegistry, visitor: Visitor, model: Model, reply: PageReply | None) -> str:
    """Return the button's text; empty unless the engine lacks the model or a key for it."""
    other = _alternative(registry, visitor, model, reply) if reply and reply.gone else None
    return f"Ask “{other.name}” instead ({other.capability(model).summary})" if other else ""


def accept_offer(
    registry: EngineRegistry, visitor: Visitor, model: Model, reply: PageReply | None
) -> Visitor:
    """Return the visitor with the offered engine as their choice for this model."""
    other = _alternative(registry, visitor, model, reply)
    return visitor.choosing(model, other.name) if other else visitor


def _alternative(
    registry: EngineRegistry, visitor: Visitor, model: Model, reply: PageReply | None
) -> Engine | None:
    if reply is None or reply.engine is None:
        return None
    return registry.alternative(visitor, model, reply.engine)

"""A way on when an engine cannot answer: a button that names another that can."""

import gradio as gr

from ui.core.session import EngineRegistry, Visitor
from ui.state.question import Asked
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


def offer(registry: EngineRegistry, visitor: Visitor, model: Model, asked: Asked | None) -> str:
    """The button's text: nothing, unless the model is gone, or needs a key, at the engine that was asked."""
    other = _other(registry, visitor, model, asked) if asked and asked.gone else None
    return f"Ask “{other.name}” instead ({other.state(model)})" if other else ""


def accepted(
    registry: EngineRegistry, visitor: Visitor, model: Model, asked: Asked | None
) -> Visitor:
    """The visitor, who now asks the engine that was offered."""
    other = _other(registry, visitor, model, asked)
    return visitor.choosing(model, other.name) if other else visitor


def _other(
    registry: EngineRegistry, visitor: Visitor, model: Model, asked: Asked | None
) -> Engine | None:
    return registry.instead(visitor, model, asked.engine) if asked and asked.engine else None

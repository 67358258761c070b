"""A way on when an engine cannot answer: a button that names another that can."""

import gradio as gr

from ui.asking import Asked
from ui.choice import Hall, Visitor
from ui.run import Run
from ui.talk import Talk
from vlm_backends import Engine, Model


def offer(hall: Hall, visitor: Visitor, model: Model, state: Talk | Run) -> gr.Button | dict:
    """The button, hidden unless the model is gone, or needs a key, at the engine that was asked last."""
    asked, was = state.asking, state.offered
    other = _other(hall, visitor, model, asked) if asked and asked.gone else None
    state.offered = other is not None
    if other is None:
        return gr.Button(visible=False) if was else gr.skip()
    return gr.Button(f"Ask “{other.name}” instead ({other.state(model)})", visible=True)


def accepted(hall: Hall, visitor: Visitor, model: Model, asked: Asked | None) -> Visitor:
    """The visitor, who now asks the engine that was offered."""
    other = _other(hall, visitor, model, asked)
    return visitor.choosing(model, other.name) if other else visitor


def _other(hall: Hall, visitor: Visitor, model: Model, asked: Asked | None) -> Engine | None:
    return hall.instead(visitor, model, asked.engine) if asked and asked.engine else None

"""Reads the result of a handler of the page, {component: value}, as Gradio would."""

import gradio as gr


def values_of(result, outputs):
    """Return the values of these outputs in their order; gr.skip() for those that the handler left out."""
    if result == gr.skip():
        return [gr.skip()] * len(outputs)
    assert result.keys() <= set(outputs), "not an output of this event"
    return [result.get(part, gr.skip()) for part in outputs]


def value_of(result, component):
    """Return the value of one component; gr.skip() when the handler left it out."""
    return gr.skip() if result == gr.skip() else result.get(component, gr.skip())

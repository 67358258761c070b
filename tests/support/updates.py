"""What a handler of the page says: its {component: value}, read as Gradio would."""

import gradio as gr


def values_of(result, outputs):
    """The values of these outputs in their order; gr.skip() for what a handler leaves as it is."""
    if result == gr.skip():
        return [gr.skip()] * len(outputs)
    assert result.keys() <= set(outputs), "not an output of this event"
    return [result.get(part, gr.skip()) for part in outputs]


def value_of(result, component):
    """The value of one component; gr.skip() where the handler leaves it as it is."""
    return gr.skip() if result == gr.skip() else result.get(component, gr.skip())

"""Builds the line that names a tab's model: its publisher, its state at NVIDIA, and its card."""

from html import escape

import gradio as gr

from vlm_backends import Model

_STATES = {
    "alive": "Seen live at NVIDIA",
    "withdrawn": "Withdrawn by NVIDIA",
    "unknown": "May no longer be available at NVIDIA",
}


def model_line(model: Model) -> gr.HTML:
    """Return the line; what is longer than it opens by a click on the “i”."""
    by = f" <span>{escape(model.publisher)}</span>" if model.publisher else ""
    state, more = "", escape(model.about)
    if hosted := model.hosted:
        said = _STATES[hosted.state]
        state = f'<span class="state {hosted.state}">{said}</span>'
        link = f'<a href="{escape(model.link)}" target="_blank" rel="noopener">Model card</a>'
        more += f" {said}: {escape(hosted.why, quote=False)}. {link}"
    about = f"About {escape(model.title)}"
    return gr.HTML(
        f'<div class="line"><p><b>{escape(model.title)}</b>{by}{state}</p>'
        f'<details><summary aria-label="{about}">i</summary><p>{more}</p></details></div>',
        apply_default_css=False,
        elem_classes="model-line",
    )

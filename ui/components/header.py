"""Builds the top of the page: its name, who answers, the key, and a menu."""

from html import escape

import gradio as gr

_LOGO = (  # the four corners of a box, and an eye in it
    '<svg viewBox="0 0 48 48" width="26" height="26" aria-hidden="true"><g fill="none" '
    'stroke="currentColor" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M4 14V6a2 2 0 0 1 2-2h8M34 4h8a2 2 0 0 1 2 2v8M44 34v8a2 2 0 0 1-2 2h-8'
    'M14 44H6a2 2 0 0 1-2-2v-8"/>'
    '<path d="M10 24c4-7 9-10 14-10s10 3 14 10c-4 7-9 10-14 10s-10-3-14-10Z"/>'
    '<circle cx="24" cy="24" r="4.5" fill="currentColor"/></g></svg>'
)
_SOURCE = "https://build.nvidia.com/explore/vision"
_LINKS = (  # of the menu: where to, and what it is called
    ("#engine-panel", "Add a key, or choose who answers"),
    ("?present=1", "Present to an audience"),
    ("?view=api", "Use it from Python, curl or an agent"),
    ("?view=settings", "Language and theme"),
)


def header() -> gr.HTML:
    """Return the top of the page. static/engine_panel.js fills in who answers on the open tab."""
    links = "".join(f'<a href="{escape(to)}">{escape(name)}</a>' for to, name in _LINKS)
    return gr.HTML(
        '<div class="top"><a class="skip" href="#models">Skip to the question</a>'
        f'<header class="brand">{_LOGO}<h1>VLM Showcase</h1>'
        "<small>Ask vision-language models about your picture</small></header>"
        '<button type="button" id="who" aria-haspopup="dialog" aria-expanded="false" '
        'aria-controls="engine-panel">Answers</button>'
        '<button type="button" id="add-key">Add key</button>'
        '<details class="menu"><summary aria-label="More">⋯</summary>'
        f"<nav>{links}</nav></details></div>",
        js_on_load="showcase.header(element)",
        apply_default_css=False,
        elem_id="top",
    )

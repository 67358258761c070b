"""Shows an answer in views, one at a time: its text, regions, table, JSON, and the call as code.

All views are in the page from the start: a script shows one of them, and asks the server for the
JSON and the code while they are visible.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

# Static places that static/viewer.js fills from what the viewer shows.
WORDS = '<div class="linked-words viewer-part"></div>'
REGION_LIST = '<div class="region-list viewer-part"></div>'
_NAMES = ("Text", "Regions", "Table", "JSON", "Code")
_TAB = (
    '<button type="button" role="tab" data-view="{}" aria-selected="{}" tabindex="{}">{}</button>'
)


def view_tabs(first: str = "Text", with_table: bool = True) -> gr.HTML:
    """Return the row that switches between the views; `first` is the name of the text's view."""
    names = [name for name in _NAMES if with_table or name != "Table"]
    tabs = "".join(
        _TAB.format(name.lower(), str(not i).lower(), "-1" if i else "0", first if not i else name)
        for i, name in enumerate(names)
    )
    return gr.HTML(
        f'<div class="views" role="tablist" aria-label="The answer as">{tabs}</div>',
        js_on_load="showcase.views(element)",
        apply_default_css=False,
        elem_classes="view-tabs",
    )


@contextmanager
def view(name: str) -> Iterator[None]:
    """Build the components of one view inside."""
    with gr.Column(elem_classes=["view", name.lower()]):
        yield

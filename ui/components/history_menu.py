"""Builds the menu of the conversations that this browser had with a model."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from typing import Any

import gradio as gr

from ui.state.conversation import Conversation

# The script of an event whose last input is the number of the browser.
FILLS_BROWSER = "(...inputs) => [...inputs.slice(0, -1), showcase.browser()]"
FILLS_OWN = "(...inputs) => [...inputs.slice(0, -1), showcase.own()]"  # the path of a picture


def history_menu() -> gr.HTML:
    """Return the menu; its event `act` names what to do: `list`, `new`, `forget` or `open` a `key`.

    Its value is made by `shown_history`.
    """
    return gr.HTML(
        html_template='<details class="menu"><summary>Conversations</summary>'
        '<div role="group" aria-label="Conversations"></div></details>',
        js_on_load="showcase.history(element, props, watch, (data) => trigger('act', data))",
        apply_default_css=False,
        elem_classes="history",
    )


def shown_history(conversations: Sequence[Conversation], shown: Conversation) -> dict[str, Any]:
    """Return the menu's value: each conversation's key, its title, and whether it is shown."""
    return {
        "conversations": [[each.key, each.title, each is shown] for each in conversations],
        "turn": token_hex(4),  # Gradio does not send a value that is the same
    }

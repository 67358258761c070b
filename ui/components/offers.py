"""Offers what can be done with a picture that was just given, from what is in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import gradio as gr

from ui.state.offers import Found, look_at
from vlm_backends import Picture


class Offer(NamedTuple):
    """A task of this tab, or a question to it, that a finding makes sense of."""

    title: str
    ask: str


# What other tabs answer: see ui/tabs/elsewhere.py.
CHART = Offer("Read the chart in DePlot's tab", "chart")
CODES = Offer("Read them in a chat", "codes")


def offers() -> gr.HTML:
    """Return a row of offers; its event `take` names what to `ask`, a task's token or a question.

    Its value is made by `shown_offers`.
    """
    return gr.HTML(
        html_template='<div class="offers" role="status"></div>',
        js_on_load="showcase.offers(element, props, watch, (data) => trigger('take', data))",
        apply_default_css=False,
        elem_classes="offered",
    )


def shown_offers(found: Found, asks: Mapping[str, Offer], busy: bool = False) -> dict[str, Any]:
    """Return the offers for what was found; `asks` has by its kind what a click asks.

    `busy`: more may be found.
    """
    known = [(said, asks[kind]) for kind, said in found if kind in asks]
    return {"busy": busy, "offers": [[said, offer.title, offer.ask] for said, offer in known]}


async def offers_about(
    picture: Picture, asks: Mapping[str, Offer], shown: Callable[[], Picture | None]
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the offers for a picture as they are found, while it is the one that is `shown`."""
    found: Found = ()
    yield shown_offers(found, asks, busy=True)
    async with aclosing(look_at(picture)) as arriving:
        async for found in arriving:
            if shown() is not picture:  # another one was given: its own search shows it
                return
            yield shown_offers(found, asks, busy=True)
    yield shown_offers(found, asks)

"""Offers what can be done with a picture that was just given, from what is in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import gradio as gr

from ui.state.offers import Found, look_at
from ui.state.phase import Phased
from vlm_backends import Picture


class Offer(NamedTuple):
    """A task of this tab, or a question to it, that a finding makes sense of."""

    title: str
    ask: str
    view: str = ""  # of the answer, which shows what was offered; empty for the one that is open


# What other tabs answer: see ui/tabs/elsewhere.py.
CHART = Offer("Read the chart in DePlot's tab", "chart")
READ_HERE = CHART._replace(title="Read the chart")  # in that tab itself
CODES = Offer("Read them in a chat", "codes")
_NOTHING = "At first sight: no text, and no thing of a known kind."


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


def shown_offers(
    found: Found, asks: Mapping[str, Offer], busy: bool = False, looked: bool = False
) -> dict[str, Any]:
    """Return the offers for what was found; `asks` has by its kind what a click asks.

    `busy`: more may be found. `looked`: all of the picture was looked at.
    """
    known = [(said, asks[kind]) for kind, said in found if kind in asks]
    offers = [[said, *offer] for said, offer in known]
    return {"busy": busy, "offers": offers, "said": "" if found or not looked else _NOTHING}


async def offers_about(
    state: Phased, asks: Mapping[str, Offer], shown: Callable[[], Picture | None]
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the offers for the picture that is `shown`, as they are found; `state` keeps them.

    A picture is looked over once. When another one is given meanwhile, its own search shows it.
    """
    picture = shown()
    if picture is None or picture is state.looked:
        yield shown_offers(state.seen if picture else (), asks, looked=picture is not None)
        return
    state.looked, state.seen = None, ()
    yield shown_offers((), asks, busy=True)
    async with aclosing(look_at(picture)) as arriving:
        async for found in arriving:
            if shown() is not picture:
                return
            state.seen = found
            yield shown_offers(found, asks, busy=True)
    state.looked = picture
    yield shown_offers(state.seen, asks, looked=True)

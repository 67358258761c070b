"""Shows the head of the page: what it is, and four examples of what it can do."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parents[2] / "assets"
_LOGO = (  # the four corners of a box, and an eye in it
    '<svg viewBox="0 0 48 48" width="44" height="44" aria-hidden="true"><g fill="none" '
    'stroke="currentColor" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M4 14V6a2 2 0 0 1 2-2h8M34 4h8a2 2 0 0 1 2 2v8M44 34v8a2 2 0 0 1-2 2h-8'
    'M14 44H6a2 2 0 0 1-2-2v-8"/>'
    '<path d="M10 24c4-7 9-10 14-10s10 3 14 10c-4 7-9 10-14 10s-10-3-14-10Z"/>'
    '<circle cx="24" cy="24" r="4.5" fill="currentColor"/></g></svg>'
)


@dataclass(frozen=True)
class Card:
    """A first step: a tab, one of its examples (counted from 0), its picture, what it does."""

    tab: str
    example: int
    picture: str
    title: str
    hint: str


_CARDS = (
    Card("florence-2", 0, "sign.jpg", "Read a sign", "Point at a word to see where it stands."),
    Card(
        "florence-2",
        2,
        "coffee.jpg",
        "Outline a thing",
        "Drag a box around anything in the picture.",
    ),
    Card("deplot", 0, "chart.png", "Turn a chart into a table", "Correct it, and save it as CSV."),
    Card(
        "llama-3.2-11b-vision-instruct",
        0,
        "poster.jpg",
        "Ask about a poster",
        "Or about a picture of your own.",
    ),
)
_SUMMARY = (
    "Show a picture to AI models that see: ask about it, read it, find things in it, outline them. "
    "It works at once; a key or a download brings more models."
)
_BUTTON = (
    '<button type="button" class="step" data-model="{}" data-example="{}">'
    '<img data-path="{}" alt="">'
    "<span><b>{}</b><span>{}</span></span></button>"
)


def welcome() -> gr.HTML:
    """Return the head of the page. A click on a card opens its tab and runs its example."""
    cards = "".join(
        _BUTTON.format(
            card.tab, card.example, escape(str(ASSETS / card.picture)), card.title, card.hint
        )
        for card in _CARDS
    )
    return gr.HTML(
        f'<header class="brand">{_LOGO}<div><h1>VLM Showcase</h1><p>{_SUMMARY}</p></div></header>'
        f'<nav class="steps" aria-label="Start here">{cards}</nav>',
        js_on_load="showcase.steps(element)",
        apply_default_css=False,
        elem_id="title",
    )

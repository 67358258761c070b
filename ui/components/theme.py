"""The look: one theme, light and dark, and the page's own scripts, with nothing from elsewhere."""

import json
from dataclasses import asdict
from pathlib import Path

import gradio as gr

from ui.components.presenter import SHOW

_STATIC = Path(__file__).parents[1] / "static"
_SCRIPTS = (
    "viewer.js",
    "drawing.js",
    "words.js",
    "files.js",
    "offer.js",
    "talk.js",
    "steps.js",
    "present.js",
)
CSS = [_STATIC / "page.css", _STATIC / "viewer.css"]
_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "DejaVu Sans Mono", "monospace")


def theme() -> gr.Theme:
    """Quiet slate, one green that keeps a contrast of 4.5 to 1 with white."""
    return gr.themes.Base(
        primary_hue="emerald",
        secondary_hue="emerald",
        neutral_hue="slate",
        font=_FONT,
        font_mono=_MONO,
        radius_size="md",
        text_size="md",
    ).set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_border_width="1px",
        block_shadow="none",
        block_radius="*radius_lg",
        block_label_background_fill="*background_fill_primary",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_title_text_weight="600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_primary_border_color="*primary_700",
        button_primary_border_color_dark="*primary_700",
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
        checkbox_label_text_color_selected="white",
        checkbox_label_text_color_selected_dark="white",
        checkbox_background_color_selected="*primary_900",
        checkbox_background_color_selected_dark="*primary_900",
        checkbox_border_color_selected="white",
        checkbox_border_color_selected_dark="white",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_800",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_700",
        link_text_color_visited_dark="*primary_300",
    )


def head() -> str:
    """The page's JavaScript, each file in a scope of its own."""
    show = f"showcase.show = {json.dumps([asdict(scene) for scene in SHOW], ensure_ascii=False)};"
    sources = [(_STATIC / name).read_text() for name in _SCRIPTS]
    return "".join(
        f"<script>(() => {{\n{source}\n}})();</script>"
        for source in (*sources[:1], show, *sources[1:])
    )

"""Defines the look: one theme, light and dark, and the page's own scripts and style sheets."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import gradio as gr
from gradio.themes import Base

from ui.components.presenter import PRESENTATION

_STATIC = Path(__file__).parents[1] / "static"
_SCRIPTS = (
    "viewer.js",
    "kept.js",
    "engine_panel.js",
    "drop_zone.js",
    "camera.js",
    "pictures.js",
    "zoom.js",
    "viewer_tools.js",
    "compare.js",
    "box_input.js",
    "region_list.js",
    "answer_text.js",
    "views.js",
    "split.js",
    "task_picker.js",
    "exports.js",
    "table_cells.js",
    "fallback.js",
    "download.js",
    "chat.js",
    "names.js",
    "samples.js",
    "carry.js",
    "drafts.js",
    "offers.js",
    "history.js",
    "address.js",
    "present.js",
)
_STYLES = (
    "page",
    "chat",
    "task",
    "samples",
    "present",
    "availability",
    "compare",
    "batch",
    "viewer",
    "viewer_parts",
    "header",
    "composer",
    "layout",
    "phone",
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "DejaVu Sans Mono", "monospace")
_BOTH = {  # the same in light and dark
    "button_primary_background_fill": "*primary_700",
    "button_primary_border_color": "*primary_700",
    "button_primary_text_color": "white",
    "checkbox_background_color_selected": "*primary_900",
    "checkbox_border_color_selected": "white",
    "checkbox_label_background_fill_selected": "*primary_700",
    "checkbox_label_text_color_selected": "white",
}
_LIGHT_DARK = {
    "body_background_fill": ("*neutral_50", "*neutral_950"),
    "body_text_color_subdued": ("*neutral_600", "*neutral_400"),
    "block_label_text_color": ("*neutral_700", "*neutral_200"),
    "block_title_text_color": ("*neutral_700", "*neutral_200"),
    "button_primary_background_fill_hover": ("*primary_800", "*primary_600"),
    "link_text_color": ("*primary_700", "*primary_300"),
    "link_text_color_hover": ("*primary_800", "*primary_200"),
    "link_text_color_visited": ("*primary_700", "*primary_300"),
}
_SHAPES = {
    "block_border_width": "1px",
    "block_shadow": "none",
    "block_radius": "*radius_lg",
    "block_label_background_fill": "*background_fill_primary",
    "block_title_text_weight": "600",
}


def theme() -> gr.Theme:
    """Return a theme in slate, with one green that has a contrast of 4.5 to 1 with white."""
    base = Base(
        primary_hue="emerald",
        secondary_hue="emerald",
        neutral_hue="slate",
        font=_FONT,
        font_mono=_MONO,
        radius_size="md",
        text_size="md",
    )
    return base.set(**_variables())


def _variables() -> dict[str, str]:
    """Return the values of Gradio's theme variables; those for dark end in `_dark`."""
    pairs = _LIGHT_DARK | {name: (value, value) for name, value in _BOTH.items()}
    dark = {f"{name}_dark": value for name, (_, value) in pairs.items()}
    return _SHAPES | {name: value for name, (value, _) in pairs.items()} | dark


def head() -> str:
    """Return the page's JavaScript as HTML, each file in a scope of its own."""
    steps = json.dumps([asdict(step) for step in PRESENTATION], ensure_ascii=False)
    first, *others = [_compact_script(_read(name)) for name in _SCRIPTS]
    sources = [first, f"showcase.show = {steps};", *others]  # the first defines `showcase`
    return "".join(f"<script>(() => {{\n{source}\n}})();</script>" for source in sources)


def css() -> str:
    """Return the page's style sheets as one, in their order: a later rule wins."""
    return "\n".join(_compact_style(_read(f"{name}.css")) for name in _STYLES)


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _compact_script(source: str) -> str:
    """Leave out comments that have a line of their own, and indents: a quarter of the bytes."""
    lines = [line.strip() for line in source.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _compact_style(source: str) -> str:
    """Leave out comments and the blanks around them, lines and braces."""
    return re.sub(r"\s*([{};])\s*", r"\1", _COMMENT.sub("", source)).strip()

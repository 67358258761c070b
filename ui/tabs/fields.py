"""Builds fields that several tabs share: a row of examples, and the field for a picture."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from ui.core.gradio_compat import UploadedImage

ASSETS = Path(__file__).parents[2] / "assets"


def example(text: str, picture: str) -> dict:
    """Return an example as gr.MultimodalTextbox holds it; `picture` is a file of the assets."""
    return {"text": text, "files": [str(ASSETS / picture)]}


def example_gallery(examples: Sequence[dict], label: str) -> gr.Dataset:
    """Return the row of examples; its event `click` gives the index of one, from 0."""
    return gr.Dataset(
        components=[gr.MultimodalTextbox(visible=False)],
        type="index",
        elem_classes="examples",
        samples=[[entry] for entry in examples],
        label=label,
    )


def titled(title: str, words: str) -> str:
    """Return an example's title, with the words that it asks about, if there are any."""
    return f"{title}: {words}" if words else title


def picture_field(height: int, elem_id: str) -> UploadedImage:
    """Return the field for a visitor's picture; its value is the path of the upload."""
    return UploadedImage(
        label="Your picture",
        sources=["upload", "clipboard", "webcam"],
        type="filepath",
        height=height,
        elem_id=elem_id,
        buttons=["fullscreen"],
    )

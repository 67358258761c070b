"""Offers to download the open weights of a model, and shows how far the download is.

Python sends a plain JSON value; static/download.js shows it.
"""

from typing import Any

import gradio as gr

from ui.core.session import EngineRegistry, Visitor
from vlm_backends import Model, Task
from vlm_backends.engines.base import DownloadProgress, FetchingEngine
from vlm_backends.types import Weights

COMMAND = "pip install -r requirements-local.txt && VLM_ENGINE=local python app.py"
_ALLOW = "VLM_ENGINE=local python app.py"
_LOCKED = "model", "weights"  # what an engine needs that cannot answer without the open weights


def download_button() -> gr.HTML:
    """Return a component that shows an offer, or a download; hidden without a value.

    Its event is `accept`.
    """
    return gr.HTML(
        html_template='<div class="download" tabindex="-1" hidden></div>',
        js_on_load="showcase.download(element, props, watch, () => trigger('accept', {}))",
        apply_default_css=False,
        elem_classes="download-offer",
    )


def offer_download(
    registry: EngineRegistry, visitor: Visitor, model: Model, task: Task
) -> dict[str, Any] | None:
    """Return what to show for a task: a button, a command, or why there is neither.

    None when the visitor's engine can answer it, or open weights could not. Raises VLMError.
    """
    capability = registry.answering(visitor, model).capability(model, task)
    weights = model.weights
    if capability.needs not in _LOCKED or weights is None or weights.served:
        return None
    if not registry.offers_downloads:
        return {
            "hint": f"{model.title} answers this where the owner of the page allows it: {_ALLOW}"
        }
    engine = registry.fetching_engine(model)
    if engine is None:
        about = f"{_facts(model, weights)}, would answer this on your machine."
        return {"hint": f"{about} Stop the page, and start it again by:", "command": COMMAND}
    return _button(engine, model, weights)


def _button(engine: FetchingEngine, model: Model, weights: Weights) -> dict[str, Any] | None:
    capability = engine.capability(model)
    if capability.available and not capability.download_gb:
        return None  # they are here: the row of engines offers them
    usual = capability.computed_by == weights.id
    gate = f" Accept its licence at huggingface.co/{weights.id} first." if weights.gated else ""
    return {
        "button": f"Download {_facts(model, weights) if usual else capability.computed_by}",
        "hint": f"From the Hugging Face hub, once. Your picture is not sent there.{gate}",
    }


def show_progress(model: Model, progress: DownloadProgress | None = None) -> dict[str, Any]:
    """Return what to show while the weights are downloaded; None: nothing is known yet."""
    if progress is None:
        return {"share": 0.0, "hint": f"Asking the hub for {model.title}…"}
    return {"share": progress.share, "hint": f"Downloading {model.title}: {progress.text}"}


def _facts(model: Model, weights: Weights) -> str:
    return f"{model.title}, {weights.gigabytes:g} GB, {weights.licence}"

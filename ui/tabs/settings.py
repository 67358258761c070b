"""Builds the settings of a conversation: how the model is to sample its answer."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from ui.core.gradio_compat import QUIET, OptionalNumber
from vlm_backends import Model, Sampling


class SettingsFields:
    """The fields of a model's sampling, with its range, and a button that brings its own back."""

    def __init__(self, model: Model) -> None:
        limits, usual = model.limits, model.sampling
        if usual is None:
            raise ValueError(f"{model.id} has no sampling in the catalogue")
        self._usual = usual
        with gr.Accordion("Settings", open=False, elem_classes="settings"):
            longest = gr.Slider(
                1, limits.max_tokens, usual.max_tokens, step=1, label="Longest answer, in tokens"
            )
            temperature = gr.Slider(
                *limits.temperature, usual.temperature, step=0.01, label="Temperature"
            )
            top_p = gr.Slider(*limits.top_p, usual.top_p, step=0.01, label="Top-p")
            seed = OptionalNumber(_seed(usual), label="Seed (empty: none)", max_lines=1)
            reset = gr.Button(f"Reset to {model.title}'s own", size="sm")
        self.fields: list[Component] = [longest, temperature, top_p, seed]
        reset.click(self._own, None, self.fields, **QUIET)

    def _own(self) -> list[Any]:
        usual = self._usual
        return [usual.max_tokens, usual.temperature, usual.top_p, _seed(usual)]


def _seed(sampling: Sampling) -> str:
    return "" if sampling.seed is None else str(sampling.seed)

"""Builds the settings of a conversation: what the model is told first, and how it samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ui.core.events import CHOICE, QUIET
from ui.core.gradio_compat import OptionalNumber
from ui.state.conversation import sampling
from vlm_backends import Model, Sampling
from vlm_backends.models import check_sampling, check_schema

_OWN, _PRECISE, _VARIED, _LONG = "The model's own", "Precise", "Varied", "Long"
_SYSTEM = "Answer in one sentence, and only what can be seen."
_SCHEMA = '{"type": "object", "properties": {"total": {"type": "number"}}}'


@dataclass(frozen=True)
class ChatSettings:
    """The settings of one question, checked."""

    sampling: Sampling
    system: str = ""
    schema: str = ""

    @classmethod
    def of(cls, model: Model, values: tuple[Any, ...]) -> ChatSettings:
        """Return the values of the fields, in their order. Raises BadPrompt."""
        numbers, (system, schema) = values[:4], (*values[4:], "", "")[:2]
        checked = check_sampling(model, sampling(*numbers))
        return cls(checked, (system or "").strip(), check_schema(schema or ""))


class SettingsFields:
    """The fields, with the ranges of the model, presets, and a button that brings its own back."""

    def __init__(self, model: Model) -> None:
        limits, usual = model.limits, model.sampling
        if usual is None:
            raise ValueError(f"{model.id} has no sampling in the catalogue")
        self._model, self._usual = model, usual
        with gr.Accordion("Settings", open=False, elem_classes="settings"):
            preset = gr.Radio([_OWN, _PRECISE, _VARIED, _LONG], value=_OWN, label="Preset")
            longest = gr.Slider(
                1, limits.max_tokens, usual.max_tokens, step=1, label="Longest answer, in tokens"
            )
            temperature = gr.Slider(
                *limits.temperature, usual.temperature, step=0.01, label="Temperature"
            )
            top_p = gr.Slider(*limits.top_p, usual.top_p, step=0.01, label="Top-p")
            seed = OptionalNumber(_seed(usual), label="Seed (empty: none)", max_lines=1)
            numbers = [longest, temperature, top_p, seed]
            system, schema = self._instructions(model.converses)
            reset = gr.Button(f"Reset to {model.title}'s own", size="sm")
        self.fields: list[Component] = [*numbers, system, schema]
        preset.input(self.preset, preset, numbers, **CHOICE)
        reset.click(self.own, None, [preset, *self.fields], **QUIET)

    def _instructions(self, converses: bool) -> tuple[gr.Textbox, gr.Textbox]:
        system = gr.Textbox(
            label="System prompt (for models that converse, at NVIDIA or your server)",
            placeholder=_SYSTEM,
            lines=2,
            max_lines=6,
            visible=converses,
        )
        schema = gr.Textbox(
            label="JSON schema of the answer (for your server)",
            placeholder=_SCHEMA,
            lines=2,
            max_lines=8,
            visible=converses,
        )
        return system, schema

    def preset(self, name: str) -> list[Any]:
        """Return the numbers of a preset, within the model's range."""
        limits, usual = self._model.limits, self._usual
        (coldest, hottest), (_, widest) = limits.temperature, limits.top_p
        temperature, top_p = {
            _PRECISE: (coldest, widest),
            _VARIED: (min(1.0, hottest), min(0.95, widest)),
        }.get(name, (usual.temperature, usual.top_p))
        longest = limits.max_tokens if name == _LONG else usual.max_tokens
        return [longest, temperature, top_p, _seed(usual)]

    def own(self) -> list[Any]:
        """Return the model's own settings, with no instructions."""
        return [_OWN, *self.preset(_OWN), "", ""]


def _seed(sampling: Sampling) -> str:
    return "" if sampling.seed is None else str(sampling.seed)

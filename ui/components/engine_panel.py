"""Lets a visitor choose who answers, give a key of their own, and see which models answer where.

The header names the engine of the open tab; a click opens this panel over the page. The key is held
in the server's memory for this visit only. It is typed into a field that no public event reads, so
that neither the browser's run history nor a shared link can hold it.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.core.events import QUIET, SETS_CHOICE, SETS_STATE
from ui.core.session import EngineRegistry, Visitor
from ui.state.engine_choices import as_props, choices_for
from ui.state.key_check import TRYING, try_key
from ui.state.links import slug
from vlm_backends import VLMError, engines

_HEAD = (
    '<div class="panel-head"><b>Who answers on this tab</b>'
    '<button type="button" aria-label="Close">×</button></div>'
)
_PLACEHOLDER = "nvapi-…"
_ABOUT_KEY = (
    "**Your own NVIDIA key.** Make one at [build.nvidia.com](https://build.nvidia.com). It stays "
    "in this server's memory until an hour after you leave the page, and is never written down. "
    "It is tried at once with one short question. Pictures then go to NVIDIA."
)


class EnginePanel:
    """The choice of an engine for the open tab, and the field for a key.

    `visitor` is the state that holds both.
    """

    def __init__(self, registry: EngineRegistry) -> None:
        self.registry = registry
        self.visitor = gr.State(Visitor())
        self.choices = gr.HTML(
            html_template=_HEAD + '<div class="engines"></div>',
            js_on_load="showcase.engines(element, props, watch, (data) => trigger('choose', data))",
            apply_default_css=False,
            elem_id="engines",
        )
        self.key = self._key_field()
        self._wire()

    def _key_field(self) -> gr.Textbox:
        gr.Markdown(_ABOUT_KEY, elem_classes="about-key")
        with gr.Row(equal_height=True):
            key = gr.Textbox(
                type="password",
                label="NVIDIA key",
                placeholder=_PLACEHOLDER,
                elem_id="key",
                scale=3,
            )
            self.use = gr.Button(
                "Use this key", variant="primary", elem_id="use-key", min_width=120
            )
            self.forget = gr.Button("Forget it", elem_id="forget-key", min_width=90, visible=False)
        self.notice = gr.Markdown(elem_classes="notice", elem_id="key-notice")
        return key

    def _wire(self) -> None:
        outputs = [self.visitor, self.key, self.notice, self.forget]
        begin = [self.use.click, self.key.submit]
        used = gr.on(begin, self.use_key, [self.key, self.visitor], outputs, **SETS_STATE)
        used.then(self.try_key, [self.visitor, self.notice], outputs, **SETS_STATE)
        self.forget.click(self.forget_key, None, outputs, **SETS_STATE)
        self.choices.choose(self.choose, self.visitor, self.visitor, **SETS_CHOICE)
        gr.on(
            None, self.refresh, self.visitor, [self.visitor, self.choices], **QUIET
        )  # on load too

    def use_key(self, key: str | None, visitor: Visitor) -> dict[Any, Any]:
        """Take a key; nothing changes for an empty field, or for text that cannot be a key."""
        key = (key or "").strip()
        if not key:
            return {self.notice: "Paste a key into the field first."}
        try:
            engines.nvidia_with_key(key)
        except VLMError as error:
            return {self.visitor: visitor, self.notice: str(error)}
        hint = f"in use, ends in …{key[-4:]}" if len(key) > 12 else "in use"
        emptied = gr.Textbox(value="", placeholder=hint)
        return {
            self.visitor: Visitor(key),
            self.key: emptied,
            self.notice: TRYING,
            self.forget: gr.Button(visible=True),
        }

    async def try_key(self, visitor: Visitor, notice: str) -> dict[Any, Any]:
        """Ask with a key that was just taken; forget it when NVIDIA does not take it."""
        if notice != TRYING:
            return {self.visitor: visitor}
        taken, sentence = await try_key(self.registry, visitor)
        return (
            {self.visitor: visitor, self.notice: sentence}
            if taken
            else self.forget_key() | {self.notice: sentence}
        )

    def forget_key(self) -> dict[Any, Any]:
        """Forget the key, and the choices that were made with it."""
        emptied = gr.Textbox(value="", placeholder=_PLACEHOLDER)
        return {
            self.visitor: Visitor(),
            self.key: emptied,
            self.notice: "",
            self.forget: gr.Button(visible=False),
        }

    def choose(self, visitor: Visitor, event: gr.EventData) -> Visitor:
        """Choose an engine for a tab; the event comes from the browser, and is not trusted."""
        tab, name = getattr(event, "tab", ""), getattr(event, "engine", "")
        for model in self.registry.models:
            known = [engine.name for engine in self.registry.candidates(visitor, model)]
            if slug(model) == tab and name in known:
                return visitor.choosing(model, name)
        return visitor

    def refresh(self, visitor: Visitor) -> dict[Any, Any]:
        """Show the options of every tab; a setting that cannot be met is shown as its sentence."""
        try:
            visitor = self.registry.with_all_choices(visitor)
            tabs = {
                slug(model): as_props(choices_for(self.registry, visitor, model))
                for model in self.registry.models
            }
        except VLMError as error:
            return {self.visitor: visitor, self.choices: {"fault": str(error)}}
        return {self.visitor: visitor, self.choices: {"tabs": tabs}}

"""Builds the page, with one tab for each model of the catalogue, and the settings to launch it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from ui.api.endpoints import add_api
from ui.api.mcp import add_tools, mcp_installed
from ui.components.availability_table import AvailabilityTable
from ui.components.engine_panel import EnginePanel
from ui.components.header import header
from ui.components.theme import css, head, theme
from ui.core.gradio_compat import TolerantBlocks
from ui.core.session import EngineRegistry, find_engines
from ui.core.shutdown import leave, serve
from ui.core.storage import sweeping_lifespan
from ui.state.history import History
from ui.state.links import slug
from ui.state.opening import OpeningAnswers
from ui.tabs.batch import BatchTab
from ui.tabs.chat import ChatTab
from ui.tabs.compare import CompareTab
from ui.tabs.elsewhere import wire_elsewhere
from ui.tabs.history import HistoryHandlers
from ui.tabs.opening import Opener
from ui.tabs.task import TaskTab
from ui.web.middleware import protection
from vlm_backends import Engine
from vlm_backends.config import Config
from vlm_backends.ratelimit import RateLimiter

ModelTab = ChatTab | TaskTab
__all__ = ["build", "leave", "serve", "settings"]


def build(
    engine: Engine, config: Config | None = None, limiter: RateLimiter | None = None
) -> gr.Blocks:
    """Return the page, ready to be launched.

    `engine` is preferred; a visitor may choose another one of the configuration. Without `config`
    the environment is read. Give the same `limiter` to `settings`.
    """
    with TolerantBlocks(title="VLM Showcase", analytics_enabled=False, fill_width=True) as page:
        chosen_config = config or Config.usable()
        # Called first: it takes longer the more is on the page already.
        page.queue(default_concurrency_limit=None, max_size=512)
        header()
        engines = find_engines(engine, config, limiter)
        with gr.Column(elem_id="engine-panel"):
            visitor = EnginePanel(engines).visitor
            table = AvailabilityTable(engines, visitor)
        with gr.Tabs(elem_id="models", overflow_behavior="wrap") as tabs:
            models = _model_tabs(engines, visitor)
            with gr.Tab("Compare", id="compare", elem_id="tab-compare") as comparing:
                compare = CompareTab(engines, visitor)
            with gr.Tab("Batch", id="batch", elem_id="tab-batch"):
                batch = BatchTab(engines, visitor)
        wire_elsewhere(tabs, [tab for _, tab in models])
        ends = [end for tab in (*(tab for _, tab in models), compare, batch) for end in tab.ends]
        table.redraw_after(*ends)
        history, browser = History(), gr.Textbox(visible=False)  # its number, set by a script
        opening = _open(page, engines, models, history, browser)
        compare.wire_reload(comparing.select, history, browser)
        if chosen_config.opens_with_samples:
            page.background = opening.compute
        add_api(engines)
        add_tools(engines)
    return page


def _model_tabs(engines: EngineRegistry, visitor: gr.State) -> list[tuple[gr.Tab, ModelTab]]:
    """Build a tab for each model, with its container; first the one that needs no key."""
    built: list[tuple[gr.Tab, ModelTab]] = []
    for model in sorted(engines.models, key=lambda model: not model.tasks):
        with gr.Tab(model.title, id=slug(model), elem_id=f"tab-{slug(model)}") as container:
            kind = TaskTab if model.tasks else ChatTab
            built.append((container, kind(model, engines, visitor)))
    return built


def _open(
    page: gr.Blocks,
    engines: EngineRegistry,
    models: Sequence[tuple[gr.Tab, ModelTab]],
    history: History,
    browser: gr.Textbox,
) -> OpeningAnswers:
    """Open each tab with what the browser asked there before, or with a sample.

    The first tab opens with the page, the others when they are chosen.
    """
    opening = OpeningAnswers(engines)
    for at, (container, tab) in enumerate(models):
        opened, again = (container.select, None) if at else (page.load, container.select)
        Opener(tab, opening, history, browser).wire(opened, again)
        if isinstance(tab, ChatTab):
            HistoryHandlers(tab, history, browser).wire()
    return opening


def settings(config: Config | None = None, limiter: RateLimiter | None = None) -> dict:
    """Return the options of `launch`: the theme, the middleware, and the sample pictures' folder.

    Without `config` the environment is read. Raises VLMError for a setting that cannot be met.
    """
    config = config or Config.from_env()
    middleware = protection(limiter or RateLimiter(config.limits), config.accounts)
    return {
        "theme": theme(),
        "css": css(),
        "head": head(),
        "max_threads": 256,
        # 0.7 MB each, which Gradio never gives back; the latest visits are kept.
        "state_session_capacity": 512,
        "max_file_size": "25mb",
        "allowed_paths": [str(Path(__file__).parent.parent / "assets")],
        "mcp_server": mcp_installed(),
        "app_kwargs": {"middleware": middleware, "lifespan": sweeping_lifespan()},
        "footer_links": ["api", "gradio", "settings"],
    }

"""The page: one tab a model of the catalogue, whoever answers."""

from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from ui.api.endpoints import add_api
from ui.api.mcp import add_tools, mcp_installed
from ui.components.availability_table import Strip
from ui.components.chart import asked_about
from ui.components.engine_menu import engine_picker, header, refreshed
from ui.components.theme import CSS, head, theme
from ui.components.welcome import welcome
from ui.core.gradio_compat import QUIET
from ui.core.markdown import verbatim
from ui.core.session import registry
from ui.core.shutdown import leave, serve
from ui.core.storage import sweeping_lifespan
from ui.deep_links import Links
from ui.state.conversation import Talk
from ui.state.task_run import slug
from ui.tabs.batch import BatchTab
from ui.tabs.chat import ChatTab
from ui.tabs.compare import CompareTab
from ui.tabs.task import TaskTab
from ui.web.middleware import protection
from vlm_backends import Engine, Model, VLMError
from vlm_backends.config import Config
from vlm_backends.ratelimit import RateLimiter

__all__ = ["build", "leave", "serve", "settings"]
_STATES = {"alive": "Live", "withdrawn": "Withdrawn", "unknown": "Unproven"}


def build(
    engine: Engine, config: Config | None = None, limiter: RateLimiter | None = None
) -> gr.Blocks:
    """Return the page, ready to be launched.

    `engine` answers first, where it can; a visitor may choose another of the configuration's.
    Without `config` the environment is read; `limiter` is to be the same as in `settings`.
    """
    with gr.Blocks(title="VLM Showcase", analytics_enabled=False) as page:
        page.queue(
            default_concurrency_limit=None, max_size=512
        )  # first: it costs what is on the page by then
        welcome()
        engines = registry(engine, config, limiter)
        visitor, line = header()
        strip = Strip(engines, visitor)
        pickers, parts = [], {}
        with gr.Tabs(overflow_behavior="wrap") as tabs:
            for model in engines.models:
                with gr.Tab(model.title, id=slug(model), elem_id=f"tab-{slug(model)}"):
                    gr.HTML(_card(model), elem_classes="card")
                    pickers.append(engine_picker(engines, model, visitor))
                    parts[model] = (TaskTab if model.tasks else ChatTab)(model, engines, visitor)
            with gr.Tab("Compare", id="compare", elem_id="tab-compare"):
                compare = CompareTab(engines, visitor)
            with gr.Tab("Batch", id="batch", elem_id="tab-batch"):
                batch = BatchTab(engines, visitor)
        _ask_about_charts(tabs, parts)
        strip.after(*(end for part in (*parts.values(), compare, batch) for end in part.ends))
        chats = {slug(model): tab for model, tab in parts.items() if not model.tasks}
        Links(chats, next(tab for model, tab in parts.items() if model.tasks)).restore_on(
            page, tabs, visitor
        )
        gr.on(
            None, partial(refreshed, engines), visitor, [visitor, line, *pickers], **QUIET
        )  # on load too
        add_api(engines)
        add_tools(engines)
    return page


def settings(config: Config | None = None, limiter: RateLimiter | None = None) -> dict:
    """Return what `launch` needs: the look, the protection, and the sample pictures' folder.

    Without `config` the environment is read. Raises VLMError for a setting that cannot be met.
    """
    config = config or Config.from_env()
    middleware = protection(limiter or RateLimiter(config.limits), config.accounts)
    return {
        "theme": theme(),
        "css_paths": CSS,
        "head": head(),
        "max_threads": 256,
        "state_session_capacity": 512,  # 0.7 MB each, which Gradio never gives back; who was here last is kept
        "max_file_size": "25mb",
        "allowed_paths": [str(Path(__file__).parent.parent / "assets")],
        "mcp_server": mcp_installed(),
        "app_kwargs": {"middleware": middleware, "lifespan": sweeping_lifespan()},
        "footer_links": ["api", "gradio", "settings"],
    }


def _ask_about_charts(tabs: gr.Tabs, parts: dict[Model, TaskTab | ChatTab]) -> None:
    """A question about a table goes to the first model that converses, in its own tab."""
    chat = next(tab for model, tab in parts.items() if model.converses)

    def carried(chart_talk: Talk, talk: Talk, grid: object, question: str) -> tuple:
        try:
            turn = asked_about(grid, question, chart_talk.picture())
        except VLMError as error:
            return gr.skip(), verbatim(str(error)), *[gr.skip()] * len(chat.asked)
        return gr.Tabs(selected=slug(chat.model)), "", *chat.put(talk, turn)

    for tab in (tab for model, tab in parts.items() if model.tables):
        inputs = [tab.talk, chat.talk, tab.chart.grid, tab.chart.question]
        for begin in (tab.chart.go.click, tab.chart.question.submit):
            chat.answer_after(begin(carried, inputs, [tabs, tab.notice, *chat.asked], **QUIET))


def _card(model: Model) -> str:
    by = f" by {escape(model.publisher)}" if model.publisher else ""
    name = f"<p><b>{escape(model.title)}</b>{by}. {model.about}</p>"
    if not (hosted := model.hosted):
        return name
    state = f'<span class="state {hosted.state}">{_STATES[hosted.state]} at NVIDIA</span>'
    link = f'<a href="{model.link}" target="_blank" rel="noopener">Model card</a>'
    return f"{name}<p>{state}: {hosted.why}. {link}</p>"

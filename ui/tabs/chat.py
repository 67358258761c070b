"""Builds a chat tab: several turns with one model, the picture with its regions beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.chart import ChartPanel
from ui.components.fallback import fallback_button
from ui.components.history_menu import history_menu
from ui.components.model_line import model_line
from ui.components.result_panel import ResultPanel, after
from ui.components.samples import ASSETS, Sample, picked_index
from ui.components.views import REGION_LIST, WORDS, view, view_tabs
from ui.core.events import CHOICE, QUIET, SETS_STATE
from ui.core.gradio_compat import MessageBox, posted
from ui.core.markdown import LATEX
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation, read_message
from ui.state.links import slug
from ui.state.replies import Result
from ui.tabs.attachments import Attachments
from ui.tabs.chat_runner import ChatFields, ChatHandlers
from ui.tabs.fields import FILE_TYPES, PicturePane
from ui.tabs.settings import SettingsFields
from vlm_backends import Model, Prompt, Question


class ChatTab:
    """The components of a chat tab and their handlers.

    A handler returns {component: value}; a component that is left out stays as it is.
    """

    def __init__(self, model: Model, registry: EngineRegistry, visitor: gr.State) -> None:
        self.model, self.registry, self.visitor = model, registry, visitor
        self.conversation = self.state = gr.State(Conversation())
        self.ends: list[Dependency] = []  # events that follow the end of each call
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=6, min_width=320, elem_classes="picture-pane"):
                self.pane = PicturePane(f"view-{slug(model)}", self._samples(), model.pictures > 1)
            with gr.Column(scale=5, min_width=320, elem_classes="answer-pane"):
                model_line(model)
                self._answer()
        with gr.Row(elem_classes="composer"):
            self._composer()
        self.viewer = self.pane.viewer
        self.handlers = ChatHandlers(model, registry, self._fields())
        self.attached = Attachments(model, self.handlers, self.box, self.pane, registry.limiter)
        self._wire()

    def _samples(self) -> list[Sample]:
        prompts = self.model.prompts
        names = [Path(name).stem.capitalize() for name in self.model.samples]
        titles = prompts if len(set(prompts)) > 1 else names
        return [Sample(*each) for each in zip(self.model.samples, titles, strict=True)]

    def _answer(self) -> None:
        model = self.model
        self.notice = gr.Markdown(elem_classes="notice")
        self.instead = fallback_button()
        view_tabs("Chat", bool(model.tables))
        with view("text"), gr.Column(elem_classes="exchange"):
            self.chatbot = gr.Chatbot(
                buttons=["copy", "copy_all"],
                label=f"Chat with {model.title}",
                show_label=False,
                layout="bubble",
                feedback_options=None,
                latex_delimiters=LATEX,
                elem_classes="conversation",
                placeholder="Ask about the picture.",
            )
            self.live = gr.Markdown(elem_classes="live", line_breaks=True, latex_delimiters=LATEX)
        with view("regions"):
            gr.HTML(WORDS + REGION_LIST, apply_default_css=False)
        self.chart = None
        if model.tables:
            with view("table"):
                self.chart = ChartPanel()
        self.outcome = ResultPanel(model, self.conversation, conversation=True)
        with self.outcome.row:
            self.earlier = history_menu()

    def _composer(self) -> None:
        several = self.model.pictures > 1
        self.box = MessageBox(
            sources=["upload"],
            file_types=FILE_TYPES,
            file_count="multiple" if several else "single",
            placeholder="Ask about this picture…",
            show_label=False,
            label="Message",
            max_plain_text_length=100_000,
            elem_classes="box",
            stop_btn=True,  # chat.css shows it while an answer streams: an update costs 2 ms
            scale=1,
        )
        self.settings = SettingsFields(self.model)

    def _fields(self) -> ChatFields:
        return ChatFields(
            conversation=self.conversation,
            box=self.box,
            chatbot=self.chatbot,
            live=self.live,
            notice=self.notice,
            instead=self.instead,
            viewer=self.viewer,
            page=self.pane.page,
            facts=self.outcome.facts,
            chart=self.chart,
        )

    @property
    def opened(self) -> list[Component]:
        """The outputs of `show_result` and `show_again`."""
        fields = self.handlers.fields
        return [self.chatbot, self.box, self.notice, self.pane.page, *fields.beside, self.instead]

    def show_result(self, state: Conversation, visitor: Visitor, result: Result) -> dict[Any, Any]:
        """Begin with a question that was asked before, and its answer."""
        state.show(result)
        beside = self.handlers.beside(state.picture(), result)
        return {self.chatbot: state.messages, **beside}

    def show_again(self, state: Conversation, visitor: Visitor) -> dict[Any, Any]:
        """Return what shows a conversation that was held before."""
        return self.handlers.again(state)

    def carry(self, listen: Callable[..., Dependency], own: Component) -> Dependency:
        """Have the visitor's picture of another tab attached; see `OpenedTab`."""
        return self.attached.carry_on(listen, own)

    def first_question(self) -> Question:
        """Return the question of the first sample."""
        turn = read_message(self.sample(0), Conversation(), self.model)
        return Question(self.model, Prompt((turn,)))

    def _wire(self) -> None:
        handlers, conversation = self.handlers, self.conversation
        fields, asked = handlers.fields, handlers.fields.asked
        switched = self.instead.accept(
            handlers.switch, [conversation, self.visitor], self.visitor, **SETS_STATE
        )
        for listen, handler, inputs in (
            (self.box.submit, handlers.take, [conversation, self.box]),
            (self.pane.samples.pick, self.take_sample, conversation),
            (self.chatbot.retry, handlers.ask_again, conversation),
            (switched.then, handlers.take, [conversation, self.box]),
            (self.pane.offers.take, handlers.take_offer, [conversation, self.box]),
        ):
            acted = posted(handler, asked)
            self.answer_after(listen(acted, inputs, asked, postprocess=False, **QUIET))
        self.box.stop(Conversation.stop, conversation, None, **QUIET)
        self.attached.wire()
        self.pane.samples.pick(self.attached.hide_page, None, self.pane.page, **CHOICE)
        self.chatbot.undo(handlers.undo, conversation, fields.undone, **QUIET)
        self.cleared = self.chatbot.clear(handlers.clear, conversation, fields.undone, **QUIET)

    def answer_after(self, start: Dependency) -> None:
        """Send the question that the event `start` took; stream its answer and show its end."""
        handlers = self.handlers
        stream = start.then(
            handlers.stream,
            [self.conversation, self.visitor, *self.settings.fields],
            self.live,
            api_visibility="private",
            show_progress="hidden",
            postprocess=False,
        )
        ended = [self.conversation, self.visitor]
        self.ends += after(stream, handlers.finish, ended, handlers.fields.done)

    def take_sample(self, conversation: Conversation, event: gr.EventData) -> dict:
        """Ask the sample that was clicked as if it had been typed."""
        index = picked_index(event, len(self.model.samples))
        if index is None:
            return {self.conversation: conversation}
        taken = self.handlers.take(conversation, self.sample(index))
        if self.chatbot in taken:  # it was not refused
            conversation.example = index
        return taken

    def sample(self, index: int) -> dict:
        """Return a sample as the box holds it."""
        picture = str(ASSETS / self.model.samples[index])
        return {"text": self.model.prompts[index], "files": [picture]}

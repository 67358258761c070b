"""Builds a chat tab: several turns with one model, the picture with its regions beside them."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.chart import ChartPanel
from ui.components.engine_panel import SETS_STATE
from ui.components.fallback import accept_offer, fallback_button, offer
from ui.components.model_line import model_line
from ui.components.result_panel import ResultPanel, after, facts_html
from ui.components.samples import ASSETS, Sample, picked_index
from ui.components.viewer import scene
from ui.components.views import REGION_LIST, WORDS, view, view_tabs
from ui.core.gradio_compat import QUIET, MessageBox, posted
from ui.core.markdown import as_markdown, verbatim
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation, as_message, read_message, sampling
from ui.state.links import slug
from ui.state.phase import Phase
from ui.state.rendering import waiting
from ui.state.replies import Result, follow
from ui.tabs.attachments import OFFERS, Attachments
from ui.tabs.fields import FILE_TYPES, PicturePane
from ui.tabs.settings import SettingsFields
from vlm_backends import Answer, BadPrompt, Model, Picture, Prompt, Question, Turn, VLMError
from vlm_backends.models import check_sampling


def check_free(conversation: Conversation) -> None:
    """Raise BadPrompt while an answer is on its way; a second question would take its place."""
    if conversation.phase is Phase.ENDED:  # the visitor was away when it ended
        conversation.settle()
    if conversation.busy:
        raise BadPrompt("The last answer is still arriving. Stop it, or wait for its end.")


class ChatTab:
    """The components of a chat tab and their handlers.

    A handler returns {component: value}; a component that is left out stays as it is.
    """

    def __init__(
        self, model: Model, registry: EngineRegistry, visitor: gr.State, container: gr.Tab
    ) -> None:
        self.model, self.registry, self.visitor = model, registry, visitor
        self.container = container
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
        self.attached = Attachments(model, self.conversation, self.box, self.pane, self.notice)
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
                elem_classes="conversation",
                placeholder="Give a picture, and ask about it below.",
            )
            self.live = gr.Markdown(elem_classes="live", line_breaks=True)
        with view("regions"):
            gr.HTML(WORDS + REGION_LIST, apply_default_css=False)
        self.chart = None
        if model.tables:
            with view("table"):
                self.chart = ChartPanel()
        self.outcome = ResultPanel(model, self.conversation, conversation=True)

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

    @property
    def opened(self) -> list[Component]:
        """The outputs of `show_result`."""
        return [self.chatbot, *self.shown]

    def show_result(self, state: Conversation, visitor: Visitor, result: Result) -> dict[Any, Any]:
        """Begin with a question that was asked before, and its answer."""
        state.show(result)
        return {self.chatbot: state.messages, **self.beside(state.picture(), result)}

    def first_question(self) -> Question:
        """Return the question of the first sample."""
        turn = read_message(self.sample(0), Conversation(), self.model)
        return Question(self.model, Prompt((turn,)))

    def _wire(self) -> None:
        # A state is an output of each event: Gradio forgets one some time after it was last set.
        self.asked = [
            self.conversation,
            self.box,
            self.chatbot,
            self.notice,
            self.viewer,
            self.outcome.facts,
            self.instead,
        ]
        table = self.chart.outputs if self.chart else []
        beside = [self.viewer, self.outcome.facts, *table]
        self.shown = beside
        self.done = [self.chatbot, self.live, self.box, *beside, self.instead]
        conversation = self.conversation
        switched = self.instead.accept(
            self.switch, [conversation, self.visitor], self.visitor, **SETS_STATE
        )
        for listen, handler, inputs in (
            (self.box.submit, self.take, [conversation, self.box]),
            (self.pane.samples.pick, self.take_sample, conversation),
            (self.chatbot.retry, self.ask_again, conversation),
            (switched.then, self.take, [conversation, self.box]),
            (self.pane.offers.take, self.take_offer, [conversation, self.box]),
        ):
            acted = posted(handler, self.asked)
            self.answer_after(listen(acted, inputs, self.asked, postprocess=False, **QUIET))
        self.box.stop(Conversation.stop, conversation, None, **QUIET)
        self.attached.wire()
        self.pane.samples.pick(self.attached.hide_page, None, self.pane.page, **QUIET)
        undone = [conversation, self.box, self.chatbot, self.notice, self.instead, *beside]
        self.chatbot.undo(self.undo, conversation, undone, **QUIET)
        cleared = [
            conversation,
            self.pane.page,
            self.chatbot,
            self.notice,
            self.instead,
            self.live,
            *beside,
        ]
        self.chatbot.clear(self.clear, conversation, cleared, **QUIET)

    def answer_after(self, start: Dependency) -> None:
        """Send the question that the event `start` took; stream its answer and show its end."""
        stream = start.then(
            self.stream,
            [self.conversation, self.visitor, *self.settings.fields],
            self.live,
            api_visibility="private",
            show_progress="hidden",
            postprocess=False,
        )
        self.ends += after(stream, self.finish, [self.conversation, self.visitor], self.done)

    def take(self, conversation: Conversation, message: dict | None) -> dict:
        """Take a question, or refuse it with a sentence while the message stays in the box."""
        try:
            check_free(conversation)
            turn = read_message(message, conversation, self.model)
        except VLMError as error:
            return {self.conversation: conversation, self.notice: verbatim(str(error))}
        return self.put(conversation, turn)

    def put(self, conversation: Conversation, turn: Turn) -> dict:
        """Put a question into the conversation, and show it with its pictures."""
        conversation.put(turn)
        return {
            self.conversation: conversation,
            self.box: None,
            self.chatbot: conversation.messages,
            self.notice: "",
            self.viewer: scene(conversation.picture()),
            **self._cleared_outcome(),
        }

    def _cleared_outcome(self) -> dict:
        """Return what clears the facts and the offer of the answer before."""
        return {self.outcome.facts: "", self.instead: ""}

    def take_offer(
        self, conversation: Conversation, message: dict | None, event: gr.EventData
    ) -> dict:
        """Ask what was offered about the pictures in the box."""
        wanted = getattr(event, "ask", "")
        if wanted not in [offer.ask for offer in OFFERS.values()]:
            return {self.conversation: conversation}
        return self.take(conversation, {**(message or {}), "text": wanted})

    def take_sample(self, conversation: Conversation, event: gr.EventData) -> dict:
        """Ask the sample that was clicked as if it had been typed."""
        index = picked_index(event, len(self.model.samples))
        if index is None:
            return {self.conversation: conversation}
        taken = self.take(conversation, self.sample(index))
        if self.chatbot in taken:  # it was not refused
            conversation.example = index
        return taken

    def sample(self, index: int) -> dict:
        """Return a sample as the box holds it."""
        picture = str(ASSETS / self.model.samples[index])
        return {"text": self.model.prompts[index], "files": [picture]}

    def ask_again(self, conversation: Conversation) -> dict:
        """Ask the last question once more; its answer is forgotten."""
        in_the_box = conversation.failed is not None  # a question without an answer went back there
        turn = None if conversation.busy else conversation.take_back()
        if turn:
            conversation.put(turn)
        emptied = {self.box: None} if turn and in_the_box else {}
        return {
            self.conversation: conversation,
            self.chatbot: conversation.messages,
            self.notice: "",
            **self._cleared_outcome(),
            **emptied,
        }

    async def stream(
        self, conversation: Conversation, visitor: Visitor, *parameters: Any
    ) -> AsyncGenerator[Any, None]:
        """Yield the words so far for the field `live`, which costs little to update."""
        if not conversation.claim():
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a yield
            return
        try:
            yield "…"
            # In a thread: the choice of an engine may ask a server what it has.
            engine = await to_thread(self.registry.answering, visitor, self.model)
            settings = check_sampling(self.model, sampling(*parameters))
            reply = conversation.begin(self.model, settings)
            admission = self.registry.admission(visitor, engine)
            async with aclosing(
                follow(reply, engine, admission, self.registry.journal.observe)
            ) as arriving:
                async for answer in arriving:
                    if words := as_markdown(answer) or waiting(answer):
                        yield words
        except VLMError as error:
            conversation.error = str(error)
        finally:
            conversation.end()

    def switch(self, conversation: Conversation, visitor: Visitor) -> Visitor:
        """Return the visitor, who now asks the engine that was offered."""
        return accept_offer(self.registry, visitor, self.model, conversation.reply)

    def finish(self, conversation: Conversation, visitor: Visitor) -> dict:
        """Move the answer from the field `live` into the chat, and show what belongs to it."""
        if conversation.phase is not Phase.ENDED:
            # The last piece may arrive after the conversation was cleared.
            return gr.skip() if conversation.busy else {self.live: ""}
        instead = offer(self.registry, visitor, self.model, conversation.reply)
        unanswered = conversation.settle()
        updates = {
            self.chatbot: conversation.messages,
            self.live: "",
            **self.beside(conversation.picture(), conversation.result),
            self.instead: instead,
        }
        if unanswered:  # the question goes back into the box
            updates[self.box] = as_message(unanswered)
        return updates

    def beside(self, picture: Picture | None, result: Result | None) -> dict:
        """Return the picture with its regions, the facts about the result, and its table."""
        answer = result.answer if result else Answer("")
        tied = any(region.span for region in answer.regions)
        labels = False if answer.literal else None  # the words that were read can be seen
        shown = scene(result.picture if result else picture, answer, text=tied, labels=labels)
        table = self.chart.show(answer) if self.chart else {}
        return {self.viewer: shown, self.outcome.facts: facts_html(result), **table}

    def undo(self, conversation: Conversation) -> dict:
        """Put the last question back into the box."""
        turn = None if conversation.busy else conversation.take_back()
        return {
            self.conversation: conversation,
            self.box: turn and as_message(turn),
            self.chatbot: conversation.messages,
            self.notice: "",
            self.instead: "",
            **self.beside(conversation.picture(), conversation.result),
        }

    def clear(self, conversation: Conversation) -> dict:
        """Begin a new conversation; an answer that is on its way is ended."""
        conversation.stop()
        return {
            self.conversation: Conversation(),
            **self.attached.hide_page(),
            self.chatbot: [],
            self.notice: "",
            self.instead: "",
            self.live: "",
            **self.beside(None, None),
        }

"""Asks the questions of a conversation: takes them, streams the answers, and shows their end."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ui.components.chart import ChartPanel
from ui.components.fallback import accept_offer, offer
from ui.components.offers import CHART, Offer
from ui.components.result_panel import facts_html
from ui.components.viewer import given, scene
from ui.core.markdown import as_markdown, verbatim
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import picture_path
from ui.state.conversation import Conversation, as_message, read_message
from ui.state.phase import Phase
from ui.state.rendering import waiting
from ui.state.replies import Result, follow
from ui.tabs.fields import shown_page
from ui.tabs.settings import ChatSettings
from vlm_backends import Answer, BadPrompt, Model, Picture, Turn, VLMError

OFFERS = {  # by what is found in a picture
    "things": Offer("What is in it?", "What is in this picture?"),
    "text": Offer("Read it", "What does it say?"),
    "codes": Offer("Read", "What is in the code?"),
    "chart": CHART,
}


def check_free(conversation: Conversation) -> None:
    """Raise BadPrompt while an answer is on its way; a second question would take its place."""
    if conversation.phase is Phase.ENDED:  # the visitor was away when it ended
        conversation.settle()
    if conversation.busy:
        raise BadPrompt("The last answer is still arriving. Stop it, or wait for its end.")


@dataclass(frozen=True)
class ChatFields:
    """The components that a question updates."""

    conversation: gr.State
    box: Component
    chatbot: Component
    live: Component
    notice: Component
    instead: Component
    viewer: Component
    page: Component
    facts: Component
    chart: ChartPanel | None

    @property
    def asked(self) -> list[Component]:
        """The outputs of the handlers that take a question."""
        # A state is an output of each event: Gradio forgets one some time after it was last set.
        taken = [self.conversation, self.box, self.chatbot, self.notice]
        return [*taken, self.viewer, self.facts, self.instead]

    @property
    def beside(self) -> list[Component]:
        """The components that show what belongs to an answer."""
        return [self.viewer, self.facts, *(self.chart.outputs if self.chart else [])]

    @property
    def done(self) -> list[Component]:
        """The outputs of the handler that shows an answer's end."""
        return [self.chatbot, self.live, self.box, *self.beside, self.instead]

    @property
    def undone(self) -> list[Component]:
        """The outputs of the handlers that take a question back, or clear the conversation."""
        fields = [self.conversation, self.box, self.chatbot, self.live, self.notice, self.instead]
        return [*fields, self.page, *self.beside]


@dataclass(frozen=True)
class ChatHandlers:
    """The handlers of a conversation with a model; they return {component: value}."""

    model: Model
    registry: EngineRegistry
    fields: ChatFields

    def take(self, conversation: Conversation, message: dict | None) -> dict:
        """Take a question, or refuse it with a sentence while the message stays in the box."""
        try:
            check_free(conversation)
            turn = read_message(message, conversation, self.model)
        except VLMError as error:
            return {
                self.fields.conversation: conversation,
                self.fields.notice: verbatim(str(error)),
            }
        return self.put(conversation, turn)

    def put(self, conversation: Conversation, turn: Turn) -> dict:
        """Put a question into the conversation, and show it with its pictures."""
        conversation.put(turn)
        return {
            self.fields.conversation: conversation,
            self.fields.box: None,
            self.fields.chatbot: conversation.messages,
            self.fields.notice: "",
            self.fields.viewer: scene(conversation.picture(), pictures=turn.pictures),
            **self._cleared_outcome(),
        }

    def take_offer(
        self, conversation: Conversation, message: dict | None, event: gr.EventData
    ) -> dict:
        """Ask what was offered about the pictures in the box."""
        wanted = getattr(event, "ask", "")
        if wanted not in [offer.ask for offer in OFFERS.values() if offer is not CHART]:
            return {self.fields.conversation: conversation}
        return self.take(conversation, {**(message or {}), "text": wanted})

    def ask_again(self, conversation: Conversation) -> dict:
        """Ask the last question once more; its answer is forgotten."""
        in_the_box = conversation.failed is not None  # a question without an answer went back there
        turn = None if conversation.busy else conversation.take_back()
        if turn:
            conversation.put(turn)
        emptied = {self.fields.box: None} if turn and in_the_box else {}
        return {
            self.fields.conversation: conversation,
            self.fields.chatbot: conversation.messages,
            self.fields.notice: "",
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
            settings = ChatSettings.of(self.model, parameters)
            reply = conversation.begin(
                self.model, settings.sampling, settings.system, settings.schema
            )
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
            return gr.skip() if conversation.busy else {self.fields.live: ""}
        instead = offer(self.registry, visitor, self.model, conversation.reply)
        unanswered = conversation.settle()
        updates = {
            self.fields.chatbot: conversation.messages,
            self.fields.live: "",
            **self.beside(conversation.picture(), conversation.result),
            **self._given(conversation),
            self.fields.instead: instead,
        }
        if unanswered:  # the question goes back into the box; the facts are another answer's
            updates |= {self.fields.box: as_message(unanswered), self.fields.facts: ""}
        return updates

    def beside(self, picture: Picture | None, result: Result | None) -> dict:
        """Return the picture with its regions, the facts about the result, and its table."""
        answer = result.answer if result else Answer("")
        tied = any(region.span for region in answer.regions)
        # What was read can be seen in the picture; what a chart holds, in its table.
        labels = False if answer.literal or answer.rows else None
        shown = scene(
            result.picture if result else picture,
            answer,
            text=tied,
            labels=labels,
            pictures=result.question.prompt.pictures if result else (),
        )
        table = self.fields.chart.show(answer) if self.fields.chart else {}
        return {self.fields.viewer: shown, self.fields.facts: facts_html(result), **table}

    def again(self, conversation: Conversation) -> dict:
        """Show a conversation that was held before, with the end of its last answer."""
        if conversation.phase is Phase.ENDED:
            conversation.settle()
        newest, failed = conversation.given, conversation.failed
        waiting = as_message(failed) if failed else None
        if newest and not failed:
            waiting = {"text": "", "files": [picture_path(newest)]}
        page = newest.page if newest else None
        return {
            self.fields.chatbot: conversation.messages,
            self.fields.box: waiting,
            self.fields.notice: "",
            self.fields.instead: "",
            self.fields.page: shown_page(page),
            **self.beside(conversation.picture(), conversation.result),
            **self._given(conversation),
        }

    def _given(self, conversation: Conversation) -> dict:
        """Return what shows a picture that was given and not asked about yet, if there is one."""
        picture = conversation.given
        return {self.fields.viewer: given(scene(picture))} if picture else {}

    def shown(self, conversation: Conversation) -> dict:
        """Return what the viewer shows: the picture that was given, or the last result."""
        beside = self.beside(conversation.picture(), conversation.result)
        return (beside | self._given(conversation))[self.fields.viewer]

    def undo(self, conversation: Conversation) -> dict:
        """Put the last question back into the box."""
        turn = None if conversation.busy else conversation.take_back()
        return {
            self.fields.conversation: conversation,
            self.fields.box: turn and as_message(turn),
            self.fields.chatbot: conversation.messages,
            self.fields.notice: "",
            self.fields.instead: "",
            **self.beside(conversation.picture(), conversation.result),
        }

    def clear(self, conversation: Conversation) -> dict:
        """Begin a new conversation; an answer that is on its way is ended."""
        conversation.stop()
        conversation.forgotten = True
        return {
            self.fields.conversation: Conversation(),
            self.fields.page: shown_page(None),
            self.fields.chatbot: [],
            self.fields.notice: "",
            self.fields.instead: "",
            self.fields.live: "",
            **self.beside(None, None),
        }

    def _cleared_outcome(self) -> dict:
        """Return what clears the facts and the offer of the answer before."""
        return {self.fields.facts: "", self.fields.instead: ""}

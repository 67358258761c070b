"""Holds a visitor's conversation with one model, on the server: no browser can change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex

from ui.core.markdown import as_markdown, closed, verbatim
from ui.core.storage import page_at, picture_path, store_picture
from ui.state.links import link_query
from ui.state.phase import Phased
from ui.state.rendering import THOUGHT_TITLE, fine_print, split_fold
from ui.state.replies import PICTURE_FIRST, PageReply, Result
from vlm_backends import (
    Answer,
    BadPrompt,
    Model,
    Picture,
    Prompt,
    Question,
    Sampling,
    Turn,
    VLMError,
)
from vlm_backends.endings import describe_ending, has_content
from vlm_backends.types import Page

_AFTER_SILENCE = "Ask in other words, or allow a longer answer under Settings."
_STOPPED = "Stopped before the first word."
_IN_TABLE = "Ask about these numbers, or correct them, in the view “Table”."


@dataclass
class Conversation(Phased):
    """The turns so far, what the chatbot shows of them, and the question that waits."""

    turns: list[Turn] = field(default_factory=list)
    messages: list[dict] = field(default_factory=list)  # as gr.Chatbot takes them
    reply: PageReply | None = None  # to the newest question, once it is sent
    result: Result | None = None  # the last answer: the parts beside the chat show it
    failed: Turn | None = None  # the last question, if it got no answer: shown, but not a turn
    error: str = ""  # why the question could not even be asked
    given: Picture | None = None  # the newest picture that was given and not asked about yet
    example: int | None = None  # the example that was asked last, if nothing else was since
    key: str = field(default_factory=lambda: token_hex(4))  # its name in the list of all

    def link(self, model: Model) -> str:
        """Return the query that brings a page to this tab and example."""
        return link_query(model, self.example)

    @property
    def begun(self) -> bool:
        """Return True once something was asked."""
        return bool(self.messages or self.given)

    @property
    def title(self) -> str:
        """The first words that were asked, at most 60 characters."""
        asked = [*self.turns, *([self.failed] if self.failed else [])]
        words = asked[0].text if asked else "A picture"
        return words if len(words) <= 60 else f"{words[:59].rstrip()}…"

    @property
    def pictures(self) -> list[Picture]:
        """All pictures that it is about."""
        asked = [picture for turn in self.turns for picture in turn.pictures]
        failed = self.failed.pictures if self.failed else ()
        return [*asked, *failed, *filter(None, [self.given])]

    def show(self, result: Result) -> None:
        """Begin with a question that was asked before, and its answer."""
        self.put(result.question.prompt.turns[-1])
        self._keep(result)
        self.reset()
        self.used = False

    def leave_sample(self) -> None:
        """Forget the sample that the page began with, unless the visitor went on with it."""
        if not self.used:
            self.turns, self.messages, self.result = [], [], None

    def put(self, turn: Turn) -> None:
        """Take a question, and show it with its pictures."""
        if turn.pictures:
            self.leave_sample()
        self.used = True
        self.turns.append(turn)
        self.messages += [
            {"role": "user", "content": {"path": picture_path(picture)}}
            for picture in turn.pictures
        ]
        words = as_markdown(Answer(turn.text, literal=True))
        self.messages.append({"role": "user", "content": words})
        self.enqueue()
        self.reply, self.example, self.failed, self.error = None, None, None, ""
        self.given = None

    def begin(
        self, model: Model, sampling: Sampling | None, system: str = "", schema: str = ""
    ) -> PageReply:
        """Return the reply to the question that waits.

        It is stopped already when the visitor stopped it before it was sent.
        """
        prompt = Prompt(tuple(self.turns), sampling, system=system, schema=schema)
        question = Question(model, prompt)
        self.reply = PageReply(question, self.stop_token)
        return self.reply

    def end(self) -> None:
        """Note that no more will arrive; forget the key."""
        super().end()
        if self.reply:
            self.reply.forget_key()

    def settle(self) -> Turn | None:
        """Make the answer a turn; without one, take the question out again and return it."""
        self.reset()
        reply = self.reply
        answered = reply is not None and has_content(reply.answer)
        if reply is not None and answered:
            self._keep(Result.of(reply), reply.stopped)
        failure = reply.failure if reply else self.error
        if reply is not None and not answered:
            self._say_thought(reply.answer)
        if failure:
            self._say(f"**{verbatim(failure)}**")
        elif not answered:
            self._say(_STOPPED if reply is None or reply.stopped else _silence(reply.answer))
        self.failed = None if answered else self.turns.pop()
        return self.failed

    def take_back(self) -> Turn | None:
        """Remove the last question, answered or not, with all that followed it; return it."""
        _drop(self.messages, "assistant")
        _drop(self.messages, "user")
        self.reset()
        failed, self.failed = self.failed, None
        if failed:
            return failed
        self.result = None
        if self.turns and self.turns[-1].role == "assistant":
            self.turns.pop()
        return self.turns.pop() if self.turns else None

    def picture(self) -> Picture | None:
        """Return the newest picture of the conversation."""
        return next((turn.pictures[-1] for turn in reversed(self.turns) if turn.pictures), None)

    def _keep(self, result: Result, stopped: bool = False) -> None:
        self.result = result
        self.turns.append(Turn("assistant", result.answer.text))
        line = fine_print(result.engine.name, result.answer, stopped)
        self._say_thought(result.answer)
        shown, title, folded = split_fold(result.answer)
        self._say("\n\n".join([closed(as_markdown(shown)), *_further(result), line]))
        if title:
            self._say_folded(title, folded)

    def _say(self, text: str) -> None:
        self.messages.append({"role": "assistant", "content": text})

    def _say_thought(self, answer: Answer) -> None:
        """Add what the model thought, folded, before its answer."""
        if answer.thought:
            self._say_folded(THOUGHT_TITLE, Answer(answer.thought))

    def _say_folded(self, title: str, answer: Answer) -> None:
        folded = {"title": title, "status": "done"}  # closed, in Gradio's words
        message = {"role": "assistant", "content": as_markdown(answer), "metadata": folded}
        self.messages.append(message)


def _further(result: Result) -> list[str]:
    """Say where more can be had: from the model itself, or about the numbers of a table."""
    model = result.question.model
    if model.tables and result.answer.rows:
        return [_IN_TABLE]
    if not (model.converses and result.engine.capability(model).partial):
        return []
    return [f"[Ask {verbatim(model.title)} itself](#engine-panel)"]


def _silence(answer: Answer) -> str:
    """Say why a reply that has ended has no words, and what can be done."""
    ending = describe_ending(answer)
    return ending if answer.finish else f"{ending} {_AFTER_SILENCE}"


def _drop(messages: list[dict], role: str) -> None:
    """Remove the messages of this role at the end."""
    while messages and messages[-1]["role"] == role:
        messages.pop()


def read_message(
    message: Mapping | None, conversation: Conversation, model: Model, page: int | None = None
) -> Turn:
    """Return a message of the box as a turn; `page` is that of its files.

    Raises BadPrompt when it cannot be asked.
    """
    message = message or {}
    pictures = tuple(store_picture(path, page) for path in message.get("files") or ())
    if len(pictures) > model.pictures:
        most = "one picture" if model.pictures == 1 else f"{model.pictures} pictures"
        raise BadPrompt(
            f"{model.title} takes {most} a message. Remove {len(pictures) - model.pictures}."
        )
    if not pictures and not conversation.picture():
        raise BadPrompt(PICTURE_FIRST)
    text = (message.get("text") or "").strip()
    if not pictures and not text:
        raise BadPrompt("Write a question first.")
    return Turn("user", text or model.prompts[0], pictures)


def page_in(message: Mapping | None) -> Page | None:
    """Return the page of the newest file in the box that has several; None when none has.

    Raises BadPrompt for a file that is no picture.
    """
    found = [page_at(path) for path in (message or {}).get("files") or ()]
    return next((page for page in reversed(found) if page.count > 1), None)


def readable(files: Sequence[str]) -> list[str]:
    """Return those of the files that are pictures."""
    kept = []
    for path in files:
        with suppress(VLMError):
            store_picture(path)
            kept.append(path)
    return kept


def turn_page(message: Mapping | None, conversation: Conversation, page: int) -> dict:
    """Return the message with another page of its newest file that has several.

    Where it has none, a page of the file that the conversation is about is attached. Raises
    BadPrompt when there is no such page.
    """
    message = message or {}
    files: list[str] = list(message.get("files") or ())
    several = [index for index, path in enumerate(files) if page_at(path).count > 1]
    if several:
        files[several[-1]] = picture_path(store_picture(files[several[-1]], page))
    elif shown := conversation.picture():
        files.append(picture_path(store_picture(picture_path(shown), page)))
    return {"text": message.get("text") or "", "files": files}


def as_message(turn: Turn) -> dict:
    """Return a turn as the box holds what was typed and attached."""
    return {"text": turn.text, "files": [picture_path(picture) for picture in turn.pictures]}


def sampling(max_tokens: float, temperature: float, top_p: float, seed: float | None) -> Sampling:
    """Return the parameters of a page or a call; an empty seed is none.

    Raises BadPrompt when one is not a number.
    """
    try:
        seed = None if seed in (None, "") else _whole(seed)
        return Sampling(int(max_tokens), float(temperature), float(top_p), seed)
    except (TypeError, ValueError, OverflowError):
        raise BadPrompt(
            "A parameter is no number: look at max_tokens, temperature, top_p and seed."
        ) from None


def _whole(number: float) -> int:
    """Return the number as an int. Raises ValueError when it is not whole."""
    if float(number) != int(number):
        raise ValueError(number)
    return int(number)

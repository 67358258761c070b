"""A visitor's conversation with one model: the server's own record, never the browser's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ui.state.question import Asked
from ui.state.rendering import as_markdown, keep, shelved, small_print, verbatim
from ui.state.task_run import linked
from vlm_backends import Answer, BadPrompt, Model, Picture, Prompt, Sampling, Turn

_SILENT = (
    "The model ended without a word. Ask in other words, or allow a longer answer under Parameters."
)


@dataclass
class Talk:
    """The turns so far, what the chatbot shows of them, and the question that waits for its answer."""

    turns: list[Turn] = field(default_factory=list)
    shown: list[dict] = field(default_factory=list)
    waiting: bool = False  # a question has no answer yet
    fresh: bool = False  # it has not been sent yet
    over: bool = False  # its answer has ended, and is not shown yet
    halted: bool = False  # it is to be stopped as soon as it is sent
    asking: Asked | None = None  # the newest question
    asked: Asked | None = None  # the last one that was answered: its record is what is shown
    failed: Turn | None = (
        None  # the last question, when it got no answer: it is shown, and is no turn
    )
    error: str = ""  # why the question could not even be asked
    example: int | None = None  # the one that was asked last, if nothing else was since

    def link(self, model: Model) -> str:
        """The query that brings a page to this tab and example."""
        return linked(model, self.example)

    def put(self, turn: Turn) -> None:
        """A question is asked, and shown with its pictures."""
        self.turns.append(turn)
        self.shown += [
            {"role": "user", "content": {"path": keep(picture)}} for picture in turn.pictures
        ]
        self.shown.append({"role": "user", "content": as_markdown(Answer(turn.text, literal=True))})
        self.waiting, self.fresh, self.over, self.halted, self.error = True, True, False, False, ""
        self.asking, self.example, self.failed = None, None, None

    def claim(self) -> bool:
        """True once for each question: whoever gets it sends it."""
        fresh, self.fresh = self.fresh, False
        return fresh

    def halt(self) -> None:
        """The question, if one waits, is answered as far as it has come."""
        self.halted = self.waiting
        if self.waiting and self.asking:
            self.asking.halt()

    def begin(self, model: Model, sampling: Sampling) -> Asked:
        """The record of the question that waits."""
        self.asking = Asked(model, Prompt(tuple(self.turns), sampling))
        if self.halted:
            self.asking.halt()
        return self.asking

    def settle(self) -> Turn | None:
        """The answer becomes a turn; without one, the question is taken out again and returned."""
        self.waiting, self.over, asked = False, False, self.asking
        answer = asked.answer if asked else Answer("")
        error = asked.error if asked else self.error
        answered = bool(answer.text or answer.regions)
        if answered:
            self.asked = asked
            self.turns.append(Turn("assistant", answer.text))
            self._say(f"{as_markdown(answer)}\n\n{small_print(asked)}")
        if error:
            self._say(f"**{verbatim(error)}**")
        elif not answered:
            stopped = asked is None or asked.stopped
            self._say("Stopped before the first word." if stopped else _SILENT)
        self.failed = None if answered else self.turns.pop()
        return self.failed

    def take_back(self) -> Turn | None:
        """The last question, answered or not, with everything that followed it removed."""
        _drop(self.shown, "assistant")
        _drop(self.shown, "user")
        self.waiting, failed, self.failed = False, self.failed, None
        if failed:
            return failed
        self.asked = None
        _drop(self.turns, "assistant")
        return self.turns.pop() if self.turns else None

    def picture(self) -> Picture | None:
        """The newest picture of the conversation."""
        return next((turn.pictures[-1] for turn in reversed(self.turns) if turn.pictures), None)

    def _say(self, text: str) -> None:
        self.shown.append({"role": "assistant", "content": text})


def _drop(entries: list[Turn] | list[dict], role: str) -> None:
    """Takes off those at the end that are of this role."""
    while (
        entries
        and (entries[-1]["role"] if isinstance(entries[-1], dict) else entries[-1].role) == role
    ):
        entries.pop()


def read_message(message: Mapping | None, talk: Talk, model: Model) -> Turn:
    """The message as a turn; BadPrompt when it cannot be asked like that."""
    message = message or {}
    pictures = tuple(shelved(path) for path in message.get("files") or ())
    if len(pictures) > model.pictures:
        most = "one picture" if model.pictures == 1 else f"{model.pictures} pictures"
        raise BadPrompt(
            f"{model.title} takes {most} a message. Remove {len(pictures) - model.pictures}."
        )
    if not pictures and not talk.picture():
        raise BadPrompt("Add a picture first: drop, paste or upload one, or click an example.")
    return Turn("user", (message.get("text") or "").strip() or model.prompts[0], pictures)


def as_message(turn: Turn) -> dict:
    """What was typed and attached, as the box holds it."""
    return {"text": turn.text, "files": [keep(picture) for picture in turn.pictures]}


def sampling(max_tokens: float, temperature: float, top_p: float, seed: float | None) -> Sampling:
    """The four knobs of a page or a call; an empty seed is none. BadPrompt when one is no number."""
    try:
        seed = None if seed in (None, "") else int(seed)
        return Sampling(int(max_tokens), float(temperature), float(top_p), seed)
    except (TypeError, ValueError, OverflowError):
        raise BadPrompt(
            "A parameter is no number: look at max_tokens, temperature, top_p and seed."
        ) from None

"""Holds a task run: what is asked, one step after another, and how far it has come."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

from ui.state.editing import counted, edited
from ui.state.links import link_query
from ui.state.phase import Phased
from ui.state.replies import PageReply, Result
from ui.state.task_plan import TaskPlan
from vlm_backends import Answer, BadPrompt, Model, Picture, Timing
from vlm_backends.endings import has_content
from vlm_backends.media.geometry import Box

# Left, top, right, bottom in 0..1; None: an empty field; text: what was typed is no number.
BoxFields = tuple[float | str | None, ...]
_PATIENCE_S, _LOOK_EVERY_S = 3.0, 0.05  # with a run that was stopped


@dataclass
class TaskRun(Phased):
    """One visitor's last run of a task, with what the fields of the tab hold."""

    plan: TaskPlan = TaskPlan(())
    reply: PageReply | None = None  # to the newest question
    found: list[Answer] = field(default_factory=list)  # of the steps that are done
    result: Result | None = None  # what is shown: the last question, with the answer of the run
    error: str = ""  # why a question could not even be asked
    started: float = 0.0  # time.perf_counter() at the click
    total_s: float = 0.0  # seconds from there to the end, the waits between two steps among them
    first_s: float | None = None  # seconds to the first words of the first step
    picture: Picture | None = None  # what the viewer shows
    words: str = ""  # that the last run was asked with
    box: Box | None = None  # the box by hand that was asked about last
    confidence: float | None = None  # that the last run was asked with; None: the usual one
    drawn: BoxFields | None = None  # a box by hand that the fields may not show yet
    before: BoxFields = ()  # what the fields held when it was drawn
    token: str = "<OCR_WITH_REGION>"  # of the task that is chosen
    asking: str = ""  # the task that was chosen when the newest run began
    asked: str = ""  # the one whose result is shown
    chose: bool = False  # the visitor chose the task, for this picture
    linked: bool = False  # a link chose the task, and wants it to run
    sampled: str = ""  # the token of the example's own task
    example: int | None = None  # the example that fills the fields
    downloading: bool = False  # the weights are fetched that a task needs
    points: bool = False  # the task takes a click in the picture for a region
    before_changes: list[Answer] = field(default_factory=list)  # by hand; the last can be undone

    def begin(self, plan: TaskPlan) -> None:
        """Take a plan; its first question is known."""
        question = plan.steps[0](())
        self.enqueue()
        self.plan, self.found, self.error, self.used = plan, [], "", True
        self.asking = self.token
        self.started, self.first_s = time.perf_counter(), None
        self.reply = PageReply(question, self.stop_token)
        self.picture = question.picture

    def begin_download(self) -> None:
        """Take a download of the weights; the last result stays."""
        self.enqueue()
        self.error, self.downloading = "", True

    @property
    def begun(self) -> bool:
        """Return True once a picture was given, or something asked."""
        return self.picture is not None or self.reply is not None

    @property
    def given(self) -> Picture | None:
        """The picture that the visitor gave; None where a sample is shown."""
        return self.picture if self.example is None else None

    @property
    def pictures(self) -> list[Picture]:
        """The pictures that are shown and that was asked about."""
        return list(filter(None, [self.picture, self.result.picture if self.result else None]))

    def show(self, result: Result) -> None:
        """Hold a result that was found before."""
        self.result, self.picture = result, result.picture
        self.asked = result.question.task.token if result.question.task else ""

    @property
    def changes(self) -> int:
        """The number of changes by hand to the regions of the result."""
        return len(self.before_changes)

    def change(self, event: Any) -> None:
        """Change a region of the result by hand, or undo the last change; see `state.editing`.

        Raises BadPrompt.
        """
        if self.result is None or self.busy:
            raise BadPrompt("There is no result to change yet. Wait for its end.")
        if getattr(event, "op", "") == "undo":
            answer = self.before_changes.pop() if self.before_changes else self.result.answer
        else:
            answer = edited(self.result.answer, event)
            self.before_changes.append(self.result.answer)
        self.result = replace(self.result, answer=counted(answer, self.changes))

    def next_step(self) -> bool:
        """Keep the answer of the step that is done; prepare the next question, if there is one.

        Raises BadPrompt when the answers so far do not make a question.
        """
        done = self._reply()
        self.first_s = done.timing.first_s if self.first_s is None else self.first_s
        self.found.append(done.answer)
        if len(self.found) == len(self.plan.steps):
            return False
        self.reply = PageReply(self.plan.steps[len(self.found)](self.found), self.stop_token)
        self.reply.engine = done.engine  # a stop may end the run before the question is sent
        return True

    def end(self) -> None:
        """Note that no more will arrive, and how long it took; forget the key."""
        super().end()
        if self.reply:
            self.reply.forget_key()
        self.total_s = time.perf_counter() - self.started

    def chosen_box(self, fields: BoxFields) -> BoxFields:
        """Return the newest drawn box, or the fields if they changed since."""
        drawn, self.drawn = self.drawn, None
        return drawn if drawn and fields == self.before else fields

    def link(self, model: Model) -> str:
        """Return the query that brings a page to this tab, task and example."""
        own = self.token == self.sampled  # a link to an example asks what the example asks
        return link_query(model, self.example if own else None, self.token)

    def settle(self) -> bool:
        """Reset the run; return True when it found something, which `result` holds then.

        What was found in a picture that is no longer the one here is left out.
        """
        self.reset()
        if self.is_late:
            return False
        reply = self._reply()
        newest = reply.answer
        counted = bool(self.found) and self.found[-1] is newest
        found = [*self.found, newest] if has_content(newest) and not counted else self.found
        if found:
            answer = self.plan.combine(found)
            self.before_changes = []
            self.result = replace(Result.of(reply), answer=answer, timing=self._timing(reply))
            self.asked = self.asking
        return bool(found)

    async def ended_early(self) -> bool:
        """Stop a run that is on its way, and wait for its end; return False if it goes on.

        A download goes on.
        """
        if self.downloading:
            return not self.active
        self.stop()
        for _ in range(round(_PATIENCE_S / _LOOK_EVERY_S)):
            if not self.active:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        if self.busy and not self.active and self.reply:
            self.settle()
        return not self.active

    def leave(self, picture: Picture) -> None:
        """Stop a run about another picture than this one: what it finds is not in this one."""
        about = self.reply.question.picture if self.reply else None
        if not self.downloading and about != picture:
            self.stop()

    @property
    def is_late(self) -> bool:
        """Return True when another picture was given since the run was begun."""
        return self.reply is not None and self.reply.question.picture != self.picture

    def progress(self) -> str:
        """Say how far a run of several steps is, as "2 of 5"; nothing for a single step."""
        steps = len(self.plan.steps)
        return f"{min(len(self.found) + 1, steps)} of {steps}" if steps > 1 else ""

    def _reply(self) -> PageReply:
        if self.reply is None:
            raise RuntimeError("begin a run first")
        return self.reply

    def _timing(self, reply: PageReply) -> Timing:
        """Return the time of the whole run."""
        if len(self.plan.steps) == 1:
            return reply.timing
        first = reply.timing.first_s if self.first_s is None else self.first_s
        return Timing(first, self.total_s)


def complete_box(fields: BoxFields) -> Box | None:
    """Return the box of the four fields; None unless each of them is a number."""
    numbers = [side for side in fields if isinstance(side, (int, float))]
    if len(numbers) != 4 or len(fields) != 4:
        return None
    left, top, right, bottom = map(float, numbers)
    return left, top, right, bottom
